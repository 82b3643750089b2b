"""Training jobs that give the same numbers by one process and by several.

`mpiexec -n 4 python -m tests.parallel_jobs out.npz [JOB ...]` writes what they give. Each job is called by every
rank, and gives arrays by name. Alone, it is called in the test's own process.
"""

import copy
import sys
import tempfile
from pathlib import Path

import numpy as np

import autograd_core as ag
import nn
import optim
from nn.parallel import ALONE, DataParallel, Ranks, ZeroRedundancyOptimizer, all_sum

from . import raises
from .duck import Duck

TOGETHER = 8  # samples in a batch of all ranks


def cross_entropy(model, x, y):
    """Of an empty share, a loss that the others can wait for."""
    return nn.functional.cross_entropy(model(x), y) if len(x) else model(x).sum()


def classes(shape, seed=0):
    """Samples (n, ...) with three classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    return x, (np.abs(x.reshape(len(x), -1)[:, :3])).argmax(axis=1)


def trained(model, optimizer, data, steps=50, loss=cross_entropy, clip=None):
    """Parameters after so many steps, with last batches that are uneven, and losses along the way."""
    done, epoch = 0, 0
    while done < steps:
        loader = nn.data.batches(data, TOGETHER // model.size, seed=epoch, rank=model.rank, size=model.size)
        for batch in loader:
            value = loss(model, *batch)
            optimizer.zero_grad()
            value.backward()
            if clip is not None:
                optim.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            done += 1
        epoch += 1
    if model.size > 1:
        model.verify()
    return dict(model.state_dict())


def mlp():
    ag.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16, dtype=float), nn.Tanh(), nn.Linear(16, 3, dtype=float))
    model = DataParallel(net, bucket_bytes=200)
    return trained(model, optim.Adam(net.parameters(), lr=1e-2), classes((8 * 4 + 3, 5)), clip=0.3)


def cnn_with_batch_norm():
    ag.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False, dtype=float),
        nn.BatchNorm2d(4, dtype=float),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, bias=False, dtype=float),
        nn.BatchNorm2d(4, dtype=float),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(16, 3, dtype=float),
    )
    model = DataParallel(net, sync_batchnorm=True, bucket_bytes=500)
    return trained(model, optim.SGD(net.parameters(), lr=0.05, momentum=0.9), classes((8 * 3 + 1, 1, 6, 6)))


class Transformer(nn.Module):
    """Tokens to classes; the embedding is also used for the output (shared)."""

    def __init__(self):
        self.embedding = nn.Embedding(11, 8, dtype=float)
        self.block = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, dropout=0.0, batch_first=True, dtype=float)
        self.never_used = nn.Linear(2, 2, dtype=float)

    def forward(self, tokens):
        return self.block(self.embedding(tokens)) @ self.embedding.weight.T


def transformer():
    rng = ag.manual_seed(0)
    net = Transformer()
    tokens = rng.integers(0, 11, size=(8 * 3 + 5, 6))
    model = DataParallel(net, bucket_bytes=1000)
    next_token = lambda model, t: nn.functional.cross_entropy(model(t[:, :-1]).reshape(-1, 11), t[:, 1:].reshape(-1))
    return trained(model, optim.SGD(net.parameters(), lr=0.05, momentum=0.9), (tokens,), loss=next_token)


def gradients(model, x, y):
    """Gradients of one call with a share of the batch."""
    share = len(x) // model.size
    mine = slice(share * model.rank, share * (model.rank + 1))
    return nn.functional.cross_entropy(model(x[mine]), y[mine])


def found(net):
    return {name: np.array(p.grad.numpy()) for name, p in net.named_parameters() if p.grad is not None}


def small(**options):
    ag.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 7, dtype=float), nn.Tanh(), nn.Linear(7, 3, dtype=float))
    return net, DataParallel(net, **{"bucket_bytes": 100} | options)


def accumulation():
    net, model = small()
    x, y = classes((16, 5))
    with model.no_sync():
        (gradients(model, x[:8], y[:8]) / 2).backward()
    (gradients(model, x[8:], y[8:]) / 2).backward()
    once = found(net)
    (gradients(model, x[8:], y[8:]) / 2).backward()  # averaged ones go on
    return once | {f"again {name}": g for name, g in found(net).items()}


def two_calls_and_a_penalty():
    net, model = small()
    x, y = classes((16, 5))
    penalty = sum((p * p).sum() + p.sum() * 0.5 + np.exp(p).sum() for p in net.parameters())
    (gradients(model, x[:8], y[:8]) + penalty + gradients(model, x[8:], y[8:])).backward()
    return found(net)


def recorded_gradient():
    net, model = small()
    x, y = classes((8, 5))
    inner = ag.gradients(gradients(model, x, y), list(net.parameters()), create_graph=True)
    sum((g * g).sum() for g in inner).backward()
    return found(net)


def checkpointed_watched_and_run_twice():
    net, model = small()
    x, y = classes((8, 5))
    gradients(model, x, y)  # a call without a backward pass
    with ag.detect_anomaly():
        loss = gradients(model, x, y)
        loss.backward(retain_graph=True)
        loss.backward()
    once = found(net)
    net.zero_grad()
    share = len(x) // model.size
    mine = slice(share * model.rank, share * (model.rank + 1))
    nn.functional.cross_entropy(ag.checkpoint(model)(x[mine]), y[mine]).backward()
    return once | {f"checkpoint {name}": g for name, g in found(net).items()}


def frozen_converted_and_copied():
    net, model = small(sync_batchnorm=True)
    x, y = classes((8, 5))
    gradients(model, x, y).backward()
    net[0].weight.requires_grad = False
    net.zero_grad()
    gradients(copy.deepcopy(model), x, y).backward()
    assert net[0].bias.grad is None
    model.astype(np.float32)
    gradients(model, x.astype(np.float32), y).backward()
    assert net[0].bias.grad.dtype == np.float32
    assert net[0].weight.grad is None
    net.astype(float)
    net.zero_grad()
    gradients(model, x, y).backward()
    return found(net)


class Choosy(nn.Module):
    """Uses one of its layers for positive sums, the other for negative ones, and one never."""

    def __init__(self):
        self.plus, self.minus, self.never = (nn.Linear(2, 1, dtype=float) for _ in range(3))

    def forward(self, x):
        rows = [(self.plus if row.sum() > 0 else self.minus)(row) for row in x]
        return ag.stack(rows)


def different_layers_on_different_ranks():
    ag.manual_seed(0)
    net = Choosy()
    model = DataParallel(net, bucket_bytes=1)
    x = np.array([[1.0, 2.0], [2.0, 1.0], [-1.0, -3.0], [-5.0, 1.0]])
    n = len(x) // model.size
    model(x[n * model.rank : n * (model.rank + 1)]).mean().backward()
    return found(net) | {"never": np.array(net.never.weight.grad is None)}


def complex_and_scalar_parameters():
    class Net(nn.Module):
        def __init__(self):
            self.z = nn.Parameter(np.array([1.0 + 2.0j, 0.5 - 1.0j]))
            self.scale = nn.Parameter(np.array(0.5))

        def forward(self, x):
            return np.abs(x @ self.z) ** 2 * self.scale

    net = Net()
    model = DataParallel(net)
    x = np.random.default_rng(0).normal(size=(8, 2))
    n = len(x) // model.size
    mine = x[n * model.rank : n * (model.rank + 1)]
    with model.no_sync():
        model(mine).mean().backward()
    model(mine).mean().backward()
    return found(net)


def sharded_state():
    net, model = small()
    optimizer = ZeroRedundancyOptimizer(model, optim.AdamW, lr=1e-2)
    data = classes((8 * 3 + 3, 5))
    values = trained(model, optimizer, data, steps=20)
    state = optimizer.state_dict()
    moments = {f"{k} {name}": value for k, s in state["state"].items() for name, value in s.items()}
    kept = optimizer.inner.state_dict()["state"][0]["exp_avg"].size
    assert kept == -(-sum(p.size for p in net.parameters()) // model.size)
    _, other = small()
    other.load_state_dict(values)
    resumed = ZeroRedundancyOptimizer(other, optim.AdamW, lr=1e-2)
    resumed.load_state_dict(state)
    after = [trained(m, o, data, steps=5) for m, o in ((model, optimizer), (other, resumed))]
    for name in after[0]:
        np.testing.assert_array_equal(after[0][name], after[1][name])
    return values | moments


def sharded_fit():
    net, model = small()
    optimizer = ZeroRedundancyOptimizer(model, optim.Adam, lr=1e-2)
    nn.fit(
        model, classes((8 * 3 + 3, 5)), nn.functional.cross_entropy, optimizer,
        epochs=3, batch_size=TOGETHER // model.size, clip_norm=0.2, clip_value=0.05, seed=0, progress=False,
    )  # fmt: skip
    return dict(net.state_dict())


def fitted(folder=None, epochs=4, resume=False, seed=0):
    net, model = small()
    history = nn.fit(
        model,
        classes((8 * 3 + 1, 5)),
        nn.functional.cross_entropy,
        optim.Adam(net.parameters(), lr=1e-2),
        epochs=epochs,
        batch_size=TOGETHER // model.size,
        validation=classes((11, 5), seed=1),
        metrics=[nn.metrics.accuracy],
        early_stopping=10,
        clip_norm=0.5,
        callbacks=[lambda history: model.rank == model.size - 1 and len(history) == 5],
        seed=seed,
        progress=False,
        checkpoint_dir=folder,
        resume=resume,
    )
    rows = {name: np.array(history[name]) for name in history.epochs[0]}
    assert all(other == history.epochs for other in model.ranks.gathered(history.epochs))
    return dict(net.state_dict()) | rows | {"best": np.array(history.best_epoch)}


def fit():
    return fitted(epochs=8)  # the callback of the last rank ends it after 5 epochs


def fit_resumed():
    """Killed after two epochs and gone on with, by a model with dropout of its own on every rank."""
    ranks = Ranks()
    folder = Path(ranks.from_first(tempfile.mkdtemp()))
    fitted(folder, epochs=2)
    resumed = fitted(folder, epochs=4, resume=True)
    whole = fitted(epochs=4)
    for name, value in whole.items():
        np.testing.assert_array_equal(value, resumed[name])
    return resumed


JOBS = {
    job.__name__: job
    for job in (
        mlp,
        cnn_with_batch_norm,
        transformer,
        accumulation,
        two_calls_and_a_penalty,
        recorded_gradient,
        checkpointed_watched_and_run_twice,
        frozen_converted_and_copied,
        different_layers_on_different_ranks,
        complex_and_scalar_parameters,
        sharded_state,
        sharded_fit,
        fit,
        fit_resumed,
    )
}


def dropped():
    """What each rank drops: of the default generator, of a generator of the model's, and again after `fit` seeded it."""
    ag.manual_seed(0)
    net = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5, rng=np.random.default_rng(1)))
    model = DataParallel(net)
    masks = [layer(np.ones(64)) for layer in net]
    return {f"mask {k}": np.stack(model.ranks.gathered(mask)) for k, mask in enumerate(masks)}


def dropout_resumed():
    """A run with dropout on every rank, without a seed, killed after two epochs: resumed bit for bit, streams apart."""

    def run(folder, epochs, resume):
        ag.manual_seed(3)
        net = nn.Sequential(nn.Linear(5, 7, dtype=float), nn.Dropout(0.5), nn.Linear(7, 3, dtype=float))
        model = DataParallel(net)
        nn.fit(
            model, classes((21, 5)), nn.functional.cross_entropy, optim.Adam(net.parameters()), epochs=epochs, batch_size=4,
            progress=False, checkpoint_dir=folder, resume=resume,
        )  # fmt: skip
        return model.state_dict()

    ranks = Ranks()
    first, second = (Path(ranks.from_first(tempfile.mkdtemp())) for _ in range(2))
    run(first, 2, False)
    again, whole = run(first, 4, True), run(second, 4, False)
    return {name: np.array(np.array_equal(again[name], whole[name])) for name in whole}


def refused():
    """Errors that all ranks get, with the message."""
    import pytest  # not in the jobs that one process does too

    ranks = Ranks()
    net = nn.Linear(2 + ranks.rank, 1, dtype=float)
    texts = {}

    def note(name, kind, act, match):
        with pytest.raises(kind, match=match) as caught:
            act()
        texts[name] = np.array(str(caught.value))

    note("other shapes", ValueError, lambda: DataParallel(net), "differ in names, shapes or dtypes: build the same model")
    elsewhere = nn.Linear(2, 1).to(like=Duck(np.empty(0)))
    note("elsewhere", ag.ArrayKindError, lambda: DataParallel(elsewhere), "ranks send each other NumPy arrays")
    model = DataParallel(nn.Linear(2, 1, dtype=float))

    def unequal():
        with model.no_sync():
            model(np.ones((1 + model.rank, 2))).mean().backward()
        model(np.ones((1, 2))).mean().backward()

    note("unequal", ag.ShapeError, unequal, r"under no_sync\(\) the ranks had \[1, 2.* equal numbers there")
    scalar = DataParallel(nn.Linear(2, 1, dtype=float))
    note("no samples", ag.ShapeError, lambda: scalar(2.0), "samples along the first axis .* got no array")
    model = DataParallel(nn.Linear(2, 1, dtype=float))
    if model.rank:
        with ag.no_grad():
            model.module.bias.copy_([1.0 + model.module.bias.item()])
    note("other values", ValueError, model.verify, "have other values: build the same model on all ranks")
    folder = Path(ranks.from_first(tempfile.mkdtemp()))
    fitted(folder, epochs=1)
    note("earlier run", FileExistsError, lambda: fitted(folder, epochs=1), "checkpoints of an earlier run")
    seen = ranks.gathered(sorted(texts))
    assert all(names == seen[0] for names in seen), seen
    return texts


def overlapped():
    """Whether the buckets of a deep network begin before its backward pass is over; and sums that gradients go through."""
    ag.manual_seed(0)
    model = DataParallel(nn.Sequential(*(nn.Linear(4, 4, dtype=float) for _ in range(6))), bucket_bytes=1)
    begun, begin = [], model.ranks.begin_sum

    def noted(buffer):
        begun.append(sum(p.grad is not None for p in model.parameters()) == 0 and not over)
        return begin(buffer)

    over = []
    model.ranks.begin_sum = noted
    loss = model(np.ones((2, 4))).sum()
    loss.backward()
    over.append(True)
    g = ag.grad(lambda x: (all_sum(x, model.ranks) ** 2).sum())(np.array([1.0, 2.0]))
    tangent = ag.jvp(lambda x: all_sum(x, model.ranks), (np.ones(2),), (np.array([1.0, 2.0]),))[1]
    return {"begun": np.array(begun), "all_sum": g, "tangent": tangent}


ONLY_TOGETHER = {job.__name__: job for job in (dropped, dropout_resumed, refused, overlapped)}


def results(jobs):
    return {f"{name}: {key}": np.asarray(value) for name, job in jobs.items() for key, value in job().items()}


if __name__ == "__main__":
    raises.pytest_configure()  # if messages are counted
    together = results({name: job for name, job in (JOBS | ONLY_TOGETHER).items() if name in sys.argv[2:] or not sys.argv[2:]})
    if not Ranks().rank:
        np.savez(sys.argv[1], **together)
    assert ALONE.size == 1
