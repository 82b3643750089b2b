"""One row per optimizer; tests/test_optimizers.py runs them all."""

from importlib import import_module
from pkgutil import iter_modules

ROWS = [row for module in iter_modules(__path__) for row in getattr(import_module(f"{__name__}.{module.name}"), "ROWS", [])]
