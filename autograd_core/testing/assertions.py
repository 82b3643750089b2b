"""Assertions over drawn inputs, and the complex step as an oracle that does not touch the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

from ..check import Report, Row, gradcheck, hvpcheck
from ..errors import DTypeError
from ..tensor import Tensor
from ..transforms import jvp, vjp
from ..tree import flatten
from .strategies import uneven

__all__ = ["assert_gradients", "complex_step"]

STEP = 1e-100  # imaginary: its square is lost in rounding, and nothing is subtracted


def complex_step(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Differentiate a holomorphic function of real arrays along a direction, exactly to rounding: Im f(x + ih u) / h.

    The function runs on plain complex NumPy arrays: an oracle that shares nothing with the rules under test.

    Args:
        f: takes arrays and returns one; holomorphic, so without abs, comparisons, conj, or norms.
        primals: real arrays, the arguments of `f`.
        tangents: arrays of the same shapes.

    Returns:
        The derivative J u, of the shape of the output.

    >>> import numpy as np, autograd_core as ag
    >>> ag.testing.complex_step(lambda x: x**3, (np.array([1.0, 2.0]),), (np.array([1.0, 0.5]),))
    array([3., 6.])

    Source: Squire and Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40 (1998).
    """
    moved = f(*(x + 1j * STEP * u for x, u in zip(primals, tangents, strict=True)))
    return np.imag(moved) / STEP


def assert_gradients(
    f: Callable[..., Any], *strategies: st.SearchStrategy[Any], order: int = 2, examples: int | None = None, step: float = 1e-2
) -> None:
    """Draw inputs, and check the derivatives of `f` at each; the smallest input that fails is shown with its table.

    For each input: `ag.check.gradcheck`, which compares gradients of first and second order with values alone, and
    asks that dtypes are kept, nothing is changed, memory layout does not matter ...; `<v, J u> = <J' v, u>`, that is
    forward against reverse mode, in the precision and layout as drawn; and `ag.check.hvpcheck`, where all is real.

    Args:
        f: returns one array. Floating and complex arrays and Tensors among its arguments, also inside of dicts, lists and
            tuples, are differentiated; everything else (an axis, an index) is passed on. Python floats are passed on too,
            unless there is nothing but them.
        strategies: one for each argument; or a single one that draws a tuple of all arguments, such as
            `mutually_broadcastable(2)`.
        order: 1 checks first derivatives only.
        examples: how many inputs to draw; by default what hypothesis' profile says.
        step: as for `ag.check.gradcheck`: smaller where the domain of `f` ends within 1 % of an input.

    Raises:
        CheckError: a derivative is wrong; the error carries the smallest input found as a note.
        DTypeError: nothing among the arguments can be differentiated.

    >>> import numpy as np, autograd_core as ag
    >>> ag.testing.assert_gradients(np.log, ag.testing.arrays(positive=True), examples=5)
    >>> ag.testing.assert_gradients(np.multiply, ag.testing.mutually_broadcastable(2), examples=5)
    """
    if not strategies:
        raise TypeError("assert_gradients takes a function and a strategy for each argument, such as ag.testing.arrays()")
    if order not in (1, 2):
        raise ValueError(f"order={order}: derivatives of order 1 or 2 are checked")

    def gradients_agree(drawn: Any, seed: int) -> None:
        arguments = drawn[0] if len(drawn) == 1 and isinstance(drawn[0], tuple) else drawn
        try:
            _examine(f, arguments, order, step, np.random.default_rng(seed)).raise_if_failed()
        except Exception as error:
            error.add_note("\n".join(["The smallest input found to fail:", *map(_described, range(len(arguments)), arguments)]))
            raise

    # the name under which failures are remembered
    gradients_agree.__name__ = re.sub(r"\W", "_", f"gradients_agree_{getattr(f, '__qualname__', '')}")
    tested = hypothesis.given(st.tuples(*strategies), st.integers(0, 2**32 - 1))(gradients_agree)
    profile = hypothesis.settings()
    hypothesis.settings(
        profile,
        max_examples=profile.max_examples if examples is None else examples,
        deadline=None,
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,  # the note says it all
        phases=[phase for phase in profile.phases if phase is not hypothesis.Phase.explain],
    )(tested)()


def _examine(f: Callable[..., Any], arguments: Sequence[Any], order: int, step: float, rng: np.random.Generator) -> Report:
    """One report of all checks at one drawn input."""
    leaves, rebuild = flatten(list(arguments))
    given = [x.numpy() if isinstance(x, Tensor) else x for x in leaves]
    places = [k for k, x in enumerate(given) if isinstance(x, np.ndarray) and x.dtype.kind in "fc"]
    places = places or [k for k, x in enumerate(given) if isinstance(x, (float, complex))]
    if not places:
        raise DTypeError(f"nothing to differentiate: no argument is a floating or complex array, but {_kinds(given)}")
    point = [np.asarray(given[k]) for k in places]

    def of_floats(*moved: Any) -> Any:
        chosen = dict(zip(places, flatten(list(moved))[0], strict=True))
        return f(*rebuild([chosen.get(k, x) for k, x in enumerate(given)]))

    # None has no place in a tree, so that rows name the argument and the path in it
    trees = rebuild([x if k in places else None for k, x in enumerate(given)])
    report = gradcheck(of_floats, *trees, order=order, step=step, rng=rng)
    report.title = f"derivatives of {getattr(f, '__name__', 'the function')}"
    report.rows.append(_agreement(of_floats, point, rng))
    if order == 2 and all(x.dtype.kind == "f" for x in point):
        value = np.asarray(of_floats(*(x.astype(float) for x in point)))
        if value.dtype.kind == "f":
            v = uneven(value, rng)
            products = hvpcheck(lambda *moved: np.sum(v * of_floats(*moved)), *trees, step=step, rng=rng)
            report.rows += products.rows
            report.properties += products.properties
    return report


def _agreement(f: Callable[..., Any], point: list[Any], rng: np.random.Generator) -> Row:
    """`<v, J u>` by forward mode against `<J' v, u>` by reverse mode, with the point as it was drawn."""
    y, pullback = vjp(f, *point)
    v, directions = uneven(y, rng), [uneven(x, rng) for x in point]
    forward = [jvp(f, point, directions)[1] * np.conj(v)]
    backward = [u * np.conj(g) for u, g in zip(directions, pullback(v), strict=True)]
    by_forward, by_reverse = (float(sum(np.sum(np.real(terms)) for terms in side)) for side in (forward, backward))
    size = sum(np.sum(np.abs(terms)) for terms in forward + backward)
    eps = max(np.finfo(x.dtype).eps for x in (y, *point))
    return Row("<J'v, u> = <v, Ju>", by_reverse, by_forward, float(1e4 * eps * size))


def _kinds(values: Sequence[Any]) -> str:
    return ", ".join(f"an array of {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__ for x in values)


def _described(k: int, x: Any) -> str:
    if isinstance(x, Tensor):
        x = x.numpy()
    if not isinstance(x, np.ndarray):
        return f"  argument {k}: {x!r}"
    layout = "" if x.flags.c_contiguous else f", strides {x.strides}"
    return f"  argument {k}: {x!r} ({x.dtype}, shape {x.shape}{layout})"
