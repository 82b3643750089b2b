"""Vanishing and exploding gradients, in closed form where there is one."""

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn.diagnostics import depth_statistics, plot

DEPTH = 12


def stack(width, make_weight, activation=None, depth=DEPTH):
    layers = []
    for _ in range(depth):
        linear = nn.Linear(width, width, bias=False, dtype=float)
        make_weight(linear.weight)
        layers += [linear] if activation is None else [linear, activation()]
    return nn.Sequential(*layers)


def multiple_of_identity(factor):
    return lambda weight: weight.data.__setitem__(..., factor * np.eye(len(weight.data)))


@pytest.mark.parametrize("factor", [1.5, 0.5])
def test_multiples_of_the_identity_grow_and_die_as_powers_of_the_depth(rng, factor):
    x, cotangent = rng.normal(size=(2, 7, 5))
    report = depth_statistics(stack(5, multiple_of_identity(factor)), x, lambda y: (y * cotangent).sum())
    powers = factor ** np.arange(1.0, DEPTH + 1)
    np.testing.assert_allclose(report["std"], x.std() * powers, rtol=1e-12)
    np.testing.assert_allclose(report["mean"], x.mean() * powers, rtol=1e-12)
    np.testing.assert_allclose(report["gradient_std"], cotangent.std() * powers[::-1] / factor, rtol=1e-12)
    np.testing.assert_allclose(report["gradient_rms"], np.sqrt((cotangent**2).mean()) * powers[::-1] / factor, rtol=1e-12)
    ratio = f"x {factor ** (DEPTH - 1):.3g}"
    assert f"activations {ratio} from first to last layer; gradients {ratio} from last to first" in str(report)


def test_sigmoids_shrink_gradients_at_least_by_a_quarter_each(rng):
    x, cotangent = rng.normal(size=(2, 7, 5))
    net = stack(5, multiple_of_identity(1.0), nn.Sigmoid)
    sizes = depth_statistics(net, x, lambda y: (y * cotangent).sum(), nn.Sigmoid)["gradient_rms"]
    assert len(sizes) == DEPTH
    towards_the_input = sizes[::-1] / sizes[-1]
    assert (towards_the_input <= 0.25 ** np.arange(DEPTH) * (1 + 1e-12)).all()
    assert (towards_the_input[1:] > 0.1 ** np.arange(1, DEPTH)).all()  # and is no accident of dead layers


@pytest.mark.parametrize(
    ("activation", "good", "bad"),
    [
        (nn.Tanh, nn.init.xavier_normal_, lambda w: nn.init.normal_(w, std=0.02)),
        (nn.ReLU, lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"), nn.init.xavier_normal_),
    ],
    ids=["tanh", "relu"],
)
def test_the_right_initialization_keeps_activations_and_gradients_level(rng, activation, good, bad):
    x, cotangent = rng.normal(size=(2, 64, 128))
    level, vanishing = (
        depth_statistics(stack(128, make, activation), x, lambda y: (y * cotangent).sum()) for make in (good, bad)
    )
    for column in ("std", "gradient_rms"):
        values = level[column]
        assert values.max() / values.min() < 8
        away = vanishing[column]
        assert away.max() / away.min() > 30


def test_saturated_and_dead_units_are_counted(rng):
    y = np.array([[0.94, 0.96, -0.96, 0.0], [-0.99, 0.3, 0.2, 0.0]])
    report = depth_statistics(nn.Sequential(nn.Tanh(), nn.ReLU()), np.arctanh(y), lambda y: y.sum())
    tanh, relu = report.layers
    assert tanh.saturated == 3 / 8
    assert np.isnan(relu.saturated)
    assert (tanh.dead, relu.dead) == (1 / 4, 1 / 4)
    logits = np.log([[0.03, 0.02, 0.98, 0.5]]) - np.log([[0.97, 0.98, 0.02, 0.5]])
    assert depth_statistics(nn.Sequential(nn.Sigmoid()), logits, lambda y: y.sum()).layers[0].saturated == 2 / 4
    dying = stack(6, nn.init.normal_, nn.ReLU, depth=2)
    dying[2].weight.data[...] = -np.abs(dying[2].weight.data)
    report = depth_statistics(dying, rng.normal(size=(9, 6)), lambda y: y.sum())
    assert report["dead"][3] == 1
    assert report["gradient_rms"][2] == 0


def test_the_model_is_left_as_it_was(rng):
    class Counting(nn.Module):
        def __init__(self):
            self.calls = nn.Buffer(np.zeros(()))
            self.inner = nn.Linear(3, 3, dtype=float)

        def forward(self, x):
            with ag.no_grad():
                self.calls.copy_(self.calls.numpy() + 1)
            return self.inner(x)

    net, x = Counting(), rng.normal(size=(4, 3))
    (net(x) ** 2).sum().backward()
    gradient = net.inner.weight.grad.numpy().copy()
    depth_statistics(net, x, lambda y: (y**2).sum())
    np.testing.assert_array_equal(net.inner.weight.grad, gradient)
    assert net.calls.item() == 1
    assert not any(module._after for module in net.modules())
    with pytest.raises(ag.ShapeError):
        depth_statistics(net, np.zeros((4, 2)), lambda y: y.sum())
    assert not any(module._after for module in net.modules())


def test_shared_layers_count_once_per_call_and_integers_have_no_gradient(rng):
    shared = nn.Linear(3, 3)
    report = depth_statistics(nn.Sequential(shared, nn.Tanh(), shared), np.ones((2, 3), np.float32), lambda y: y.sum())
    assert [line.name for line in report.layers] == ["0", "1", "0"]

    class Embed(nn.Module):
        def __init__(self):
            self.keep, self.out, self.table = nn.Identity(), nn.Linear(2, 1, dtype=float), nn.Parameter(rng.normal(size=(5, 2)))

        def forward(self, numbers):
            return self.out(self.table[self.keep(numbers)])

    report = depth_statistics(Embed(), np.array([1, 4]), lambda y: y.sum())
    assert np.isnan(report["gradient_std"][0])
    assert report["gradient_rms"][1] == 1
    assert str(report).splitlines()[1].split()[-2:] == ["-", "-"]


def test_exploding_float32_values_do_not_overflow_the_statistics():
    net = nn.Sequential(*[nn.Linear(2, 2, bias=False) for _ in range(2)])
    for layer in net:
        layer.weight.data[...] = 1e15 * np.eye(2)
    report = depth_statistics(net, np.array([[1.0, -1.0]], np.float32), lambda y: y[0, 0])
    np.testing.assert_allclose(report["std"], [1e15, 1e30], rtol=1e-6)


def test_what_cannot_be_measured_is_refused():
    net, x = nn.Sequential(nn.Linear(2, 2)), np.ones((3, 2), np.float32)
    with pytest.raises(ag.ShapeError, match=r"one number; got shape \(3, 2\)"):
        depth_statistics(net, x, lambda y: y)
    with pytest.raises(ag.GraphError, match="no graph"):
        depth_statistics(net, x, lambda y: y.numpy().sum())
    with pytest.raises(ValueError, match="no layer"):
        depth_statistics(net, x, lambda y: y.sum(), nn.Tanh)
    with pytest.raises(ValueError, match="empty batch"):
        depth_statistics(net, x[:0], lambda y: y.sum())
    with pytest.raises(ValueError, match="1 to 6 reports; got 0"):
        plot({})


def test_the_picture_shows_the_numbers(tmp_path, rng):
    net = stack(5, nn.init.xavier_normal_, nn.Tanh, depth=4)
    report = depth_statistics(net, rng.normal(size=(8, 5)), lambda y: (y**2).sum())
    axes = report.plot(tmp_path / "depth.png")
    assert (tmp_path / "depth.png").stat().st_size > 1000
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), report["std"])
    np.testing.assert_array_equal(axes[1].lines[0].get_ydata(), report["gradient_rms"])
    np.testing.assert_array_equal(axes[2].lines[1].get_ydata(), report["dead"])
    legend = plot({"one": report, "other": report})[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["one", "other"]


def test_of_several_outputs_the_one_that_the_loss_depends_on(rng):
    """A classifier that reads the last state of an LSTM, and not its outputs."""
    lstm, x = nn.LSTM(3, 4, dtype=float), rng.normal(size=(5, 2, 3))
    h = lstm(ag.Tensor(x))[1][0]
    (line,) = nn.diagnostics.depth_statistics(lstm, x, lambda output: (output[1][0] ** 2).sum()).layers
    np.testing.assert_allclose(line.mean, h.numpy().mean())
    np.testing.assert_allclose(line.gradient_rms, 2 * np.sqrt((h.numpy() ** 2).mean()))
    (line,) = nn.diagnostics.depth_statistics(lstm, x, lambda output: (output[0] ** 2).sum()).layers
    assert line.gradient_rms > 0
