"""Rows of recurrent layers: what the gates of one step do.

The output holds the gates beside the new state, so that the rules read them and compute nothing twice; the states are
slices of it, whose cotangents travel without the zeros around them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import foreign
from ..errors import ShapeError
from ..fused import Parts, fused
from ..piece import dense
from ..record import primitive
from .neural import linear
from .shapes import shape_of, stack

__all__ = ["gru_cell", "lstm", "lstm_cell"]


def _blocks(a: Any, n: int) -> list[Any]:
    """The last axis in n equal parts."""
    size = a.shape[-1] // n
    return [a[..., k * size : (k + 1) * size] for k in range(n)]


def _side_by_side(parts: list[Any]) -> Any:
    """Equal parts joined along the last axis."""
    return np.concatenate(parts, axis=-1)


def _floating(*arrays: Any) -> Any:
    """The dtype of a result; integers become floats."""
    dtype = np.result_type(*arrays)
    return dtype if dtype.kind in "fc" else np.result_type(dtype, np.float32)


def _sigmoid_(a: Any) -> None:
    """1/(1 + e^-a) = (1 + tanh(a/2))/2 in place: one fast function, and no overflow."""
    a *= 0.5
    np.tanh(a, out=a)
    a += 1
    a *= 0.5


# The blocks of a step's output stand along a new first axis, each contiguous: in slices of the last axis NumPy's loops
# are two to three times slower.


def _lstm_forward(z: Any, c: Any) -> Any:
    y = np.empty((7, *c.shape), _floating(z, c), like=foreign(z))
    i, f, o, g, new, squashed, h = y
    i[...], f[...], g[...], o[...] = _blocks(z, 4)
    _sigmoid_(y[:3])
    np.tanh(g, out=g)
    np.multiply(f, c, out=new)
    np.multiply(i, g, out=h)
    new += h
    np.tanh(new, out=squashed)
    np.multiply(o, squashed, out=h)
    return y


def _lstm_state(dy: Any, y: Any) -> Any:
    """The cotangent of the new cell state, also by way of h = o tanh(c)."""
    squashed = y[5]
    return dy[4] + (dy[5] + dy[6] * y[2]) * (1 - squashed * squashed)


def _lstm_gates_rule(dy: Any, y: Any, _z: Any, c: Any) -> Any:
    dy = dense(dy)
    i, g, dc = y[0], y[3], _lstm_state(dy, y)
    di, df, do = (np.stack([dc * g, dc * c, dy[6] * y[5]]) + dy[:3]) * (y[:3] * (1 - y[:3]))
    return _side_by_side([di, df, (dy[3] + dc * i) * (1 - g * g), do])


# One row instead of thirteen: 0.7 of their time forward and backward, for 32 samples and 128 hidden units in float32.
_lstm_cell = primitive(
    "lstm_cell",
    _lstm_forward,
    _lstm_gates_rule,
    lambda dy, y, _z, _c: _lstm_state(dense(dy), y) * y[1],
)


def lstm_cell(gates: Any, c: Any) -> tuple[Any, Any]:
    """One step of a long short-term memory, behind its linear maps.

    `c' = sigmoid(f) c + sigmoid(i) tanh(g)` and `h' = sigmoid(o) tanh(c')`.

    Args:
        gates: (..., 4 hidden): i, f, g and o side by side, before their nonlinearities.
        c: the cell state (..., hidden).

    Returns:
        (h', c'), each (..., hidden).

    Raises:
        ShapeError: the shapes do not fit.

    F. Gers, J. Schmidhuber, F. Cummins, "Learning to forget", Neural Computation 2000.

    >>> import numpy as np, autograd_core as ag
    >>> h, c = ag.lstm_cell(np.zeros((1, 4)), np.ones((1, 1)))
    >>> float(c[0, 0])
    0.5
    """
    a, b = shape_of(gates), shape_of(c)
    if not b or a != (*b[:-1], 4 * b[-1]):
        raise ShapeError(f"'lstm_cell' takes gates (..., 4 hidden) and a state (..., hidden); got {a} and {b}")
    y = _lstm_cell(gates, c)
    return y[6], y[4]


# A whole sequence. States and gates stand in memory as (hidden, samples): what the gates of a step are is one product and
# one tanh, and each gate one contiguous block.


def _lstm_composed(x: Any, weight_ih: Any, weight_hh: Any, bias: Any, h: Any, c: Any) -> Any:
    """All hidden states, and behind them the last cell state."""
    a, states = linear(x, weight_ih) + bias, []
    for t in range(len(x)):
        h, c = lstm_cell(a[t] + linear(h, weight_hh), c)
        states.append(h)
    return stack([*states, c])


def _by_gates(w: Any) -> Any:
    """The rows of i, f, o and g. Those of the sigmoids are halved: 1/(1 + e^-a) = (1 + tanh(a/2))/2."""
    i, f, g, o = np.split(w, 4)
    out = np.concatenate([i, f, o, g])
    out[: 3 * len(g)] *= 0.5
    return out


def _lstm_sequence(x: Any, weight_ih: Any, weight_hh: Any, bias: Any, h0: Any, c0: Any) -> tuple[Any, Any]:
    steps, (samples, size) = len(x), h0.shape
    dtype = _floating(x, weight_ih, weight_hh, bias, h0, c0)
    gates = np.matmul(_by_gates(weight_ih), x.swapaxes(1, 2), dtype=dtype)
    gates += _by_gates(bias)[:, None]
    weight = _by_gates(weight_hh)
    h = np.empty((steps + 2, size, samples), dtype)  # h0, those of all steps, and the last c
    c = np.empty((steps + 1, size, samples), dtype)
    squashed = np.empty((steps, size, samples), dtype)  # tanh(c)
    h[0], c[0] = h0.T, c0.T
    scratch, product = np.empty((4 * size, samples), dtype), np.empty((size, samples), dtype)
    for z, before, after, c_before, c_after, s in zip(gates, h, h[1:], c, c[1:], squashed, strict=False):
        z += np.matmul(weight, before, out=scratch)
        np.tanh(z, out=z)
        sigmoids = z[: 3 * size]
        sigmoids *= 0.5
        sigmoids += 0.5
        i, f, o, g = z.reshape(4, size, samples)
        np.multiply(f, c_before, out=c_after)
        c_after += np.multiply(i, g, out=product)
        np.multiply(o, np.tanh(c_after, out=s), out=after)
    h[-1] = c[-1]
    return h[1:].transpose(0, 2, 1), (gates, h, c, squashed)


def _lstm_backward(g: Any, kept: Any, x: Any, weight_ih: Any, weight_hh: Any, _bias: Any, _h0: Any, _c0: Any) -> Parts:
    gates, h, c, squashed = kept
    steps, size, samples = squashed.shape
    i, f, o, candidate = gates.reshape(steps, 4, size, samples).swapaxes(0, 1)
    # what the cotangents of c (for i, f and the candidate) and of h (for o) are multiplied with, in the weights' order
    slopes = np.empty((steps, 4, size, samples), gates.dtype)
    for k, (gate, factor) in enumerate([(i, candidate), (f, c[:-1]), (None, i), (o, squashed)]):
        if gate is None:
            np.multiply(candidate, candidate, out=slopes[:, k])
            np.subtract(1, slopes[:, k], out=slopes[:, k])
        else:
            np.multiply(gate, gate, out=slopes[:, k])
            np.subtract(gate, slopes[:, k], out=slopes[:, k])
        slopes[:, k] *= factor
    through = squashed * squashed  # from h to c
    np.subtract(1, through, out=through)
    through *= o
    weight = np.ascontiguousarray(weight_hh.T)
    dc, dh, scratch = (
        g[-1].T.astype(gates.dtype),
        np.zeros((size, samples), gates.dtype),
        np.empty((size, samples), gates.dtype),
    )
    arriving = g.reshape(len(g), -1).any(axis=1)  # often at the last step only, and adding what lies crosswise is slow
    for t in reversed(range(steps)):
        if arriving[t]:
            dh += g[t].T
        dc += np.multiply(dh, through[t], out=scratch)
        dz = slopes[t]
        dz[:3] *= dc
        dz[3] *= dh
        dc *= f[t]
        np.matmul(weight, dz.reshape(4 * size, samples), out=dh)
    dz = np.ascontiguousarray(slopes.reshape(steps, 4 * size, samples).swapaxes(0, 1)).reshape(4 * size, -1)
    return (
        lambda: (dz.T @ weight_ih).reshape(x.shape),
        lambda: dz @ x.reshape(-1, x.shape[-1]),
        lambda: dz @ h[:-2].swapaxes(0, 1).reshape(size, -1).T,
        lambda: dz @ np.ones(dz.shape[1], dz.dtype),
        lambda: dh.T,
        lambda: dc.T,
    )


# One row instead of four for each step: a third of their time, forward and backward, for 64 steps of 32 samples and 128
# hidden units in float32.
_lstm = fused("lstm", _lstm_composed, _lstm_sequence, _lstm_backward, ruled=6)


def lstm(x: Any, weight_ih: Any, weight_hh: Any, bias: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
    """A long short-term memory over a sequence: at each step `lstm_cell` of both linear maps.

    Args:
        x: (steps, samples, inputs), at least one step.
        weight_ih: (4 hidden, inputs).
        weight_hh: (4 hidden, hidden).
        bias: (4 hidden,).
        h: the initial hidden state (samples, hidden).
        c: the initial cell state (samples, hidden).

    Returns:
        The hidden states of all steps (steps, samples, hidden), the last one, and the last cell state (samples, hidden).

    Raises:
        ShapeError: the shapes do not fit.

    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 1997.

    >>> import numpy as np, autograd_core as ag
    >>> weight, state = np.zeros((4, 1)), np.ones((1, 1))
    >>> y, h, c = ag.lstm(np.ones((3, 1, 1)), weight, weight, np.zeros(4), state, state)
    >>> float(c[0, 0])
    0.125
    """
    *axes, hidden = shape_of(h)
    shapes = [shape_of(a) for a in (x, weight_ih, weight_hh, bias, h, c)]
    rows, last = 4 * hidden, shapes[0][-1:]
    if len(axes) != 1 or shapes != [
        (*shapes[0][:1], *axes, *last),
        (rows, *last),
        (rows, hidden),
        (rows,),
        *[(*axes, hidden)] * 2,
    ]:
        raise ShapeError(
            "'lstm' takes x (steps, samples, inputs), weights (4 hidden, inputs) and (4 hidden, hidden), a bias (4 hidden,) "
            f"and two states (samples, hidden); got {', '.join(map(str, shapes))}"
        )
    if not shapes[0][0]:
        raise ShapeError(f"'lstm' needs at least one step; got x of shape {shapes[0]}")
    y = _lstm(x, weight_ih, weight_hh, bias, h, c)
    return y[:-1], y[-2], y[-1]


def _gru_forward(a: Any, b: Any, h: Any) -> Any:
    y = np.empty((4, *h.shape), _floating(a, b, h), like=foreign(a))
    r, z, candidate, new = y
    (ar, az, an), (br, bz, bn) = _blocks(a, 3), _blocks(b, 3)
    np.add(ar, br, out=r)
    np.add(az, bz, out=z)
    _sigmoid_(y[:2])
    np.multiply(r, bn, out=candidate)
    candidate += an
    np.tanh(candidate, out=candidate)
    np.subtract(h, candidate, out=new)  # (1 - z) n + z h = n + z (h - n)
    new *= z
    new += candidate
    return y


def _gru_parts(dy: Any, y: Any, b: Any, h: Any) -> list[Any]:
    """The cotangents of the three sums that enter the nonlinearities."""
    r, z, candidate = y[0], y[1], y[2]
    dn = (dy[2] + dy[3] * (1 - z)) * (1 - candidate * candidate)
    dz = (dy[1] + dy[3] * (h - candidate)) * (z * (1 - z))
    dr = (dy[0] + dn * _blocks(b, 3)[2]) * (r * (1 - r))
    return [dr, dz, dn]


def _gru_hidden_rule(dy: Any, y: Any, _a: Any, b: Any, h: Any) -> Any:
    dr, dz, dn = _gru_parts(dense(dy), y, b, h)
    return _side_by_side([dr, dz, dn * y[0]])


# One row instead of seventeen: 0.6 of their time, as above.
_gru_cell = primitive(
    "gru_cell",
    _gru_forward,
    lambda dy, y, _a, b, h: _side_by_side(_gru_parts(dense(dy), y, b, h)),
    _gru_hidden_rule,
    lambda dy, y, _a, _b, _h: dy[3] * y[1],
)


def gru_cell(from_input: Any, from_hidden: Any, h: Any) -> Any:
    """One step of a gated recurrent unit, behind its linear maps.

    With r and z the sigmoids of the sums of both maps, and `n = tanh(n_input + r n_hidden)`: `h' = (1 - z) n + z h`.

    Args:
        from_input: (..., 3 hidden): r, z and n side by side, as the input's linear map gives them.
        from_hidden: (..., 3 hidden), as the hidden state's linear map gives them.
        h: the hidden state (..., hidden).

    Returns:
        h' (..., hidden).

    Raises:
        ShapeError: the shapes do not fit.

    K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014; with r behind the hidden map,
    as cuDNN and PyTorch have it.

    >>> import numpy as np, autograd_core as ag
    >>> ag.gru_cell(np.zeros((1, 3)), np.zeros((1, 3)), np.ones((1, 1)))
    array([[0.5]])
    """
    a, b, s = shape_of(from_input), shape_of(from_hidden), shape_of(h)
    if not s or a != b or a != (*s[:-1], 3 * s[-1]):
        raise ShapeError(f"'gru_cell' takes two arrays (..., 3 hidden) and a state (..., hidden); got {a}, {b} and {s}")
    return _gru_cell(from_input, from_hidden, h)[3]
