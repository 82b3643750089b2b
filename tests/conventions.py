"""Derivatives at hard points, one row each, and docs/conventions.md: `python -m tests.conventions` (`make ops-table`).

The tests compute each row again. The page gets the values of PyTorch and JAX where they are installed when it is written.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autograd_core as ag

PAGE = Path(__file__).parent.parent / "docs" / "conventions.md"
INF, NAN = np.inf, np.nan
HEAD = """# Conventions at hard points

Where a function has a kink, a tie or a pole, a derivative is a choice. Ours is PyTorch's where PyTorch's is finite and
defensible; where it is NaN although a finite (sub)gradient exists, it is the finite one. Every row is computed by the tests
(`tests/conventions.py`), and the gradients are those of the sum of what the expression gives; *twice* means the gradient of the
sum of the gradient. In `x` and `y` stand the values in the second column.

"""


@dataclass
class Row:
    """A function at a point: our expression (in np and ag), that in torch and jax.numpy, and the gradient it has to have."""

    ours: str
    point: tuple[Any, ...]
    expected: tuple[Any, ...]
    torch: str = ""
    jax: str = ""
    why: str = ""
    order: int = 1

    def gradient(self) -> tuple[Any, ...]:
        """What we give."""
        f = self._function(self.ours, {"np": np, "ag": ag})
        argnums = tuple(range(len(self.point)))
        total = lambda *x: np.real(np.sum(f(*x)))
        with np.errstate(all="ignore"):
            first = ag.grad(total, argnums)
            if self.order == 2:
                return tuple(ag.grad(lambda *x: sum(np.sum(g) for g in first(*x)), argnums)(*self.point))
            return tuple(first(*self.point))

    def by_torch(self) -> tuple[Any, ...]:
        """What PyTorch gives."""
        torch = importlib.import_module("torch")
        x = [torch.tensor(np.asarray(value), requires_grad=True) for value in self.point]
        y = self._function(self.torch, {"torch": torch})(*x).sum()
        y = y.real if y.is_complex() else y
        first = torch.autograd.grad(y, x, create_graph=self.order == 2)
        if self.order == 2:
            first = torch.autograd.grad(sum(g.sum() for g in first), x)
        return tuple(g.detach().resolve_conj().numpy() for g in first)

    def by_jax(self) -> tuple[Any, ...]:
        """What JAX gives."""
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        jnp = jax.numpy
        f = self._function(self.jax, {"jnp": jnp, "jax": jax})
        argnums = tuple(range(len(self.point)))
        first = jax.grad(lambda *x: jnp.real(jnp.sum(f(*x))), argnums)
        if self.order == 2:
            second = jax.grad(lambda *x: sum(jnp.sum(g) for g in first(*x)), argnums)
            return tuple(np.asarray(g) for g in second(*map(jnp.asarray, self.point)))
        return tuple(np.asarray(g) for g in first(*map(jnp.asarray, self.point)))

    def _function(self, code: str, names: dict[str, Any]) -> Any:
        return eval(f"lambda {', '.join('xy'[: len(self.point)])}: {code}", names)  # noqa: S307  the rows below


def A(*values: Any) -> Any:  # noqa: N802  an array, in a table
    return np.array(values, float)


ROWS: dict[str, list[Row]] = {
    "Kinks and jumps": [
        Row("ag.relu(x)", (0.0,), (0.0,), "torch.relu(x)", "jax.nn.relu(x)", "0"),
        Row("np.abs(x)", (0.0,), (0.0,), "torch.abs(x)", "jnp.abs(x)", "between -1 and 1"),
        Row("np.sign(x)", (0.0,), (0.0,), "torch.sign(x)", "jnp.sign(x)", "flat on both sides"),
        Row("np.floor(x)", (1.0,), (0.0,), "torch.floor(x)", "jnp.floor(x)", "flat on both sides"),
        Row("ag.clip(x, 0, 1)", (A(0, 1, 2),), (A(1, 1, 0),), "torch.clamp(x, 0, 1)", "jnp.clip(x, 0, 1)", "1 at the bounds"),
        Row(
            "ag.hardtanh(x)",
            (A(-1, 1),),
            (A(0, 0),),
            "torch.nn.functional.hardtanh(x)",
            "jax.nn.hard_tanh(x)",
            "0 at the bounds",
        ),
        Row("np.sinc(x)", (0.0,), (0.0,), "torch.sinc(x)", "jnp.sinc(x)", "smooth there"),
        Row("np.sinc(x)", (0.0,), (-(np.pi**2) / 3,), "torch.sinc(x)", "jnp.sinc(x)", "-π²/3", order=2),
        Row(
            "np.where(x > 0, x, 0 * x)",
            (0.0,),
            (0.0,),
            "torch.where(x > 0, x, 0 * x)",
            "jnp.where(x > 0, x, 0 * x)",
            "of the branch taken",
        ),
    ],
    "Ties": [
        Row("np.maximum(x, y)", (2.0, 2.0), (0.5, 0.5), "torch.maximum(x, y)", "jnp.maximum(x, y)", "half each"),
        Row("np.fmax(x, y)", (2.0, NAN), (1.0, 0.0), "torch.fmax(x, y)", "jnp.fmax(x, y)", "a NaN loses"),
        Row("np.max(x)", (A(3, 1, 3),), (A(0.5, 0, 0.5),), "torch.amax(x)", "jnp.max(x)", "equal shares, in all 1"),
        Row(
            "np.median(x)",
            (A(4, 1, 2, 9),),
            (A(0.5, 0, 0.5, 0),),
            "torch.quantile(x, 0.5)",
            "jnp.median(x)",
            "an even count: half each",
        ),
        Row(
            "np.sort(x)[0]",
            (A(2, 2),),
            (A(1, 0),),
            "torch.sort(x, stable=True).values[0]",
            "jnp.sort(x)[0]",
            "the stable order",
        ),
    ],
    "Lengths": [
        Row(
            "np.linalg.norm(x)",
            (A(0, 0),),
            (A(0, 0),),
            "torch.linalg.norm(x)",
            "jnp.linalg.norm(x)",
            "the smallest subgradient",
        ),
        Row(
            "np.linalg.norm(x) ** 2",
            (A(0, 0),),
            (A(2, 2),),
            "torch.linalg.norm(x) ** 2",
            "jnp.linalg.norm(x) ** 2",
            "the square is smooth: H = 2 I",
            order=2,
        ),
        Row("np.hypot(x, y)", (0.0, 0.0), (0.0, 0.0), "torch.hypot(x, y)", "jnp.hypot(x, y)", "as norm"),
        Row("np.std(x)", (A(5, 5, 5),), (A(0, 0, 0),), "torch.std(x, correction=0)", "jnp.std(x)", "as norm"),
        Row("np.arctan2(x, y)", (0.0, 0.0), (0.0, 0.0), "torch.arctan2(x, y)", "jnp.arctan2(x, y)", "no direction there"),
        Row("np.sqrt(x)", (0.0,), (INF,), "torch.sqrt(x)", "jnp.sqrt(x)", "it is infinite"),
    ],
    "Powers and products at zero": [
        Row("x ** 0", (0.0,), (0.0,), "x ** 0", "x ** 0", "x⁰ is 1 everywhere"),
        Row("x ** y", (0.0, 2.0), (0.0, 0.0), "x ** y", "x ** y", "0^y is 0 around y = 2"),
        Row("x ** y", (0.0, 1.0), (1.0, 0.0), "x ** y", "x ** y", ""),
        Row("np.prod(x)", (A(0, 2, 3),), (A(6, 0, 0),), "torch.prod(x)", "jnp.prod(x)", "no division by x"),
        Row(
            "np.prod(x)",
            (A(0, 0, 3),),
            (A(3, 3, 0),),
            "torch.prod(x)",
            "jnp.prod(x)",
            "any number of zeros, any order",
            order=2,
        ),
        Row("np.cumprod(x)", (A(2, 0, 3),), (A(1, 8, 0),), "torch.cumprod(x, 0)", "jnp.cumprod(x)", ""),
        Row("ag.xlogy(x, y)", (0.0, 0.0), (0.0, 0.0), "torch.xlogy(x, y)", "jax.scipy.special.xlogy(x, y)", "0 log 0 = 0"),
    ],
    "Logarithms of sums": [
        Row("ag.logsumexp(x)", (A(0, -INF),), (A(1, 0),), "torch.logsumexp(x, 0)", "jax.scipy.special.logsumexp(x)", "softmax"),
        Row(
            "ag.logsumexp(x)",
            (A(-INF, -INF),),
            (A(0, 0),),
            "torch.logsumexp(x, 0)",
            "jax.scipy.special.logsumexp(x)",
            "0, not NaN",
        ),
        Row("np.logaddexp(x, y)", (-INF, -INF), (0.0, 0.0), "torch.logaddexp(x, y)", "jnp.logaddexp(x, y)", "as logsumexp"),
        Row("ag.softmax(x)[0]", (A(0, -INF),), (A(0, 0),), "torch.softmax(x, 0)[0]", "jax.nn.softmax(x)[0]", ""),
    ],
    "Decompositions": [
        Row(
            "np.linalg.eigvalsh(x)[0]",
            (np.diag([1.0, 2.0]),),
            (np.diag([1.0, 0.0]),),
            "torch.linalg.eigvalsh(x)[0]",
            "jnp.linalg.eigvalsh(x)[0]",
            "",
        ),
        Row(
            "np.linalg.eigvalsh(x)",
            (np.eye(2),),
            (np.eye(2),),
            "torch.linalg.eigvalsh(x)",
            "jnp.linalg.eigvalsh(x)",
            "values may repeat",
        ),
        Row(
            "np.linalg.svd(x)[1]",
            (np.zeros((2, 2)),),
            (np.eye(2),),
            "torch.linalg.svd(x)[1]",
            "jnp.linalg.svd(x)[1]",
            "u vᵀ, of the vectors that were found",
        ),
    ],
    "Complex numbers": [
        Row("np.abs(x) ** 2", (1 + 2j,), (2 + 4j,), "torch.abs(x) ** 2", "jnp.abs(x) ** 2", "`x - lr * grad` descends"),
        Row("np.abs(x)", (0j,), (0j,), "torch.abs(x)", "jnp.abs(x)", ""),
    ],
}
TAIL = """
## What stays undefined

The gradient of eigenvectors and singular vectors whose values repeat is infinite or NaN, as the vectors themselves are
arbitrary; under `ag.detect_anomaly()` it is an error that names the op and your line. `np.where(x > 0, np.log(x), 0)` at 0
multiplies 0 with the infinite slope of the branch that is not taken: a NaN. Anomaly mode names it, and the cure, a second
`where` inside:

```python
import autograd_core as ag
import numpy as np

safe = lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0)
print(ag.grad(safe)(0.0))  # 0.0
```
"""


def shown(values: tuple[Any, ...]) -> str:
    """Numbers as short as they can be."""
    return ", ".join(_array(np.asarray(value)) for value in values)


def _array(value: Any) -> str:
    if value.ndim:
        return "[" + ", ".join(_array(v) for v in value) + "]"
    number = complex(value)
    if np.iscomplexobj(value):
        return f"{number.real + 0:.4g}{number.imag + 0:+.4g}j"
    return f"{number.real + 0:.4g}"


def same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Whether two gradients are equal up to rounding."""
    return all(np.allclose(x, y, rtol=1e-10, atol=1e-12, equal_nan=True) for x, y in zip(a, b, strict=True))


def line(row: Row, others: bool = True) -> str:
    """A row of the page; without what the others give, as its beginning."""
    of = f"`{row.ours}`" + (", twice" if row.order == 2 else "")
    cells = [of, f"`{shown(row.point)}`", f"**{shown(row.expected)}**"]
    if others:
        for give in (row.by_torch, row.by_jax):
            try:
                cells.append(shown(give()))
            except ImportError:
                cells.append("")
        cells.append(row.why)
    return "| " + " | ".join(cells) + " |"


def text() -> str:
    """The page."""
    versions = []
    for package in ("torch", "jax"):
        try:
            versions.append(f"{package} {importlib.import_module(package).__version__}")
        except ImportError:
            versions.append(f"{package} is not installed")
    parts = [HEAD, f"Written with {', '.join(versions)}.\n"]
    for title, rows in ROWS.items():
        parts.append(f"\n## {title}\n\n| gradient of | at | here | PyTorch | JAX | |\n|---|---|---|---|---|---|\n")
        parts += [line(row) + "\n" for row in rows]
    return "".join(parts) + TAIL


def main() -> None:
    """Write the page, once every row has been found true."""
    for rows in ROWS.values():
        for row in rows:
            if not same(row.gradient(), row.expected):
                raise SystemExit(f"{row.ours} at {shown(row.point)}: {shown(row.gradient())}, expected {shown(row.expected)}")
    PAGE.write_text(text(), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
