"""Work in threads: all of it done, errors raised, nothing kept alive, and no thread bound to where it may not be."""

import gc
import os
import threading
import time
import weakref

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import threads
from autograd_core.ops import blocks


@pytest.fixture(autouse=True)
def _three_threads():
    before = ag.get_num_threads()
    ag.set_num_threads(3)
    yield
    ag.set_num_threads(before)


def test_every_element_is_worked_on_once():
    counts = np.zeros(1000, int)

    def work(a, b):
        counts[a:b] += 1

    for start, stop in ((0, 1000), (10, 13), (5, 5), (0, 999)):
        counts[:] = 0
        ag.in_threads(work, start, stop, least=1)
        assert counts[start:stop].all()
        assert counts.sum() == stop - start


def test_parts_run_in_several_threads_at_once():
    meeting = threading.Barrier(3, timeout=10)  # passed only if all three wait at the same time
    ag.in_threads(lambda _a, _b: meeting.wait(), 0, 3, least=1)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_a_part_is_raised_when_all_have_ended(failing):
    ended = []

    def work(a, _b):
        if a == failing:
            raise KeyError("part")
        time.sleep(0.02)
        ended.append(a)

    with pytest.raises(KeyError, match="part"):
        ag.in_threads(work, 0, 3, least=1)
    assert sorted(ended) == [k for k in range(3) if k != failing]
    ag.in_threads(lambda a, _b: ended.append(a), 0, 3, least=1)  # the workers live on
    assert len(ended) == 5


def test_error_states_hold_in_the_other_threads():
    x = np.array([1.0, 1.0, 1.0])
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        ag.in_threads(lambda a, b: np.divide(x[a:b], 0.0), 0, 3, least=1)


def test_work_within_work_is_done_by_the_same_thread():
    seen = []

    def inner(_a, _b):
        seen.append(threading.get_ident())

    def outer(a, _b):
        if a:
            ag.in_threads(inner, 0, 3, least=1)

    ag.in_threads(outer, 0, 3, least=1)
    assert len(seen) == 2


def test_several_callers_share_the_workers():
    results = []

    def caller(k):
        out = np.zeros(300)
        for _ in range(20):
            ag.in_threads(lambda a, b: out.__setitem__(slice(a, b), out[a:b] + k), 0, 300, least=1)
        results.append((k, out.copy()))

    callers = [threading.Thread(target=caller, args=(k,)) for k in range(1, 5)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert len(results) == 4
    for k, out in results:
        np.testing.assert_array_equal(out, np.full(300, 20.0 * k))


def test_nothing_is_kept_alive_by_waiting_workers():
    class Work:
        def __call__(self, _a, _b):
            pass

    work = Work()
    alive = weakref.ref(work)
    ag.in_threads(work, 0, 3, least=1)
    del work
    deadline = time.monotonic() + 5
    while alive() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    gc.collect()
    assert alive() is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot be moved between cores here")
def test_workers_stay_on_the_cores_of_the_process_and_the_caller_is_not_moved():
    before = os.sched_getaffinity(0)
    ag.in_threads(lambda _a, _b: None, 0, 3, least=1)
    assert os.sched_getaffinity(0) == before
    for worker in threads._pool.workers:
        assert os.sched_getaffinity(worker.thread.native_id) <= before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # JAX's, where another test has imported it
def test_a_forked_child_makes_its_own_workers():
    ag.in_threads(lambda _a, _b: None, 0, 3, least=1)
    child = os.fork()
    if not child:
        done = np.zeros(3)
        ag.in_threads(lambda a, b: done.__setitem__(slice(a, b), 1), 0, 3, least=1)
        os._exit(0 if done.all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("faster", [True, False])
def test_a_trial_settles_on_what_took_less_time(monkeypatch, faster):
    now = 0.0
    monkeypatch.setattr(threads, "perf_counter", lambda: now)
    trial, tried = ag.ThreadTrial(), []
    for k in range(30):
        with trial as threaded:
            now += 1.0 if threaded is faster else 2.0
            now += 100.0 if k < 2 else 0.0  # the first of each is not looked at
        tried.append(threaded)
    assert trial.decided
    assert tried[:16].count(True) == 8
    assert tried[16:] == [faster] * 14


def test_a_trial_tries_again_after_a_while(monkeypatch):
    now = 0.0
    monkeypatch.setattr(threads, "perf_counter", lambda: now)
    monkeypatch.setattr(ag.ThreadTrial, "holds", 50)
    trial, tried = ag.ThreadTrial(), []
    for k in range(16 + 50 + 16 + 10):
        with trial as threaded:
            now += 1.0 if threaded is (k < 40) else 2.0  # threads are faster, later slower
        tried.append(threaded)
    assert tried[16:66] == [True] * 50
    assert tried[-10:] == [False] * 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("name", ["tanh", "exp", "sin", "arctan", "arcsinh"])
def test_large_arrays_are_computed_in_threads_with_the_same_bits(monkeypatch, name, dtype):
    begun = []
    monkeypatch.setattr(
        blocks, "in_threads", lambda work, *ends, least: begun.append(least) or ag.in_threads(work, *ends, least=least)
    )
    x = np.random.default_rng(0).normal(size=(2, 131, 1009)).astype(dtype)[1:] * 0.5  # no multiple of a block
    function = getattr(np, name)
    before = ag.get_num_threads()
    try:
        ag.set_num_threads(3)
        for a in (x, np.asfortranarray(x), x.transpose(2, 0, 1), x[:, ::2], x[..., ::-1], np.broadcast_to(x[:, :1], x.shape)):
            for _ in range(2):  # a trial uses threads first, then one
                y = function(ag.Tensor(a))
                np.testing.assert_array_equal(y.data, function(a))
                assert y.dtype == dtype
    finally:
        ag.set_num_threads(before)
    assert 1 in begun
    assert max(begun) > 1


def test_one_thread_switches_splitting_off(monkeypatch):
    monkeypatch.setattr(blocks, "in_threads", lambda *_, **__: pytest.fail("split"))
    before = ag.get_num_threads()
    try:
        ag.set_num_threads(1)
        np.tanh(ag.Tensor(np.ones(1 << 18)))
    finally:
        ag.set_num_threads(before)


def test_large_arrays_of_foreign_byte_order_come_back_in_the_machines_own():
    x = np.linspace(-1.0, 1.0, 1 << 18).astype(">f8")
    before = ag.get_num_threads()
    try:
        ag.set_num_threads(2)
        y = np.exp(ag.Tensor(x)).data
    finally:
        ag.set_num_threads(before)
    assert y.dtype == np.exp(x).dtype == np.float64
    np.testing.assert_array_equal(y, np.exp(x))
