"""Linear algebra, products and Fourier transforms against PyTorch, and at points where formulas break down."""

import numpy as np
import pytest

import autograd_core as ag

N = 4


def matrices(rng, *shape, complex_=False):
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex_ else x


def hermitian(x):
    return x + x.conj().mT


def positive(x):
    return x @ x.conj().mT + np.eye(x.shape[-1])


def numbers_of(y):
    """A real number that depends on every element of the outputs, complex or not; for both libraries."""
    ys = y if isinstance(y, (tuple, list)) else [y]
    total = 0.0
    for k, part in enumerate(ys):
        weights = np.random.default_rng(k).uniform(0.5, 1.5, tuple(part.shape))
        weights = type(part)(weights) if isinstance(part, ag.Tensor) else part.new_tensor(weights)
        real, imag = (part.real, part.imag) if "complex" in str(part.dtype) else (part, part * 0)
        total = total + (weights.real * (real * real * 0.3 + real)).sum() + (weights.real * imag * (1 - 0.2 * real)).sum()
    return total


def ours(f, xs, vs):
    """Value, gradients, and gradients of <gradient, v>."""
    tensors = [ag.Tensor(x, requires_grad=True) for x in xs]
    y = f(*tensors)
    loss = numbers_of(y)
    first = ag.gradients(loss, tensors, create_graph=True)
    slope = sum((np.real(g * np.conj(v))).sum() for g, v in zip(first, vs, strict=True))
    second = ag.gradients(slope, tensors, allow_unused=True)
    return [loss.numpy()], [g.detach().numpy() for g in first], [0 if h is None else h.numpy() for h in second]


def theirs(f, xs, vs):
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    loss = numbers_of(f(*tensors))
    first = torch.autograd.grad(loss, tensors, create_graph=True)
    slope = sum((g * torch.tensor(v).conj()).real.sum() for g, v in zip(first, vs, strict=True))
    second = torch.autograd.grad(slope, tensors, allow_unused=True)
    return [loss.detach().numpy()], [g.detach().resolve_conj().numpy() for g in first], [
        0 if h is None else h.resolve_conj().numpy() for h in second
    ]


def absolute_projectors(v):
    return abs(v[..., :, None, :]) * abs(v[..., None, :, :])


def outer_products(v):
    """v_k v_k^H: what phases do not change."""
    return v[..., :, None, :] * v.conj()[..., None, :, :]


CASES = {
    "solve": (lambda m: lambda a, b: m.linalg.solve(a, b), [(2, N, N), (N, 3)], None),
    "inv": (lambda m: m.linalg.inv, [(2, N, N)], None),
    "pinv": (lambda m: m.linalg.pinv, [(2, N, 3)], None),
    "pinv_wide": (lambda m: m.linalg.pinv, [(2, 2, 3)], None),
    "det": (lambda m: m.linalg.det, [(2, N, N)], None),
    "slogdet": (lambda m: lambda a: tuple(m.linalg.slogdet(a)), [(2, N, N)], None),
    "cholesky": (lambda m: m.linalg.cholesky, [(2, N, N)], positive),
    "cholesky_upper": (lambda m: lambda a: m.linalg.cholesky(a, upper=True), [(2, N, N)], positive),
    "qr": (lambda m: lambda a: tuple(m.linalg.qr(a)), [(2, N, 3)], None),
    "qr_wide": (lambda m: lambda a: tuple(m.linalg.qr(a)), [(2, 3, N)], None),
    "eigvalsh": (lambda m: m.linalg.eigvalsh, [(2, N, N)], hermitian),
    "eigh": (lambda m: lambda a: _of_eigh(*m.linalg.eigh(a)), [(2, N, N)], hermitian),
    "eigh_upper": (lambda m: lambda a: _of_eigh(*m.linalg.eigh(a, UPLO="U")), [(2, N, N)], hermitian),
    "svdvals": (lambda m: m.linalg.svdvals, [(2, N, 3)], None),
    "svd": (lambda m: lambda a: _of_svd(*m.linalg.svd(a, full_matrices=False)), [(2, N, 3)], None),
    "svd_wide": (lambda m: lambda a: _of_svd(*m.linalg.svd(a, full_matrices=False)), [(2, 3)], None),
    "matrix_norm_nuc": (lambda m: lambda a: m.linalg.matrix_norm(a, ord="nuc"), [(2, N, 3)], None),
    "matrix_norm_2": (lambda m: lambda a: m.linalg.matrix_norm(a, ord=2), [(2, N, 3)], None),
    "norm_3": (lambda m: lambda a: m.linalg.vector_norm(a, ord=3), [(N, 3)], None),
    "norm": (lambda m: lambda a: m.linalg.norm(a), [(N, 3)], None),
    "cond": (lambda m: m.linalg.cond, [(2, N, N)], None),
    "tensorinv": (lambda m: lambda a: m.linalg.tensorinv(a, ind=1), [(6, 2, 3)], None),
    "matrix_power": (lambda m: lambda a: m.linalg.matrix_power(a, 3), [(2, N, N)], None),
    "multi_dot": (lambda m: lambda *xs: m.linalg.multi_dot(xs), [(2, 3), (3, 4), (4, 2)], None),
    "expm": (lambda m: m.linalg.expm if m is ag else m.linalg.matrix_exp, [(2, N, N)], None),
    "einsum": (lambda m: lambda a, b: m.einsum("...ij,kj->...ik", a, b), [(2, N, 3), (2, 3)], None),
    "einsum_trace": (lambda m: lambda a, b: m.einsum("ii,ij->j", a, b), [(3, 3), (3, 2)], None),
    "kron": (lambda m: m.kron, [(2, 3), (3, 2)], None),
    "fft": (lambda m: m.fft.fft, [(2, 5)], None),
    "ifft": (lambda m: lambda a: m.fft.ifft(a, 7, norm="ortho"), [(2, 5)], None),
    "fftn": (lambda m: lambda a: m.fft.fftn(a, norm="forward"), [(2, 3, 4)], None),
    "irfft": (lambda m: m.fft.irfft, [(2, 5)], None),
    "irfftn": (lambda m: lambda a: m.fft.irfftn(a, s=(3, 5) if m is not ag else (3, 5), **_last_two(m)), [(2, 4, 4)], None),
    "hfft": (lambda m: lambda a: m.fft.hfft(a, 7), [(2, 4)], None),
}
REAL = {
    "rfft": (lambda m: lambda a: m.fft.rfft(a, 6), [(2, 5)], None),
    "rfftn": (lambda m: lambda a: m.fft.rfftn(a, s=(3, 5), **_last_two(m)), [(2, 4, 4)], None),
    "ihfft": (lambda m: lambda a: m.fft.ihfft(a, norm="forward"), [(2, 5)], None),
    "cross": (lambda m: m.linalg.cross, [(2, 3), (2, 3)], None),
}


def _last_two(module):
    return {"axes" if module is ag else "dim": (-2, -1)}


def _of_eigh(w, v):
    return w, outer_products(v)


def _of_svd(u, s, vh):
    return s, u[..., :, None, :] * vh.mT[..., None, :, :]


ALL = [(name, complex_) for name in CASES for complex_ in (False, True)] + [(name, False) for name in REAL]


@pytest.mark.parametrize(("name", "complex_"), ALL)
def test_value_gradient_and_second_gradient_equal_those_of_pytorch(name, complex_, rng):
    torch = pytest.importorskip("torch")
    make, shapes, prepare = {**CASES, **REAL}[name]
    xs = [matrices(rng, *shape, complex_=complex_) for shape in shapes]
    xs = [x if prepare is None else prepare(x) for x in xs]
    vs = [matrices(rng, *shape, complex_=complex_) for shape in shapes]
    found, expected = ours(make(ag), xs, vs), theirs(make(torch), xs, vs)
    for a, b, tolerance in zip(found, expected, (1e-10, 1e-8, 1e-7), strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * max(1.0, float(np.max(np.abs(y)))))
