"""What the rows of linear algebra share: adjoints, diagonals, and the two rows that most rules are made of."""

from typing import Any

import numpy as np

from ..arrays import beside
from ..dual import bare
from ..errors import ShapeError
from ..record import primitive
from .derived import as_operand


def conj(x: Any) -> Any:
    """The conjugate of complex x; real x as it is, without an op."""
    return np.conj(x) if x.dtype.kind == "c" else x


def adjoint(x: Any) -> Any:
    """The conjugate transpose of the matrices in x."""
    return conj(x.mT)


def eye_of(x: Any, n: int | None = None) -> Any:
    """Where the diagonal of the matrices in x is, as booleans: they keep a float32 product float32."""
    x = bare(x)
    return beside(np.eye(x.shape[-2] if n is None else n, dtype=bool), x)


def below_of(x: Any) -> Any:
    """Where x is strictly below its diagonal."""
    x = bare(x)
    return beside(np.tri(x.shape[-2], x.shape[-1], k=-1, dtype=bool), x)


def diagonal_of(x: Any) -> Any:
    """The diagonals of the matrices in x."""
    return np.diagonal(x, 0, -2, -1)


def diagonal_matrix(x: Any) -> Any:
    """The matrices with the last axis of x on the diagonal and zeros beside it."""
    return x[..., None] * eye_of(x, x.shape[-1])


def inexact(x: Any) -> Any:
    """x as an array or Tensor of real or complex numbers."""
    x = as_operand(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def check_matrix(name: str, a: Any, square: bool = False) -> None:
    """Raise if the last two axes of `a` are missing, or are not as long as each other."""
    if a.ndim < 2 or (square and a.shape[-1] != a.shape[-2]):
        raise ShapeError(f"'{name}' takes {'square ' * square}matrices, in the last two axes; got shape {a.shape}")


def largest(x: Any) -> Any:
    """The largest absolute value; 0 of nothing."""
    x = np.abs(bare(x))
    return x.max() if x.size else 0.0


def from_lower(a: Any) -> Any:
    """The Hermitian matrix of which `a` gives the lower triangle."""
    check_matrix("hermitian=True", a, square=True)
    below, on = a * below_of(a), a * eye_of(a)
    return below + adjoint(below) + (on.real if a.dtype.kind == "c" else on)


solve_matrix: Any = primitive(
    "solve",
    np.linalg.solve,
    lambda g, y, a, _b: -(solve_matrix(a.mT, g) @ y.mT),
    lambda g, _y, a, _b: solve_matrix(a.mT, g),
    core=2,
)
inverse: Any = primitive("inv", np.linalg.inv, lambda g, y, _a: -(y.mT @ g @ y.mT))
