"""Recurrent layers: one linear map for the inputs of all steps, then step by step what depends on the state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import autograd_core as ag
from autograd_core.arrays import beside, foreign, to_host, values_of

from . import init
from .dropout import dropout as drop
from .module import Module, Parameter

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

State = tuple[Any, ...]


class _Kind(NamedTuple):
    """What makes a recurrent unit: its gates, its states, and a step from both linear maps to the new states."""

    gates: int
    states: int
    step: Callable[[Any, Any, State], State]  # (from the input, from the hidden state, states) -> states
    adds: bool  # the step only adds the two maps, so that their biases can be added before the steps
    whole: Callable[[Any, _Weights, State], tuple[Any, State]] | None = None  # all steps at once, where that is one op


def _lstm_sequence(x: Any, weights: _Weights, states: State) -> tuple[Any, State]:
    bias = (
        weights.bias_ih + weights.bias_hh
        if weights.bias_ih is not None
        else beside(np.zeros(4 * weights.weight_hh.shape[1], np.float32), x)
    )
    outputs, *last = ag.lstm(x, weights.weight_ih, weights.weight_hh, bias, *states)
    return outputs, (*last,)


_KINDS = {
    "tanh": _Kind(1, 1, lambda a, b, _states: (ag.tanh(a + b),), True),
    "relu": _Kind(1, 1, lambda a, b, _states: (ag.relu(a + b),), True),
    "lstm": _Kind(4, 2, lambda a, b, states: ag.lstm_cell(a + b, states[1]), True, _lstm_sequence),
    "gru": _Kind(3, 1, lambda a, b, states: (ag.gru_cell(a, b, states[0]),), False),
}


class _Weights(NamedTuple):
    """Of one direction of one layer."""

    weight_ih: Any
    weight_hh: Any
    bias_ih: Any
    bias_hh: Any

    def from_input(self, kind: _Kind, x: Any) -> Any:
        """The linear map of the input, of all steps at once."""
        both = kind.adds and self.bias_ih is not None
        return ag.linear(x, self.weight_ih, self.bias_ih + self.bias_hh if both else self.bias_ih)

    def step(self, kind: _Kind, a: Any, states: State) -> State:
        """The new states."""
        return kind.step(a, ag.linear(states[0], self.weight_hh, None if kind.adds else self.bias_hh), states)


def _new_weights(sizes: tuple[int, int, int], bias: bool, dtype: Any, rng: np.random.Generator | None) -> _Weights:
    """Uniform in +-1/sqrt(hidden_size), as in PyTorch."""
    rows, inputs, hidden = sizes
    bound = 1 / math.sqrt(hidden)
    shapes: list[Any] = [(rows, inputs), (rows, hidden), *([(rows,), (rows,)] if bias else [])]
    made = [init.uniform_(Parameter(np.empty(shape, dtype)), -bound, bound, rng) for shape in shapes]
    return _Weights(*made, *[None] * (4 - len(made)))


def _scan(kind: _Kind, weights: _Weights, x: Any, states: State, reverse: bool, running: Any) -> tuple[Any, State]:
    """Outputs of all steps and the last states; a sample whose sequence does not run at a step keeps its state."""
    if kind.whole is not None and (running is None or running.all()):
        outputs, states = kind.whole(x[::-1] if reverse else x, weights, states)
        return outputs[::-1] if reverse else outputs, states
    a = weights.from_input(kind, x)
    steps = range(len(x))
    outputs = [None] * len(x)
    for t in reversed(steps) if reverse else steps:
        new = weights.step(kind, a[t], states)
        if running is None or running[t].all():
            outputs[t], states = new[0], new
        else:
            here = running[t]
            outputs[t] = ag.where(here, new[0], 0)
            states = tuple(ag.where(here, after, before) for after, before in zip(new, states, strict=True))
    return ag.stack(outputs), states


class _Recurrent(Module):
    """Layers of recurrent units over sequences; a subclass names the kind."""

    kind: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        if hidden_size < 1 or num_layers < 1:
            raise ValueError(f"hidden_size and num_layers have to be at least 1; got {hidden_size} and {num_layers}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout has to be a probability from 0 to 1; got {dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.rng = rng
        for layer in range(num_layers):
            inputs = hidden_size * self._directions if layer else input_size
            for suffix in self._suffixes(layer):
                weights = _new_weights((_KINDS[self.kind].gates * hidden_size, inputs, hidden_size), bias, dtype, rng)
                for name, value in weights._asdict().items():
                    setattr(self, name + suffix, value)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]

    def _weights(self, suffix: str) -> _Weights:
        return _Weights(*[getattr(self, name + suffix) for name in _Weights._fields])

    def _initial(self, states: Any, x: Any, unbatched: bool) -> State:
        """The initial states (layers * directions, samples, hidden_size): zeros where none are given."""
        kind, name = _KINDS[self.kind], type(self).__name__
        shape = (self.num_layers * self._directions, x.shape[1], self.hidden_size)
        if states is None:
            return (
                np.zeros(shape, np.result_type(x.dtype, self._weights("_l0").weight_ih.dtype), like=foreign(x)),
            ) * kind.states
        given = states if kind.states > 1 else (states,)
        expected = (shape[0], shape[2]) if unbatched else shape
        if len(given) != kind.states or any(np.shape(s) != expected for s in given):
            shapes = ", ".join(str(np.shape(s)) for s in given)
            raise ag.ShapeError(
                f"{name} takes {'h and c' if kind.states > 1 else 'h'} of shape {expected} for this input; got {shapes}"
            )
        return tuple(s[:, None] for s in given) if unbatched else tuple(given)

    def _running(self, lengths: Any, x: Any) -> Any:
        """Which samples' sequences run at each step, (steps, samples, 1)."""
        if lengths is None:
            return None
        lengths = to_host(values_of(lengths))
        steps, samples = x.shape[:2]
        if lengths.shape != (samples,) or lengths.dtype.kind not in "iu" or ((lengths < 0) | (lengths > steps)).any():
            raise ag.ShapeError(
                f"lengths are {samples} integers from 0 to {steps}, one for each sequence of the input; "
                f"got {lengths.dtype} of shape {lengths.shape}: {np.array2string(lengths, threshold=8)}"
            )
        return beside((np.arange(steps)[:, None] < lengths)[..., None], x)

    def _run(self, x: Any, states: Any, lengths: Any) -> tuple[Any, State]:
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or not x.shape[1 if self.batch_first and x.ndim == 3 else 0]:
            order = "(samples, steps" if self.batch_first else "(steps, samples"
            raise ag.ShapeError(
                f"{type(self).__name__} takes {order}, {self.input_size}), or (steps, {self.input_size}), with at least one "
                f"step; got shape {x.shape}"
            )
        unbatched = x.ndim == 2
        if unbatched:
            x = x[:, None]
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        first, running = self._initial(states, x, unbatched), self._running(lengths, x)
        if running is not None:
            x = ag.where(running, x, 0)  # not even a NaN behind the end may reach a gradient
        last = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = drop(x, self.dropout, self.training, self.rng)
            outputs = []
            for direction, suffix in enumerate(self._suffixes(layer)):
                start = tuple(s[layer * self._directions + direction] for s in first)
                y, end = _scan(_KINDS[self.kind], self._weights(suffix), x, start, bool(direction), running)
                outputs.append(y)
                last.append(end)
            x = outputs[0] if len(outputs) == 1 else ag.concatenate(outputs, axis=-1)
        finals = tuple(ag.stack(of_one_kind) for of_one_kind in zip(*last, strict=True))
        if unbatched:
            return x[:, 0], tuple(s[:, 0] for s in finals)
        return x.swapaxes(0, 1) if self.batch_first else x, finals

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        """Run over sequences.

        Args:
            x: (steps, samples, input_size); with `batch_first` (samples, steps, input_size); or (steps, input_size).
            state: the initial hidden state (num_layers * directions, samples, hidden_size), or (num_layers * directions,
                hidden_size) for one sequence; zeros if None.
            lengths: how many steps each sequence has, (samples,) integers in any order; None if all run to the end. What
                stands in x behind the end has no influence, and the outputs there are 0.

        Returns:
            The outputs of the last layer, shaped as x with directions * hidden_size in the last axis, and the last state,
            shaped as the initial one: of each sequence at its own end, and for the reverse direction at its beginning.

        Raises:
            ShapeError: x, the state or the lengths do not fit.
        """
        y, finals = self._run(x, state, lengths)
        return y, finals[0]

    def extra_repr(self) -> str:
        """Sizes, and the options that are not the default."""
        options = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        shown = [f"{name}={getattr(self, name)}" for name, default in options.items() if getattr(self, name) != default]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *shown])


class RNN(_Recurrent):
    """Elman's network: `h' = tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)`.

    Args:
        input_size: size of the input of a step.
        hidden_size: size of the hidden state.
        num_layers: each further layer takes the outputs of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether to add biases.
        batch_first: whether the axis of samples stands before that of steps.
        dropout: probability of dropping elements of the inputs of all layers but the first, while training.
        bidirectional: a second network runs from the end to the beginning; the outputs stand side by side.
        dtype: of the parameters.
        rng: generator for the initial values, uniform in +-1/sqrt(hidden_size), and for dropout.

    Raises:
        ValueError: an option has no meaning.

    J. Elman, "Finding structure in time", Cognitive Science 1990.

    >>> y, h = RNN(3, 4)(np.zeros((5, 2, 3), np.float32))
    >>> y.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.kind = self.nonlinearity = _nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, rng)


def _nonlinearity(name: str) -> str:
    if name not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity is 'tanh' or 'relu'; got {name!r}")
    return name


class LSTM(_Recurrent):
    """Long short-term memory: `ag.lstm_cell` of the sum of both linear maps, with gates in the order i, f, g, o.

    `c' = sigmoid(f) c + sigmoid(i) tanh(g)`, `h' = sigmoid(o) tanh(c')`; initial and last state are pairs (h, c).

    Args:
        input_size: size of the input of a step.
        hidden_size: size of both states.
        num_layers: each further layer takes the outputs of the one before.
        bias: whether to add biases.
        batch_first: whether the axis of samples stands before that of steps.
        dropout: probability of dropping elements of the inputs of all layers but the first, while training.
        bidirectional: a second network runs from the end to the beginning; the outputs stand side by side.
        dtype: of the parameters.
        rng: generator for the initial values, uniform in +-1/sqrt(hidden_size), and for dropout.

    Raises:
        ValueError: an option has no meaning.

    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 1997; F. Gers et al., 2000.

    >>> y, (h, c) = LSTM(3, 4, bidirectional=True)(np.zeros((5, 2, 3), np.float32), lengths=[5, 2])
    >>> y.shape, h.shape, c.shape
    ((5, 2, 8), (2, 2, 4), (2, 2, 4))
    """

    kind = "lstm"

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        """As the other recurrent layers; the states are pairs (h, c)."""
        return self._run(x, state, lengths)


class GRU(_Recurrent):
    """Gated recurrent units: `ag.gru_cell` of both linear maps, with gates in the order r, z, n.

    `h' = (1 - z) n + z h` with `n = tanh(n_input + r n_hidden)`.

    Args:
        input_size: size of the input of a step.
        hidden_size: size of the hidden state.
        num_layers: each further layer takes the outputs of the one before.
        bias: whether to add biases.
        batch_first: whether the axis of samples stands before that of steps.
        dropout: probability of dropping elements of the inputs of all layers but the first, while training.
        bidirectional: a second network runs from the end to the beginning; the outputs stand side by side.
        dtype: of the parameters.
        rng: generator for the initial values, uniform in +-1/sqrt(hidden_size), and for dropout.

    Raises:
        ValueError: an option has no meaning.

    K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

    >>> y, h = GRU(3, 4, num_layers=2, batch_first=True)(np.zeros((2, 5, 3), np.float32))
    >>> y.shape, h.shape
    ((2, 5, 4), (2, 2, 4))
    """

    kind = "gru"


# One step


class _Cell(Module):
    """One step of one recurrent unit; a subclass names the kind."""

    kind: str
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        if hidden_size < 1:
            raise ValueError(f"hidden_size has to be at least 1; got {hidden_size}")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = _KINDS[self.kind].gates * hidden_size
        self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh = _new_weights(
            (rows, input_size, hidden_size), bias, dtype, rng
        )

    def _step(self, x: Any, states: Any) -> State:
        kind = _KINDS[self.kind]
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ag.ShapeError(
                f"{type(self).__name__} takes (samples, {self.input_size}) or ({self.input_size},); got {x.shape}"
            )
        shape = (*x.shape[:-1], self.hidden_size)
        if states is None:
            states = (np.zeros(shape, np.result_type(x.dtype, self.weight_ih.dtype), like=foreign(x)),) * kind.states
        elif len(states) != kind.states or any(np.shape(s) != shape for s in states):
            shapes = ", ".join(str(np.shape(s)) for s in states)
            raise ag.ShapeError(
                f"{type(self).__name__} takes {kind.states} states of shape {shape} for this input; got {shapes}"
            )
        weights = _Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return weights.step(kind, weights.from_input(kind, x), tuple(states))

    def forward(self, x: Any, state: Any = None) -> Any:
        """One step.

        Args:
            x: (samples, input_size), or (input_size,).
            state: the hidden state (samples, hidden_size), or (hidden_size,); zeros if None.

        Returns:
            The new hidden state.

        Raises:
            ShapeError: x or the state does not fit.
        """
        return self._step(x, None if state is None else (state,))[0]

    def extra_repr(self) -> str:
        """Sizes and bias."""
        return f"{self.input_size}, {self.hidden_size}, bias={self.bias}"


class RNNCell(_Cell):
    """One step of an `RNN`.

    Args:
        input_size: size of the input.
        hidden_size: size of the hidden state.
        bias: whether to add biases.
        nonlinearity: "tanh" or "relu".
        dtype: of the parameters.
        rng: generator for the initial values, uniform in +-1/sqrt(hidden_size).

    Raises:
        ValueError: an option has no meaning.

    >>> RNNCell(3, 4)(np.zeros((2, 3), np.float32)).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.kind = self.nonlinearity = _nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, bias, dtype, rng)


class LSTMCell(_Cell):
    """One step of an `LSTM`; state and result are pairs (h, c).

    Args:
        input_size: size of the input.
        hidden_size: size of both states.
        bias: whether to add biases.
        dtype: of the parameters.
        rng: generator for the initial values, uniform in +-1/sqrt(hidden_size).

    Raises:
        ValueError: `hidden_size` is less than 1.

    >>> h, c = LSTMCell(3, 4)(np.zeros((2, 3), np.float32))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    kind = "lstm"

    def forward(self, x: Any, state: Any = None) -> Any:
        """As the other cells; the states are pairs (h, c)."""
        return self._step(x, state)


class GRUCell(_Cell):
    """One step of a `GRU`.

    Args:
        input_size: size of the input.
        hidden_size: size of the hidden state.
        bias: whether to add biases.
        dtype: of the parameters.
        rng: generator for the initial values, uniform in +-1/sqrt(hidden_size).

    Raises:
        ValueError: `hidden_size` is less than 1.

    >>> GRUCell(3, 4)(np.zeros((2, 3), np.float32)).shape
    (2, 4)
    """

    kind = "gru"
