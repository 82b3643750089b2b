"""Threads and processes: nothing leaks from one into another, and nothing global is changed."""

import copy
import gc
import multiprocessing
import pickle
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core import threads

ROOT = Path(__file__).parent.parent


def in_threads(*works):
    """Run functions at the same time, each in a thread of its own; give their results."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(work) for work in works]]


class LastStep(nn.Module):
    def __init__(self):
        self.lstm, self.out = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


MODELS = [
    (lambda: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2)), (6,)),
    (lambda: nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 2)), (6,)),
    (lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)), (1, 6, 6)),
    (LastStep, (4, 3)),
    (lambda: nn.Sequential(nn.Linear(600, 1000), nn.GELU(), nn.Linear(1000, 2)), (600,)),  # the step itself uses threads
]


def trained(k):
    """Train model number k with everything random from this thread's seed."""
    make, shape = MODELS[k % len(MODELS)]
    rng = ag.manual_seed(k)
    model = make()
    x, labels = rng.normal(size=(24, *shape)).astype(np.float32), rng.integers(2, size=24)
    adam = optim.Adam(model.parameters(), lr=0.01)
    nn.fit(model, (x, labels), nn.functional.cross_entropy, adam, epochs=4, batch_size=8, progress=False)
    return [ag.default_rng().random(), *model.state_dict().values()]


def test_eight_threads_with_eight_models_give_the_serial_results():
    before = ag.get_num_threads()
    ag.set_num_threads(3)
    try:
        serial = [trained(k) for k in range(8)]
        for _ in range(3):
            parallel = in_threads(*(lambda k=k: trained(k) for k in range(8)))
            for one, other in zip(serial, parallel, strict=True):
                for a, b in zip(one, other, strict=True):
                    np.testing.assert_array_equal(a, b)
    finally:
        ag.set_num_threads(before)


def test_modes_and_seeds_belong_to_one_thread():
    inside, done = threading.Barrier(2, timeout=60), threading.Barrier(2, timeout=60)
    x = ag.Tensor([-1.0], requires_grad=True)

    def silent():
        ag.manual_seed(7)
        with ag.no_grad(), ag.detect_anomaly():
            inside.wait()
            done.wait()
            return (x * x).requires_grad, ag.default_rng().random()

    def loud():
        inside.wait()
        ag.manual_seed(8)
        tracked = (x * x).requires_grad
        with np.errstate(invalid="ignore"):
            ag.sqrt(x).sum().backward()  # NaN, which anomaly mode would report
        done.wait()
        return tracked, ag.default_rng().random()

    expected = [np.random.default_rng(seed).random() for seed in (7, 8)]
    assert in_threads(silent, loud) == [(False, expected[0]), (True, expected[1])]


def test_a_new_thread_starts_with_recording_on_and_an_unseeded_generator_of_its_own():
    ag.manual_seed(0)
    here = ag.default_rng()
    with ag.no_grad():
        ((tracked, rng),) = in_threads(lambda: (np.exp(ag.Tensor(1.0, requires_grad=True)).requires_grad, ag.default_rng()))
    assert tracked
    assert rng is not here
    ag.manual_seed(0)
    assert rng.random() != ag.default_rng().random()


def test_a_decorated_function_runs_in_several_threads_at_once():
    barrier, x = threading.Barrier(4, timeout=60), ag.Tensor([2.0], requires_grad=True)

    @ag.no_grad()
    def off():
        barrier.wait()
        return (x * x).requires_grad

    @ag.detect_anomaly()
    def watched():
        barrier.wait()
        with np.errstate(invalid="ignore"), pytest.raises(ag.AnomalyError):
            np.log(-x).sum().backward()
        return (x * x).requires_grad

    assert in_threads(off, watched, off, watched) == [False, True, False, True]
    assert (x * x).requires_grad


def test_a_graph_built_in_one_thread_is_differentiated_in_another():
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    (y,) = in_threads(lambda: (np.sin(x) * x).sum())
    in_threads(y.backward)
    np.testing.assert_allclose(x.grad, np.sin([1.0, 2.0]) + [1.0, 2.0] * np.cos([1.0, 2.0]))
    (g,) = in_threads(lambda: ag.gradients(np.exp(x).sum(), [x], create_graph=True))[0]
    np.testing.assert_allclose(in_threads(lambda: ag.gradients(g.sum(), [x])[0])[0], np.exp([1.0, 2.0]))


def test_threads_add_to_the_same_leaf_and_none_is_lost():
    x = ag.Tensor(np.zeros(3), requires_grad=True)
    shared = x * 2.0
    start = threading.Barrier(8, timeout=60)

    def work():
        start.wait()
        for _ in range(50):
            (shared * 1.0).sum().backward(retain_graph=True)

    in_threads(*[work] * 8)
    np.testing.assert_array_equal(x.grad, np.full(3, 800.0))


def test_the_number_of_threads_may_change_while_others_work():
    before = ag.get_num_threads()
    stop = threading.Event()

    def change():
        n = 0
        while not stop.is_set():
            ag.set_num_threads(1 + n % 4)
            n += 1

    def work():
        total = np.zeros(64)
        for _ in range(300):
            ag.in_threads(lambda a, b: np.add(total[a:b], 1.0, out=total[a:b]), 0, 64, least=8)
        return total

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for total in in_threads(*[work] * 4):
            np.testing.assert_array_equal(total, 300.0)
    finally:
        stop.set()
        changer.join()
        ag.set_num_threads(before)


def test_one_pool_is_made_however_many_threads_ask_first():
    before = ag.get_num_threads()
    ag.set_num_threads(before + 1)
    try:
        threads._pool.resize(4)
        ready = threading.Barrier(8, timeout=60)

        def ask():
            ready.wait()
            threads._pool.submit([lambda: None])
            return threads._pool.executor

        assert len({id(executor) for executor in in_threads(*[ask] * 8)}) == 1
    finally:
        ag.set_num_threads(before)


# Copies, pickles and other processes


def model_and_optimizer(k):
    make, shape = MODELS[k]
    rng = ag.manual_seed(k)
    model = make()
    adam = optim.Adam(model.parameters(), lr=0.01)
    return model, adam, rng.normal(size=(8, *shape)).astype(np.float32)


def step(model, adam, x):
    ag.manual_seed(3)
    (model(x) ** 2).sum().backward()
    adam.step()
    adam.zero_grad()
    return [*model.state_dict().values()]


COPIES = {"pickle": lambda x: pickle.loads(pickle.dumps(x)), "deepcopy": copy.deepcopy}  # noqa: S301  our own


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("k", range(len(MODELS)))
def test_a_model_and_its_optimizer_go_on_as_copies_and_stay_together(how, k):
    model, adam, x = model_and_optimizer(k)
    step(model, adam, x)
    twin, other = COPIES[how]((model, adam))
    kept = model.state_dict()
    found = step(twin, other, x)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, kept[name])  # the first is not touched
    for a, b in zip(found, step(model, adam, x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pickles_and_copies_of_modules_that_hold_results_of_operations():
    layer = nn.Linear(2, 2)
    layer.last = layer(np.ones((1, 2), np.float32))
    for how in COPIES.values():
        assert not how(layer).last.requires_grad


def test_a_model_is_trained_in_a_spawned_process():
    model, adam, x = model_and_optimizer(0)
    step(model, adam, x)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        loss = nn.functional.mse_loss
        there = pool.submit(nn.evaluate, model, (x, np.zeros((8, 2), np.float32)), loss).result(timeout=120)
        twin, other = pool.submit(copy.deepcopy, (model, adam)).result(timeout=120)
    assert there == nn.evaluate(model, (x, np.zeros((8, 2), np.float32)), loss)
    for a, b in zip(step(twin, other, x), step(model, adam, x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_op_and_error_can_be_pickled():
    for name in ag.ops.__all__:
        function = getattr(ag, name)
        assert pickle.loads(pickle.dumps(function)) is function, name  # noqa: S301  our own
    for kind in (ag.DataError, ag.ShapeError, nn.StateDictError, ag.GraphError):
        assert str(pickle.loads(pickle.dumps(kind("a\nb")))) == "a\nb"  # noqa: S301  our own
    error = pickle.loads(pickle.dumps(ag.SaveError(28, "full")))  # noqa: S301  our own
    assert (error.errno, str(error)) == (28, "[Errno 28] full")


# Nothing global

GLOBAL = """
import gc, warnings
import numpy as np
state = lambda: (np.geterr(), np.geterrcall(), np.getbufsize(), np.get_printoptions(), gc.isenabled(), gc.get_threshold(),
                 [a.tolist() if hasattr(a, "tolist") else a for a in np.random.get_state()], warnings.filters[:])
np.random.seed(5)
before = state()
import autograd_core as ag, nn, optim
ag.check, ag.viz, ag.testing
assert state()[:-1] == before[:-1], "import"
rng = ag.manual_seed(0)
x = rng.normal(size=(16, 4))
net = nn.Sequential(nn.Linear(4, 3, dtype=float), nn.BatchNorm1d(3, dtype=float), nn.Dropout(), nn.Linear(3, 1, dtype=float))
def look(history):
    assert state() == during, "inside of fit"
during = state()
nn.fit(net, (x, x[:, :1]), nn.functional.mse_loss, optim.Adam(net.parameters()), epochs=2, batch_size=4, progress=False,
       callbacks=[look], clip_norm=1.0)
assert ag.check.gradcheck(np.tanh, x, order=2)
ag.hessian(lambda v: np.linalg.norm(v) + np.prod(v))(x[0])
with ag.detect_anomaly():
    np.log(ag.Tensor([1.0], requires_grad=True)).sum().backward()
assert state() == during
"""


def test_no_global_state_of_numpy_is_changed():
    subprocess.run([sys.executable, "-c", GLOBAL], check=True, cwd=ROOT)
    for package in ("autograd_core", "nn", "optim"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for forbidden in (
                "np.seterr",
                "np.random.seed",
                "set_printoptions",
                "setbufsize",
            ):
                assert forbidden not in text, f"{path} calls {forbidden}"


def test_what_a_thread_made_is_freed_when_it_ends():
    made = []

    def work():
        model, adam, x = model_and_optimizer(0)
        loss = (model(x) ** 2).sum()
        loss.backward()
        adam.step()
        made.extend(map(weakref.ref, (model, adam, loss, *model.parameters())))

    gc.disable()
    try:
        in_threads(work, work)
        assert [reference() for reference in made] == [None] * len(made)
    finally:
        gc.enable()
