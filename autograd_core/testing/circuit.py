"""Random differentiable circuits: programs of N ops, drawn as the Python code that they print as and run.

An op is a line of code with blanks: operands, axes, indices. Drawing a circuit is filling in lines: each step takes a value
that nothing uses yet, and for a second operand any value so far, so nothing is dead and results are used again. Beside each
value stands a bound of its size, from a bound of the op's; a step that would leave the range is not taken. Every op is
smooth on the whole real line, so gradients of any order are finite wherever the inputs stay in their box.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

from .strategies import indices, mutually_broadcastable

__all__ = ["Circuit", "circuits"]

BOX = 2.0  # inputs lie in (-BOX, BOX)
LARGEST = 50.0  # bound of every value
MOST = 36  # elements of a value


@dataclass(frozen=True)
class Step:
    """A line of code with blanks, and how large its result can be: `bound(sizes, n)` for operands of `n` elements."""

    code: str
    bound: Callable[..., float]


same = lambda a, n: a
HOLOMORPHIC = (
    Step("{a} + {b}", lambda a, b, n: a + b),
    Step("{a} - {b}", lambda a, b, n: a + b),
    Step("{a} * {b}", lambda a, b, n: a * b),
    Step("{a} / (1 + {b} ** 2)", lambda a, b, n: a),
    Step("-{a}", same),
    Step("{a} ** 2", lambda a, n: a**2),
    Step("{a} ** 3", lambda a, n: a**3),
    Step("(1 + {a} ** 2) ** -1.5", lambda a, n: 1),
    Step("np.sin({a})", lambda a, n: 1),
    Step("np.cos({a})", lambda a, n: 1),
    Step("np.tanh({a})", lambda a, n: 1),
    Step("np.arctan({a})", lambda a, n: math.pi / 2),
    Step("np.arcsinh({a})", lambda a, n: a),
    Step("np.exp({a})", lambda a, n: math.exp(min(a, 99))),
    Step("np.sinh({a})", lambda a, n: math.exp(min(a, 99))),
    Step("np.log(1 + {a} ** 2)", lambda a, n: math.log1p(a**2)),
    Step("np.sqrt(1 + {a} ** 2)", lambda a, n: 1 + a),
    Step("np.reciprocal(2 + np.cos({a}))", lambda a, n: 1),
    Step("np.sum({a})", lambda a, n: n * a),
    Step("np.sum({a}, axis={axis})", lambda a, n: n * a),
    Step("np.mean({a}, axis={axis}, keepdims=True)", same),
    Step("np.prod({a}, axis={axis})", lambda a, n: max(a, 1) ** n),
    Step("np.cumsum({a}, axis={axis})", lambda a, n: n * a),
    Step("np.diff({a}, axis={axis}, append=1)", lambda a, n: 1 + 2 * a),
    Step("np.flip({a}, axis={axis})", same),
    Step("np.transpose({a}, {order})", same),
    Step("np.reshape({a}, -1)", same),
    Step("np.expand_dims({a}, {axis})", same),
    Step("{a}[{index}]", same),
    Step("np.stack([{a}, {b}])", lambda a, b, n: max(a, b)),
    Step("np.append({a}, {b})", lambda a, b, n: max(a, b)),
    Step("np.where(np.arange({a}.shape[-1]) % 2 == 0, {a}, {b})", lambda a, b, n: max(a, b)),
    Step("{a} @ {b}", lambda a, b, n: n * a * b),
    Step("np.multiply.outer({a}, {b})", lambda a, b, n: a * b),
    Step("np.einsum('...i,...i->...', {a}, {b})", lambda a, b, n: n * a * b),
    Step("np.linalg.inv(np.eye({a}.shape[-2]) + {a} @ {a}.mT)", lambda a, n: 1),  # eigenvalues of what is inverted: 1 and more
)
SMOOTH = (
    Step("np.logaddexp({a}, {b})", lambda a, b, n: 1 + max(a, b)),
    Step("np.hypot(1, {a})", lambda a, n: 1 + a),
    Step("np.arctan2({a}, 1 + {b} ** 2)", lambda a, b, n: math.pi),
    Step("np.var({a})", lambda a, n: a * a),
    Step("np.linalg.norm(np.append({a}, 1))", lambda a, n: 1 + n * a),
)


class Circuit:
    """A drawn program, and the point at which to differentiate it. It prints as the code that it runs.

    Attributes:
        point: a tuple of arrays, drawn with the circuit.
        steps: the lines of the body; `len(circuit)` counts them.
        source: the whole function.

    >>> import numpy as np, autograd_core as ag
    >>> circuit = ag.testing.Circuit(["v0 = np.sin(x0)", "v1 = v0 * x0"], "v1", (np.array([1.0, 0.0]),))
    >>> circuit
    def circuit(x0):
        v0 = np.sin(x0)
        v1 = v0 * x0
        return v1
    <BLANKLINE>
    circuit(np.array([1.0, 0.0], np.float64))
    >>> circuit(*circuit.point)
    array([0.84147098, 0.        ])
    """

    def __init__(self, steps: list[str], result: str, point: tuple[Any, ...]) -> None:
        self.point = point
        self.steps = tuple(steps)
        names = ", ".join(f"x{k}" for k in range(len(point)))
        self.source = "\n".join([f"def circuit({names}):", *(f"    {line}" for line in (*steps, f"return {result}"))])
        space: dict[str, Any] = {"np": np}
        exec(self.source, space)  # noqa: S102  what is printed is what runs
        self._run = space["circuit"]

    def __call__(self, *arrays: Any) -> Any:
        """Run the program on arrays, Tensors, or whatever NumPy's functions take."""
        return self._run(*arrays)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        call = ", ".join(f"np.array({x.tolist()}, np.{x.dtype})" for x in self.point)
        return f"{self.source}\n\ncircuit({call})"


def _written(index: Any) -> str:
    """An index expression as code."""
    if isinstance(index, tuple):
        return ", ".join(map(_written, index)) + ("," if len(index) == 1 else "") if index else "()"
    if isinstance(index, slice):
        ends = [("" if end is None else str(end)) for end in (index.start, index.stop, index.step)]
        return ":".join(ends[: 2 if index.step is None else 3])
    if isinstance(index, np.ndarray):
        return f"np.array({index.tolist()}, np.{index.dtype})"
    return "..." if index is Ellipsis else "None" if index is None else str(index)


BLANKS: dict[str, Callable[[tuple[int, ...]], st.SearchStrategy[Any]]] = {
    "axis": lambda shape: st.integers(-len(shape), len(shape) - 1),
    "order": lambda shape: st.permutations(range(len(shape))),
    "index": lambda shape: indices(shape).map(_written),
}


@dataclass(eq=False)
class _Value:
    """A value so far: its name, an example of it, and a bound of its size."""

    name: str
    example: Any
    bound: float


def _result(step: Step, operands: list[_Value], blanks: dict[str, Any]) -> _Value | None:
    """What a step gives on these operands; None if their shapes do not fit or the result would be too large."""
    sizes = [value.bound for value in operands]
    bound = step.bound(*sizes, max(value.example.size for value in operands))
    if not bound <= LARGEST:
        return None
    code = step.code.format(**{key: value.name for key, value in zip("ab", operands, strict=False)}, **blanks)
    try:
        example = np.asarray(eval(code, {"np": np, **{value.name: value.example for value in operands}}))  # noqa: S307
    except (ValueError, IndexError, np.exceptions.AxisError):
        return None
    return _Value(code, example, bound) if 0 < example.size <= MOST else None


def _choices(step: Step, a: _Value, values: list[_Value], draw: Any) -> list[tuple[list[_Value], _Value]]:
    """The second operands, the latest first, with which a step fits a value, and what it gives; one entry if it has none."""
    shape = a.example.shape
    if not shape and ("{axis}" in step.code or "{order}" in step.code):
        return []
    blanks = {key: draw(blank(shape)) for key, blank in BLANKS.items() if f"{{{key}}}" in step.code}
    groups = [[a, b] for b in values[::-1]] if "{b}" in step.code else [[a]]
    return [(operands, found) for operands in groups if (found := _result(step, operands, blanks))]


@st.composite
def _circuits(draw: Any, max_ops: int, inputs: Any, steps: tuple[Step, ...]) -> Circuit:
    # Choices come in blocks of one layout, so that a line can be left out without changing what the others mean.
    choice = st.tuples(st.sampled_from((None,) * (len(steps) // 2) + steps), st.integers(0, 11), st.integers(0, 11))
    plan = [draw(choice) for _ in range(max_ops)]
    point = draw(inputs)
    values = [_Value(f"x{k}", np.full(x.shape, 0.5), BOX) for k, x in enumerate(point)]
    unused = values[::-1]
    lines: list[str] = []
    for step, i, j in plan:
        choices = _choices(step, unused[-1 - i % len(unused)], values, draw) if step else []
        if choices:
            operands, found = choices[j % len(choices)]
            lines.append(f"v{len(lines)} = {found.name}")
            found.name = f"v{len(lines) - 1}"
            values.append(found)
            unused = [value for value in unused if value not in operands] + [found]
    hypothesis.assume(lines)
    first, *others = [value.name for value in reversed(unused) if value.name.startswith("v")]
    return Circuit(lines, " + ".join([first, *(f"np.sum({name})" for name in others)]), point)


def circuits(
    max_ops: int = 8, inputs: int | st.SearchStrategy[tuple[Any, ...]] = 2, *, holomorphic: bool = False
) -> st.SearchStrategy[Circuit]:
    """Draw whole random circuits: arithmetic, elementary functions, broadcasting, reductions, products, shapes and indexing.

    Values are used more than once, all of them lead to the output, and none is larger than 50. A circuit that fails
    shrinks to the few lines that make it fail.

    Args:
        max_ops: how many lines a circuit has at most.
        inputs: how many arrays it takes, drawn in double precision with shapes that broadcast together; or a strategy of
            the tuple of them, with values in (-2, 2).
        holomorphic: only functions that NumPy computes on complex numbers as well, for `complex_step`.

    Returns:
        A strategy of `Circuit`: callable, with the drawn inputs in `.point`.

    >>> import hypothesis, autograd_core as ag
    >>> @hypothesis.given(ag.testing.circuits(max_ops=3))
    ... def test_gradients_of_circuits(circuit):
    ...     ag.check.gradcheck(circuit, *circuit.point, order=2).raise_if_failed()
    >>> test_gradients_of_circuits()
    """
    if max_ops < 1:
        raise ValueError(f"max_ops={max_ops}: a circuit has at least one op")
    if isinstance(inputs, int):
        inputs = mutually_broadcastable(inputs, dtype=np.float64, bounds=(-BOX, BOX))
    return _circuits(max_ops, inputs, HOLOMORPHIC if holomorphic else HOLOMORPHIC + SMOOTH)
