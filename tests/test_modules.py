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


def test_summary_takes_shapes_by_name_or_arguments_themselves():
    lstm = nn.LSTM(3, 4)
    states = (np.zeros((1, 2, 4), np.float32),) * 2
    by_shape = lstm.summary(input_shape=[5, 2, 3])
    assert by_shape.lines == lstm.summary(np.zeros((5, 2, 3), np.float32), states).lines
    assert by_shape.lines[0].output == "(5, 2, 4), (1, 2, 4), (1, 2, 4)"
    assert nn.Embedding(9, 2).summary(np.array([[1, 2, 3]])).lines[0].output == "(1, 3, 2)"
    assert lstm.summary().lines[0].output == ""


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


def test_what_is_saved_cannot_be_lost_by_assignment():
    net = Counting()
    for name, value in (("calls", net.calls + 1), ("calls", 1), ("weight", net.weight * 2), ("weight", np.ones(2))):
        with pytest.raises(TypeError, match=rf"Counting\.{name} is a .*copy_"):
            setattr(net, name, value)
    net.calls, net.weight = nn.Buffer(np.array(5)), None
    assert list(net.state_dict()) == ["calls", "inner.weight", "inner.bias"]
    net.inner.weight = nn.Parameter(np.zeros((2, 2)))
    net.note = net.calls + 1  # a name that held neither is free


def test_module_cannot_stand_inside_itself():
    outer = nn.Sequential(nn.Linear(2, 2))
    for inside in (outer, nn.Sequential(nn.Identity(), outer)):
        with pytest.raises(ValueError, match=r"Linear\.around: a module cannot stand inside itself"):
            outer[0].__setattr__("around", nn.Sequential(outer[0], inside))
    outer[0].around = (outer,)
    assert len(outer.state_dict()) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.Unflatten(1, (2, 3))(np.ones((2, 5))),
            ag.ShapeError,
            r"axis 1 of shape \(2, 5\) does not split into \(2, 3\)",
        ),
        (lambda: nn.Unflatten(1, (2, -1))(np.ones((2, 5))), ag.ShapeError, "does not split"),
        (lambda: nn.Unflatten(3, (2, 3))(np.ones((2, 6))), ag.BoundsError, r"axis 3 is out of bounds for shape \(2, 6\)"),
        (lambda: nn.Flatten(3)(np.ones((2, 6))), ag.BoundsError, r"axis 3 is out of bounds for shape \(2, 6\)"),
        (lambda: nn.GroupNorm(0, 4), ValueError, "multiple of num_groups; got 4 and 0"),
        (lambda: nn.init.zeros_(np.ones(2)), TypeError, "fill a Parameter or Tensor in place; got a ndarray"),
        (lambda: nn.data.one_hot([2, -1]), ag.BoundsError, "labels are numbers from 0; got -1"),
        (lambda: nn.data.batches(np.ones(4), 2.5), ValueError, "at least 1; got 2.5"),
    ],
)
def test_mistakes_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_rms_norm_of_integers_is_that_of_floats():
    x = np.arange(8).reshape(2, 4)
    np.testing.assert_array_equal(nn.functional.rms_norm(x, (4,)), nn.functional.rms_norm(x.astype(float), (4,)))


def test_apply_goes_through_modules_in_order_from_inside():
    net = nn.Sequential({"a": nn.Sequential(nn.ReLU(), nn.Tanh()), "b": nn.Identity(), "c": nn.Sequential(nn.Sigmoid())})
    seen = []
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["ReLU", "Tanh", "Sequential", "Identity", "Sigmoid", "Sequential", "Sequential"]


def test_astype_converts_gradients_too():
    layer = nn.Linear(2, 2)
    layer(np.ones((1, 2), np.float32)).sum().backward()
    layer.astype(np.float64)
    assert layer.weight.grad.dtype == np.float64
    layer(np.ones((1, 2))).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, np.full((2, 2), 2.0))


def test_sequential_takes_names_and_replaces_modules():
    net = nn.Sequential({"conv": nn.Linear(2, 3), "act": nn.ReLU(), "out": nn.Linear(3, 1)})
    assert list(net.state_dict()) == ["conv.weight", "conv.bias", "out.weight", "out.bias"]
    assert [name for name, _ in net[1:].named_children()] == ["act", "out"]
    net[-1] = nn.Linear(3, 5)
    assert net(np.ones((1, 2), np.float32)).shape == (1, 5)
    layers = nn.ModuleList([nn.ReLU(), nn.ReLU()])
    layers[0] = nn.Identity()
    assert [type(m).__name__ for m in layers] == ["Identity", "ReLU"]
    rest = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.ReLU())[1:].append(nn.Identity())
    assert [(name, type(m).__name__) for name, m in rest.named_children()] == [("1", "Tanh"), ("2", "ReLU"), ("3", "Identity")]
    for wrong in ({"forward": nn.ReLU()}, {"a.b": nn.ReLU()}):
        with pytest.raises(ValueError, match="cannot name a module"):
            nn.Sequential(wrong)
    for wrong in ({"a": 1}, [nn.ReLU()]):
        with pytest.raises(TypeError, match="Sequential takes modules"):
            nn.Sequential(wrong)
    with pytest.raises(TypeError, match="takes modules"):
        net[0] = abs
    with pytest.raises(IndexError):
        net[3] = nn.ReLU()


class Centred(nn.Module):
    """Subtracts a running mean, which it reads before and after writing it."""

    def __init__(self):
        self.mean = nn.Buffer(np.zeros(3))
        self.norm = nn.BatchNorm1d(3, momentum=None, dtype=float)

    def forward(self, x):
        y = np.tanh(x * (1 + self.mean.numpy()))
        self.mean.copy_(0.9 * self.mean.numpy() + 0.1 * x.detach().numpy().mean(axis=0))
        return self.norm(y - self.mean.numpy())


@pytest.mark.parametrize("nested", [False, True])
def test_checkpoint_updates_buffers_once_and_recomputes_from_what_they_were(nested, rng):
    xs = rng.normal(size=(2, 5, 3))
    weights = rng.normal(size=(5, 3))
    results = []
    for wrapper in (lambda f: f, ag.checkpoint):
        net = Centred()
        inner = wrapper(net) if nested else net
        block = wrapper(lambda x, inner=inner: inner(x) * 2)
        inputs = [ag.Tensor(x, requires_grad=True) for x in xs]
        loss = sum((block(x) ** 2 * weights).sum() for x in inputs)  # two calls before the backward pass
        between = net.state_dict()
        loss.backward()
        for name, value in net.state_dict().items():
            np.testing.assert_array_equal(value, between[name], err_msg=name)
        results.append([*between.values(), *(x.grad.numpy() for x in inputs), net.norm.weight.grad.numpy()])
    for plain, recomputed in zip(*results, strict=True):
        np.testing.assert_allclose(recomputed, plain, rtol=1e-12)


def test_checkpoint_leaves_buffers_alone_when_the_second_evaluation_fails():
    count = nn.Buffer(np.array(0.0))

    def block(x):
        count.copy_(count.numpy() + 1)
        if failing:
            raise FloatingPointError
        return x * 2

    failing = False
    y = ag.checkpoint(block)(ag.Tensor(1.0, requires_grad=True))
    count.copy_(np.array(7.0))
    failing = True
    with pytest.raises(FloatingPointError):
        y.backward()
    assert count.item() == 7
