"""Attention beyond its spec rows: the function, masks that leave nothing, hard numbers, positions, transformers."""

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn.functional import rotary_embedding, scaled_dot_product_attention, sinusoidal_encoding

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = pytest.mark.skipif(torch is None, reason="PyTorch is not installed (pip install '.[bench]')")
B, H, L, S, D = 2, 3, 4, 5, 6
MASK = np.random.default_rng(2).random((L, S)) < 0.6
MASK[:, 0] = True  # PyTorch's rows without any are NaN in its gradients


def triple(rng, dtype=np.float64):
    return [rng.normal(size=shape).astype(dtype) for shape in ((B, H, L, D), (B, H, S, D), (B, H, S, 7))]


@NEEDS_TORCH
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": MASK},
        {"attn_mask": np.random.default_rng(3).normal(size=(B, 1, L, S))},
        {"attn_mask": np.random.default_rng(3).normal(size=S)},
    ],
    ids=str,
)
def test_function_agrees_with_pytorch(options):
    rng = np.random.default_rng(0)
    arrays = triple(rng)
    xs = [ag.Tensor(x, requires_grad=True) for x in arrays]
    ts = [torch.tensor(x, requires_grad=True) for x in arrays]
    mask = options.get("attn_mask")
    y = scaled_dot_product_attention(*xs, **options)
    there = options | ({} if mask is None else {"attn_mask": torch.tensor(np.broadcast_to(mask, (B, H, L, S)).copy())})
    u = torch.nn.functional.scaled_dot_product_attention(*ts, **there)
    np.testing.assert_allclose(y.numpy(), u.detach().numpy(), rtol=1e-10)
    g = rng.normal(size=y.shape)
    y.backward(g)
    u.backward(torch.tensor(g))
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_function_with_a_trained_bias_to_second_order(order):
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=shape) for shape in ((2, 3, 2), (2, 4, 2), (2, 4, 2), (3, 4))]
    g = rng.normal(size=(2, 3, 2))
    f = lambda q, k, v, bias: (scaled_dot_product_attention(q, k, v, bias, is_causal=True) ** 2 * g).sum()
    ag.check.gradcheck(f, *arrays, order=order, rng=rng).raise_if_failed()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spread", [1.0, 1e4, 3e38])
def test_weights_equal_the_composition_and_keep_the_dtype(dtype, spread):
    rng = np.random.default_rng(4)
    scores = (rng.uniform(-1, 1, size=(3, 4, 5)) * spread).astype(dtype)
    bias = np.where(rng.random((4, 5)) < 0.7, 0, -np.inf).astype(dtype)
    bias[1] = -np.inf
    x, z = (ag.Tensor(scores, requires_grad=True) for _ in range(2))
    y, u = ag.attention_weights(x, bias, 0.5), ag.softmax(z * 0.5 + bias)
    g = rng.normal(size=y.shape).astype(dtype)
    y.backward(g)
    u.backward(g)
    assert y.dtype == x.grad.dtype == dtype
    bounds = {"rtol": 20 * np.finfo(dtype).eps, "atol": np.finfo(dtype).eps}
    np.testing.assert_allclose(y.numpy(), u.numpy(), **bounds)
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), **bounds)
    assert not y.numpy()[:, 1].any()


@pytest.mark.parametrize("low", [-400.0, -60.0, 30.0, 60.0, 300.0])
def test_weights_are_exact_on_both_sides_of_the_fast_path(low):
    """Rows far below the others, and scores near the bounds where exponentials overflow or vanish in float32."""
    scores = np.array([[low, low + 1, low + 3], [0.0, -1.0, 2.0]], np.float32)
    expected = np.exp([[0, 1, 3], [0, -1, 2]]) / np.exp([[0, 1, 3], [0, -1, 2]]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ag.attention_weights(scores), expected, rtol=1e-6)


def test_float64_mask_does_not_widen_float32():
    rng = np.random.default_rng(5)
    xs = [ag.Tensor(x, requires_grad=True) for x in triple(rng, np.float32)]
    y = scaled_dot_product_attention(*xs, attn_mask=np.zeros((L, S)))
    y.sum().backward()
    assert {y.dtype, *(x.grad.dtype for x in xs)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("mask", [np.zeros((L, S), bool), np.full((L, S), -np.inf)], ids=["boolean", "float"])
def test_query_that_may_read_nothing_gets_zeros_and_no_gradient(mask):
    rng = np.random.default_rng(6)
    xs = [ag.Tensor(x, requires_grad=True) for x in triple(rng)]
    mask[2] = ~MASK[2] if mask.dtype == bool else 0
    y = scaled_dot_product_attention(*xs, attn_mask=mask)
    y.backward(rng.normal(size=y.shape))
    assert not np.delete(y.numpy(), 2, axis=-2).any()
    assert y.numpy()[..., 2, :].all()
    assert not np.delete(xs[0].grad.numpy(), 2, axis=-2).any()
    assert all(np.isfinite(x.grad.numpy()).all() for x in xs)


def test_wholly_padded_sample_leaves_a_layer_finite():
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    x = ag.Tensor(np.random.default_rng(7).normal(size=(2, 3, 4)), requires_grad=True, dtype=np.float32)
    y, weights = layer(x, x, x, key_padding_mask=np.array([[True] * 3, [False] * 3]))
    (y * y).sum().backward()
    np.testing.assert_array_equal(y.numpy()[0], np.broadcast_to(layer.out_proj.bias.numpy(), (3, 4)))
    assert not weights.numpy()[0].any()
    assert np.isfinite(x.grad.numpy()).all()
    assert not x.grad.numpy()[0].any()


def test_causal_attention_does_not_see_what_comes_later():
    rng = np.random.default_rng(8)
    q, k, v = (rng.normal(size=(5, 4)) for _ in range(3))
    jac = ag.jacobian(lambda v: scaled_dot_product_attention(q, k, v, is_causal=True))(v)
    seen = np.abs(jac).max(axis=(1, 3))
    np.testing.assert_array_equal(seen > 0, np.tri(5, dtype=bool))


def test_dropout_drops_weights_in_training_only_and_keeps_their_mean():
    x = np.random.default_rng(9).normal(size=(1, 50, 4)).astype(np.float32)
    layer = nn.MultiheadAttention(4, 1, dropout=0.25, batch_first=True)
    ag.manual_seed(0)
    weights = layer(x, x, x)[1].numpy()
    kept = layer.eval()(x, x, x)[1].numpy()
    dropped = weights == 0
    assert 0.2 < dropped.mean() < 0.3
    np.testing.assert_allclose(weights[~dropped], kept[~dropped] / 0.75, rtol=1e-5)


def test_dropout_of_the_function_follows_its_generator():
    q = np.random.default_rng(10).normal(size=(6, 4))
    a, b, c = (scaled_dot_product_attention(q, q, q, dropout_p=0.5, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scaled_dot_product_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 4))), r"\(2, 3\), \(2, 4\)"),
        (lambda: scaled_dot_product_attention(np.ones((2, 3)), np.ones((4, 3)), np.ones((5, 3))), r"\(4, 3\) and \(5, 3\)"),
        (lambda: ag.attention_weights(np.ones((2, 3)), np.ones((2, 2))), r"\(2, 2\) .* \(2, 3\)"),
        (lambda: ag.attention_weights(np.ones((2, 3)), np.ones((4, 2, 3))), r"\(4, 2, 3\) .* \(2, 3\)"),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[np.ones((3, 2, 4), np.float32)] * 3, key_padding_mask=np.ones((3, 2), bool)),
            r"\(2, 3\); got \(3, 2\)",
        ),
        *(
            (
                lambda shape=shape: nn.MultiheadAttention(4, 2)(
                    *[np.ones((3, 2, 4), np.float32)] * 3, attn_mask=np.ones(shape, bool)
                ),
                r"attn_mask .* \(3, 3\), or .* \(4, 3, 3\)",
            )
            for shape in ((2, 3), (2, 3, 3), (3,))
        ),
        (lambda: ag.rotate_pairs(np.ones((2, 3)), np.ones((2, 1))), r"\(2, 3\) and \(2, 1\)"),
        (lambda: rotary_embedding(np.ones((2, 3))), "even"),
        (lambda: rotary_embedding(np.ones((2, 4)), np.arange(3)), r"takes 2 positions; got shape \(3,\)"),
        (lambda: nn.LearnedPositionalEncoding(4, 2)(np.ones((3, 4))), "at most 2 positions of 4 features"),
        (lambda: nn.SinusoidalPositionalEncoding(4, 2)(np.ones((2, 5))), "at most 2 positions of 4 features"),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, words):
    with pytest.raises(ag.ShapeError, match=words):
        call()


def test_other_wrong_arguments_are_explained():
    x = np.ones((2, 2))
    with pytest.raises(ag.DTypeError, match="boolean, or floating-point"):
        scaled_dot_product_attention(x, x, x, attn_mask=np.ones((2, 2), int))
    with pytest.raises(ag.DTypeError, match="floating-point scores; got int64"):
        ag.attention_weights(np.ones((2, 2), int))
    with pytest.raises(ag.DTypeError, match="float32 or float64"):
        ag.rotate_pairs(np.ones((2, 2), int), np.ones(1))
    with pytest.raises(ValueError, match="3 heads cannot share embed_dim=4"):
        nn.MultiheadAttention(4, 3)


# Positions


def test_sinusoidal_encoding_shifts_by_a_rotation():
    """PE(t + 3) is a fixed linear map of PE(t): what makes relative positions easy to learn."""
    table = sinusoidal_encoding(40, 8, dtype=np.float64)
    shift = np.linalg.lstsq(table[:-3], table[3:], rcond=None)[0]
    np.testing.assert_allclose(table[:-3] @ shift, table[3:], atol=1e-10)
    assert sinusoidal_encoding(3, 5).shape == (3, 5)
    assert sinusoidal_encoding(0, 4).shape == (0, 4)


def test_rotary_products_depend_on_distances_only():
    rng = np.random.default_rng(11)
    q, k = rng.normal(size=(2, 7, 6))
    near = rotary_embedding(q) @ rotary_embedding(k).mT
    far = rotary_embedding(q, np.arange(100, 107)) @ rotary_embedding(k, np.arange(100, 107)).mT
    np.testing.assert_allclose(near, far, atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(rotary_embedding(q), axis=-1), np.linalg.norm(q, axis=-1))


def test_rotary_embedding_reads_views_and_keeps_float32():
    x = np.random.default_rng(12).normal(size=(6, 5, 2)).astype(np.float32).T
    assert not x.flags.c_contiguous
    y = rotary_embedding(x)
    np.testing.assert_array_equal(y, rotary_embedding(x.copy()))
    assert y.dtype == np.float32
