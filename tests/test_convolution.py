"""Convolution beyond its rows: closed forms, functions beside modules, errors, and what users of small images meet."""

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import convolution, padding, pooling


def by_hand(x, w, stride=1):
    """The definition, in loops."""
    n, _, height, width = x.shape
    o, _, kh, kw = w.shape
    y = np.zeros((n, o, (height - kh) // stride + 1, (width - kw) // stride + 1))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            window = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            y[:, :, i, j] = np.einsum("ncij,ocij->no", window, w)
    return y


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_definition(rng, stride):
    x, w = rng.normal(size=(3, 2, 7, 8)), rng.normal(size=(4, 2, 3, 2))
    np.testing.assert_allclose(ag.conv(x, w, stride), by_hand(x, w, stride), rtol=1e-12)


def test_transpose_is_the_adjoint_in_any_number_of_axes(rng):
    """<conv(x, w), g> = <x, conv_transpose(g, w)>, also over three position axes."""
    for axes in (1, 2, 3):
        x, w = rng.normal(size=(2, 4, *[6, 5, 7][:axes])), rng.normal(size=(6, 2, *[2, 3, 2][:axes]))
        stride, sides, dilation = [2, 1, 3][:axes], [1, 0, 1][:axes], [1, 2, 1][:axes]
        y = ag.conv(x, w, stride, sides, dilation, groups=2)
        g = rng.normal(size=y.shape)
        left = [
            (n + 2 * p - d * (k - 1) - 1) % s
            for n, p, d, k, s in zip(x.shape[2:], sides, dilation, w.shape[2:], stride, strict=True)
        ]
        back = ag.conv_transpose(g, w, stride, sides, left, 2, dilation)
        assert back.shape == x.shape
        np.testing.assert_allclose(np.sum(y * g), np.sum(x * back), rtol=1e-12)


def test_blocks_of_samples_give_what_one_block_gives(rng, monkeypatch):
    from autograd_core.ops import convolution as rows

    x, w = rng.normal(size=(7, 3, 6, 6)), rng.normal(size=(4, 3, 3, 3))
    f = lambda x, w: (ag.conv(x, w, padding=1) ** 2).sum()
    whole = ag.value_and_grad(f, (0, 1))(x, w)
    monkeypatch.setattr(rows, "_BLOCK", 2 * 3 * 9 * 36 + 5)  # two samples and a half
    value, parts = ag.value_and_grad(f, (0, 1))(x, w)
    np.testing.assert_allclose(value, whole[0], rtol=1e-13)
    for a, b in zip(parts, whole[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_memory_is_never_written_and_layout_does_not_matter(rng):
    x, w = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(4, 3, 3, 3))
    expected = ag.conv(x, w)
    odd = [np.asfortranarray(x), x[::-1][::-1], np.repeat(x, 2, axis=3)[..., ::2]]
    for other in odd:
        np.testing.assert_allclose(ag.conv(other, np.asfortranarray(w)), expected, rtol=1e-13)
        np.testing.assert_array_equal(ag.max_pool(other, 2), ag.max_pool(x, 2))
    assert not np.shares_memory(ag.max_pool(x, 1), x)


FUNCTIONS = [
    ("conv1d", nn.Conv1d(4, 6, 3, padding="same", dtype=float), (2, 4, 9), {"padding": "same"}),
    ("conv2d", nn.Conv2d(4, 6, (2, 3), stride=2, groups=2, dtype=float), (2, 4, 7, 8), {"stride": 2, "groups": 2}),
    ("conv2d", nn.Conv2d(4, 6, 3, bias=False, dtype=float), (4, 7, 8), {}),
    ("conv_transpose1d", nn.ConvTranspose1d(4, 6, 3, stride=2, dtype=float), (2, 4, 9), {"stride": 2}),
    ("conv_transpose2d", nn.ConvTranspose2d(4, 6, 3, padding=1, dtype=float), (4, 5, 6), {"padding": 1}),
]


@pytest.mark.parametrize(("name", "layer", "shape", "options"), FUNCTIONS, ids=lambda p: p if isinstance(p, str) else "")
def test_functions_are_their_layers(rng, name, layer, shape, options):
    x = rng.normal(size=shape)
    function = getattr(convolution, name)
    np.testing.assert_array_equal(function(x, layer.weight, layer.bias, **options).numpy(), layer(x).numpy())


def test_pooling_functions_are_their_layers(rng):
    x = rng.normal(size=(2, 4, 6, 6))
    np.testing.assert_array_equal(pooling.max_pool2d(x, 2, padding=1), nn.MaxPool2d(2, padding=1)(x))
    np.testing.assert_array_equal(pooling.avg_pool2d(x, kernel_size=3), nn.AvgPool2d(3)(x))
    np.testing.assert_array_equal(pooling.interpolate(x, scale_factor=2), nn.Upsample(scale_factor=2)(x))
    np.testing.assert_allclose(pooling.adaptive_avg_pool2d(x, 1)[..., 0, 0], x.mean((2, 3)), rtol=1e-13)


def test_max_pool_of_equal_elements_and_nan():
    x = ag.Tensor(np.zeros((1, 1, 4, 4)), requires_grad=True)
    nn.MaxPool2d(2)(x).sum().backward()
    np.testing.assert_array_equal(x.grad[0, 0], np.kron(np.ones((2, 2)), [[1, 0], [0, 0]]))
    y = nn.MaxPool1d(2)(np.array([[[np.nan, 1.0, -np.inf, -np.inf]]]))
    np.testing.assert_array_equal(y, [[[np.nan, -np.inf]]])


def test_upsampling_and_padding_closed_forms():
    ramp = np.arange(4.0).reshape(1, 1, 4)
    np.testing.assert_allclose(nn.Upsample(7, mode="linear", align_corners=True)(ramp)[0, 0], np.linspace(0, 3, 7))
    np.testing.assert_array_equal(
        padding.pad(np.arange(6.0).reshape(2, 3), (1, -1, 0, 1), value=9.0), [[9, 0, 1], [9, 3, 4], [9, 9, 9]]
    )


def test_output_padding_up_to_the_dilation(rng):
    x, w = ag.Tensor(rng.normal(size=(2, 3, 4)), requires_grad=True), rng.normal(size=(3, 2, 2))
    y = nn.functional.conv_transpose1d(x, w, dilation=4, output_padding=3)
    plain = nn.functional.conv_transpose1d(x.numpy(), w, dilation=4)
    np.testing.assert_allclose(y.numpy(), np.pad(plain, ((0, 0), (0, 0), (0, 3))))
    assert ag.check.gradcheck(
        lambda x, w: nn.functional.conv_transpose1d(x, w, dilation=4, output_padding=3), x.numpy(), w, order=2
    )


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReflectionPad1d(1),
        nn.CircularPad1d((0, 2)),
        nn.Conv1d(3, 2, 3, padding=1, padding_mode="reflect", dtype=float),
        nn.ConvTranspose1d(3, 2, 3, stride=2, dtype=float),
        nn.MaxPool1d(2),
        nn.AvgPool1d(2, padding=1),
        nn.AdaptiveMaxPool1d(3),
        nn.AdaptiveAvgPool1d(3),
        nn.Upsample(7, mode="linear"),
    ],
    ids=repr,
)
def test_empty_batches_pass(layer):
    x = ag.Tensor(np.zeros((0, 3, 4)), requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert (y.shape, x.grad.shape) == ((0, *layer(np.zeros((1, 3, 4))).shape[1:]), (0, 3, 4))


def test_means_of_integers_are_floats():
    ramp = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    for layer in (nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2), nn.Upsample(7, mode="bilinear"), nn.Upsample(2, mode="nearest")):
        np.testing.assert_array_equal(layer(ramp), layer(ramp.astype(float)))


BAD = [
    (lambda: nn.Conv2d(3, 4, 3)(np.zeros((2, 1, 5, 5))), ag.ShapeError, r"takes \(samples, 3, height, width\).*\(2, 1, 5, 5\)"),
    (lambda: nn.Conv2d(3, 4, 7)(np.zeros((2, 3, 5, 5))), ag.ShapeError, "does not fit"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "groups divides"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ValueError, "kernel_size is one integer or 2"),
    (lambda: nn.Conv1d(3, 4, 3, padding="full"), ValueError, "'valid' or 'same'"),
    (lambda: nn.Conv1d(3, 4, 3, stride=2, padding="same"), ValueError, "needs stride 1"),
    (lambda: nn.Conv1d(3, 4, 3, padding_mode="mirror"), ValueError, "padding_mode is"),
    (lambda: nn.ConvTranspose1d(3, 4, 3, output_padding=1)(np.zeros((1, 3, 4))), ValueError, "output_padding"),
    (lambda: nn.MaxPool1d(3, padding=2)(np.zeros((1, 1, 9))), ValueError, "more than half"),
    (lambda: nn.MaxPool2d(2)(np.zeros((4, 4))), ag.ShapeError, "takes 4 axes"),
    (lambda: nn.ReflectionPad1d(4)(np.zeros((1, 1, 4))), ag.ShapeError, "does not fit an axis of length 4"),
    (lambda: nn.ZeroPad2d((1, 2, 3)), ValueError, "one number or 4"),
    (lambda: nn.Fold((4, 4), 2)(np.zeros((1, 12, 8))), ag.ShapeError, "'fold' into"),
    (lambda: nn.AdaptiveAvgPool1d(2)(np.zeros((2, 3, 0))), ag.ShapeError, r"\(2, 3, 0\): a window would be empty"),
    (lambda: nn.AdaptiveMaxPool2d((2, 0))(np.zeros((2, 3, 4, 4))), ag.ShapeError, "a window would be empty"),
    (lambda: nn.Upsample(), ValueError, "either size or scale_factor"),
    (lambda: nn.PixelShuffle(2)(np.zeros((1, 3, 2, 2))), ag.ShapeError, "divisible by 4"),
    (lambda: nn.PixelUnshuffle(2)(np.zeros((2, 2))), ag.ShapeError, r"channels, height, width\); got shape \(2, 2\)"),
    (lambda: nn.Upsample(scale_factor=(2, 2))(np.zeros((1, 1, 3))), ag.ShapeError, r"2 more axes; got shape \(1, 1, 3\)"),
    (lambda: nn.AvgPool2d(0)(np.zeros((1, 1, 4, 4))), ValueError, "at least 1; got AvgPool2d"),
    (lambda: nn.MaxPool1d(2, stride=0)(np.zeros((1, 1, 4))), ValueError, "at least 1; got MaxPool1d"),
    (lambda: nn.AdaptiveAvgPool2d((1, 2, 3))(np.zeros((1, 3, 2, 2))), ag.ShapeError, "AdaptiveAvgPool2d"),
    (lambda: ag.conv(np.zeros((2, 3)), np.zeros((1, 3))), ag.ShapeError, "samples, channels"),
    (lambda: ag.conv(np.zeros((2, 3, 4)), np.zeros((1, 2, 3))), ag.ShapeError, "'conv' takes x"),
    (lambda: ag.max_pool(np.zeros((2, 3, 4)), 0), ValueError, "at least 1"),
]


@pytest.mark.parametrize(("call", "error", "match"), BAD)
def test_errors_say_what_was_expected(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("samples", [1, 3, 40])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": (2, 0)}, {"groups": 2}])
def test_every_way_of_laying_out_a_convolution_agrees_with_the_definition(rng, samples, options):
    """Short and long lines, lines that overlap, far lines, and arrays in any memory order: the adjoints match as well."""
    x, w = rng.normal(size=(samples, 4, 9, 8)), rng.normal(size=(6, 4 // options.get("groups", 1), 3, 2))
    y = ag.conv(x, w, **options)
    turned = np.ascontiguousarray(x.transpose(2, 1, 3, 0)).transpose(3, 1, 0, 2)
    assert turned.strides != x.strides
    np.testing.assert_allclose(ag.conv(turned, w, **options), y, rtol=1e-12, atol=1e-12)
    windows = ag.unfold(x, (3, 2), **{name: value for name, value in options.items() if name != "groups"})
    groups = options.get("groups", 1)
    split = windows.reshape(samples, groups, -1, windows.shape[-1])
    expected = np.einsum("gok,ngkp->ngop", w.reshape(groups, 6 // groups, -1), split).reshape(y.shape)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-12)
    g, dx, dw = rng.normal(size=y.shape), rng.normal(size=x.shape), rng.normal(size=w.shape)
    pulled_x, pulled_w = ag.vjp(lambda x, w: ag.conv(x, w, **options), x, w)[1](g)
    np.testing.assert_allclose(np.sum(pulled_x * dx), np.sum(g * ag.conv(dx, w, **options)), rtol=1e-9)
    np.testing.assert_allclose(np.sum(pulled_w * dw), np.sum(g * ag.conv(x, dw, **options)), rtol=1e-9)


def test_the_memory_order_of_a_network_of_windows_changes_no_value(rng):
    x = rng.normal(size=(5, 3, 8, 8)).round(1)  # with ties
    turned = np.ascontiguousarray(x.transpose(2, 1, 3, 0)).transpose(3, 1, 0, 2)
    for f in (ag.relu, lambda x: ag.max_pool(x, 2), lambda x: ag.max_pool(x, 3, 2, 1), lambda x: ag.window_sum(x, 3, 2, 1)):
        g = rng.normal(size=f(x).shape)
        one, other = (ag.vjp(f, a) for a in (x, turned))
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1](g), other[1](g))


@pytest.mark.parametrize(
    "view", [lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a.T, lambda a: np.broadcast_to(a[:1], a.shape)]
)
def test_relu_of_large_views(rng, view):
    a = view(rng.normal(size=(200, 100)))
    np.testing.assert_array_equal(ag.relu(a), np.where(a > 0, a, 0))
    b = view(np.array([[np.nan, -np.inf, np.inf, -0.0] * 300] * 20))
    np.testing.assert_array_equal(ag.relu(b), np.maximum(b, 0))


@pytest.mark.parametrize("size", [2.5, (2, 2.5), (2, 2, 2), "ab"])
def test_sizes_are_integers(size):
    with pytest.raises(ValueError, match="kernel_size is one integer or 2; got"):
        nn.Conv2d(1, 1, size)
