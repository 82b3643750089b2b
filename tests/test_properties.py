"""Property tests over drawn shapes, axes, layouts, precisions and values with zeros and ties."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_core as ag

REDUCTIONS = [np.sum, np.mean, np.var, np.std, np.prod, np.max, np.min, np.ptp, np.nansum, np.nanmean, np.median, ag.logsumexp]
ALONG_AXIS = [np.cumsum, np.cumprod, np.sort, np.diff, np.flip, ag.softmax, ag.log_softmax, np.roll, np.repeat, np.expand_dims]
TIED = st.sampled_from([0.0, -0.0, 1.0, 1.0, -2.0, 0.5, 3.0])


@st.composite
def arrays(draw, min_dims=0, min_side=1, distinct=False):
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=min_side, max_side=3))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    if distinct:
        n = int(np.prod(shape))
        order = draw(st.permutations(range(n)))
        x = (np.array(order, dtype) * 0.37 - 0.9).reshape(shape)
    else:
        x = draw(hnp.arrays(dtype, shape, elements=TIED.map(dtype)))
    return x.T if draw(st.booleans()) else x


def check(f, x, seed):
    """One statement for any function: shape and dtype of the gradient, and <g, J u> = <J'g, u>."""
    rng = np.random.default_rng(seed)
    t = ag.Tensor(x, requires_grad=True)
    y = f(t)
    expected = f(x)
    assert y.shape == np.shape(expected)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-5 if x.dtype == np.float32 else 1e-12, atol=1e-6)
    g = rng.normal(size=y.shape).astype(y.dtype)
    y.backward(g)
    assert t.grad.shape == x.shape
    assert t.grad.dtype == x.dtype
    u = rng.normal(size=x.shape).astype(x.dtype)
    tangent = ag.jvp(f, (x,), (u,))[1]
    size = float(np.sum(np.abs(t.grad.numpy() * u))) + 1
    np.testing.assert_allclose(
        np.sum(g * tangent), np.sum(t.grad.numpy() * u), atol=size * (1e-5 if x.dtype == np.float32 else 1e-12)
    )


@given(data=st.data(), f=st.sampled_from(REDUCTIONS), seed=st.integers(0, 99))
def test_reductions(data, f, seed):
    x = data.draw(arrays())
    axis = data.draw(st.none() | hnp.valid_tuple_axes(x.ndim, min_size=1) if x.ndim else st.none())
    keepdims = data.draw(st.booleans())
    check(lambda x: f(x, axis=axis, keepdims=keepdims), x, seed)


@given(data=st.data(), f=st.sampled_from(ALONG_AXIS), seed=st.integers(0, 99))
def test_functions_along_an_axis(data, f, seed):
    x = data.draw(arrays(min_dims=1))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    extra = {np.roll: (2,), np.repeat: (2,)}.get(f, ())
    check(lambda x: f(x, *extra, axis=axis), x, seed)


@given(data=st.data(), f=st.sampled_from(REDUCTIONS), seed=st.integers(0, 99))
def test_gradients_of_reductions_agree_with_differences(data, f, seed):
    x = data.draw(arrays(distinct=True)).astype(float)
    axis = data.draw(st.none() | hnp.valid_tuple_axes(x.ndim, min_size=1) if x.ndim else st.none())
    ag.check.gradcheck(lambda x: f(x, axis=axis), x, rng=np.random.default_rng(seed)).raise_if_failed()


@given(data=st.data(), seed=st.integers(0, 99))
def test_indexing_in_all_its_forms(data, seed):
    x = data.draw(arrays(min_dims=1))
    basic = hnp.basic_indices(x.shape, allow_newaxis=True, allow_ellipsis=True)
    fancy = hnp.integer_array_indices(x.shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
    index = data.draw(basic | fancy | hnp.arrays(bool, x.shape))
    check(lambda x: x[index], x, seed)


@given(data=st.data(), seed=st.integers(0, 99))
def test_products_of_matrices(data, seed):
    shapes = data.draw(
        hnp.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, max_side=3, min_side=0)
    )
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=shape) for shape in shapes.input_shapes)
    check(lambda a: np.matmul(a, b), a, seed)
    check(lambda b: np.matmul(a, b), b, seed)


@given(data=st.data(), seed=st.integers(0, 99))
def test_reshape_transpose_and_broadcast(data, seed):
    x = data.draw(arrays())
    order = data.draw(st.permutations(range(x.ndim)))
    check(lambda x: np.transpose(x, order), x, seed)
    check(lambda x: np.reshape(x, (-1, 1)), x, seed)
    check(lambda x: np.broadcast_to(x, (2, *x.shape)), x, seed)
