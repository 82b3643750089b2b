"""One application of an op: its rules against its own forward function, and what else a rule has to keep to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..errors import AutogradError
from ..forward import kept, tangent
from ..graph import Node, Op, fit
from .compare import Comparison
from .functions import Function, Gradient
from .numeric import EPS, pair, random_like
from .report import Property, Row

__all__ = ["Application", "Finding"]

Finding = Row | Property
ROUNDING = 1e-9
DOUBLE = {"f": np.float64, "c": np.complex128}
SINGLE = {"f": np.float32, "c": np.complex64}


class Application:
    """An op at some arguments, with a node that says which of them want a gradient."""

    def __init__(self, op: Op, arguments: tuple[Any, ...], node: Node) -> None:
        self.op, self.node = op, node
        self.given = arguments
        self.arguments = tuple(_cast(x, DOUBLE) for x in arguments)
        self.wanted = [k for k, parent in enumerate(node.parents) if parent is not None]

    def findings(self, rng: np.random.Generator, step: float, order: int) -> Iterator[Finding]:
        """Everything that there is to say about the rules of this node."""
        with np.errstate(all="ignore"):
            try:
                yield from self._findings(rng, step)
                if order > 1:
                    yield from self._second(rng, step)
            except Exception as error:  # noqa: BLE001  rules and forward functions of users may raise anything
                yield Property(self.op.name, False, f"raised {_shown(error)}")

    def _findings(self, rng: np.random.Generator, step: float) -> Iterator[Finding]:
        name = self.op.name
        before = [_copy(x) for x in self.arguments]
        y = np.asarray(self.op.forward(*self.arguments))
        g = np.where(np.isfinite(y), random_like(y, rng), 0.0)
        before += [_copy(y), _copy(g)]
        cotangents: list[Any] = []
        for k in self.wanted:
            where = f"{name}, argument {k}"
            try:
                c = self._rule(k, g, y, self.arguments)
            except Exception as error:  # noqa: BLE001  as above
                refused = type(error) is AutogradError  # on purpose: there is no derivative for such a cotangent
                yield Property(where, False, f"the rule raised {_shown(error)}", not refused)
                return
            trouble = self._trouble(k, c, g, y, rng)
            fitted = self._fitted(k, c)
            if isinstance(fitted, str):
                trouble.append(fitted)
            else:
                cotangents.append(fitted)
                yield from self._compared(k, where, y, g, fitted, step, rng)
            yield Property(where, not trouble, "; ".join(trouble))
        changed = [what for what, x, a in zip(self._names(), before, (*self.arguments, y, g), strict=True) if not _same(x, a)]
        if changed:
            yield Property(name, False, f"changes {', '.join(changed)}")
            return
        if not _same(y, np.asarray(self.op.forward(*self.arguments))):
            yield Property(name, False, "its forward function gives another value when called again")
        if len(cotangents) == len(self.wanted):
            yield from self._forward_mode(y, g, cotangents, rng)

    def _second(self, rng: np.random.Generator, step: float) -> Iterator[Finding]:
        """The derivative of the rules themselves, recorded as create_graph does, against differences of what they return."""
        try:
            rows = list(self._differentiated([], step, rng))
            y = np.asarray(self.op.forward(*self.arguments))
            halved = [k for k in self.wanted if self._reads_a_triangle(k, y)] if not all(row.ok for row in rows) else []
            yield from self._differentiated(halved, step, rng) if halved else rows
        except Exception as error:  # noqa: BLE001  as above
            yield Property(f"{self.op.name}, order 2", False, f"raised {_shown(error)}", type(error) is not AutogradError)

    def _differentiated(self, halved: list[int], step: float, rng: np.random.Generator) -> Iterator[Row]:
        """The second derivatives of this application; of some arguments only the symmetric part counts."""

        def applied(*moving: Any) -> Any:
            arguments = list(self.arguments)
            for k, x in zip(self.wanted, moving, strict=True):
                arguments[k] = _symmetric(x) if k in halved else x
            return self.op.call(*arguments)

        slope = Gradient(Function(applied, [self.arguments[k] for k in self.wanted], rng), rng)
        for i, (k, found) in enumerate(zip(self.wanted, slope.gradients(), strict=True)):
            where = f"{self.op.name}, argument {k}, order 2"
            yield from _worst(Comparison(slope, i, found, where, step, rng).check("direction"))

    def _names(self) -> list[str]:
        return [*(f"argument {k}" for k in range(len(self.arguments))), "the output", "the cotangent"]

    def _rule(self, k: int, g: Any, y: Any, arguments: tuple[Any, ...]) -> Any:
        return np.asarray(self.op.rules[k](g, *kept(self.op, self.node.parents, y, arguments)))

    def _fitted(self, k: int, c: Any) -> Any:
        """What the engine makes of the cotangent, or what is wrong with it."""
        x = np.asarray(self.arguments[k])
        like = self.node.extra.like[k] if self.node.extra is not None and self.node.extra.like else None
        try:
            c = fit(c, self.op, k, x.shape if like is not None and like[0] is not None else None, x.dtype)
        except AutogradError as error:
            return str(error)
        if c.shape != x.shape:
            return f"the rule returned shape {c.shape} for an argument of shape {x.shape}"
        return c

    def _compared(self, k: int, where: str, y: Any, g: Any, c: Any, step: float, rng: np.random.Generator) -> Iterator[Row]:
        # rules see complex cotangents conjugated
        rows = list(Comparison(_Argument(self, k, y, g), 0, np.conj(c), where, step, rng).check("direction"))
        if not all(row.ok for row in rows) and self._reads_a_triangle(k, y):
            symmetric = Comparison(_Argument(self, k, y, g, _symmetric), 0, _symmetric(np.conj(c)), where, step, rng)
            rows = list(symmetric.check("direction"))
        yield from _worst(rows)

    def _reads_a_triangle(self, k: int, y: Any) -> bool:
        """Whether the op takes a symmetric matrix and looks at half of it, as a Cholesky factorisation does.

        Then only symmetric changes of the matrix mean something.
        """
        x = np.asarray(self.arguments[k])
        if x.ndim < 2 or x.shape[-1] != x.shape[-2] or not np.allclose(x, _symmetric(x), rtol=1e-12, atol=0.0):
            return False
        halves = (half(x, offset) for half, offset in ((np.tril, 0), (np.triu, 0)))
        return any(_same(y, np.asarray(self._forward(k, half))) for half in halves)

    def _forward(self, k: int, x: Any) -> Any:
        return self.op.forward(*self.arguments[:k], x, *self.arguments[k + 1 :])

    def _trouble(self, k: int, c: Any, g: Any, y: Any, rng: np.random.Generator) -> list[str]:
        """What the rule does that no rule may do, value aside."""
        found = []
        again = self._rule(k, g, y, self.arguments)
        if not _same(c, again):
            found.append("another value when called again")
        if np.any(self._rule(k, np.zeros_like(g), y, self.arguments)):
            found.append("not zero for a zero cotangent")
        other = random_like(g, rng)
        total, part = self._rule(k, g + other, y, self.arguments), self._rule(k, other, y, self.arguments)
        if c.shape == part.shape == total.shape and not _close(c + part, total, np.abs(c) + np.abs(part)):
            found.append("not linear in the cotangent")
        held = [(name, x) for name, x in zip(self._names(), (*self.arguments, y), strict=False) if isinstance(x, np.ndarray)]
        found += [f"returns memory of {name}" for name, x in held if np.may_share_memory(c, x) and np.shares_memory(c, x)]
        return found + self._dtype_trouble(k, g)

    def _dtype_trouble(self, k: int, g: Any) -> list[str]:
        """In single precision throughout, a rule has to stay there."""
        arguments = tuple(_cast(x, SINGLE) for x in self.given)
        y = np.asarray(self.op.forward(*arguments))
        if y.dtype not in (np.float32, np.complex64):
            return []
        c = self._rule(k, g.astype(y.dtype), y, arguments)
        return [] if c.dtype in (np.float32, np.complex64) else [f"returns {c.dtype} where everything is {y.dtype}"]

    def _forward_mode(self, y: Any, g: Any, cotangents: list[Any], rng: np.random.Generator) -> Iterator[Finding]:
        """<g, J u> by the op's forward mode against <J'g, u> by its rules."""
        u = [random_like(c, rng) for c in cotangents]
        tangents = [u[self.wanted.index(k)] if k in self.wanted else None for k in range(len(self.arguments))]
        where = f"{self.op.name}, forward mode"
        try:
            moved = tangent(self.op, y[()], list(self.arguments), tangents)
        except Exception as error:  # noqa: BLE001  as above
            yield Property(where, False, f"raised {_shown(error)}")
            return
        moved = np.asarray(moved._data if hasattr(moved, "_data") else moved)
        if moved.shape != y.shape:
            yield Property(where, False, f"a tangent of shape {moved.shape} for an output of shape {y.shape}")
            return
        reverse = sum(pair(c, np.conj(t)) for c, t in zip(cotangents, u, strict=True))
        terms = sum(float(np.sum(np.abs(c * t))) for c, t in zip(cotangents, u, strict=True))
        yield Row(where, pair(g, np.conj(moved)), reverse, ROUNDING * (terms + float(np.sum(np.abs(g * moved)))))


class _Argument:
    """The forward function of one argument, as `Comparison` takes it."""

    def __init__(self, application: Application, k: int, y: Any, g: Any, shape: Callable[[Any], Any] = np.asarray) -> None:
        self.application, self.k, self.shape = application, k, shape
        self.point = [np.asarray(application.arguments[k])]
        self.cotangent = np.conj(g)
        self.finite = np.isfinite(y)
        self.magnitude = float(np.sum(np.abs(g * np.where(self.finite, y, 0.0))))

    def gradient_nearby(self, _k: int, rng: np.random.Generator) -> Any:
        """The rule where the last bits of the argument are others."""
        application, k = self.application, self.k
        x = self.shape(self.point[0] * (1 + 4 * EPS * random_like(self.point[0], rng)))
        arguments = (*application.arguments[:k], x[()], *application.arguments[k + 1 :])
        c = application._rule(k, np.conj(self.cotangent), np.asarray(application.op.forward(*arguments)), arguments)
        return self.shape(np.conj(application._fitted(k, c)))

    def along(self, _k: int, direction: Any) -> Callable[[Any], Any]:
        """The output as a function of t; elements that are not finite at t = 0 count as 0."""
        x = self.point[0]
        return lambda t: np.where(self.finite, self.application._forward(self.k, self.shape(x + t * direction)[()]), 0.0)


def _symmetric(x: Any) -> Any:
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _worst(rows: Iterable[Row]) -> list[Row]:
    """The row of the whole argument and, of its elements, the one that is most wrong."""
    first, *elements = rows
    wrong = sorted((row for row in elements if not row.ok), key=lambda row: -row.error)
    return [first, *(row for row in elements if row.ok), *wrong[:1]]


def _cast(x: Any, dtypes: dict[str, Any]) -> Any:
    """Real and complex arrays in another precision; everything else as it is."""
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in dtypes:
        return x.astype(dtypes[x.dtype.kind])
    return x


def _copy(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def _same(a: Any, b: Any) -> bool:
    if not isinstance(a, np.ndarray):
        return True
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _close(a: Any, b: Any, terms: Any) -> bool:
    bound = ROUNDING * float(np.max(terms, initial=0.0))
    return bool(np.allclose(a, b, rtol=ROUNDING, atol=bound if np.isfinite(bound) else 0.0, equal_nan=True))
