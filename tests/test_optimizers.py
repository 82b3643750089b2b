"""Every row of tests/optimizers: against PyTorch, its formula, to the optimum, saved, scheduled, without allocations."""

import copy
import inspect
import math
import pickle
import tracemalloc

import numpy as np
import pytest

import autograd_core as ag
import optim

from .optimizers import ROWS
from .optimizers.base import SURFACES

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = pytest.mark.skipif(torch is None, reason="PyTorch is not installed (pip install '.[bench]')")
TOLERANCE = {"rtol": 1e-9, "atol": 1e-12}
ALL = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
STEPWISE = pytest.mark.parametrize("row", [row for row in ROWS if not row.closure], ids=lambda row: row.name)


def cases(rows):
    return [
        pytest.param(row, options, id=f"{row.name}-{','.join(f'{k}={v}' for k, v in options.items())}")
        for row in rows
        for options in row.variants()
    ]


# A smooth function of several parameters, and its gradient by hand: what is tested is not the engine


class Problem:
    """f = sum of a (cos x + x^2 / 10) over all parameters, some of which have no gradient now and then."""

    def __init__(self, row, dtype=np.float64, seed=3):
        rng = np.random.default_rng(seed)
        draw = lambda shape: rng.normal(size=shape) + (1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else 0)
        self.row = row
        self.x0 = [np.asarray(draw(shape), dtype) for shape in row.shapes]
        self.a = [np.asarray(rng.uniform(0.5, 2.0, shape), np.dtype(dtype).type(0).real.dtype) for shape in row.shapes]

    def params(self):
        return [ag.Tensor(x.copy(), requires_grad=True) for x in self.x0]

    def value(self, x, k):
        parts = [x] if x.dtype.kind != "c" else [x.real, x.imag]
        return float(sum(np.sum(self.a[k] * (np.cos(part) + 0.1 * part**2)) for part in parts))

    def gradient(self, x, k):
        d = lambda part: self.a[k] * (-np.sin(part) + 0.2 * part)
        return (d(x.real) + 1j * d(x.imag) if x.dtype.kind == "c" else d(x)).astype(x.dtype)

    def used(self, step):
        """Which parameters have a gradient at a step: all of them where the optimizer asks again within a step."""
        return [k for k in range(len(self.x0)) if self.row.closure or k == 0 or step % 7 != 3]

    def closure(self, params, values, set_gradient, step, sign=1.0):
        def evaluate():
            total = 0.0
            for k, p in enumerate(params):
                used = k in self.used(step)
                set_gradient(p, sign * self.gradient(values(p), k) if used else None)
                total += sign * self.value(values(p), k) if used else 0.0
            return total

        return evaluate


def set_ours(p, g):
    p.grad = g


def ours(problem, optimizer, steps, first=0, sign=1.0):
    """Let our optimizer run; the parameters after every step."""
    params = optimizer.param_groups[0]["params"]
    path = []
    for step in range(first, first + steps):
        closure = problem.closure(params, lambda p: p.numpy(), set_ours, step, sign)
        if problem.row.closure:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        path.append([p.numpy().copy() for p in params])
    return path


def theirs(problem, params, optimizer, steps, first=0):
    """Let PyTorch's optimizer run; the parameters at the end."""

    def set_theirs(p, g):
        p.grad = None if g is None else torch.tensor(g)

    for step in range(first, first + steps):
        evaluate = problem.closure(params, lambda p: p.detach().numpy(), set_theirs, step)
        if problem.row.closure:
            optimizer.step(lambda evaluate=evaluate: torch.tensor(evaluate()))
        else:
            evaluate()
            optimizer.step()
    return [p.detach().numpy() for p in params]


def torch_params(arrays):
    return [torch.tensor(x, requires_grad=True) for x in arrays]


@pytest.fixture(autouse=True)
def _double_precision(monkeypatch, request):
    """PyTorch in double precision throughout: it keeps numbers such as NAdam's product in its default dtype.

    Its Muon rounds to bfloat16 inside, which NumPy does not have: compare without (and once with, below).
    """
    if torch is None:
        yield
        return
    if "with_bfloat16" not in request.node.name:
        monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_same(found, expected, **tolerance):
    for p, q in zip(found, expected, strict=True):
        np.testing.assert_allclose(p, q, **(tolerance or TOLERANCE))


# The same steps as the oracles


@NEEDS_TORCH
@pytest.mark.parametrize(("row", "options"), cases([row for row in ROWS if row.in_torch]))
def test_fifty_steps_equal_pytorch(row, options):
    if not row.knows_torch(options):
        pytest.skip("PyTorch's does not have these options")
    problem = Problem(row)
    given = {k: v for k, v in options.items() if k not in row.not_in_torch}
    path = ours(problem, row.build(problem.params(), **options), 50)
    params = torch_params(problem.x0)
    assert_same(path[-1], theirs(problem, params, getattr(torch.optim, row.name)(params, **given), 50))


@pytest.mark.parametrize(("row", "options"), cases([row for row in ROWS if row.formula]))
def test_steps_equal_the_formula(row, options):
    problem = Problem(row)
    path = ours(problem, row.build(problem.params(), **options), 25)
    for k, x in enumerate(problem.x0):
        for step, expected in enumerate(by_formula(row, options, problem, x, k, 25)):
            np.testing.assert_allclose(path[step][k], expected, **TOLERANCE)


def by_formula(row, options, problem, x, k, steps):
    common = {"maximize", "weight_decay", "decoupled_weight_decay"}
    formula = row.formula(**{name: v for name, v in options.items() if name not in common})
    lr = options.get("lr", inspect.signature(row.formula).parameters["lr"].default)
    next(formula)
    for step in range(steps):
        if k in problem.used(step):
            g = problem.gradient(x, k) * (-1.0 if options.get("maximize") else 1.0)
            decay = options["weight_decay"]
            if options.get("decoupled_weight_decay", row.decoupled):
                x = x * (1 - lr * decay)
            else:
                g = g + decay * x
            x = x + formula.send(g)
        yield x


@NEEDS_TORCH
@ALL
def test_arguments_and_defaults_are_pytorchs(row):
    if not row.in_torch:
        pytest.skip("PyTorch does not have it")
    peer = getattr(torch.optim, row.name)
    own = row.build(ag.Tensor(np.ones((2, 2)), requires_grad=True) for _ in range(1))
    defaults = peer([torch.ones(2, 2, requires_grad=True)]).defaults
    speed = {"foreach", "capturable", "differentiable", "fused"}
    for name, value in defaults.items():
        if name not in speed:
            assert own.defaults[name] == value, name
    mine = [n for n in inspect.signature(getattr(optim, row.name)).parameters if n in defaults]
    positional = [n for n in inspect.signature(peer).parameters if n in mine]
    assert mine == positional


@NEEDS_TORCH
@STEPWISE
def test_complex_parameters_are_pairs_of_real_numbers_as_in_pytorch(row):
    if not row.in_torch or row.name == "Muon":
        pytest.skip("PyTorch's does not take complex parameters")
    problem = Problem(row, np.complex128)
    options = {"lr": 0.05, "weight_decay": 0.1}
    path = ours(problem, row.build(problem.params(), **options), 20)
    params = torch_params(problem.x0)
    assert_same(path[-1], theirs(problem, params, getattr(torch.optim, row.name)(params, **options), 20))


@NEEDS_TORCH
def test_muon_with_bfloat16_differs_from_ours_by_its_rounding():
    row = next(row for row in ROWS if row.name == "Muon")
    problem = Problem(row)
    (moved,), params = ours(problem, row.build(problem.params(), lr=1.0), 1), torch_params(problem.x0)
    found = theirs(problem, params, torch.optim.Muon(params, lr=1.0), 1)
    for p, q, x in zip(moved, found, problem.x0, strict=True):
        assert 0 < np.abs(p - q).max() < 0.05 * np.abs(p - x).max()  # eight bits, and five steps of the iteration


# Where they arrive


@pytest.mark.parametrize("surface", SURFACES)
@ALL
def test_reaches_the_optimum(row, surface):
    f, start, optimum = SURFACES[surface]
    options, steps = row.reaches[surface]
    shape = (1, 2) if row.name == "Muon" else (2,)
    x = ag.Tensor(np.array(start).reshape(shape), requires_grad=True)
    optimizer = row.build([x], **options)

    def closure():
        value, g = f(x.numpy().reshape(2))
        x.grad = g.reshape(shape)
        return value

    for _ in range(steps):
        if row.closure:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    np.testing.assert_allclose(x.numpy().reshape(2), optimum, atol=2e-2)


# What holds for each of them


@ALL
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_shape_are_kept(row, dtype):
    shapes = row.shapes if row.name == "Muon" else [*row.shapes, (), (0, 3), (1,)]
    row = copy.copy(row)
    row.shapes = shapes
    problem = Problem(row, dtype)
    params = problem.params()
    optimizer = row.build(params, lr=lambda step: np.float64(0.01))  # a NumPy number must not promote
    ours(problem, optimizer, 3)
    assert [(p.dtype, p.shape) for p in params] == [(np.dtype(dtype), shape) for shape in shapes]
    assert all(np.isfinite(p.numpy()).all() for p in params)
    assert any((p.numpy() != x).any() for p, x in zip(params, problem.x0, strict=True))
    for entry in optimizer.state_dict()["state"].values():
        arrays = [x for v in entry.values() for x in (v if isinstance(v, list) else [v]) if np.ndim(x)]
        assert {x.dtype for x in arrays} <= {np.dtype(dtype)}


@STEPWISE
def test_parameters_without_gradient_and_their_state_are_left_alone(row):
    problem = Problem(row)
    params = problem.params()
    optimizer = row.build(params, weight_decay=0.1)
    ours(problem, optimizer, 2)
    before, state = params[1].numpy().copy(), optimizer.state_dict()["state"].get(1, {})
    for _ in range(3):
        params[0].grad, params[1].grad = problem.gradient(params[0].numpy(), 0), None
        optimizer.step()
    np.testing.assert_array_equal(params[1].numpy(), before)
    after = optimizer.state_dict()["state"].get(1, {})
    assert state.keys() == after.keys()
    for name in state:
        np.testing.assert_array_equal(state[name], after[name])


@ALL
def test_a_state_dict_goes_on_bit_for_bit(row):
    problem = Problem(row)
    for options in row.variants():
        first = row.build(problem.params(), **options)
        ours(problem, first, 5)
        saved = pickle.loads(pickle.dumps(first.state_dict()))  # noqa: S301  our own
        again = row.build([ag.Tensor(p.numpy().copy(), requires_grad=True) for p in first.param_groups[0]["params"]], lr=123.0)
        if options.get("line_search_fn") or "max_eval" in options:
            assert again.state_dict()["param_groups"] != saved["param_groups"]
        again.load_state_dict(saved)
        assert again.step_count == 5
        for a, b in zip(ours(problem, first, 5, first=5), ours(problem, again, 5, first=5), strict=True):
            for p, q in zip(a, b, strict=True):
                np.testing.assert_array_equal(p, q)


@ALL
def test_copies_and_pickles_go_on_by_themselves(row):
    problem = Problem(row)
    first = row.build(problem.params())
    ours(problem, first, 3)
    for other in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):  # noqa: S301  our own
        before = [p.numpy().copy() for p in first.param_groups[0]["params"]]
        path = ours(problem, other, 3, first=3)
        assert_same([p.numpy() for p in first.param_groups[0]["params"]], before, rtol=0)
        again = copy.deepcopy(first)
        assert_same(ours(problem, again, 3, first=3)[-1], path[-1], rtol=0)


def to_torch(tree):
    if isinstance(tree, dict):
        return {k: to_torch(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [to_torch(v) for v in tree]
    return torch.tensor(tree) if isinstance(tree, np.ndarray) else tree


@NEEDS_TORCH
@ALL
def test_a_state_crosses_over_to_pytorch_and_back(row):
    if not row.in_torch:
        pytest.skip("PyTorch does not have it")
    problem = Problem(row)
    for options in row.variants():
        if not row.knows_torch(options):
            continue
        optimizer = row.build(problem.params(), **options)
        ours(problem, optimizer, 5)
        params = torch_params([p.numpy() for p in optimizer.param_groups[0]["params"]])
        given = {k: v for k, v in options.items() if k not in row.not_in_torch}
        peer = getattr(torch.optim, row.name)(params, **given)
        peer.load_state_dict(to_torch(optimizer.state_dict()))
        mine = ours(problem, optimizer, 5, first=5)[-1]
        assert_same(mine, theirs(problem, params, peer, 5, first=5))
        back = row.build([ag.Tensor(p.detach().numpy().copy(), requires_grad=True) for p in params], lr=7.0)
        back.load_state_dict(peer.state_dict())
        assert_same(
            ours(problem, back, 5, first=10)[-1],
            theirs(problem, params, peer, 5, first=10),
        )


@ALL
def test_maximize_is_minimizing_the_negative(row):
    problem = Problem(row)
    up, down = row.build(problem.params(), maximize=True), row.build(problem.params())
    for a, b in zip(ours(problem, up, 8, sign=-1.0), ours(problem, down, 8), strict=True):
        assert_same(a, b, rtol=0)


@pytest.mark.parametrize(
    ("row", "name"), [pytest.param(row, name, id=f"{row.name}-{name}") for row in ROWS for name in row.scheduled]
)
def test_a_schedule_is_the_same_as_setting_the_value_by_hand(row, name):
    value = row.schedules.get(name, row.scheduled[name])
    at = lambda v, step: v * (1 - 0.08 * step) if not isinstance(v, int) else v + step
    tuples = isinstance(value, tuple)
    schedule = lambda step: at(value, step)
    given = tuple(lambda step, v=v: at(v, step) for v in value) if tuples else schedule
    problem = Problem(row)
    scheduled = row.build(problem.params(), **(row.scheduled | {name: given}))
    manual = row.build(problem.params(), **row.scheduled)
    constant = ours(problem, row.build(problem.params(), **row.scheduled), 9)[-1]
    path = ours(problem, scheduled, 9)
    for step in range(9):
        manual.param_groups[0][name] = tuple(at(v, step) for v in value) if tuples else at(value, step)
        assert_same(ours(problem, manual, 1, first=step)[-1], path[step], rtol=0)
    assert any((p != q).any() for p, q in zip(path[-1], constant, strict=True))


def test_every_number_of_every_optimizer_has_a_schedule_in_its_row():
    for row in ROWS:
        numbers = {
            name
            for name, value in row.build([ag.Tensor(np.ones((2, 2)), requires_grad=True)]).defaults.items()
            if not isinstance(value, bool | str | None) and name not in {"ns_steps", "initial_accumulator_value"}
        }
        assert numbers <= row.scheduled.keys(), row.name


@STEPWISE
def test_a_step_allocates_nothing_after_the_first(row):
    rng = np.random.default_rng(0)
    shapes = [(300, 300), (300, 2), (2, 200)] if row.name == "Muon" else [(300, 300), (300,), (7, 3)]
    everything = dict.fromkeys(("amsgrad", "centered", "nesterov", "maximize", "bias_correction"), True)
    known = row.build([ag.Tensor(np.ones((2, 2)), requires_grad=True)]).defaults
    options = {k: v for k, v in everything.items() if k in known and not (row.name == "SGD" and k == "nesterov")}
    options |= {"weight_decay": 0.1} | ({"momentum": 0.9} if "momentum" in known else {})
    params = [ag.Tensor(rng.normal(size=shape).astype(np.float32), requires_grad=True) for shape in shapes]
    optimizer = row.build(params, **options)
    for k, p in enumerate(params):
        g = rng.normal(size=p.shape[::-1]).astype(np.float32).T if k % 2 else rng.normal(size=p.shape).astype(np.float32)
        p.grad = g  # some of them not contiguous
    for _ in range(2):
        optimizer.step()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        optimizer.step()
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 10_000, peak  # objects of Python; an array of the largest parameter has 360 kB


@STEPWISE
def test_results_do_not_depend_on_blocks_and_threads(row):
    if row.name == "Muon":
        pytest.skip("whole matrices, whose products have threads of their own")
    rng = np.random.default_rng(0)
    x0, g = rng.normal(size=600_000), rng.normal(size=600_000)
    before, found = ag.get_num_threads(), []
    try:
        for parts, threads in ((1, 1), (1, 3), (5, 2)):
            ag.set_num_threads(threads)
            params = [ag.Tensor(part.copy(), requires_grad=True) for part in np.array_split(x0, parts)]
            optimizer = row.build(params)
            for _ in range(2):
                for p, part in zip(params, np.array_split(g, parts), strict=True):
                    p.grad = part
                optimizer.step()
            found.append(np.concatenate([p.numpy() for p in params]))
    finally:
        ag.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != x0).all()


@STEPWISE
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_skipped_and_reported(row, bad):
    problem = Problem(row)
    params = problem.params()
    params[0].name = "weight"
    optimizer = row.build(params, skip_nonfinite=True)
    ours(problem, optimizer, 1)
    before, state = [p.numpy().copy() for p in params], optimizer.state_dict()
    problem.closure(params, lambda p: p.numpy(), set_ours, 1)()
    params[0].grad.numpy().reshape(-1)[1] = bad
    with pytest.warns(RuntimeWarning, match=r"step 2 is left out: the gradient of weight of shape \(3, 4\)|has 1 of"):
        optimizer.step()
    assert optimizer.skipped_steps == 1
    assert "weight" in optimizer.last_skipped
    assert_same([p.numpy() for p in params], before, rtol=0)
    assert optimizer.step_count == 1
    np.testing.assert_equal(optimizer.state_dict(), state)
    ours(problem, optimizer, 1)
    assert optimizer.skipped_steps == 1
    assert optimizer.step_count == 2


def test_every_optimizer_has_a_row():
    classes = {
        n for n in optim.__all__ if isinstance(getattr(optim, n), type) and issubclass(getattr(optim, n), optim.Optimizer)
    }
    assert classes - {"Optimizer"} == {row.name for row in ROWS}
    assert all(set(row.reaches) == set(SURFACES) for row in ROWS)
