"""Optional packages: imported when first needed, with the pip line when they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import MissingExtraError

__all__ = ["need"]


def need(module: str, extra: str) -> Any:
    """Import an optional module, or say which extra brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs the package '{module.split('.', maxsplit=1)[0]}': pip install 'autograd-core[{extra}]'", name=module
        ) from error
