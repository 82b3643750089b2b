"""Recurrent layers: steps and cells, sequences of different lengths, dropout between layers, and errors."""

import numpy as np
import pytest

import autograd_core as ag
import nn

CLASSES = [(nn.RNN, nn.RNNCell), (nn.LSTM, nn.LSTMCell), (nn.GRU, nn.GRUCell)]


def hidden(states):
    return states[0] if isinstance(states, tuple) else states


@pytest.mark.parametrize(("layer", "cell"), CLASSES)
def test_a_layer_is_its_cell_step_by_step(layer, cell, rng):
    net, one = layer(3, 4, dtype=float), cell(3, 4, dtype=float)
    one.load_state_dict({name.removesuffix("_l0"): value for name, value in net.state_dict().items()})
    x, state, outputs = rng.normal(size=(5, 2, 3)), None, []
    for step in x:
        state = one(step, state)
        outputs.append(hidden(state).numpy())
    y, last = net(x)
    np.testing.assert_allclose(y.numpy(), outputs, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(hidden(last).numpy()[0], outputs[-1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("layer", "cell"), CLASSES)
def test_each_sequence_runs_as_if_it_were_alone(layer, cell, rng):
    net = layer(3, 4, num_layers=2, bidirectional=True, dtype=float)
    x, lengths = rng.normal(size=(6, 4, 3)), [2, 6, 0, 5]
    y, last = net(x, lengths=lengths)
    for k, n in enumerate(lengths):
        assert not y.numpy()[n:, k].any()
        if n:
            alone, end = net(x[:n, k])
            np.testing.assert_allclose(y.numpy()[:n, k], alone.numpy(), rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(hidden(last).numpy()[:, k], hidden(end).numpy(), rtol=1e-12, atol=1e-14)
    assert not hidden(last).numpy()[:, 2].any()  # no steps: the initial state


@pytest.mark.parametrize(("layer", "cell"), CLASSES)
def test_what_stands_behind_the_end_has_no_influence_even_if_nan(layer, cell, rng):
    net = layer(3, 4, bidirectional=True, dtype=float)
    x, g = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 2, 8))

    def gradients(x):
        net.zero_grad()
        t = ag.Tensor(x, requires_grad=True)
        y, _ = net(t, lengths=np.array([4, 2]))
        y.backward(g)
        return [y.numpy(), t.grad.numpy(), *(p.grad.numpy() for p in net.parameters())]

    filled = x.copy()
    filled[2:, 1] = np.nan
    for a, b in zip(gradients(x), gradients(filled), strict=True):
        assert np.isfinite(b).all()
        np.testing.assert_array_equal(a, b)


def test_dropout_is_between_layers_and_only_in_training(rng):
    net = nn.GRU(3, 4, num_layers=2, dropout=0.5, dtype=float, rng=np.random.default_rng(0))
    plain = nn.GRU(3, 4, num_layers=2, dtype=float)
    plain.load_state_dict(net.state_dict())
    x = rng.normal(size=(5, 2, 3))
    np.testing.assert_array_equal(net.eval()(x)[0].numpy(), plain(x)[0].numpy())
    y, last = net.train()(x)
    assert not np.allclose(y.numpy(), plain(x)[0].numpy())
    np.testing.assert_array_equal(last.numpy()[0], plain(x)[1].numpy()[0])  # the first layer takes x as it is
    net.dropout = 1.0
    second = nn.GRU(4, 4, dtype=float)
    second.load_state_dict({k.replace("_l1", "_l0"): v for k, v in net.state_dict().items() if k.endswith("_l1")})
    np.testing.assert_allclose(net(x)[0].numpy(), second(np.zeros((5, 2, 4)))[0].numpy(), rtol=1e-12)


def test_steps_of_huge_gates_are_finite_and_exact():
    gates = np.array([[1e4, 1e4, 1e4, 1e4], [-1e4, -1e4, -1e4, -1e4]])
    t = ag.Tensor(gates, requires_grad=True)
    h, c = ag.lstm_cell(t, np.array([[3.0], [3.0]]))
    np.testing.assert_allclose(c.numpy(), [[4.0], [0.0]])
    (h + c).backward(np.array([[0.3], [-2.0]]))
    np.testing.assert_array_equal(t.grad.numpy(), np.zeros((2, 4)))
    y = ag.gru_cell(np.array([[0.0, 1e4, 5.0]]), np.array([[0.0, 0.0, 0.0]]), np.array([[3.0]]))
    np.testing.assert_array_equal(y, [[3.0]])  # z = 1 keeps the state


def test_steps_equal_their_formulas(rng):
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    z, c0 = rng.normal(size=(3, 8)), rng.normal(size=(3, 2))
    i, f, g, o = (z[:, k : k + 2] for k in (0, 2, 4, 6))
    h, c = ag.lstm_cell(z, c0)
    np.testing.assert_allclose(c, sigmoid(f) * c0 + sigmoid(i) * np.tanh(g), rtol=1e-12)
    np.testing.assert_allclose(h, sigmoid(o) * np.tanh(c), rtol=1e-12)
    a, b = rng.normal(size=(2, 3, 6))
    r, u = sigmoid(a[:, :2] + b[:, :2]), sigmoid(a[:, 2:4] + b[:, 2:4])
    n = np.tanh(a[:, 4:] + r * b[:, 4:])
    np.testing.assert_allclose(ag.gru_cell(a, b, c0), (1 - u) * n + u * c0, rtol=1e-12)
    with pytest.raises(ag.ShapeError, match=r"got \(3, 7\) and \(3, 2\)"):
        ag.lstm_cell(z[:, :7], c0)
    with pytest.raises(ag.ShapeError, match=r"got \(3, 6\), \(3, 5\) and \(3, 2\)"):
        ag.gru_cell(a, b[:, :5], c0)
    assert ag.lstm_cell(z.astype(np.float32), c0)[0].dtype == np.float64
    assert ag.gru_cell(a.astype(np.float32), b, c0).dtype == np.float64


def test_recurrent_layers_refuse_what_does_not_fit():
    net = nn.LSTM(3, 4)
    with pytest.raises(ag.ShapeError, match=r"\(steps, samples, 3\).*got shape \(5, 2, 4\)"):
        net(np.ones((5, 2, 4)))
    with pytest.raises(ag.ShapeError, match="at least one step"):
        net(np.ones((0, 2, 3)))
    with pytest.raises(ag.ShapeError, match=r"h and c of shape \(1, 2, 4\).*got \(1, 2, 3\), \(1, 2, 4\)"):
        net(np.ones((5, 2, 3)), (np.ones((1, 2, 3)), np.ones((1, 2, 4))))
    for lengths in ([6, 1], [1], [1.0, 2.0], [-1, 2]):
        with pytest.raises(ag.ShapeError, match="2 integers from 0 to 5"):
            net(np.ones((5, 2, 3)), lengths=lengths)
    with pytest.raises(ag.ShapeError, match=r"RNNCell takes \(samples, 3\) or \(3,\); got \(2, 4\)"):
        nn.RNNCell(3, 4)(np.ones((2, 4)))
    with pytest.raises(ag.ShapeError, match=r"1 states of shape \(2, 4\).*got \(2, 3\)"):
        nn.GRUCell(3, 4)(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="'tanh' or 'relu'; got 'sigmoid'"):
        nn.RNN(3, 4, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match="at least 1"):
        nn.GRU(3, 0)


@pytest.mark.parametrize("cls", [nn.RNN, nn.LSTM, nn.GRU])
def test_half_precision_stays(rng, cls):
    layer = cls(3, 4, dtype=np.float16)
    x = ag.Tensor(rng.normal(size=(5, 2, 3)).astype(np.float16), requires_grad=True)
    y, _ = layer(x)
    y.sum().backward()
    assert (y.dtype, x.grad.dtype) == (np.float16, np.float16)
    np.testing.assert_allclose(y.numpy(), layer.astype(np.float64)(x.numpy().astype(float))[0].numpy(), atol=5e-3)
