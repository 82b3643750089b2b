"""Schedules against PyTorch's schedulers over full runs, against their formulas, and the plateau controller."""

import copy
import inspect
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest

import autograd_core as ag
import optim
from optim import schedules

try:
    import torch
    from torch.optim import lr_scheduler
except ImportError:
    torch = None

NEEDS_TORCH = pytest.mark.skipif(torch is None, reason="PyTorch is not installed (pip install '.[bench]')")
STEPS = 130


def peers():
    """Our schedule, and how PyTorch makes it from an optimizer with learning rate 0.1."""
    s = schedules
    return {
        "constant": (s.constant(0.1), lambda o: lr_scheduler.LambdaLR(o, lambda _: 1.0)),
        "step": (s.step_decay(0.1, 7, 0.3), lambda o: lr_scheduler.StepLR(o, 7, 0.3)),
        "multi": (s.multi_step(0.1, [3, 10, 10, 90]), lambda o: lr_scheduler.MultiStepLR(o, [3, 10, 10, 90])),
        "exponential": (s.exponential(0.1, gamma=0.97), lambda o: lr_scheduler.ExponentialLR(o, 0.97)),
        "polynomial": (s.polynomial(0.1, 100, power=2.5), lambda o: lr_scheduler.PolynomialLR(o, 100, power=2.5)),
        "straight": (s.polynomial(0.1, 40), lambda o: lr_scheduler.PolynomialLR(o, 40)),
        "cosine": (s.cosine(0.1, STEPS, final=0.01), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.01)),
        "restarts": (
            s.cosine_restarts(0.1, 10, 2, 0.005),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, 2, 0.005),
        ),
        "restarts of one length": (s.cosine_restarts(0.1, 7), lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7)),
        "warm-up": (s.warmup(0.1, 20), lambda o: lr_scheduler.LinearLR(o, total_iters=20)),
        "warm-up of another": (
            s.warmup(s.exponential(0.1, gamma=0.98), 30, start_factor=0.01),
            lambda o: lr_scheduler.ChainedScheduler(
                [lr_scheduler.LinearLR(o, 0.01, total_iters=30), lr_scheduler.ExponentialLR(o, 0.98)]
            ),
        ),
        "scaled": (
            s.scale(s.step_decay(0.1, 10), s.exponential(1.0, gamma=0.99)),
            lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(o, 10, 0.5), lr_scheduler.ExponentialLR(o, 0.99)]),
        ),
        "joined": (
            s.join([s.warmup(0.1, 20, start_factor=0.1), s.exponential(0.1, gamma=0.97), s.step_decay(0.1, 9)], [20, 60]),
            lambda o: lr_scheduler.SequentialLR(
                o,
                [
                    lr_scheduler.LinearLR(o, 0.1, total_iters=20),
                    lr_scheduler.ExponentialLR(o, 0.97),
                    lr_scheduler.StepLR(o, 9, 0.5),
                ],
                [20, 60],
            ),
        ),
        "piecewise": (
            s.piecewise([0.05, 0.1], [15]),
            lambda o: lr_scheduler.ConstantLR(o, factor=0.5, total_iters=15),
        ),
    }


NAMES = [
    "constant",
    "step",
    "multi",
    "exponential",
    "polynomial",
    "straight",
    "cosine",
    "restarts",
    "restarts of one length",
    "warm-up",
    "warm-up of another",
    "scaled",
    "joined",
    "piecewise",
]


def torch_run(make, what=lambda group: group["lr"], **options):
    """The values that a scheduler of PyTorch gives over a run."""
    sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, **options)
    scheduler = make(sgd)
    found = []
    for _ in range(STEPS):
        found.append(what(sgd.param_groups[0]))
        sgd.step()
        scheduler.step()
    return found


@NEEDS_TORCH
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:The epoch parameter in:UserWarning")  # SequentialLR's own
def test_values_equal_pytorchs_over_a_run(name):
    assert set(peers()) == set(NAMES)
    ours, theirs = peers()[name]
    np.testing.assert_allclose([ours(step) for step in range(STEPS)], torch_run(theirs), rtol=1e-12, atol=1e-16)


@NEEDS_TORCH
@pytest.mark.parametrize("mode", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize("down", [None, 5])
def test_cyclic_equals_pytorchs_with_inverse_momentum(mode, down):
    gamma = 0.99 if mode == "exp_range" else 1.0
    make = lambda o: lr_scheduler.CyclicLR(
        o, 0.01, 0.1, step_size_up=12, step_size_down=down, mode=mode, gamma=gamma, base_momentum=0.8, max_momentum=0.95
    )
    rate = schedules.cyclic(0.01, 0.1, 12, mode, gamma, step_size_down=down)
    momentum = schedules.cyclic(0.95, 0.8, 12, mode, gamma, step_size_down=down)
    tolerance = {"rtol": 1e-12, "atol": 1e-15}
    np.testing.assert_allclose([rate(k) for k in range(STEPS)], torch_run(make, momentum=0.9), **tolerance)
    theirs = torch_run(make, lambda group: group["momentum"], momentum=0.9)
    np.testing.assert_allclose([momentum(k) for k in range(STEPS)], theirs, **tolerance)


@NEEDS_TORCH
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("anneal", ["cos", "linear"])
@pytest.mark.parametrize("pct_start", [0.3, 0.25, 0.41])
def test_one_cycle_equals_pytorchs_with_momentum(three_phase, anneal, pct_start):
    make = lambda o: lr_scheduler.OneCycleLR(
        o, 0.5, total_steps=STEPS + 1, pct_start=pct_start, anneal_strategy=anneal, three_phase=three_phase
    )
    rate = schedules.one_cycle(0.5, STEPS + 1, pct_start, anneal, three_phase=three_phase)
    momentum = schedules.one_cycle_momentum(STEPS + 1, pct_start=pct_start, anneal=anneal, three_phase=three_phase)
    np.testing.assert_allclose([rate(k) for k in range(STEPS)], torch_run(make, momentum=0.9), rtol=1e-11, atol=1e-15)
    theirs = torch_run(make, lambda group: group["momentum"], momentum=0.9)
    np.testing.assert_allclose([momentum(k) for k in range(STEPS)], theirs, rtol=1e-11, atol=1e-15)


# Formulas, also where there is no PyTorch


def test_triangles_follow_the_formula():
    base, peak, size = 0.1, 0.7, 8
    for it in range(60):
        cycle = math.floor(1 + it / (2 * size))
        x = abs(it / size - 2 * cycle + 1)
        expected = base + (peak - base) * max(0.0, 1 - x)
        assert abs(schedules.cyclic(base, peak, size)(it) - expected) < 1e-14
        halved = base + (peak - base) * max(0.0, 1 - x) / 2 ** (cycle - 1)
        assert abs(schedules.cyclic(base, peak, size, "triangular2")(it) - halved) < 1e-14
        fading = base + (peak - base) * max(0.0, 1 - x) * 0.9**it
        assert abs(schedules.cyclic(base, peak, size, "exp_range", gamma=0.9)(it) - fading) < 1e-14


def test_exponential_by_rate_and_halving():
    np.testing.assert_allclose(
        [schedules.exponential(0.3, rate=0.07)(t) for t in range(50)], 0.3 * np.exp(-0.07 * np.arange(50))
    )
    assert [schedules.step_decay(0.8, 10)(t) for t in (0, 9, 10, 29, 30)] == [0.8, 0.8, 0.4, 0.2, 0.1]


def test_one_cycle_ends_far_below_its_start_and_momentum_mirrors_it():
    rate = schedules.one_cycle(1.0, 100, three_phase=True)
    momentum = schedules.one_cycle_momentum(100, three_phase=True)
    values = [rate(k) for k in range(100)]
    assert values[0] == pytest.approx(1 / 25)
    assert values[29] == max(values) == pytest.approx(1.0)
    assert values[58] == pytest.approx(1 / 25)  # down again: now the annihilation
    assert values[99] == pytest.approx(1 / 25 / 1e4)
    assert rate(500) == values[99]
    assert [momentum(k) for k in (0, 29, 58, 99)] == pytest.approx([0.95, 0.85, 0.95, 0.95])
    assert all(a < b for a, b in pairwise(values[:30]))


def test_inverse_square_root_is_the_transformers():
    d, w = 512, 400
    found = [schedules.inverse_sqrt((d * w) ** -0.5, w)(t) for t in range(2000)]
    t = np.arange(1, 2001)
    np.testing.assert_allclose(found, d**-0.5 * np.minimum(t**-0.5, t * w**-1.5), rtol=1e-12)


def test_restarts_have_no_error_at_far_boundaries():
    cosine = schedules.cosine_restarts(1.0, 3, 3)
    starts = [0, 3, 12, 39, 120, 363, 1092]  # sums of powers of 3
    assert [cosine(k) for k in starts] == [1.0] * len(starts)
    assert all(cosine(k - 1) < 0.3 for k in starts[1:])


# What schedules are


def every():
    s = schedules
    return [
        s.constant(0.1),
        s.step_decay(0.4, step_size=10),
        s.multi_step(1.0, [2, 3]),
        s.exponential(1.0, rate=0.1),
        s.polynomial(1.0, 10),
        s.cosine(1.0, 10),
        s.cosine_restarts(1.0, 4),
        s.warmup(s.cosine(1.0, 10), 5),
        s.cyclic(0.1, 1.0, 5),
        s.one_cycle(1.0, 20),
        s.one_cycle_momentum(20),
        s.inverse_sqrt(1.0, 5),
        s.piecewise([1.0, s.constant(0.5)], [3]),
        s.join([s.cosine(1.0, 10), 0.1], [10]),
        s.scale(s.cosine(1.0, 10), 0.5),
    ]


@pytest.mark.parametrize("schedule", every(), ids=lambda s: repr(s).split("(")[0])
def test_schedules_are_pure_show_themselves_and_survive_pickling(schedule):
    values = [schedule(k) for k in range(30)]
    assert [schedule(k) for k in reversed(range(30))] == values[::-1]
    assert eval(repr(schedule), vars(schedules))(7) == values[7]  # noqa: S307  our own
    for other in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)):  # noqa: S301  our own
        assert [other(k) for k in range(30)] == values
        assert repr(other) == repr(schedule)
    optim.SGD([ag.Tensor([1.0], requires_grad=True)], lr=schedule)


def test_every_schedule_was_tried():
    functions = {name for name in schedules.__all__ if name not in {"Schedule", "plot"}}
    assert {repr(s).split("(")[0] for s in every()} == functions
    assert list(inspect.signature(schedules.cosine).parameters) == ["v", "total_steps", "final"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.exponential(1.0), "either gamma or rate"),
        (lambda: schedules.exponential(1.0, gamma=0.9, rate=0.1), "either gamma or rate"),
        (lambda: schedules.cosine(1.0, 0), "total_steps is positive; got 0"),
        (lambda: schedules.cosine_restarts(1.0, 4, multiplier=0.5), "multiplier is at least 1; got 0.5"),
        (lambda: schedules.plot({}, 5), "the number of schedules is positive; got 0"),
        (lambda: schedules.step_decay(1.0, -3), "step_size is positive"),
        (lambda: schedules.cyclic(0.1, 1.0, 5, mode="square"), "mode is one of triangular, triangular2, exp_range"),
        (lambda: schedules.one_cycle(1.0, 10, pct_start=1.5), r"pct_start is in \[0, 1\]"),
        (lambda: schedules.one_cycle(1.0, 10, anneal="step"), "anneal 'cos' or 'linear'"),
        (lambda: schedules.join([0.1, 0.2], [5, 3]), "2 pieces need 1 ascending boundaries"),
        (lambda: schedules.piecewise([0.1, 0.2, 0.3], [5, 3]), "ascending boundaries"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_plots(tmp_path):
    ax = schedules.one_cycle(1.0, 50).plot(50, tmp_path / "one.svg", log=True)
    assert ax.get_yscale() == "log"
    assert ax.lines[0].get_ydata()[14] == 1.0
    assert (tmp_path / "one.svg").stat().st_size > 1000
    axes = schedules.plot({repr(s): s for s in every()}, 30)
    assert [len(ax.lines) for ax in axes] == [1] * len(every())


# The plateau controller


METRICS = [1.0, 0.9, 0.91, 0.92, 0.9, 0.5, 0.5, 0.5, 0.49999, 0.5, 0.7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]


@NEEDS_TORCH
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize("options", [{}, {"cooldown": 2, "min_lr": 0.02, "factor": 0.5}, {"threshold": 0.1, "eps": 0.01}])
def test_plateau_equals_pytorchs(mode, threshold_mode, options):
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    ours = optim.SGD([ag.Tensor([0.0], requires_grad=True)], lr=0.1)
    settings = {"mode": mode, "threshold_mode": threshold_mode, "patience": 2} | options
    peer, mine = lr_scheduler.ReduceLROnPlateau(theirs, **settings), optim.ReduceOnPlateau(ours, **settings)
    seen = set()
    for metric in METRICS:
        peer.step(metric)
        mine.step(metric)
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-14)
        seen.add(ours.param_groups[0]["lr"])
    assert len(seen) > 1 or mode == "max"


def test_plateau_scales_a_schedule_and_goes_on_after_loading():
    make = lambda: optim.SGD([ag.Tensor([0.0], requires_grad=True)], lr=schedules.exponential(0.1, gamma=0.5))
    sgd = make()
    plateau = optim.ReduceOnPlateau(sgd, patience=0, factor=0.1)
    plateau.step(1.0)
    plateau.step(1.0)
    assert sgd.param_groups[0]["lr"](3) == pytest.approx(0.1 * 0.5**3 * 0.1)
    again = make()
    other = optim.ReduceOnPlateau(again, patience=0, factor=0.1)
    again.load_state_dict(sgd.state_dict())
    other.load_state_dict(pickle.loads(pickle.dumps(plateau.state_dict())))  # noqa: S301  our own
    assert again.param_groups[0]["lr"](3) == sgd.param_groups[0]["lr"](3)
    other.step(1.0)
    plateau.step(1.0)
    assert again.param_groups[0]["lr"](0) == sgd.param_groups[0]["lr"](0) == pytest.approx(0.001)
    assert other.reductions == 2


def test_plateau_resumed_in_the_middle_with_a_number():
    def run(metrics, sgd, plateau):
        for metric in metrics:
            plateau.step(metric)
        return sgd.param_groups[0]["lr"]

    make = lambda: optim.SGD([ag.Tensor([0.0], requires_grad=True)], lr=0.1)
    sgd = make()
    whole = run(METRICS, sgd, optim.ReduceOnPlateau(sgd, patience=2))
    for stop in range(len(METRICS)):
        first, second = make(), make()
        one, two = optim.ReduceOnPlateau(first, patience=2), optim.ReduceOnPlateau(second, patience=2)
        run(METRICS[:stop], first, one)
        second.load_state_dict(first.state_dict())
        two.load_state_dict(one.state_dict())
        assert run(METRICS[stop:], second, two) == whole < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.5}, "factor is between 0 and 1; got 1.5"),
        ({"mode": "best"}, "mode is 'min' or 'max'"),
        ({"min_lr": [0.1, 0.2]}, "each of the 1 groups; got 2"),
    ],
)
def test_plateau_refuses_what_cannot_be_meant(options, message):
    with pytest.raises(ValueError, match=message):
        optim.ReduceOnPlateau(optim.SGD([ag.Tensor([0.0], requires_grad=True)]), **options)


def test_triangles_ignore_the_factor_of_another_mode():
    assert schedules.cyclic(0.0, 1.0, 5, gamma=2.0)(10_005) == 1.0  # 2^10005 is no float


def test_settings_may_be_iterators_and_later_changes_to_lists_do_not_count():
    milestones = [2, 4]
    decay = schedules.multi_step(1.0, milestones, gamma=0.5)
    milestones.clear()
    again = schedules.multi_step(1.0, iter([2, 4]), gamma=0.5)
    assert [decay(step) for step in range(6)] == [again(step) for step in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


def test_the_plateau_controller_is_pickled_with_its_optimizer():
    sgd = optim.SGD([ag.Tensor([0.0], requires_grad=True)], lr=0.5)
    plateau = pickle.loads(pickle.dumps(optim.ReduceOnPlateau(sgd, patience=0)))  # noqa: S301  our own
    plateau.step(1.0)
    plateau.step(1.0)
    assert plateau.optimizer.param_groups[0]["lr"] == 0.05
