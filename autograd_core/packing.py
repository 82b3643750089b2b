"""A nested container as JSON and a flat dict of arrays, and back: the form in which `save` stores it.

Everything read back is looked at as if an enemy had written it: nothing is called or imported by name, every array is
used once, and whatever does not fit is a `DataError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import is_foreign, to_host
from .errors import DataError, DTypeError
from .tensor import Tensor

__all__ = ["pack", "unpack"]

_DEPTH = 200
_EXACT = 2**53  # other readers of JSON keep integers up to here
_KINDS = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"}  # what a file can hold


def pack(tree: Any) -> tuple[Any, dict[str, Any]]:
    """A tree's structure and plain values in what JSON can hold, and its arrays by name.

    Raises:
        DTypeError: something in it is neither container, array, Tensor, generator nor plain value; says where.
        ValueError: nested too deeply, or in itself.
    """
    packer = _Packer()
    return packer.pack(tree, ()), packer.arrays


class _Packer:
    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}

    def pack(self, value: Any, path: tuple[Any, ...]) -> Any:
        if len(path) > _DEPTH:
            raise ValueError(f"the containers to save are nested more than {_DEPTH} deep, or one is inside of itself")
        kind = type(value)
        if value is None or kind in (bool, str):
            return value
        if kind in _PLAIN:
            return _PLAIN[kind](value)
        if kind is list:
            return [self.pack(item, (*path, i)) for i, item in enumerate(value)]
        if kind is tuple:
            return {"tuple": [self.pack(item, (*path, i)) for i, item in enumerate(value)]}
        if isinstance(value, dict):
            return self._dict(value, path)
        if isinstance(value, np.random.Generator):
            return {"generator": self.pack(value.bit_generator.state, path)}
        if isinstance(value, Tensor):
            leaf = value.requires_grad and value.is_leaf  # the result of an operation is saved without its graph
            return {"tensor": [self._array(value.data, path), leaf, value.name]}
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value), path)}
        if type(value) is np.ndarray or is_foreign(value):
            return self._array(value, path)
        raise DTypeError(_REFUSED.format(_place(path), f"a {kind.__name__}"))

    def _dict(self, value: dict[Any, Any], path: tuple[Any, ...]) -> Any:
        if all(type(key) is str for key in value):
            return {"dict": {key: self.pack(item, (*path, key)) for key, item in value.items()}}
        return {"items": [[self.pack(key, (*path, "key")), self.pack(item, (*path, key))] for key, item in value.items()]}

    def _array(self, array: Any, path: tuple[Any, ...]) -> dict[str, str]:
        array = to_host(array)
        if type(array) is not np.ndarray or f"{array.dtype.kind}{array.dtype.itemsize}" not in _KINDS:
            raise DTypeError(_REFUSED.format(_place(path), f"an array of dtype {array.dtype}"))
        array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        name = self._name(path)
        if array.dtype.itemsize == 16:  # the format has no double complex numbers
            self.arrays[name] = np.stack([array.real, array.imag], axis=-1)
            return {"pairs": name}
        self.arrays[name] = array
        return {"array": name}

    def _name(self, path: tuple[Any, ...]) -> str:
        """The keys on the way, with dots between; numbered where that is taken."""
        plain = ".".join(map(str, path)).encode(errors="backslashreplace").decode() or "value"
        name, number = plain, 1
        while name in self.arrays or name == "__metadata__":
            number += 1
            name = f"{plain}#{number}"
        return name


def _float(value: float) -> Any:
    return value if math.isfinite(value) else {"float": str(value)}


_PLAIN: dict[type, Callable[[Any], Any]] = {
    int: lambda value: value if abs(value) <= _EXACT else {"int": hex(value)},
    float: _float,
    complex: lambda value: {"complex": [_float(value.real), _float(value.imag)]},
    bytes: lambda value: {"bytes": value.hex()},
}
_REFUSED = (
    "{0} is {1}, which is not saved: a file holds dicts, lists and tuples of arrays of numbers, Tensors, random generators "
    "and plain values (None, bool, int, float, complex, str, bytes). Of a Module or an optimizer save its state_dict()"
)


def _place(path: tuple[Any, ...]) -> str:
    return "tree" + "".join(f"[{key!r}]" for key in path)


def unpack(node: Any, arrays: dict[str, Any]) -> Any:
    """The tree of which `pack` made the node and the arrays.

    Raises:
        DataError: they were not made by `pack`.
    """
    unpacker = _Unpacker(dict(arrays))
    try:
        tree = unpacker.unpack(node)
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError, RecursionError) as error:
        raise DataError(f"the structure in the file is damaged ({type(error).__name__}: {str(error)[:200]})") from error
    if unpacker.arrays:
        raise DataError(f"the structure in the file leaves out {len(unpacker.arrays)} of its arrays: it is damaged")
    return tree


class _Unpacker:
    def __init__(self, arrays: dict[str, Any]) -> None:
        self.arrays = arrays

    def unpack(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.unpack(item) for item in node]
        if not isinstance(node, dict):
            return node
        ((kind, content),) = node.items()
        return _KINDS_OF_NODES[kind](self, content)

    def read_array(self, name: Any) -> Any:
        return self.arrays.pop(name)  # once each: no two places share memory

    def read_pairs(self, name: Any) -> Any:
        pairs = self.arrays.pop(name)
        if pairs.dtype != np.float64 or pairs.shape[-1:] != (2,):
            raise ValueError(f"{pairs.dtype} of shape {pairs.shape} for complex numbers")
        return np.ascontiguousarray(pairs).view(np.complex128)[..., 0]

    def read_scalar(self, node: Any) -> Any:
        return _expected(np.ndarray, self.unpack(node))[()]

    def read_tensor(self, content: Any) -> Tensor:
        node, leaf, name = content
        if name is not None:
            _expected(str, name)
        return Tensor(_expected(np.ndarray, self.unpack(node)), _expected(bool, leaf), name=name)

    def read_tuple(self, content: Any) -> Any:
        return tuple(self.unpack(item) for item in _expected(list, content))

    def read_dict(self, content: Any) -> Any:
        return {key: self.unpack(item) for key, item in content.items()}

    def read_items(self, content: Any) -> Any:
        pairs = [(self.unpack(key), self.unpack(item)) for key, item in content]
        return dict(pairs)

    def read_float(self, content: Any) -> float:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]

    def read_int(self, content: Any) -> int:
        return int(content, 16)

    def read_complex(self, content: Any) -> complex:
        real, imag = (_expected(float, self.unpack(part)) for part in content)
        return complex(real, imag)

    def read_bytes(self, content: Any) -> bytes:
        return bytes.fromhex(content)

    def read_generator(self, node: Any) -> np.random.Generator:
        state = self.unpack(node)
        kind = state["bit_generator"]
        if not _SOUND[kind](state, state["state"]):
            raise ValueError(f"a generator {kind} in a state that it cannot be in")
        generator = np.random.Generator(getattr(np.random, kind)())
        generator.bit_generator.state = state
        return generator


_KINDS_OF_NODES: dict[str, Callable[[_Unpacker, Any], Any]] = {
    name.removeprefix("read_"): read for name, read in vars(_Unpacker).items() if name.startswith("read_")
}
# In other states NumPy, which does not look, would read beyond its memory or draw the same number for ever.
_SOUND: dict[str, Callable[[Any, Any], bool]] = {
    "PCG64": lambda _state, inner: inner["inc"] % 2 == 1,
    "PCG64DXSM": lambda _state, inner: inner["inc"] % 2 == 1,
    "MT19937": lambda _state, inner: 0 <= inner["pos"] <= 624 and bool(np.any(inner["key"][1:])),
    "Philox": lambda state, _inner: 0 <= state["buffer_pos"] <= 4,
    "SFC64": lambda _state, _inner: True,
}


def _expected(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} where a {kind.__name__} belongs")
    return value
