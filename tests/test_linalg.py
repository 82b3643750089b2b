"""Linear algebra, products and Fourier transforms against PyTorch, and at points where formulas break down."""

import numpy as np
import pytest

import autograd_core as ag

N = 4


def matrices(rng, *shape, complex_=False):
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex_ else x


def hermitian(x):
    return x + x.mT.conj()


def positive(x):
    return x @ x.mT.conj() + np.eye(x.shape[-1])


def numbers_of(y):
    """A real number that depends on every element of the outputs, complex or not; for both libraries."""
    ys = y if isinstance(y, (tuple, list)) else [y]
    total = 0.0
    for k, part in enumerate(ys):
        weights = np.random.default_rng(k).uniform(0.5, 1.5, tuple(part.shape))
        weights = ag.Tensor(weights) if isinstance(part, ag.Tensor) else part.detach().resolve_conj().new_tensor(weights)
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
    return (
        [loss.detach().numpy()],
        [g.detach().resolve_conj().numpy() for g in first],
        [0 if h is None else h.resolve_conj().numpy() for h in second],
    )


def outer_products(v):
    """v_k v_k^H: what phases do not change."""
    return v[..., :, None, :] * v.conj()[..., None, :, :]


CASES = {
    "solve": (lambda m: lambda a, b: m.linalg.solve(a, b), [(2, N, N), (N, 3)], None),
    "inv": (lambda m: m.linalg.inv, [(2, N, N)], None),
    "pinv": (lambda m: m.linalg.pinv, [(2, N, 3)], None),
    "pinv_wide": (lambda m: m.linalg.pinv, [(2, 2, 3)], None),
    "lstsq": (lambda m: lambda a, b: m.linalg.lstsq(a, b)[0], [(N, 3), (N, 2)], None),
    "det": (lambda m: m.linalg.det, [(2, N, N)], None),
    "slogdet": (lambda m: lambda a: tuple(m.linalg.slogdet(a)), [(2, N, N)], None),
    # PyTorch's gradient of a complex one has a part that is not Hermitian: here the argument is made Hermitian first
    "cholesky": (lambda m: lambda a: m.linalg.cholesky(hermitian(a)), [(2, N, N)], positive),
    "cholesky_upper": (lambda m: lambda a: m.linalg.cholesky(hermitian(a), upper=True), [(2, N, N)], positive),
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
    "irfftn": (lambda m: lambda a: m.fft.irfftn(a, s=(3, 5), **_last_two(m)), [(2, 4, 4)], None),
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


def test_cholesky_of_real_matrices_has_the_symmetric_gradient_of_pytorch(rng):
    torch = pytest.importorskip("torch")
    x = positive(matrices(rng, N, N))
    for upper in (False, True):
        found = ours(lambda a, upper=upper: np.linalg.cholesky(a, upper=upper), [x], [x])
        expected = theirs(lambda a, upper=upper: torch.linalg.cholesky(a, upper=upper), [x], [x])
        np.testing.assert_allclose(found[1][0], found[1][0].T, rtol=1e-12)
        np.testing.assert_allclose(found[1][0], expected[1][0], rtol=1e-9)


@pytest.mark.parametrize("complex_", [False, True])
def test_eig_equals_that_of_pytorch_for_functions_without_phases_and_order(complex_, rng):
    torch = pytest.importorskip("torch")

    def f(w, v):
        return (w**3).sum(), (abs(v) ** 2 * (w**2)[..., None, :]).sum(-1)

    xs, vs = ([matrices(rng, 2, N, N, complex_=complex_)] for _ in range(2))
    found = ours(lambda a: [y.astype(complex) for y in f(*np.linalg.eig(a))], xs, vs)
    expected = theirs(lambda a: f(*torch.linalg.eig(a)), xs, vs)
    for a, b, tolerance in zip(found, expected, (1e-10, 1e-8, 1e-7), strict=True):
        np.testing.assert_allclose(a[0], b[0], rtol=tolerance, atol=tolerance * np.max(np.abs(b[0])))


def test_expm_equals_scipy_for_small_and_large_norms(rng):
    linalg = pytest.importorskip("scipy.linalg")
    x = matrices(rng, 5, 4, 4) * np.array([1e-8, 0.1, 1.0, 5.0, 20.0])[:, None, None]
    for found, expected in zip(ag.linalg.expm(x), linalg.expm(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(ag.linalg.expm(1j * x), linalg.expm(1j * x), rtol=1e-9, atol=1e-9)
    assert ag.linalg.expm(x.astype(np.float32)).dtype == np.float32


# Hard points


def second_derivatives(f, x):
    """The Hessian of a function of one array, column by column."""
    columns = [ag.hvp(f, x, unit.reshape(x.shape)).ravel() for unit in np.eye(x.size)]
    return np.stack(columns)


@pytest.mark.parametrize("power", [2, 3, 4])
def test_powers_of_a_norm_keep_their_second_derivative_at_zero(power):
    hessian = second_derivatives(lambda x: np.linalg.norm(x) ** power, np.zeros(3))
    np.testing.assert_array_equal(hessian, 2 * np.eye(3) * (power == 2))


def test_norms_of_rows_keep_their_second_derivative_where_some_are_zero(rng):
    x = np.stack([np.zeros(2), rng.normal(size=2)])
    hessian = second_derivatives(lambda x: (np.linalg.norm(x, axis=1) ** 2 * np.array([1.0, 3.0])).sum(), x)
    np.testing.assert_allclose(hessian, np.diag([2.0, 2.0, 6.0, 6.0]), atol=1e-12)


def test_third_derivative_of_a_squared_norm_at_zero_is_zero():
    x = ag.Tensor(np.zeros(2), requires_grad=True)
    (first,) = ag.gradients(np.linalg.norm(x) ** 2, x, create_graph=True)
    (second,) = ag.gradients(first.sum(), x, create_graph=True)
    np.testing.assert_array_equal(second.numpy(), [2.0, 2.0])
    (third,) = ag.gradients(second.sum(), x, allow_unused=True)
    assert third is None or not third.numpy().any()


@pytest.mark.parametrize("order", [None, 1, 2, 3, np.inf, -np.inf, 0])
def test_vector_norms_have_gradient_zero_at_the_zero_vector(order):
    np.testing.assert_array_equal(ag.grad(lambda x: np.linalg.norm(x, order))(np.zeros(3)), 0)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, 2, -2, np.inf])
def test_matrix_norms_have_gradient_zero_at_the_zero_matrix(order):
    np.testing.assert_array_equal(ag.grad(lambda x: np.linalg.norm(x, order))(np.zeros((3, 2))), 0)


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("complex_", [False, True])
def test_det_of_any_rank_has_the_cofactors_and_their_derivatives(rank, complex_, rng):
    def det(a):  # by the sum over permutations: a polynomial
        if a.shape[-1] == 1:
            return a[0, 0]
        minors = [np.concatenate([a[1:, :j], a[1:, j + 1 :]], axis=1) for j in range(a.shape[-1])]
        return sum((-1) ** j * a[0, j] * det(m) for j, m in enumerate(minors))

    x = matrices(rng, N, rank, complex_=complex_) @ matrices(rng, rank, N, complex_=complex_)
    vs = [matrices(rng, N, N, complex_=complex_)]
    for found, expected in zip(ours(np.linalg.det, [x], vs), ours(det, [x], vs), strict=True):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-10, atol=1e-10 * max(1.0, np.abs(expected[0]).max()))


def test_third_derivative_of_det(rng):
    x, u, v = (matrices(rng, 3, 3) for _ in range(3))

    def directional(f, u):
        return lambda a: (ag.grad(f)(a) * u).sum()

    found = ag.grad(directional(directional(ag.linalg.det, u), v))(x)
    # the determinant of 3 x 3 is cubic: its third derivative is six times its polarisation
    for i, j in np.ndindex(3, 3):
        w = np.zeros((3, 3))
        w[i, j] = 1.0
        signs = [(s, t, r) for s in (1, -1) for t in (1, -1) for r in (1, -1)]
        polar = sum(s * t * r * np.linalg.det(s * u + t * v + r * w) for s, t, r in signs) / 8
        np.testing.assert_allclose(found[i, j], polar, atol=1e-12)


def test_slogdet_of_a_singular_matrix_has_no_derivative_and_spares_the_others(rng):
    x = np.stack([np.zeros((2, 2)), np.eye(2) * 2])
    with np.errstate(all="ignore"):
        g = ag.grad(lambda x: np.linalg.slogdet(x).logabsdet.sum())(x)
    assert np.isnan(g[0]).all()
    np.testing.assert_allclose(g[1], np.eye(2) / 2)


@pytest.mark.parametrize("function", [np.linalg.eigvalsh, np.linalg.svdvals, lambda x: np.linalg.eigh(x).eigenvalues])
def test_repeated_values_have_finite_gradients(function):
    weights = np.array([1.0, 2.0, 3.0])
    for x in (np.eye(3), np.diag([2.0, 2.0, 1.0]), np.zeros((3, 3))):
        g = ag.grad(lambda x: (function(x) * weights).sum())(x)
        assert np.isfinite(g).all()
        np.testing.assert_allclose(np.trace(g) if x.any() else 6.0, 6.0)


def test_eigenvectors_of_repeated_values_give_inf_or_nan():
    with np.errstate(all="ignore"):
        g = ag.grad(lambda x: (np.linalg.eigh(x).eigenvectors * np.arange(9).reshape(3, 3)).sum())(np.eye(3))
    assert not np.isfinite(g).all()


@pytest.mark.parametrize("name", ["eigh", "eig", "svd"])
def test_a_loss_that_depends_on_phases_is_refused(name, rng):
    x = ag.Tensor(hermitian(matrices(rng, 3, 3, complex_=True)) + np.diag([1, 5, 9]), requires_grad=True)
    vectors = getattr(np.linalg, name)(x)[0 if name == "svd" else 1]
    with pytest.raises(ag.AutogradError, match="phases"):
        (vectors.imag * np.arange(9).reshape(3, 3)).sum().backward()


def test_full_matrices_without_a_derivative_are_refused():
    x = ag.Tensor(np.ones((3, 2)), requires_grad=True)
    with pytest.raises(ag.NoRuleError, match="full_matrices=False"):
        np.linalg.svd(x)
    with pytest.raises(ag.NoRuleError, match="mode='reduced'"):
        np.linalg.qr(x, mode="complete")


def test_only_one_triangle_is_read(rng):
    x = positive(matrices(rng, 3, 3))
    lower, upper = np.tril(x), np.triu(x)
    for f, half in [
        (np.linalg.cholesky, lower),
        (lambda a: np.linalg.cholesky(a, upper=True), upper),
        (np.linalg.eigvalsh, lower),
        (lambda a: np.linalg.eigvalsh(a, UPLO="U"), upper),
    ]:
        g = ag.grad(lambda a, f=f: f(a).sum())(half)
        np.testing.assert_allclose(g, ag.grad(lambda a, f=f: f(a).sum())(x), rtol=1e-12)
        np.testing.assert_allclose(g, g.T, rtol=1e-9, atol=1e-12)


def test_results_are_the_named_tuples_of_numpy(rng):
    x = positive(matrices(rng, 3, 3))
    t = ag.Tensor(x, requires_grad=True)
    for name in ("eig", "eigh", "svd", "qr", "slogdet"):
        assert type(getattr(np.linalg, name)(t)) is type(getattr(np.linalg, name)(x))
    assert np.linalg.matrix_rank(t) == 3


def test_plain_arrays_give_plain_arrays(rng):
    x = positive(matrices(rng, 3, 3))
    for name in ("inv", "det", "norm", "cholesky", "svdvals", "cond", "pinv", "expm"):
        assert not isinstance(getattr(ag.linalg, name)(x), ag.Tensor)
    assert type(ag.fft.fft([1.0, 2.0])) is np.ndarray
    assert type(ag.einsum("ij->ji", x)) is np.ndarray
    assert type(ag.linalg.multi_dot([x, x, x])) is np.ndarray


def test_lists_and_numbers_mix_with_tensors():
    t = ag.Tensor([1.0, 2.0], requires_grad=True)
    for f in (
        lambda: ag.inner(t, [1.0, 1.0]),
        lambda: ag.outer([1.0], t),
        lambda: ag.kron(t, 2.0),
        lambda: ag.tensordot([[1.0, 2.0]], t, 1),
        lambda: ag.einsum("i,i", t, [1.0, 2.0]),
        lambda: t @ [1.0, 2.0],
        lambda: ag.linalg.solve([[2.0, 0.0], [0.0, 1.0]], t),
    ):
        y = f()
        assert y.requires_grad
        y.sum().backward()


# einsum


@pytest.mark.parametrize(
    ("spec", "shapes", "message"),
    [
        ("ij,jk", [(2, 3), (2, 3)], "label 'j'"),
        ("ij", [(2,)], "axes"),
        ("i,j", [(2,)], "2 terms for 1 operands"),
        ("i->ii", [(2,)], "once"),
        ("i->j", [(2,)], "once"),
    ],
)
def test_einsum_says_what_does_not_fit(spec, shapes, message):
    with pytest.raises(ag.ShapeError, match=message):
        ag.einsum(spec, *[ag.Tensor(np.ones(shape), requires_grad=True) for shape in shapes])


def test_einsum_multiplies_stacks_of_matrices_without_a_loop_over_all_labels(rng):
    a, b = matrices(rng, 2, 3, 4, 5), matrices(rng, 3, 2, 5, 6)
    t = ag.Tensor(a, requires_grad=True)
    y = np.einsum("abij,bajk->kbai", t, b)
    np.testing.assert_allclose(y.numpy(), np.einsum("abij,bajk->kbai", a, b), rtol=1e-12)


def test_einsum_follows_a_path_and_lists():
    rng = np.random.default_rng(3)
    a, b, c = matrices(rng, 3, 4), matrices(rng, 4, 5), matrices(rng, 5, 3)
    path = np.einsum_path("ij,jk,ki", a, b, c)[0]
    t = ag.Tensor(a, requires_grad=True)
    for y in (
        np.einsum("ij,jk,ki", t, b, c, optimize=path),
        np.einsum("ij,jk,ki->", t, b, c, optimize=True),
        np.einsum(t, [0, 1], b, [1, 2], c, [2, 0], []),
        np.einsum(t, [0, 1], b, [1, 2], c, [2, 0]),
    ):
        np.testing.assert_allclose(y.numpy(), np.trace(a @ b @ c), rtol=1e-12)
        np.testing.assert_allclose(ag.gradients(y, t)[0].numpy(), (b @ c).T, rtol=1e-12)


# Fourier transforms


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "fft2", "rfft2", "fftn", "irfft", "hfft", "ihfft"])
def test_fourier_transforms_keep_single_precision(name):
    x = ag.Tensor(np.ones((3, 4), np.float32), requires_grad=True)
    y = getattr(np.fft, name)(x)
    assert y.dtype == getattr(np.fft, name)(x.numpy()).dtype
    assert y.dtype.itemsize == (8 if y.dtype.kind == "c" else 4)
    y.real.sum().backward()
    assert x.grad.dtype == np.float32


def test_frequencies_are_numpys():
    np.testing.assert_array_equal(ag.fft.fftfreq(5), np.fft.fftfreq(5))
    np.testing.assert_array_equal(ag.fft.rfftfreq(5), np.fft.rfftfreq(5))
