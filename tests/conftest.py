"""Hypothesis profiles, and a seeded generator for every test."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores: BLAS threads of each would wait for one another
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest

import autograd_core as ag  # before numpy, as a user is told to do

# without the explain phase, which takes most of the time of finding a failing example; print_blob differs on CI servers
PHASES = [phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain]
hypothesis.settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True, phases=PHASES, print_blob=False)
hypothesis.settings.register_profile("deep", max_examples=2000, deadline=None, phases=PHASES, print_blob=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True)
def _seeded():
    ag.manual_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
