"""A short version of `make soak`: steps of training leave no object behind, with the garbage collector off."""

import gc

import pytest

from benchmarks import soak


@pytest.mark.parametrize("name", soak.NETWORKS)
def test_training_leaves_no_objects_and_no_cycles(name):
    found = soak.apart("--steps", "60", "--one", name, "soak")  # alone in its process
    assert found["cycles"] == 0
    assert len(set(found["objects"][10:])) == 1


def test_the_soak_sees_a_cycle_and_a_leak(monkeypatch):
    kept, honest = [], soak.trainer

    def leaky(name):
        step = honest(name)

        def with_leak():
            step()
            cycle = []
            cycle.append(cycle)
            kept.append([0])

        return with_leak

    monkeypatch.setattr(soak, "trainer", leaky)
    try:
        found = soak.soak("MLP", 60, samples=6)
    finally:
        gc.enable()
    assert found["cycles"] >= 60
    assert found["objects"][-1] - found["objects"][-2] == pytest.approx(20, abs=2)
    assert soak.growth(found, "objects") == pytest.approx(2000, rel=0.05)
