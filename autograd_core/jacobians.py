"""Whole matrices of derivatives, and products with them, built on `vjp`, `linearize` and `grad`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Literal

import numpy as np

from .arrays import beside, foreign, values_of
from .dual import Dual, bare
from .errors import DTypeError, ShapeError
from .randomness import default_rng
from .tensor import Tensor
from .transforms import grad, hvp, linearize, positions, vjp
from .tree import flatten

__all__ = ["gnvp", "hessian", "hessian_diagonal", "jacobian"]


def jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, mode: Literal["auto", "reverse", "forward"] = "auto"
) -> Callable[..., Any]:
    """Make the function that computes the Jacobian of `f`, J[i, j] = d f_i / d x_j.

    Args:
        f: returns an array or nested containers of arrays; real.
        argnums: position of the argument to differentiate, or a sequence of positions.
        mode: "reverse" pulls every element of the output back (one backward pass each), "forward" pushes every element
            of the input, "auto" takes what needs fewer passes.

    Returns:
        A function of the arguments of `f`. Each array of the output becomes what the argument is, with arrays of
        shape `output.shape + input.shape`; with several argnums, a tuple of them.

    Raises:
        DTypeError: an input or an output is not real. Complex ones have a derivative only if `f` is holomorphic: see `jvp`.

    >>> import numpy as np, autograd_core as ag
    >>> ag.jacobian(lambda x: np.array([[1.0, 2.0], [0.0, 3.0]]) @ x)(np.ones(2))
    array([[1., 2.],
           [0., 3.]])
    """
    if mode not in ("auto", "reverse", "forward"):
        raise ValueError(f"mode is 'auto', 'reverse' or 'forward'; got {mode!r}")

    @wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, args, f)

        def of_chosen(*values: Any) -> Any:
            placed = dict(zip(chosen, values, strict=True))
            return f(*(placed.get(k, x) for k, x in enumerate(args)), **kwargs)

        point = [args[k] for k in chosen]
        inputs, as_arguments = flatten(point)
        out, pullback = vjp(of_chosen, *point)
        outputs, as_output = flatten(out)
        _check_real("argument", inputs)
        _check_real("output", outputs)
        n_in, n_out = (sum(np.size(bare(x)) for x in leaves) for leaves in (inputs, outputs))
        if mode == "reverse" or (mode == "auto" and n_out <= n_in):
            blocks = _by_rows(lambda unit: pullback(as_output(unit)), inputs, outputs)
        else:
            _, push = linearize(of_chosen, *point)
            blocks = _by_columns(lambda unit: push(*as_arguments(unit)), inputs, outputs)
        rows = [as_arguments(row) for row in blocks]
        return as_output([row[0] if isinstance(argnums, int) else tuple(row) for row in rows])

    return call


def _check_real(what: str, leaves: list[Any]) -> None:
    for x in leaves:
        dtype = values_of(x).dtype
        if dtype.kind != "f":
            raise DTypeError(f"jacobian takes real arguments and outputs, and an {what} has dtype {dtype}: use jvp and vjp")


def _units(leaves: list[Any]) -> Iterator[Iterator[list[Any]]]:
    """For each leaf, for each of its elements: leaves that are 0 but for a 1 at that element."""
    zeros = [np.zeros_like(values_of(x)) for x in leaves]

    def of(k: int) -> Iterator[list[Any]]:
        for index in np.ndindex(zeros[k].shape):
            unit = zeros[k].copy()
            unit[index] = 1
            yield [*zeros[:k], unit, *zeros[k + 1 :]]

    return (of(k) for k in range(len(zeros)))


def _by_rows(pull: Callable[[list[Any]], Any], inputs: list[Any], outputs: list[Any]) -> list[list[Any]]:
    blocks = []
    for y, units in zip(outputs, _units(outputs), strict=True):
        rows = [flatten(pull(unit))[0] for unit in units]
        blocks.append([_assembled([row[j] for row in rows], 0, y, x) for j, x in enumerate(inputs)])
    return blocks


def _by_columns(push: Callable[[list[Any]], Any], inputs: list[Any], outputs: list[Any]) -> list[list[Any]]:
    pushed = [[flatten(push(unit))[0] for unit in units] for units in _units(inputs)]
    return [
        [_assembled([column[i] for column in pushed[j]], -1, y, x) for j, x in enumerate(inputs)] for i, y in enumerate(outputs)
    ]


def _assembled(parts: list[Any], axis: int, y: Any, x: Any) -> Any:
    """Rows or columns as one block of the Jacobian: a float for a float's derivative by a float, else an array."""
    shape = np.shape(bare(y)) + np.shape(bare(x))
    if not parts:
        return np.zeros(shape, values_of(x).dtype, like=foreign(x))
    block = np.stack(parts, axis=axis).reshape(shape)
    return block.item() if not shape and type(x) is float and not isinstance(block, (Tensor, Dual)) else block


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Make the function that computes the Hessian of `f`, H[i, j] = d2 f / dx_i dx_j.

    The gradient is recorded once and each of its n elements is pulled back: n Hessian-vector products without the
    forward pass. For products with a few vectors use `hvp`, which needs no n x n memory.

    Args:
        f: returns one real number.
        argnums: position of the argument, or a sequence of positions.

    Returns:
        A function of the arguments of `f`; what it returns is nested as `jacobian(grad(f))`: for one array an array of
        shape `x.shape + x.shape`, for several argnums a tuple of tuples of them.

    Raises:
        ShapeError: `f` returned more than one number.
        DTypeError: an argument is not real.

    >>> import numpy as np, autograd_core as ag
    >>> ag.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="reverse")


def hessian_diagonal(
    f: Callable[..., Any], argnums: int = 0, samples: int | None = None, rng: np.random.Generator | None = None
) -> Callable[..., Any]:
    """Make the function that computes the diagonal of the Hessian, d2 f / dx_i^2, without the n x n matrix.

    Args:
        f: returns one real number.
        argnums: position of the argument, which may be nested containers of arrays.
        samples: None for the exact diagonal, from n Hessian-vector products; else the number of random vectors
            v of signs for the unbiased estimate mean(v * H v), exact if H is diagonal.
        rng: for the random signs.

    Returns:
        A function of the arguments of `f`; the diagonal has the structure of the argument.

    Raises:
        ShapeError: `f` returned more than one number.
        ValueError: `samples` is below 1.

    Source: Bekas, Kokiopoulou and Saad, An estimator for the diagonal of a matrix, Applied Numerical Mathematics 57 (2007).

    >>> import numpy as np, autograd_core as ag
    >>> ag.hessian_diagonal(lambda x: (x**3).sum() + x[0] * x[1])(np.array([1.0, 2.0]))
    array([ 6., 12.])
    """
    if samples is not None and samples < 1:
        raise ValueError(f"samples is at least 1, or None for the exact diagonal; got {samples}")
    if not isinstance(argnums, int):
        raise TypeError(f"hessian_diagonal takes one argument number; got {argnums!r} (put several arguments into a tuple)")
    gradient = grad(f, argnums)

    @wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        (k,) = positions(argnums, args, f)
        leaves, rebuild = flatten(args[k])
        _, push = linearize(lambda x: gradient(*args[:k], x, *args[k + 1 :], **kwargs), args[k])

        def product(vector: list[Any]) -> list[Any]:
            return flatten(push(rebuild(vector)))[0]

        if samples is None:
            exact = [_exact(product, units, i, x) for i, (x, units) in enumerate(zip(leaves, _units(leaves), strict=True))]
            return rebuild(exact)
        total: list[Any] = []
        for _ in range(samples):
            signs = [_signs(x, rng) for x in leaves]
            terms = [v * h for v, h in zip(signs, product(signs), strict=True)]
            total = [a + b for a, b in zip(total, terms, strict=True)] if total else terms
        return rebuild([a / samples for a in total])

    return call


def _exact(product: Callable[[list[Any]], list[Any]], units: Iterator[list[Any]], i: int, x: Any) -> Any:
    found = [(product(unit)[i] * unit[i]).sum() for unit in units]
    return _assembled(found, 0, 0.0, x)


def _signs(x: Any, rng: np.random.Generator | None) -> Any:
    array = values_of(x)
    return beside(default_rng(rng).choice(np.array([-1, 1], array.dtype), array.shape), x)


def gnvp(f: Callable[..., Any], primals: Any, vectors: Any, loss: Callable[[Any], Any] | None = None) -> Any:
    """Multiply the Gauss-Newton matrix J^T H J with vectors: J of `f`, H the Hessian of `loss` at the output of `f`.

    It is the Hessian of `loss(f(x))` without the term of the second derivatives of `f`, and positive semidefinite for a
    convex loss.

    Args:
        f: the model, a function of the primals returning an array or nested containers of arrays (residuals, logits).
        primals: a tuple of arguments of `f`, or the only argument itself.
        vectors: of the same structure and shapes as `primals`.
        loss: maps the output of `f` to one real number; None stands for half the sum of squares, whose H is the identity.

    Returns:
        `J^T H J v` in the structure of `primals`.

    Raises:
        ShapeError: the vectors do not fit the primals, or `loss` returned more than one number.

    Source: Schraudolph, Fast curvature matrix-vector products, Neural Computation 14 (2002).

    >>> import numpy as np, autograd_core as ag
    >>> A = np.array([[1.0, 2.0], [0.0, 3.0]])
    >>> ag.gnvp(lambda x: A @ x, np.zeros(2), np.array([1.0, 0.0]))  # A.T @ A @ v
    array([1., 2.])
    """
    single = not isinstance(primals, tuple)
    if single:
        primals, vectors = (primals,), (vectors,)
    if not isinstance(vectors, (tuple, list)) or len(vectors) != len(primals):
        raise ShapeError(
            f"gnvp takes one vector per primal: {len(primals)} primals, and vectors of type {type(vectors).__name__}"
        )
    _, pullback = vjp(f, *primals)
    out, push = linearize(f, *primals)
    moved = push(*vectors)
    found = pullback(moved if loss is None else hvp(loss, (out,), (moved,))[0])
    return found[0] if single else found
