"""An array class that behaves like CuPy's and computes with NumPy, so that CI can tell what would fail on a GPU.

It speaks NumPy's protocols and knows the functions, parameters and methods that CuPy has (`cupy_api`), and it never becomes a
NumPy array by itself: no `__array__`, no buffer, no operand or result on the host but Python's and NumPy's numbers. As with
CuPy, results stay arrays when they have no axes, `get()` copies to the host, and reading a value (`bool`, `float`, `item`)
is possible but waits for the device: `waits` counts that.
"""

from __future__ import annotations

import operator
from collections import Counter

import numpy as np

from .cupy_api import ATTRIBUTES, FUNCTIONS, METHODS, UFUNC_METHODS, check_arguments

waits = Counter()  # how often a value was read: on a GPU, computation stops for that
used = set()  # functions that were called


class Duck:
    """A private NumPy array behind the interface of a CuPy array."""

    __slots__ = ("__array", "__weakref__")
    __array_priority__ = 100

    def __init__(self, array):
        if type(array) is not np.ndarray:
            raise TypeError(f"a duck is made from a NumPy array, on purpose; got a {type(array).__name__}")
        self.__array = array

    # To and from the host, on purpose

    def get(self):
        waits["get"] += 1
        return np.array(self.__array)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def _value(self, what):
        waits[what] += 1
        return self.__array.item()

    def __bool__(self):
        if self.size > 1:
            raise ValueError("the truth value of an array with more than one element is ambiguous")
        return bool(self._value("bool"))

    def __float__(self):
        return float(self._value("float"))

    def __int__(self):
        return int(self._value("int"))

    def __complex__(self):
        return complex(self._value("complex"))

    def item(self):
        return self._value("item")

    def tolist(self):
        waits["tolist"] += 1
        return self.__array.tolist()

    def tobytes(self):
        waits["tobytes"] += 1
        return self.__array.tobytes()

    # Protocols

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        known = UFUNC_METHODS.get(method, ())
        if ufunc.__name__ not in FUNCTIONS or not (known is None or ufunc.__name__ in known):
            return NotImplemented
        refused = options.keys() - (
            {"out", "dtype", "casting"} if method == "__call__" else {"axis", "dtype", "out", "keepdims"}
        )
        if refused:
            raise TypeError(f"{ufunc.__name__} takes no {sorted(refused)}")
        used.add(ufunc.__name__)
        inputs = tuple(_index(x) if method in ("at", "reduceat") and k == 1 else _bare(x) for k, x in enumerate(inputs))
        out = options.pop("out", None)
        if out is not None:
            if not all(isinstance(x, Duck) for x in out):
                raise TypeError("Unsupported type <class 'numpy.ndarray'> for out")
            options["out"] = tuple(x.__array for x in out)
        result = getattr(ufunc, method)(*inputs, **options)
        return out[0] if out is not None else _wrapped(result)

    def __array_function__(self, func, types, args, kwargs):
        module = (getattr(func, "__module__", None) or "numpy").removeprefix("numpy").lstrip(".")
        name = f"{module}.{func.__name__}".lstrip(".")
        if name not in FUNCTIONS or not all(issubclass(t, (Duck, np.ndarray)) for t in types):
            return NotImplemented
        check_arguments(name, FUNCTIONS[name], args, kwargs)
        used.add(name)
        if name in ("array", "asarray", "asanyarray", "ascontiguousarray"):  # the way to the device
            return Duck(np.array(args[0].__array if isinstance(args[0], Duck) else args[0], *args[1:], **kwargs))
        if name in ("where", "compress", "extract", "place", "select") and not isinstance(args[0], (Duck, list)):
            raise TypeError(f"{name}: the condition has to be an array")
        if name in ("copyto", "fill_diagonal", "put", "putmask", "place"):
            func(args[0].__array, *map(_bare, args[1:]), **{k: _bare(v) for k, v in kwargs.items()})
            return None
        if name in ("concatenate", "stack", "hstack", "vstack", "column_stack", "dstack") and not all(
            isinstance(x, Duck) for x in args[0]
        ):
            raise TypeError("Only cupy arrays can be concatenated")
        out = kwargs.get("out")
        result = func(*map(_bare, args), **{k: _bare(v) for k, v in kwargs.items()})
        return out if out is not None else _wrapped(result)

    # Indexing: as CuPy, which moves lists and NumPy arrays of indices to the device by itself

    def __getitem__(self, index):
        return _wrapped(self.__array[_index(index)])

    def __setitem__(self, index, value):
        self.__array[_index(index)] = _bare(value)

    def __len__(self):
        return len(self.__array)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # Methods and attributes

    def astype(self, dtype, order="K", copy=True):
        return Duck(self.__array.astype(dtype, order=order, copy=copy))

    def copy(self, order="C"):
        return Duck(self.__array.copy(order))

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        return Duck, (self.get(),)

    def view(self, dtype=None):
        return Duck(self.__array.view(dtype) if dtype is not None else self.__array.view())

    @property
    def flags(self):
        return _Flags(self.__array.flags)

    @property
    def mT(self):  # noqa: N802  NumPy's name
        return self.swapaxes(-1, -2)

    @property
    def base(self):
        return self.__array.base

    def shares(self, other):
        """Whether two ducks share memory: for tests."""
        return np.shares_memory(self.__array, other.__array)

    def __repr__(self):
        return f"Duck({self.__array!r})"

    def __format__(self, spec):
        return format(self.get(), spec)

    __hash__ = None


class _Flags:
    """Those of CuPy: nothing says whether an array can be written to."""

    __slots__ = ("c_contiguous", "f_contiguous", "owndata")

    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata


_array = Duck._Duck__array.__get__  # type: ignore[attr-defined]


def _bare(x):
    """The NumPy array behind a duck; what CuPy does not take as an operand is refused."""
    if isinstance(x, Duck):
        return _array(x)
    if isinstance(x, (list, tuple)):
        return type(x)([_bare(item) for item in x])
    if isinstance(x, (np.ndarray, np.ma.MaskedArray)):
        raise TypeError(f"Unsupported type {type(x)}")
    return x


def _index(x):
    if isinstance(x, tuple):
        return tuple(map(_index, x))
    if isinstance(x, list):
        return [_index(item) for item in x]
    return _array(x) if isinstance(x, Duck) else x


def _wrapped(result):
    if isinstance(result, (tuple, list)):
        return type(result)(map(_wrapped, result)) if type(result) in (tuple, list) else tuple(map(_wrapped, result))
    if isinstance(result, (np.ndarray, np.generic)):
        return Duck(np.asarray(result))
    return result


def _bind():
    def method(name):
        def call(self, *args, **kwargs):
            check_arguments(name, METHODS[name], args, kwargs)
            unbound = getattr(np.ndarray, name)
            args = [_index(x) if name in ("take", "put") and k == 0 else _bare(x) for k, x in enumerate(args)]
            result = unbound(_array(self), *args, **{k: _bare(v) for k, v in kwargs.items()})
            out = kwargs.get("out")
            return out if out is not None else _wrapped(result)

        call.__name__ = name
        return call

    for name in METHODS.keys() - vars(Duck).keys():
        if hasattr(np.ndarray, name):
            setattr(Duck, name, method(name))
    for name in ATTRIBUTES - vars(Duck).keys():
        setattr(Duck, name, property(lambda self, name=name: _wrapped_attribute(getattr(_array(self), name))))
    for symbol, ufunc in {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "floordiv": np.floor_divide,
        "mod": np.remainder, "divmod": np.divmod, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and,
        "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift,
    }.items():  # fmt: skip
        setattr(Duck, f"__{symbol}__", lambda a, b, f=ufunc: f(a, b) if _is_ours(b) else NotImplemented)
        setattr(Duck, f"__r{symbol}__", lambda a, b, f=ufunc: f(b, a) if _is_ours(b) else NotImplemented)
        if symbol != "divmod":
            setattr(Duck, f"__i{symbol}__", lambda self, other, ufunc=ufunc: ufunc(self, other, out=self))
    for symbol in ("lt", "le", "eq", "ne", "gt", "ge"):
        compare = getattr(operator, symbol)
        setattr(
            Duck, f"__{symbol}__", lambda a, b, f=compare: _wrapped(f(_array(a), _bare(b))) if _is_ours(b) else NotImplemented
        )
    for symbol, ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
        setattr(Duck, f"__{symbol}__", lambda self, ufunc=ufunc: ufunc(self))


def _is_ours(other):
    """Whether the other operand leaves the answer to us: an object with protocols of its own, a Tensor say, does not."""
    return isinstance(other, (Duck, np.ndarray, np.generic)) or not hasattr(other, "__array_ufunc__")


def _wrapped_attribute(value):
    return Duck(value) if isinstance(value, np.ndarray) else value


_bind()
