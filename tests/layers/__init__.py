"""One row per layer and per loss; tests/test_layers.py runs them all."""

from importlib import import_module
from pkgutil import iter_modules

from .base import LayerSpec, LossSpec

ROWS = [row for module in iter_modules(__path__) for row in getattr(import_module(f"{__name__}.{module.name}"), "ROWS", [])]
LAYERS = [row for row in ROWS if isinstance(row, LayerSpec)]
LOSSES = [row for row in ROWS if isinstance(row, LossSpec)]
