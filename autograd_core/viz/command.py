"""`python -m autograd_core draw`: the graph of a model or function from the command line."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

import numpy as np

from ..errors import AutogradError
from ..tensor import Tensor
from .drawing import Drawing, draw

__all__ = ["main"]


def main(options: argparse.Namespace) -> int:
    """Draw what was asked for, and say where it is."""
    collapse = options.collapse if options.collapse == "modules" else None if options.collapse == "none" else _depth(options)
    settings = {"collapse": collapse, "direction": options.direction, "max_nodes": options.max_nodes}
    what = _found(options.what)
    drawing = _drawn(what, options.input, settings)
    path = drawing.save(options.out)
    print(f"{drawing.title}; written to {path}")
    return 0


def _depth(options: argparse.Namespace) -> int:
    try:
        return int(options.collapse)
    except ValueError:
        raise ValueError(f"--collapse is modules, none, or a depth from 0 on; got {options.collapse!r}") from None


def _found(text: str) -> Any:
    module, _, name = text.partition(":")
    if not name:
        raise ValueError(f"say which object to draw as MODULE:NAME, such as net:Classifier; got {text!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # modules in the current folder
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"no module named {error.name!r}, looked for in the current folder and the installed packages"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{getattr(found, '__name__', found)!r} has no {part!r}")
        found = getattr(found, part)
    return found() if isinstance(found, type) else found


def _drawn(what: Any, shapes: list[str], settings: dict[str, Any]) -> Drawing:
    if not shapes:
        if hasattr(what, "named_modules"):
            raise ValueError("a model needs its input: give --input SHAPE, such as --input 1,28,28, once for each argument")
        return draw(what() if callable(what) and not isinstance(what, Tensor) else what, **settings)
    parameters = [*what.parameters()] if hasattr(what, "parameters") else []
    dtype = parameters[0].dtype if parameters else np.dtype(np.float64)
    arguments = [_array(shape, dtype) for shape in shapes]
    try:
        return draw(what, inputs=tuple(arguments), **settings)
    except AutogradError:
        try:  # the shape of one sample
            return draw(what, inputs=tuple(x[None] for x in arguments), **settings)
        except AutogradError:
            pass
        raise


def _array(text: str, dtype: Any) -> Any:
    """Normal numbers, the same at every call; or whole numbers 0 and 1 for `:int`."""
    shape, _, kind = text.partition(":")
    try:
        sizes = tuple(int(n) for n in shape.split(",") if n) if shape != "number" else ()
    except ValueError:
        raise ValueError(f"--input is a shape such as 1,28,28 (or 8,16:int, or number); got {text!r}") from None
    if kind not in ("", "int", "float"):
        raise ValueError(f"--input {text!r}: after the colon comes int or float")
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, sizes) if kind == "int" else np.asarray(rng.normal(size=sizes), dtype)
