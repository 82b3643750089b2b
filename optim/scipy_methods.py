"""`minimize`: SciPy's optimizers, with exact derivatives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.extras import need
from autograd_core.tree import flatten

__all__ = ["minimize"]

_WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
_WITH_PRODUCTS = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}
_WITH_HESSIAN = {"dogleg", "trust-exact"}


def minimize(
    f: Callable[..., Any],
    x0: Any,
    method: str = "L-BFGS-B",
    *,
    args: tuple[Any, ...] = (),
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[[Any], Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Minimize a function with `scipy.optimize.minimize`, which gets the gradient and, where the method uses it, the Hessian.

    Args:
        f: from the structure of `x0` (and `args`) to one number, made of functions that have derivatives.
        x0: where to start: an array, a number, a Tensor, or nested tuples, lists and dicts of them.
        method: of SciPy. "Newton-CG", "trust-ncg", "trust-krylov" and "trust-constr" get Hessian-vector products, each for
            the price of about two gradients; "dogleg" and "trust-exact" the Hessian.
        args: further arguments of `f`, not changed.
        bounds, constraints, tol, options: SciPy's; for them x0 is one flat vector, leaf after leaf.
        callback: called after each iteration with the point in the structure of `x0`.

    Returns:
        SciPy's OptimizeResult; its `x` (and `jac`) has the structure, shapes, dtypes and kinds of `x0`.

    Raises:
        MissingExtraError: SciPy is not installed.
        ShapeError: `f` did not return one number.

    Source: Nocedal and Wright, Numerical optimization, 2006; docs.scipy.org.

    >>> rosenbrock = lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    >>> found = minimize(rosenbrock, {"x": -1.2, "y": 1.0}, method="trust-krylov", tol=1e-8)
    >>> round(found.x["x"], 6), round(found.x["y"], 6)
    (1.0, 1.0)
    """
    leaves, rebuild = flatten(x0)
    shapes = [np.shape(leaf) for leaf in leaves]
    ends = [0, *np.cumsum([int(np.prod(shape)) for shape in shapes]).tolist()]
    dtypes = [np.result_type(leaf.dtype if isinstance(leaf, ag.Tensor) else leaf, np.float32) for leaf in leaves]
    if any(dtype.kind != "f" for dtype in dtypes):
        raise ag.DTypeError(f"minimize works on real numbers; x0 has {[str(dtype) for dtype in dtypes]}")

    def parts(vector: Any) -> list[Any]:
        pieces = [vector[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True)]
        return [x if x.dtype == dtype else x.astype(dtype) for x, dtype in zip(pieces, dtypes, strict=True)]

    def value(vector: Any) -> Any:
        return f(rebuild(parts(vector)), *args)

    def value_and_gradient(vector: Any) -> tuple[float, Any]:
        found, gradient = ag.value_and_grad(value)(vector)
        return float(found), gradient

    def given_back(vector: Any) -> Any:
        return rebuild([_like(x, leaf) for x, leaf in zip(parts(np.array(vector)), leaves, strict=True)])

    if not isinstance(method, str):
        raise TypeError(f"method is the name of one of SciPy's methods, such as 'L-BFGS-B'; got {method!r}")
    if not leaves:
        raise ValueError(f"x0 has no numbers to change: {x0!r}")
    which = method.lower()
    derivatives: dict[str, Any] = {}
    if which not in _WITHOUT_GRADIENT:
        derivatives["jac"] = True
    if which in _WITH_PRODUCTS:
        derivatives["hessp"] = lambda vector, direction: ag.hvp(value, (vector,), (direction,))[0]
    if which in _WITH_HESSIAN:
        derivatives["hess"] = ag.hessian(value)
    result = need("scipy.optimize", "scipy").minimize(
        value_and_gradient if which not in _WITHOUT_GRADIENT else lambda vector: float(value(vector)),
        np.concatenate([np.ravel(np.asarray(_plain(leaf), float)) for leaf in leaves]),
        method=method,
        bounds=bounds,
        constraints=constraints,
        tol=tol,
        callback=None if callback is None else lambda vector, *_state: callback(given_back(vector)),
        options=options,
        **derivatives,
    )
    result.x = given_back(result.x)
    if "jac" in result and np.shape(result.jac) == (ends[-1],):
        result.jac = given_back(result.jac)
    return result


def _plain(leaf: Any) -> Any:
    return leaf.numpy() if isinstance(leaf, ag.Tensor) else leaf


def _like(x: Any, leaf: Any) -> Any:
    """A part of the result, of the kind that was given."""
    if isinstance(leaf, ag.Tensor):
        return ag.Tensor(x)
    return x if isinstance(leaf, np.ndarray) else x.item() if not np.ndim(x) else x
