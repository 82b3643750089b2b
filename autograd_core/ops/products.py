"""Products of arrays. Two primitives of matrices and one of vectors; einsum and the rest are derived from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from math import prod
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..arrays import is_foreign
from ..errors import ShapeError
from ..record import implements, primitive
from .derived import as_operand, derived, refuse_out
from .elementwise import multiply
from .shapes import diagonal, moveaxis, ndim_of, ravel, reshape, shape_of, transpose

__all__ = [
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "matmul",
    "matvec",
    "outer",
    "tensordot",
    "vdot",
    "vecdot",
    "vecmat",
]

_matmul = primitive(
    "matmul",
    np.matmul,
    lambda g, _y, _a, b: g @ b.mT,
    lambda g, _y, a, _b: a.mT @ g,
    kind="multilinear",
    core=2,
)
# A contraction of two arrays as einsum writes it, in which no label is repeated within an operand, and each label of
# an operand stands in the result or in the other operand: then the rule is a contraction of the same form.
_contract: Any = primitive(
    "contract",
    lambda a, b, spec: _contracted(a, b, *spec),
    lambda g, _y, _a, b, spec: _contract(g, b, (spec[2], spec[1], spec[0])),
    lambda g, _y, a, _b, spec: _contract(g, a, (spec[2], spec[0], spec[1])),
    kind="multilinear",
)
_cross: Any = primitive(
    "cross",
    np.cross,
    lambda g, _y, _a, b: _cross(b, g),
    lambda g, _y, a, _b: _cross(g, a),
    kind="multilinear",
    core=1,
)


def _wants_rows(x: Any) -> bool:
    """Whether a function composed of rows is wanted: for Tensors, and for libraries that may lack NumPy's."""
    return hasattr(x, "_data") or is_foreign(x)


def replaces(numpy_function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `derived`; and when all arguments are NumPy's, its own function is called."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        recorded = derived(numpy_function)(function)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for x in (*args, *kwargs.values()):
                if _wants_rows(x) or (isinstance(x, (list, tuple)) and any(map(_wants_rows, x))):
                    return recorded(*args, **kwargs)
            return numpy_function(*args, **kwargs)

        return call

    return register


# Of matrices and vectors


@implements(np.matmul)
def matmul(a: Any, b: Any, /) -> Any:
    """Matrix product over the last two axes, earlier axes broadcasting; vectors as in `np.matmul`.

    >>> import numpy as np, autograd_core as ag
    >>> w, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0])
    >>> ag.grad(lambda w: (w @ x)[0])(w)
    array([[ 1., -1.],
           [ 0.,  0.]])
    """
    if not (hasattr(a, "ndim") and hasattr(b, "ndim")):
        a, b = as_operand(a), as_operand(b)
    m, n = a.ndim, b.ndim
    if m > 1 and n > 1:
        return _matmul(a, b)
    if not m or not n or shape_of(a)[-1] != shape_of(b)[-2 if n > 1 else 0]:
        raise ShapeError(
            f"'matmul' of shapes {shape_of(a)} and {shape_of(b)}: the last axis of the first has to match the "
            "second to last (or only) axis of the second; numbers are multiplied with *"
        )
    if m == 1 and n == 1:
        return multiply(a, b).sum()
    if m == 1:
        y = _matmul(reshape(a, (1, -1)), b)
        return reshape(y, y.shape[:-2] + y.shape[-1:])
    y = _matmul(a, reshape(b, (-1, 1)))
    return reshape(y, y.shape[:-1])


@implements(np.dot)
def dot(a: Any, b: Any, out: None = None) -> Any:
    """Product over the last axis of a and the second to last (or only) axis of b, as `np.dot`.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(ag.dot, argnums=(0, 1))(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (array([3., 4.]), array([1., 2.]))
    """
    refuse_out("dot", out)
    a, b = as_operand(a), as_operand(b)
    m, n = ndim_of(a), ndim_of(b)
    if not m or not n:
        return multiply(a, b)
    return matmul(a, b) if n <= 2 else tensordot(a, b, (-1, -2))


@replaces(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """Sum of products over the last axes, for every pair of the others: y[i, j] = sum_k a[i, k] b[j, k].

    >>> import autograd_core as ag
    >>> float(ag.inner([1.0, 2.0], [3.0, 4.0]))
    11.0
    """
    if not ndim_of(a) or not ndim_of(b):
        return multiply(as_operand(a), as_operand(b))
    return tensordot(a, b, (-1, -1))


@replaces(np.outer)
def outer(a: Any, b: Any, out: None = None) -> Any:
    """Every product of an element of a and one of b: y[i, j] = a[i] b[j], of the flattened arrays.

    >>> import autograd_core as ag
    >>> ag.outer([1.0, 2.0], [3.0, 4.0])
    array([[3., 4.],
           [6., 8.]])
    """
    refuse_out("outer", out)
    return multiply(reshape(as_operand(a), (-1, 1)), reshape(as_operand(b), (1, -1)))


@replaces(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """Sum of conj(a) b over all elements.

    >>> import autograd_core as ag
    >>> complex(ag.vdot([1.0j], [2.0j]))
    (2+0j)
    """
    return matmul(_conjugated(ravel(as_operand(a))), ravel(as_operand(b)))


@replaces(np.vecdot)
def vecdot(a: Any, b: Any, /, *, axis: int = -1) -> Any:
    """Sum of conj(a) b along one axis, the others broadcasting.

    >>> import autograd_core as ag
    >>> ag.vecdot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    array([3., 7.])
    """
    a, b = moveaxis(as_operand(a), axis, -1), moveaxis(as_operand(b), axis, -1)
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"'vecdot' along axes of lengths {a.shape[-1]} and {b.shape[-1]}: they have to be the same")
    return multiply(_conjugated(a), b).sum(axis=-1)


def matvec(a: Any, x: Any, /) -> Any:
    """Matrices (..., m, n) times vectors (..., n), earlier axes broadcasting.

    >>> import autograd_core as ag
    >>> ag.matvec([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    array([3., 7.])
    """
    return matmul(as_operand(a), as_operand(x)[..., None])[..., 0]


def vecmat(x: Any, a: Any, /) -> Any:
    """Conjugated vectors (..., m) times matrices (..., m, n), earlier axes broadcasting.

    >>> import autograd_core as ag
    >>> ag.vecmat([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
    array([4., 6.])
    """
    return matmul(_conjugated(as_operand(x))[..., None, :], as_operand(a))[..., 0, :]


if hasattr(np, "matvec"):  # NumPy 2.2
    implements(np.matvec)(matvec)
    implements(np.vecmat)(vecmat)


def _conjugated(x: Any) -> Any:
    return x.conj() if x.dtype.kind == "c" else x


@replaces(np.kron)
def kron(a: Any, b: Any) -> Any:
    """Kronecker product: the array of blocks a[i, j] * b.

    >>> import autograd_core as ag
    >>> ag.kron([1.0, 10.0], [1.0, 2.0])
    array([ 1.,  2., 10., 20.])
    """
    a, b = as_operand(a), as_operand(b)
    n = max(a.ndim, b.ndim)
    rows, columns = (1,) * (n - a.ndim) + a.shape, (1,) * (n - b.ndim) + b.shape
    y = reshape(a, [k for i in rows for k in (i, 1)]) * reshape(b, [k for i in columns for k in (1, i)])
    return reshape(y, tuple(i * j for i, j in zip(rows, columns, strict=True)))


@replaces(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Vector product a x b of vectors with three elements; derivatives b x g and g x a.

    >>> import autograd_core as ag
    >>> ag.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(as_operand(a), axisa, -1), moveaxis(as_operand(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(f"'cross' takes vectors with 3 elements; got {a.shape[-1]} and {b.shape[-1]}")
    return moveaxis(_cross(a, b), -1, axisc)


@replaces(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum of products over pairs of axes: the last `axes` of a with the first of b, or (axes of a, axes of b).

    >>> import numpy as np, autograd_core as ag
    >>> ag.tensordot(np.ones((2, 3)), np.ones((2, 4)), (0, 0)).shape
    (3, 4)
    """
    a, b = as_operand(a), as_operand(b)
    if np.ndim(axes) == 0 and not isinstance(axes, (list, tuple)):
        axes = range(a.ndim - axes, a.ndim), range(axes)
    pair = [normalize_axis_tuple(which, x.ndim) for which, x in zip(axes, (a, b), strict=True)]
    if [a.shape[i] for i in pair[0]] != [b.shape[i] for i in pair[1]]:
        raise ShapeError(f"'tensordot' of shapes {a.shape} and {b.shape} over axes {pair[0]} and {pair[1]}: lengths differ")
    of_a = list(ascii_letters[: a.ndim])
    of_b = list(ascii_letters[a.ndim : a.ndim + b.ndim])
    for i, j in zip(*pair, strict=True):
        of_b[j] = of_a[i]
    kept = [c for i, c in enumerate(of_a) if i not in pair[0]] + [c for j, c in enumerate(of_b) if j not in pair[1]]
    return _contract(a, b, ("".join(of_a), "".join(of_b), "".join(kept)))


# einsum: parsed and planned once per call signature, then carried out as diagonals, sums and contractions of pairs


@lru_cache(1024)
def _as_matrices(of_a: str, of_b: str, out: str, shape_a: tuple[int, ...], shape_b: tuple[int, ...]) -> Any:
    """How a contraction becomes a matrix product, as axes and shapes for both operands and the result.

    None where it is not faster: nothing is summed, or a stack of vectors would be looped over.
    """
    both = [c for c in of_a if c in of_b]
    batch, summed = ("".join(c for c in both if (c in out) is kept) for kept in (True, False))
    rows, columns = ("".join(c for c in term if c not in both) for term in (of_a, of_b))
    if not summed or (not (rows and columns) and (batch or not (rows or columns))):
        return None
    sizes = dict(zip(of_a + of_b, shape_a + shape_b, strict=True))

    def volumes(*groups: str) -> list[int]:
        return [prod(sizes[c] for c in group) for group in groups if group]  # vectors stay vectors

    found = batch + rows + columns
    return (
        ([of_a.index(c) for c in batch + rows + summed], volumes(batch, rows, summed)),
        ([of_b.index(c) for c in batch + summed + columns], volumes(batch, summed, columns)),
        ([sizes[c] for c in found], [found.index(c) for c in out]),
    )


def _contracted(a: Any, b: Any, of_a: str, of_b: str, out: str) -> Any:
    """The contraction by a matrix product where that is faster, by einsum's own loop elsewhere."""
    plan = _as_matrices(of_a, of_b, out, a.shape, b.shape)
    if plan is None:
        return np.einsum(f"{of_a},{of_b}->{out}", a, b)
    (axes_a, shape_a), (axes_b, shape_b), (shape, axes) = plan
    y = a.transpose(axes_a).reshape(shape_a) @ b.transpose(axes_b).reshape(shape_b)
    return y.reshape(shape).transpose(axes)[()]


def _spelled(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """Turn both forms of arguments into `("ab,bc->ac", operands)`; numbers become letters that sort alike."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), [as_operand(x) for x in operands[1:]]
    letters = ascii_uppercase + ascii_lowercase
    lists = [["..." if i is Ellipsis else letters[i] for i in sublist] for sublist in operands[1::2]]
    if len(operands) % 2:
        lists.append(["..." if i is Ellipsis else letters[i] for i in operands[-1]])
    terms = ["".join(labels) for labels in lists]
    count = len(operands) // 2
    spec = ",".join(terms[:count]) + ("->" + terms[-1] if len(operands) % 2 else "")
    return spec, [as_operand(x) for x in operands[: 2 * count : 2]]


@lru_cache(1024)
def _parsed(spec: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[list[str], str, dict[str, int]]:
    """The labels of the operands and of the result, with letters in place of '...', and the length of each label."""
    left, arrow, right = spec.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ShapeError(f"einsum '{spec}' has {len(terms)} terms for {len(shapes)} operands")
    free = "".join(c for c in reversed(ascii_letters) if c not in spec)
    hidden = [
        len(shape) - len(term.replace("...", "")) if "..." in term else 0 for term, shape in zip(terms, shapes, strict=True)
    ]
    dots = free[: max(hidden)]
    terms = [term.replace("...", dots[len(dots) - n :]) for term, n in zip(terms, hidden, strict=True)]
    if arrow:
        out = right.replace("...", dots)
    else:
        once = [c for c, n in Counter(left.replace("...", "").replace(",", "")).items() if n == 1]
        out = dots + "".join(sorted(once))
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        if len(term) != len(shape):
            raise ShapeError(f"einsum '{spec}': an operand of shape {shape} has {len(shape)} axes, its term another number")
        for label, n in zip(term, shape, strict=True):
            if sizes.setdefault(label, n) == 1:
                sizes[label] = n
            elif n not in (1, sizes[label]):
                raise ShapeError(f"einsum '{spec}' of shapes {shapes}: label '{label}' has lengths {sizes[label]} and {n}")
    if any(n > 1 for n in Counter(out).values()) or not set(out) <= set(sizes):
        raise ShapeError(f"einsum '{spec}': each label of the result has to stand there once, and in an operand")
    return terms, out, sizes


@lru_cache(1024)
def _path(terms: tuple[str, ...], out: str, shapes: tuple[tuple[int, ...], ...], optimize: Any) -> list[tuple[int, ...]]:
    """Which operands are contracted in which order."""
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    dummies = [np.broadcast_to(np.float64(0), shape) for shape in shapes]
    if isinstance(optimize, tuple) and optimize[0] == "einsum_path":
        return list(optimize[1:])
    choice = "greedy" if isinstance(optimize, bool) else optimize
    path = np.einsum_path(",".join(terms) + "->" + out, *dummies, optimize=choice)[0]
    return [step for step in path if isinstance(step, tuple)]


def _unstretched(x: Any, term: str, sizes: dict[str, int]) -> tuple[Any, str]:
    """Drop the axes of length one that other operands stretch."""
    kept = [i for i, c in enumerate(term) if x.shape[i] == sizes[c]]
    if len(kept) == len(term):
        return x, term
    return reshape(x, tuple(x.shape[i] for i in kept)), "".join(term[i] for i in kept)


def _simplified(x: Any, term: str, needed: str) -> tuple[Any, str]:
    """Take diagonals of repeated labels, and sum over labels that nobody else needs."""
    while len(set(term)) < len(term):
        label = next(c for c in term if term.count(c) > 1)
        i, j = term.index(label), term.rindex(label)
        x = diagonal(x, 0, i, j)
        term = term[:i] + term[i + 1 : j] + term[j + 1 :] + label
    alone = tuple(i for i, c in enumerate(term) if c not in needed)
    return (x.sum(axis=alone), "".join(c for c in term if c in needed)) if alone else (x, term)


@replaces(np.einsum)
def einsum(*operands: Any, out: None = None, optimize: Any = False, dtype: Any = None) -> Any:
    """Sums of products in Einstein's notation: `einsum("ij,jk->ik", a, b)`, or with lists of numbers for labels.

    Operands are contracted two at a time, as matrix products where that is possible. The order is found once (always
    for three or more operands, greedily unless `optimize` says how) and the gradient follows it back.

    Args:
        operands: the notation and the arrays, or each array followed by its list of labels and, last, the result's.
        out: not supported.
        optimize: as in `np.einsum`: True, "greedy", "optimal", or a path from `np.einsum_path`.
        dtype: convert the operands to this first.

    Raises:
        ShapeError: notation and shapes do not fit.

    >>> import numpy as np, autograd_core as ag
    >>> ag.grad(lambda a: ag.einsum("ii", a))(np.ones((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    refuse_out("einsum", out)
    spec, xs = _spelled(operands)
    if dtype is not None:
        xs = [x.astype(dtype) for x in xs]
    terms, result, sizes = _parsed(spec, tuple(x.shape for x in xs))
    pairs = [_unstretched(x, term, sizes) for x, term in zip(xs, terms, strict=True)]
    labels = [term for _, term in pairs]
    pairs = [_simplified(x, term, "".join([result, *labels[:k], *labels[k + 1 :]])) for k, (x, term) in enumerate(pairs)]
    for step in _path(tuple(term for _, term in pairs), result, tuple(x.shape for x, _ in pairs), _hashable(optimize)):
        chosen = [pairs.pop(i) for i in sorted(step, reverse=True)][::-1]
        while len(chosen) > 1:
            (a, of_a), (b, of_b) = chosen[:2]
            needed = result + "".join(term for _, term in (*chosen[2:], *pairs))
            kept = "".join(dict.fromkeys(c for c in of_a + of_b if c in needed))
            kept = result if set(kept) == set(result) else kept
            chosen[:2] = [(_contract(a, b, (of_a, of_b, kept)), kept)]
        pairs += chosen
    y, term = pairs[0]
    return y if term == result and y is not xs[0] else transpose(y, [term.index(c) for c in result])


def _hashable(optimize: Any) -> Any:
    return tuple(tuple(s) if isinstance(s, list) else s for s in optimize) if isinstance(optimize, list) else optimize
