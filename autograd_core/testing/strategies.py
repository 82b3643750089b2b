"""Strategies that draw arrays fit to be differentiated, matrices, index expressions and cotangents.

Values come from a dyadic grid over the domain: never so small that a difference underflows, the same in single and double
precision, often equal to each other or to zero, and easy to read. The order of the grid is the order of shrinking:
0, 1, -1, 2, -2, ..., then halves, quarters and finer.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ..errors import DTypeError, ShapeError
from ..tensor import Tensor

__all__ = ["arrays", "cotangents", "indices", "mutually_broadcastable", "shapes", "spd", "tensors", "well_conditioned"]

Shape = tuple[int, ...]
DTYPES = (np.float64, np.float32)  # float64 first: what fails in both is shown in it
CELLS = 128  # of the grid over a domain, so that a cell of (-4, 4) is 1/16


def _strided(x: Any) -> Any:
    gaps = np.zeros((*x.shape, 2), x.dtype)
    gaps[..., 0] = x
    return gaps[..., 0]


def _reversed(x: Any) -> Any:
    return x[(..., *[slice(None, None, -1)] * x.ndim)]


# the same values in another place: C order, Fortran order, with gaps, with negative strides
LAYOUTS: tuple[Callable[[Any], Any], ...] = (
    lambda x: x,
    lambda x: x.T.copy().T,
    _strided,
    lambda x: _reversed(_reversed(x).copy()),
)


def _simplicity(x: float) -> tuple[int, float, bool]:
    """How a value ranks in shrinking: by its binary places behind the point, its size, its sign."""
    return x.as_integer_ratio()[1], abs(x), x < 0


@functools.cache
def _grid(bounds: tuple[float, float], away_from: tuple[float, ...] = ()) -> list[float]:
    """The values of an open interval, simple ones first, without the neighbourhoods of the given points.

    A neighbourhood is a cell, and at least 3 % of the point: a checker's difference steps, in proportion to a value,
    do not cross it.
    """
    low, high = map(float, bounds)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"bounds={bounds}: two finite numbers, the lower one first, are the ends of an open interval")
    cell = 2.0 ** math.floor(math.log2((high - low) / CELLS))
    whole = range(math.ceil(low / cell), math.floor(high / cell) + 1)
    points = np.array([low, high, *away_from], float)
    margin = np.maximum(cell, np.abs(points) / 32)
    values = sorted((k * cell for k in whole if np.all(np.abs(k * cell - points) >= margin)), key=_simplicity)
    if not values:
        raise ValueError(f"no value of {bounds} is away from {list(away_from)}: give wider bounds or fewer points")
    return values


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 3) -> st.SearchStrategy[Shape]:
    """Draw small shapes: `()` and size-1 axes too, empty ones with `min_side=0`. Shrinks to few axes and short ones.

    >>> import hypothesis, autograd_core as ag
    >>> hypothesis.find(ag.testing.shapes(), lambda shape: len(shape) == 2)
    (1, 1)
    """
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


@st.composite
def _arrays(draw: Any, shape: Any, dtype: Any, values: list[float], distinct: bool) -> Any:
    shape = draw(shape if isinstance(shape, st.SearchStrategy) else st.just(shape))
    dtype = draw(dtype if isinstance(dtype, st.SearchStrategy) else st.just(np.dtype(dtype)))
    if distinct and math.prod(shape) > len(values):
        raise ShapeError(f"shape {shape} wants {math.prod(shape)} distinct values, the domain has {len(values)}")
    # the simplest ones, zero among them, come up half of the time
    elements: st.SearchStrategy[Any] = st.sampled_from(values[:8]) | st.sampled_from(values)
    if np.dtype(dtype).kind == "c":
        elements = st.builds(complex, elements, elements)
    x = draw(hnp.arrays(dtype, shape, elements=elements, unique=distinct))
    return draw(st.sampled_from(LAYOUTS))(x)


def arrays(
    shape: Shape | st.SearchStrategy[Shape] | None = None,
    dtype: Any = None,
    *,
    positive: bool = False,
    bounds: tuple[float, float] = (-4.0, 4.0),
    away_from: Sequence[float] = (),
    distinct: bool = False,
) -> st.SearchStrategy[Any]:
    """Draw arrays to differentiate at: of any small shape, in single or double precision, in any memory layout.

    Args:
        shape: a shape, or a strategy for one; `shapes()` by default, so 0-d and size-1 axes occur. Empty arrays:
            `shapes(min_side=0)`.
        dtype: a floating or complex dtype, or a strategy for one; by default float64 or float32.
        positive: only values above 0.
        bounds: the ends of an open interval; `(0, 1)` for the unit interval. Of complex values, for both parts.
        away_from: points where the function has a kink or a pole: values keep a distance from them.
        distinct: no two elements are equal, for functions that sort or choose.

    Returns:
        A strategy of NumPy arrays. Values shrink to 0, 1, -1, 2 ..., shapes to small ones, layouts to C order.

    Raises:
        ValueError: no value lies within the bounds and away from the points.
        DTypeError: the dtype is neither floating nor complex.
        ShapeError: (when drawn) the domain has fewer distinct values than the shape elements.

    >>> import hypothesis, numpy as np, autograd_core as ag
    >>> hypothesis.find(ag.testing.arrays(), lambda x: np.sum(x) < 0)
    array(-1.)
    >>> hypothesis.find(ag.testing.arrays(bounds=(0, 1), distinct=True), lambda x: x.size == 3)
    array([0.5 , 0.25, 0.75])
    """
    if dtype is not None and not isinstance(dtype, st.SearchStrategy) and np.dtype(dtype).kind not in "fc":
        raise DTypeError(f"dtype={np.dtype(dtype)}: an array to differentiate at is floating or complex")
    values = _grid((max(bounds[0], 0.0), bounds[1]) if positive else tuple(bounds), tuple(away_from))
    return _arrays(shapes() if shape is None else shape, st.sampled_from(DTYPES) if dtype is None else dtype, values, distinct)


def tensors(
    shape: Shape | st.SearchStrategy[Shape] | None = None, dtype: Any = None, **options: Any
) -> st.SearchStrategy[Tensor]:
    """Draw Tensors that require a gradient; arguments as for `arrays`.

    >>> import hypothesis, autograd_core as ag
    >>> hypothesis.find(ag.testing.tensors(positive=True), lambda t: t.ndim == 1)
    Tensor([1.], requires_grad=True)
    """
    return arrays(shape, dtype, **options).map(lambda x: Tensor(x, requires_grad=True))


def mutually_broadcastable(count: int = 2, *, max_dims: int = 3, max_side: int = 3, **options: Any) -> st.SearchStrategy[Any]:
    """Draw tuples of arrays whose shapes broadcast together: `()` with `(2, 1)`, `(3, 1)` with `(2, 1, 4)` ...

    Args:
        count: how many arrays.
        max_dims: how many axes each may have.
        max_side: how long an axis may be.
        options: domain and dtype, as for `arrays`; each array has its own dtype and layout.

    >>> import hypothesis, autograd_core as ag
    >>> hypothesis.find(ag.testing.mutually_broadcastable(), lambda pair: pair[0].ndim > pair[1].ndim)
    (array([0.]), array(0.))
    """
    groups = hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=max_dims, max_side=max_side)
    return groups.flatmap(lambda group: st.tuples(*(arrays(shape, **options) for shape in group.input_shapes)))


def _orthogonal(draw: Any, batch: Shape, n: int) -> Any:
    """An orthogonal matrix from a drawn skew-symmetric one, by Cayley's transform; the identity from zeros."""
    corner = np.tril(draw(hnp.arrays(float, (*batch, n, n), elements=st.sampled_from(_grid((-1.0, 1.0))))), -1)
    skew = corner - corner.mT
    return np.linalg.solve(np.eye(n) - skew, np.eye(n) + skew)


@st.composite
def _matrices(draw: Any, shape: Any, condition: float, distinct: bool, dtype: Any, symmetric: bool) -> Any:
    if shape is None:
        n = draw(st.integers(1, 3))
        shape = (*draw(shapes(max_dims=1, max_side=2)), n, n)
    elif isinstance(shape, st.SearchStrategy):
        shape = draw(shape)
    if len(shape) < 2 or 0 in shape or (symmetric and shape[-1] != shape[-2]):
        kind = "symmetric matrices are (..., n, n)" if symmetric else "matrices are (..., m, n)"
        raise ShapeError(f"shape {shape}: {kind}, without an empty axis")
    *batch, m, n = shape
    k = min(m, n)
    values = [1 + (condition - 1) * i / 16 for i in range(17 if condition > 1 else 1)]
    rows = [draw(st.lists(st.sampled_from(values), min_size=k, max_size=k, unique=distinct)) for _ in np.ndindex(*batch)]
    s = np.array(rows).reshape(*batch, 1, k)
    left = _orthogonal(draw, tuple(batch), m)[..., :k]
    right = left if symmetric else _orthogonal(draw, tuple(batch), n)[..., :k]
    a = (left * s) @ right.mT
    a = (a + a.mT) / 2 if symmetric else a
    dtype = draw(
        st.sampled_from(DTYPES) if dtype is None else dtype if isinstance(dtype, st.SearchStrategy) else st.just(dtype)
    )
    return draw(st.sampled_from(LAYOUTS))(a.astype(dtype))


def well_conditioned(
    shape: Shape | st.SearchStrategy[Shape] | None = None, *, condition: float = 10.0, distinct: bool = False, dtype: Any = None
) -> st.SearchStrategy[Any]:
    """Draw matrices with singular values between 1 and `condition`, made as Q diag(s) P'; they shrink to the identity.

    Args:
        shape: of one matrix or of a stack, square or not, or a strategy for it; by default square, alone or in a stack.
        condition: the largest ratio of two singular values, at least 1.
        distinct: no two singular values of a matrix are equal: then singular vectors have derivatives.
        dtype: a floating dtype, or a strategy for one; by default float64 or float32.

    Raises:
        ShapeError: (when drawn) the shape is not of matrices, or has an empty axis.
        ValueError: the condition is below 1, or leaves room for one singular value where distinct ones are asked for.

    >>> import hypothesis, autograd_core as ag
    >>> hypothesis.find(ag.testing.well_conditioned(), lambda a: a.shape == (2, 2))
    array([[1., 0.],
           [0., 1.]])

    Source: orthogonal from skew-symmetric matrices: Cayley, Journal für die reine und angewandte Mathematik 32 (1846).
    """
    _check_condition(condition, distinct)
    return _matrices(shape, condition, distinct, dtype, symmetric=False)


def spd(
    shape: Shape | st.SearchStrategy[Shape] | None = None, *, condition: float = 10.0, distinct: bool = False, dtype: Any = None
) -> st.SearchStrategy[Any]:
    """Draw symmetric positive definite matrices Q diag(s) Q'; arguments and errors as for `well_conditioned`.

    >>> import hypothesis, numpy as np, autograd_core as ag
    >>> hypothesis.find(ag.testing.spd(), lambda a: np.all(np.linalg.det(a) > 5.0))
    array([[5.5]])
    """
    _check_condition(condition, distinct)
    return _matrices(shape, condition, distinct, dtype, symmetric=True)


def _check_condition(condition: float, distinct: bool) -> None:
    if not (1 <= condition < math.inf) or (distinct and condition == 1):
        raise ValueError(f"condition={condition}: the ratio of singular values is at least 1, above it for distinct ones")


@st.composite
def _mixed(draw: Any, shape: Shape) -> Any:
    """A slice, an integer array or a mask for each axis in turn; the arrays broadcast together."""
    length = draw(st.integers(1, 3))
    index: list[Any] = []
    for n in shape:
        kind = draw(st.sampled_from(["slice", "integers"] if n else ["slice"]))
        if kind == "slice":
            index.append(draw(st.slices(n)))
        else:
            index.append(np.array(draw(st.lists(st.integers(-n, n - 1), min_size=length, max_size=length))))
    return tuple(index)


def indices(shape: Shape) -> st.SearchStrategy[Any]:
    """Draw index expressions for arrays of a shape: basic, integer arrays (also repeated), masks, and slices beside arrays.

    Args:
        shape: of the array to index.

    Returns:
        A strategy of what stands in the brackets of `x[...]`; it shrinks to basic indexing.

    >>> import hypothesis, numpy as np, autograd_core as ag
    >>> x = np.arange(6.0).reshape(2, 3)
    >>> index = hypothesis.find(ag.testing.indices(x.shape), lambda index: x[index].size == 3)
    >>> x[index].size
    3
    """
    basic: st.SearchStrategy[Any] = hnp.basic_indices(shape, allow_newaxis=True)
    if not shape:
        return basic
    masks = st.integers(1, len(shape)).flatmap(lambda n: hnp.arrays(bool, shape[:n]))
    if 0 in shape:
        return basic | masks | _mixed(shape)
    whole = hnp.integer_array_indices(shape, result_shape=shapes(max_dims=2))
    return basic | whole | masks | _mixed(shape)


def cotangents(output: Any) -> st.SearchStrategy[Any]:
    """Draw cotangents for an output: arrays of its shape and dtype, of both signs, no two elements of one size.

    A cotangent of ones cannot see a transposed Jacobian; these can. They shrink to the one of seed 0.

    Args:
        output: an array or Tensor, floating or complex.

    Raises:
        DTypeError: an integer or boolean output has no cotangent.

    >>> import hypothesis, numpy as np, autograd_core as ag
    >>> hypothesis.find(ag.testing.cotangents(np.zeros(3, np.float32)), lambda g: True).dtype
    dtype('float32')
    """
    if output.dtype.kind not in "fc":
        raise DTypeError(f"an output of dtype {output.dtype} has no cotangent: only floating and complex ones have")
    return st.integers(0, 2**32 - 1).map(lambda seed: uneven(output, np.random.default_rng(seed)))


def uneven(like: Any, rng: np.random.Generator) -> Any:
    """A random array of the shape and dtype of `like`: of either sign, with sizes in [1, 2), each in a part of its own."""
    n = like.size
    parts = [(1 + (rng.permutation(n) + rng.random(n)) / max(n, 1)) * rng.choice([-1.0, 1.0], n) for _ in range(2)]
    values = parts[0] + 1j * parts[1] if like.dtype.kind == "c" else parts[0]
    return values.reshape(like.shape).astype(like.dtype)
