"""Values, gradients and second gradients against PyTorch in float64, wherever it has the function."""

import numpy as np
import pytest

import autograd_core as ag

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install 'autograd-core[bench]'")

BOTH, POSITIVE, UNIT = (-2.0, 2.0), (0.3, 3.0), (-0.8, 0.8)
UNARY = {
    BOTH: "exp exp2 expm1 sin cos tan arctan sinh cosh tanh arcsinh square abs sign floor ceil trunc erf erfc sigmoid relu "
    "sinc deg2rad rad2deg negative softplus",
    POSITIVE: "log log2 log10 log1p sqrt reciprocal digamma",
    UNIT: "arcsin arccos arctanh",
}
SPELLED = {"relu": torch.relu, "softplus": torch.nn.functional.softplus, "rint": torch.round}
BINARY = {
    (BOTH, BOTH): "add subtract multiply maximum minimum fmax fmin arctan2 hypot logaddexp logaddexp2 copysign",
    (BOTH, POSITIVE): "divide remainder fmod xlogy",
    (POSITIVE, BOTH): "power",
}


def pair(name):
    ours = getattr(ag, name)
    theirs = SPELLED.get(name) or getattr(torch, {"power": "pow"}.get(name, name), None) or getattr(torch.special, name)
    return ours, theirs


def compare(ours, theirs, *arrays, rtol=1e-10):
    """Both differentiate <v, f(x)> twice, with the same random v and w."""
    rng = np.random.default_rng(0)
    mine = [ag.Tensor(a, requires_grad=True) for a in arrays]
    peer = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = ours(*mine), theirs(*peer)
    np.testing.assert_allclose(y.numpy(), z.numpy(force=True), rtol=rtol, atol=1e-10)
    v = rng.normal(size=y.shape)
    g = ag.gradients(y, mine, [v], create_graph=True)
    h = torch.autograd.grad(z, peer, torch.tensor(v), create_graph=True)
    for a, b in zip(g, h, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(force=True), rtol=1e-8, atol=1e-8)
    w = [rng.normal(size=a.shape) for a in arrays]
    s = sum((a * u).sum() for a, u in zip(g, w, strict=True))
    t = sum((b * torch.tensor(u)).sum() for b, u in zip(h, w, strict=True))
    second = ag.gradients(s, mine, allow_unused=True)
    other = torch.autograd.grad(t, peer, allow_unused=True) if t.requires_grad else [None] * len(peer)
    for a, b in zip(second, other, strict=True):
        expected = np.zeros(a.shape if a is not None else ()) if b is None else b.numpy(force=True)
        np.testing.assert_allclose(0.0 if a is None else a.numpy(), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("domain", "name"), [(d, n) for d, names in UNARY.items() for n in names.split()])
def test_unary(domain, name):
    compare(*pair(name), np.random.default_rng(1).uniform(*domain, (3, 4)))


@pytest.mark.parametrize(("domains", "name"), [(d, n) for d, names in BINARY.items() for n in names.split()])
def test_binary_with_broadcasting(domains, name):
    rng = np.random.default_rng(1)
    compare(*pair(name), rng.uniform(*domains[0], (3, 1, 4)), rng.uniform(*domains[1], (2, 4)))


REDUCTIONS = {
    "sum": (lambda x: np.sum(x, 1), lambda x: torch.sum(x, 1)),
    "mean": (lambda x: np.mean(x, (0, 2)), lambda x: torch.mean(x, (0, 2))),
    "var": (lambda x: np.var(x, 1, ddof=1), lambda x: torch.var(x, 1)),
    "std": (lambda x: np.std(x, 1, keepdims=True), lambda x: torch.std(x, 1, unbiased=False, keepdim=True)),
    "max": (lambda x: np.max(x, 1), lambda x: torch.amax(x, 1)),
    "min": (lambda x: np.min(x, (0, 1)), lambda x: torch.amin(x, (0, 1))),
    "prod": (lambda x: np.prod(x, 1), lambda x: torch.prod(x, 1)),
    "logsumexp": (lambda x: ag.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1)),
    "softmax": (lambda x: ag.softmax(x, 1), lambda x: torch.softmax(x, 1)),
    "log_softmax": (lambda x: ag.log_softmax(x, 1), lambda x: torch.log_softmax(x, 1)),
    "cumsum": (lambda x: np.cumsum(x, 1), lambda x: torch.cumsum(x, 1)),
    "cumprod": (lambda x: np.cumprod(x, 1), lambda x: torch.cumprod(x, 1)),
    "diff": (lambda x: np.diff(x, 2, 1), lambda x: torch.diff(x, 2, 1)),
    "sort": (lambda x: np.sort(x, 1), lambda x: torch.sort(x, 1).values),
    "quantile": (lambda x: np.quantile(x, 0.3, 1), lambda x: torch.quantile(x, 0.3, 1)),
    "trapezoid": (lambda x: np.trapezoid(x, dx=0.5, axis=1), lambda x: torch.trapezoid(x, dx=0.5, dim=1)),
    "gradient": (lambda x: np.gradient(x, 0.5, axis=1), lambda x: torch.gradient(x, spacing=0.5, dim=1)[0]),
    "cov": (lambda x: np.cov(x[0]), lambda x: torch.cov(x[0])),
    "corrcoef": (lambda x: np.corrcoef(x[0]), lambda x: torch.corrcoef(x[0])),
    "where": (lambda x: np.where(x > 0, x * x, np.sin(x)), lambda x: torch.where(x > 0, x * x, torch.sin(x))),
    "clip": (lambda x: np.clip(x, -0.5, 0.7), lambda x: torch.clamp(x, -0.5, 0.7)),
    "ptp": (lambda x: np.ptp(x, 1), lambda x: torch.amax(x, 1) - torch.amin(x, 1)),
    "nanmean": (lambda x: np.nanmean(x, 1), lambda x: torch.nanmean(x, 1)),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_and_scans(name):
    compare(*REDUCTIONS[name], np.random.default_rng(2).normal(size=(2, 5, 3)))


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_products_with_zeros_to_second_order(zeros):
    x = np.random.default_rng(3).normal(size=5)
    x[:zeros] = 0.0
    compare(np.prod, torch.prod, x)
    compare(np.cumprod, lambda t: torch.stack([torch.prod(t[: k + 1]) for k in range(5)]), x)


def test_polygamma_and_gammaln():
    x = np.random.default_rng(4).uniform(0.2, 5.0, 7)
    compare(ag.gammaln, torch.lgamma, x)
    compare(lambda t: ag.polygamma(2, t), lambda t: torch.special.polygamma(2, t), x)


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (np.exp, torch.exp),
        (np.abs, torch.abs),
        (np.angle, torch.angle),
        (np.sqrt, torch.sqrt),
        (lambda z: z**3 / (1 + z), lambda z: z**3 / (1 + z)),
        (lambda z: np.real(z) * np.imag(z), lambda z: z.real * z.imag),
        (np.conj, torch.conj),
        (lambda z: np.var(z), lambda z: torch.var(z, unbiased=False)),
        (lambda z: np.prod(z), torch.prod),
    ],
)
def test_complex_gradients_follow_the_same_convention(f, g):
    rng = np.random.default_rng(5)
    z = rng.normal(size=4) + 1j * rng.normal(size=4)
    a, b = ag.Tensor(z, requires_grad=True), torch.tensor(z, requires_grad=True)
    y, t = f(a), g(b)
    v = rng.normal(size=y.shape) + (1j * rng.normal(size=y.shape) if y.dtype.kind == "c" else 0)
    y.backward(v)
    t.backward(torch.tensor(v))
    np.testing.assert_allclose(a.grad.numpy(), b.grad.resolve_conj().numpy(), rtol=1e-10, atol=1e-12)


HARD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-160, 1e8, -1e8, 700.0, -700.0, np.inf, -np.inf, np.nan]
# Where ours differs on purpose: a tie gives half to each, and a pole of digamma has no derivative
ELSEWHERE = {
    "fmax": lambda a, b: a != b,
    "fmin": lambda a, b: a != b,
    "digamma": lambda x: (x > 0) | (np.floor(x) != x),
}
CLOSE = {"rtol": 1e-8, "atol": 1e-150}  # PyTorch's expm1 and sinc lose what is smaller


def gradients_at(f, *columns):
    """First gradients of the sum of outputs, for each line of arguments."""
    mine = [ag.Tensor(np.array(c), requires_grad=True) for c in columns]
    with np.errstate(all="ignore"):
        y = f(*mine)
        y.backward(np.ones(y.shape))
    return [np.zeros(t.shape) if t.grad is None else t.grad.numpy() for t in mine]


def torch_gradients_at(f, *columns):
    peer = [torch.tensor(np.array(c), requires_grad=True) for c in columns]
    f(*peer).sum().backward()
    return [t.grad.numpy(force=True) for t in peer]


@pytest.mark.parametrize("name", [n for names in UNARY.values() for n in names.split()])
def test_hard_values_of_one_argument(name):
    ours, theirs = pair(name)
    x = np.array(HARD)
    (g,), (h,) = gradients_at(ours, x), torch_gradients_at(theirs, x)
    known = np.isfinite(h) & ~np.isnan(x) & ELSEWHERE.get(name, np.isreal)(x)
    np.testing.assert_allclose(g[known], h[known], **CLOSE, err_msg=f"{name} at {x[known]}")


@pytest.mark.parametrize("name", [n for names in BINARY.values() for n in names.split()])
def test_hard_values_of_two_arguments(name):
    ours, theirs = pair(name)
    a, b = (m.ravel() for m in np.meshgrid(HARD, HARD))
    for g, h in zip(gradients_at(ours, a, b), torch_gradients_at(theirs, a, b), strict=True):
        known = np.isfinite(h) & ~np.isnan(a) & ~np.isnan(b) & ELSEWHERE.get(name, lambda a, b: np.isreal(a))(a, b)
        np.testing.assert_allclose(
            g[known], h[known], **CLOSE, err_msg=f"{name} at {list(zip(a[known], b[known], strict=True))}"
        )
