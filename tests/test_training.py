"""`fit` does what the hand-written loop does, and ends well however it ends."""

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss


def problem(n=60, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def network(seed=1):
    rng = np.random.default_rng(seed)
    layers = nn.Linear(4, 8, dtype=float, rng=rng), nn.Tanh(), nn.Linear(8, 2, dtype=float, rng=rng)
    return nn.Sequential(*layers)


def trained(net=None, data=None, loss=cross_entropy, optimizer=None, **options):
    net = network() if net is None else net
    options = {"epochs": 3, "batch_size": 16, "seed": 0, "progress": False} | options
    make = optimizer or (lambda p: optim.Adam(p, lr=0.05))
    return net, nn.fit(net, problem() if data is None else data, loss, make(net.parameters()), **options)


def same_state(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


class Ill(nn.Module):
    """The mean of a parameter, and what the test does to it in call number k."""

    def __init__(self, happen):
        self.w, self.calls, self.happen = nn.Parameter(np.ones(3)), 0, happen

    def forward(self, x):
        self.calls += 1
        return self.happen(self.calls, (x @ self.w))


@pytest.mark.parametrize("name", ["epoch", "loss", "validation_loss"])
def test_metrics_do_not_take_the_names_of_other_columns(name):
    model = nn.Linear(2, 2)
    data = np.ones((4, 2), np.float32), np.zeros(4, int)
    sgd = optim.SGD(model.parameters())
    with pytest.raises(ValueError, match=rf"columns of its own named \['{name}'\]: give the metrics other names"):
        nn.fit(model, data, nn.functional.cross_entropy, sgd, epochs=1, batch_size=2, metrics={name: nn.metrics.accuracy})


def test_fit_equals_the_loop_written_by_hand():
    net, history = trained(epochs=4, clip_norm=0.2, clip_value=0.1)
    by_hand, (x, labels) = network(), problem()
    adam = optim.Adam(by_hand.parameters(), lr=0.05)
    losses = []
    for epoch in range(4):
        order = np.random.default_rng([0, epoch]).permutation(60)
        total = 0.0
        for start in range(0, 60, 16):
            batch = order[start : start + 16]
            loss = cross_entropy(by_hand(x[batch]), labels[batch])
            adam.zero_grad()
            loss.backward()
            grads = [np.clip(p.grad.numpy(), -0.1, 0.1) for p in by_hand.parameters()]
            norm = np.sqrt(sum((g**2).sum() for g in grads))
            for p, g in zip(by_hand.parameters(), grads, strict=True):
                p.grad = g * min(1, 0.2 / (norm + 1e-6))  # as PyTorch has it
            adam.step()
            total += loss.item() * len(batch)
        losses.append(total / 60)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-12)
    for found, expected in zip(net.state_dict().values(), by_hand.state_dict().values(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)


def test_the_seed_decides_everything():
    class Noisy(nn.Module):
        def __init__(self):
            self.inner = network()

        def forward(self, x):
            return self.inner(x + ag.default_rng().normal(size=x.shape))

    first, one = trained(Noisy(), validation=problem(30, 5))
    ag.manual_seed(99)
    second, other = trained(Noisy(), validation=problem(30, 5))
    assert one.epochs == other.epochs
    assert same_state(first, second)
    assert trained(Noisy(), seed=1, validation=problem(30, 5))[1].epochs != one.epochs
    ag.manual_seed(7)
    unseeded = trained(seed=None)[1]
    ag.manual_seed(7)
    assert trained(seed=None)[1].epochs == unseeded.epochs


def test_metrics_are_of_the_whole_epoch_also_where_they_are_no_means():
    seen = []

    def spread(output, target):
        seen.append((output, target))
        return float(output.std())

    net, history = trained(validation=problem(50, 3), epochs=2, metrics=[nn.metrics.accuracy, spread], keep_best=False)
    assert [output.shape for output, _ in seen] == [(60, 2), (50, 2)] * 2
    assert [*history[-1]] == [
        *("epoch", "loss", "accuracy", "spread"),
        *("validation_loss", "validation_accuracy", "validation_spread"),
    ]
    x, labels = problem(50, 3)
    assert history[-1]["validation_spread"] == pytest.approx(net(x).numpy().std(), rel=1e-12)
    assert history[-1]["validation_accuracy"] == np.mean(net(x).numpy().argmax(axis=1) == labels)
    assert history[-1]["validation_loss"] == pytest.approx(cross_entropy(net(x), labels).item(), rel=1e-12)
    assert trained(metrics={"right": nn.metrics.accuracy})[1]["right"][-1] > 0
    with pytest.raises(TypeError, match="as a dict"):
        trained(metrics=[nn.Identity()])


def test_evaluate_weights_a_small_last_batch_by_its_size_and_leaves_no_trace():
    net, (x, labels) = network(), problem(10)
    net[1].eval()
    net.register_forward_hook(lambda module, _args, _output: seen.append(module.training))
    seen = []
    found = nn.evaluate(net, (x, labels), cross_entropy, batch_size=4)
    assert found == {"loss": pytest.approx(cross_entropy(net(x), labels).item(), rel=1e-12)}
    assert seen == [False, False, False, True]
    assert [m.training for m in net] == [True, False, True]
    with pytest.raises(ag.ShapeError, match="no samples"):
        nn.evaluate(net, (x[:0], labels[:0]), cross_entropy)


def test_modules_train_and_get_their_own_modes_back():
    net = network()
    net.eval()[0].train()
    seen = []
    net.register_forward_hook(lambda module, _args, _output: seen.append([m.training for m in module.modules()]))
    trained(net, validation=problem(16), epochs=1)
    assert seen == [[True] * 4] * 4 + [[False] * 4]
    assert [m.training for m in net.modules()] == [False, True, False, False]


def decaying(start, by):
    """A model whose validation loss is the square of w, which one step of SGD changes by a known factor."""
    model = nn.Linear(1, 1, bias=False, dtype=float)
    nn.init.constant_(model.weight, start)
    x = np.ones((4, 1))
    return model, (x, 0 * x), optim.SGD(model.parameters(), lr=(1 - by) / 2)


def test_best_weights_are_restored_and_early_stopping_waits():
    # by validation data of another slope, the best w is 2: it falls from 10 by 0.8 an epoch
    losses = (10 * 0.8 ** np.arange(1, 100) - 2) ** 2
    best = int(losses.argmin()) + 1
    for keep, stop in ((True, None), (False, None), (True, 3)):
        model, data, sgd = decaying(10.0, 0.8)
        options = {"validation": (np.ones((3, 1)), np.full((3, 1), 2.0)), "keep_best": keep, "early_stopping": stop}
        history = nn.fit(model, data, mse_loss, sgd, epochs=20, batch_size=4, progress=False, **options)
        assert history.best_epoch == best
        assert len(history) == (20 if stop is None else best + 3)
        assert history.stopped == ("all epochs" if stop is None else "early stopping")
        np.testing.assert_allclose(history["validation_loss"], losses[: len(history)], rtol=1e-9)
        np.testing.assert_allclose(model.weight.numpy(), [[10 * 0.8 ** (best if keep else len(history))]], rtol=1e-12)


def test_without_validation_the_last_weights_stay():
    model, data, sgd = decaying(10.0, -1.5)  # away from the optimum
    history = nn.fit(model, data, mse_loss, sgd, epochs=3, batch_size=4, progress=False)
    assert history["loss"] == pytest.approx([100, 225, 506.25])
    assert model.weight.item() == pytest.approx(-33.75)
    assert history.best_epoch is None
    with pytest.raises(ValueError, match="validation="):
        trained(early_stopping=2)


@pytest.mark.parametrize("batches_before", [0, 3, 9])
def test_ctrl_c_leaves_a_usable_model_and_the_history_so_far(batches_before):
    def happen(call, y):
        if call > batches_before:
            raise KeyboardInterrupt
        return y

    model = Ill(happen)
    data = (np.eye(3), np.zeros(3))
    history = nn.fit(model, data, mse_loss, optim.SGD(model.parameters(), lr=0.1), epochs=10, batch_size=1, progress=False)
    assert history.interrupted
    assert history.stopped == "interrupted"
    assert len(history) == batches_before // 3
    assert np.isfinite(model.w.numpy()).all()
    assert model.training
    assert "interrupted" in str(history)
    history.plot()


def test_ctrl_c_restores_the_best_weights():
    def happen(call, y):
        if call == 5:
            raise KeyboardInterrupt
        return y

    model = Ill(happen)
    data = (np.eye(3), np.zeros(3))  # one call to train and one to validate in each epoch: two epochs, and half of one
    sgd = optim.SGD(model.parameters(), lr=1.0, maximize=True)
    history = nn.fit(model, data, mse_loss, sgd, epochs=9, batch_size=3, validation=data, progress=False)
    assert (history.best_epoch, len(history)) == (1, 2)
    np.testing.assert_allclose(model.w.numpy(), 1 + 2 / 3)
    assert history["validation_loss"][1] > history["validation_loss"][0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_before_the_step_and_is_placed(value):
    model = Ill(lambda call, y: y * value if call == 5 else y)
    before = []
    model.register_forward_pre_hook(lambda module, _args: before.append(module.w.numpy().copy()))
    with pytest.raises(ag.AnomalyError, match=rf"loss is {value} at epoch 2, batch 2 of 3.*detect_anomaly"):
        nn.fit(model, (np.eye(3), np.zeros(3)), mse_loss, optim.SGD(model.parameters()), epochs=3, batch_size=1, progress=False)
    np.testing.assert_array_equal(model.w.numpy(), before[-1])


def test_best_weights_come_back_also_after_an_error():
    model = Ill(lambda call, y: y * np.nan if call == 5 else y)
    data = (np.eye(3), np.zeros(3))
    with pytest.raises(ag.AnomalyError, match="epoch 3, batch 1 of 1"):
        nn.fit(
            model,
            data,
            mse_loss,
            optim.SGD(model.parameters(), lr=1.0, maximize=True),
            epochs=3,
            batch_size=3,
            validation=data,
            progress=False,
        )
    np.testing.assert_allclose(model.w.numpy(), 1 + 2 / 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e25])
def test_clipping_by_norm_is_over_all_parameters_and_does_not_overflow(rng, dtype, scale):
    w, b = nn.Parameter(rng.normal(size=(3, 2)).astype(dtype)), nn.Parameter(rng.normal(size=3).astype(dtype))
    directions = [rng.normal(size=p.shape).astype(dtype) for p in (w, b)]

    class Two(nn.Module):
        def __init__(self):
            self.w, self.b = w, b

        def forward(self, x):
            return (self.w * directions[0]).sum() * dtype(scale) + (self.b * directions[1]).sum() * dtype(scale)

    net, before = Two(), [w.numpy().copy(), b.numpy().copy()]
    nn.fit(
        net,
        np.zeros((1, 1), dtype),
        lambda y, _x: y,
        optim.SGD(net.parameters(), lr=1.0),
        epochs=1,
        batch_size=1,
        clip_norm=0.5,
        progress=False,
    )
    length = np.sqrt(sum((d.astype(float) ** 2).sum() for d in directions))
    for p, start, d in zip((w, b), before, directions, strict=True):
        np.testing.assert_allclose(start - p.numpy(), 0.5 * d / length, rtol=1e-4, atol=1e-7)
        assert p.dtype == dtype


def test_small_gradients_are_not_clipped_and_infinite_ones_are_named():
    plain, clipped = trained(clip_norm=1e6, clip_value=1e6)[0], trained()[0]
    assert same_state(plain, clipped)
    model = nn.Linear(1, 1, bias=False, dtype=float)
    nn.init.zeros_(model.weight)
    sgd = optim.SGD(model.parameters())
    with pytest.raises(ag.AnomalyError, match="norm of the gradient is inf at epoch 1, batch 1"), np.errstate(divide="ignore"):
        nn.fit(
            model, np.ones((2, 1)), lambda y, _x: ag.sqrt(y).sum(), sgd, epochs=1, batch_size=2, clip_norm=1.0, progress=False
        )


def test_complex_parameters_are_clipped_in_their_parts():
    class Turn(nn.Module):
        def __init__(self):
            self.z = nn.Parameter(np.array([3.0 + 0.01j]))

        def forward(self, x):
            return (np.abs(self.z) ** 2).sum()

    net = Turn()
    sgd = optim.SGD(net.parameters(), lr=1.0)
    nn.fit(net, np.zeros((1, 1)), lambda y, _x: y, sgd, epochs=1, batch_size=1, clip_value=0.5, progress=False)
    np.testing.assert_allclose(net.z.numpy(), [2.5 - 0.01j])


def test_callbacks_see_the_history_and_may_stop():
    seen = []

    def stop(history):
        seen.append(history[-1]["epoch"])
        return history[-1]["epoch"] == 2

    history = trained(epochs=9, callbacks=[stop, lambda history: seen.append(len(history))])[1]
    assert seen == [1, 1, 2, 2]
    assert history.stopped == "callback"
    assert len(history) == 2


def test_targets_are_the_last_of_a_tuple_and_other_batches_are_both():
    class Sum(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(4, 1, dtype=float)

        def forward(self, a, b):
            return self.layer(a + b)

    x = problem()[0]
    assert len(trained(Sum(), (x, x, x[:, :1]), mse_loss)[1]) == 3
    assert len(trained(nn.Linear(4, 4, dtype=float), x, mse_loss)[1]) == 3  # an autoencoder
    by_name = {"x": x, "t": x[:, :1]}

    class Named(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(4, 1, dtype=float)

        def forward(self, batch):
            return self.layer(batch["x"])

    assert len(trained(Named(), by_name, lambda y, batch: mse_loss(y, batch["t"]))[1]) == 3
    with pytest.raises(TypeError, match="one array"):
        trained(Named(), by_name, lambda y, batch: mse_loss(y, batch["t"]), metrics=[nn.metrics.accuracy])
    with pytest.raises(ValueError, match="ends with the targets"):
        trained(data=(x,))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs is a whole number, at least 1; got 0"),
        ({"epochs": 2.5}, ValueError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm is positive"),
        ({"clip_value": -1}, ValueError, "clip_value is positive"),
        ({"early_stopping": 0, "validation": problem()}, ValueError, "early_stopping"),
        ({"data": (np.zeros((3, 4)), np.zeros(2, int))}, ag.ShapeError, "same number of samples"),
        ({"data": (np.zeros((0, 4)), np.zeros(0, int))}, ag.ShapeError, "no samples"),
        ({"validation": (np.zeros((0, 4)), np.zeros(0, int))}, ag.ShapeError, "validation= has no samples"),
        ({"optimizer": lambda _: optim.SGD}, TypeError, "takes an optimizer"),
        ({"loss": lambda y, t: cross_entropy(y, t, reduction="none")}, ag.ShapeError, r"one number; got shape \(16,\)"),
        ({"loss": nn.CrossEntropyLoss}, TypeError, r"give an instance, CrossEntropyLoss\(\)"),
        ({"loss": lambda y, t: cross_entropy(y.numpy(), t)}, ag.GraphError, "no gradient comes from"),
        ({"optimizer": lambda _: optim.SGD(network().parameters())}, ValueError, "none of the model's parameters"),
        ({"net": lambda x: x}, TypeError, "trains a Module"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, error, message):
    if callable(options.get("net")):
        with pytest.raises(error, match=message):
            nn.fit(options["net"], problem(), cross_entropy, optim.SGD(network().parameters()), epochs=1, batch_size=4)
    else:
        with pytest.raises(error, match=message):
            trained(**options)


def test_progress_goes_to_a_bar_if_there_is_one(capsys, monkeypatch):
    trained(progress=True, validation=problem(16))
    shown = capsys.readouterr()
    assert "epoch 3 of 3" in shown.err
    assert "12/12" in shown.err
    assert "validation_loss=" in shown.err
    assert not shown.out
    trained(progress=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    trained(progress=True)
    assert capsys.readouterr() == ("", "")


def test_history_is_a_table_and_two_pictures(tmp_path):
    _, history = trained(epochs=12, validation=problem(40, 2), metrics=[nn.metrics.accuracy])
    lines = str(history).splitlines()
    assert lines[0].split() == ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy"]
    assert len(lines) == 1 + 12 + 1
    assert lines[12].split()[:2] == ["12", f"{history['loss'][-1]:.4g}"]
    assert history["epoch"] == [*range(1, 13)]
    assert history[0]["epoch"] == 1
    with pytest.raises(KeyError, match="no column 'accurasy'; there are epoch, loss"):
        history["accurasy"]
    axes = history.plot(tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 1000
    loss, accuracy = axes
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), history["loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), history["validation_accuracy"])
    assert loss.get_yscale() == "log"
    assert [text.get_text() for text in accuracy.get_legend().get_texts()][:2] == ["training", "validation"]
    trained(nn.Linear(4, 1), (problem()[0], problem()[1][:, None] * 1.0), binary_cross_entropy_with_logits)[1].plot()


def test_drop_last_spares_batch_normalization_a_batch_of_one():
    make = lambda: nn.Sequential(nn.Linear(4, 3, dtype=float), nn.BatchNorm1d(3, dtype=float), nn.Linear(3, 2, dtype=float))
    x, labels = problem(17)
    with pytest.raises(ag.ShapeError, match="drop_last=True"):
        trained(make(), (x, labels))
    net, _ = trained(make(), (x, labels), drop_last=True)
    assert net[1].num_batches_tracked.item() == 3
    with pytest.raises(ValueError, match="17 samples are fewer than batch_size=18"):
        trained(make(), (x, labels), drop_last=True, batch_size=18)
