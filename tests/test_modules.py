"""Buffers, hooks, containers, summaries, and modules as functions of their parameters."""

import copy
import pickle

import numpy as np
import pytest

import autograd_core as ag
import nn


class Counting(nn.Module):
    def __init__(self):
        self.weight = nn.Parameter(np.ones(2))
        self.calls = nn.Buffer(np.array(0))
        self.cache = nn.Buffer(np.zeros(3, np.float32), persistent=False)
        self.inner = nn.Linear(2, 2)

    def forward(self, x):
        self.calls.copy_(self.calls.numpy() + 1)
        return self.inner(x * self.weight)


def test_buffers_are_saved_converted_and_copied():
    net = Counting()
    net(np.ones((1, 2)))
    assert [name for name, _ in net.named_buffers()] == ["calls", "cache"]
    assert list(net.state_dict()) == ["weight", "calls", "inner.weight", "inner.bias"]
    assert [name for name, _ in net.named_parameters()] == ["weight", "inner.weight", "inner.bias"]
    other = Counting()
    other.load_state_dict(net.state_dict())
    assert other.calls.item() == 1
    net.astype(np.float64)
    assert (net.cache.dtype, net.calls.dtype) == (np.float64, np.int64)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):  # noqa: S301
        assert twin.calls.item() == 1
        assert twin.cache.persistent is False
        twin(np.ones((1, 2)))
        assert net.calls.item() == 1


def test_loading_lists_everything_that_does_not_fit():
    net = Counting()
    before = net.state_dict()
    state = {**before, "more": 1.0, "weight": np.ones(3)}
    del state["inner.bias"], state["calls"]
    with pytest.raises(nn.StateDictError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    assert "missing: calls, inner.bias" in text
    assert "unexpected: more" in text
    assert "other shape: weight (has (2,), given (3,))" in text
    state["weight"] = np.full(2, 5.0)
    assert net.load_state_dict(state, strict=False) == (["calls", "inner.bias"], ["more"])
    assert net.weight.numpy().tolist() == [5.0, 5.0]


def test_hooks_see_and_change_and_are_removed():
    layer = nn.Linear(2, 3)
    seen = []
    before = layer.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape) or (args[0] * 0,))
    after = layer.register_forward_hook(lambda module, args, output: output + 1)
    y = layer(np.ones((4, 2), np.float32))
    np.testing.assert_array_equal(y.numpy(), np.broadcast_to(layer.bias.numpy() + 1, (4, 3)))
    assert seen == [(4, 2)]
    before.remove()
    before.remove()
    after.remove()
    assert layer(np.ones((4, 2), np.float32)).numpy().tolist() != y.numpy().tolist()
    assert len(seen) == 1
    other = nn.Linear(2, 3)
    assert not other._after  # hooks belong to one module


def test_containers():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
    layers.append(nn.Linear(2, 1))
    assert [type(m).__name__ for m in layers[1:]] == ["ReLU", "Linear"]
    assert isinstance(layers[:2], nn.ModuleList)
    with pytest.raises(TypeError, match="takes modules; got a int"):
        layers.append(3)
    heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    heads["b"] = nn.Identity()
    assert (list(heads), "a" in heads, len(heads)) == (["a", "b"], True, 2)
    del heads["b"]
    assert list(heads.keys()) == ["a"]
    assert [name for name, _ in heads.items()] == ["a"]
    for name in ("forward", "", "a.b"):
        with pytest.raises(ValueError, match="cannot name a module"):
            heads[name] = nn.Identity()
    with pytest.raises(KeyError, match="no module 'c'"):
        heads["c"]
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU()).append(nn.Identity())
    assert isinstance(net[:2], nn.Sequential)
    with pytest.raises(ag.ShapeError, match="shortcut"):
        nn.Residual(nn.Linear(2, 3))(np.zeros((1, 2)))
    assert nn.Residual(nn.Linear(2, 3), nn.Linear(2, 3))(np.zeros((1, 2), np.float32)).shape == (1, 3)


def test_summary_counts_shared_parameters_once_and_leaves_the_model_alone():
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.ReLU(), shared, Counting2())
    net[1].eval()
    summary = net.summary((5, 3))
    assert summary.total == 12 + 4
    assert [line.output for line in summary.lines] == ["(5, 1), (5, 3)", "(5, 3)", "(5, 3)", "(5, 1), (5, 3)"]
    assert (net.training, net[1].training) == (True, False)
    assert "16 parameters, 16 trained, 64 bytes" in str(summary)
    assert not any(m._after for m in net.modules())
    with pytest.raises(ag.ShapeError):
        net.summary((5, 4))
    assert not any(m._after for m in net.modules())


class Counting2(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(np.ones((1, 3), np.float32))
        self.b = nn.Parameter(np.ones(1, np.float32))

    def forward(self, x):
        return nn.functional.linear(x, self.w, self.b), x


def test_substituted_restores_also_shared_parameters_and_after_errors(rng):
    shared = nn.Linear(3, 3, dtype=float)
    net = nn.Sequential(shared, nn.Tanh(), shared)
    x = rng.normal(size=(4, 3))
    given = {"0.weight": rng.normal(size=(3, 3)), "0.bias": rng.normal(size=3)}

    def loss(parameters):
        with nn.substituted(net, parameters):
            return (net(x) ** 2).sum()

    w, b = given.values()
    expected = (((np.tanh(x @ w.T + b)) @ w.T + b) ** 2).sum()
    np.testing.assert_allclose(loss(given).numpy() if isinstance(loss(given), ag.Tensor) else loss(given), expected)
    ag.check.gradcheck(loss, given).raise_if_failed()
    before = net.state_dict()
    with pytest.raises(ag.ShapeError), nn.substituted(net, given):
        net(np.zeros((4, 2)))
    assert isinstance(shared.weight, nn.Parameter)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    with (
        pytest.raises(nn.StateDictError, match=r"0\.bias \(has \(3,\)\), 1\.weight"),
        nn.substituted(net, {"1.weight": w, "0.bias": np.ones(2)}),
    ):
        pass
