"""Layers with windows in configurations that hypothesis draws, against PyTorch: values and gradients."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import autograd_core as ag
import nn

torch = pytest.importorskip("torch")
small = st.integers(1, 3)


@st.composite
def convolutions(draw, transposed=False):
    """A layer's name, its arguments, and the shape of an input that at least one window fits into."""
    axes = draw(st.integers(1, 2))
    each = lambda numbers: tuple(draw(numbers) for _ in range(axes))
    groups = draw(small)
    options = {"kernel_size": each(small), "stride": each(small), "dilation": each(small), "groups": groups}
    options |= {"bias": draw(st.booleans())}
    reach = [d * (k - 1) + 1 for k, d in zip(options["kernel_size"], options["dilation"], strict=True)]
    if transposed:
        options["padding"] = each(st.integers(0, 2))
        bounds = [max(s, d) - 1 for s, d in zip(options["stride"], options["dilation"], strict=True)]
        options["output_padding"] = tuple(draw(st.integers(0, bound)) for bound in bounds)
        sizes = each(st.integers(1, 5))
        out = [
            (n - 1) * s - 2 * p + r + o
            for n, s, p, r, o in zip(
                sizes, options["stride"], options["padding"], reach, options["output_padding"], strict=True
            )
        ]
        assume(min(out) > 0)
        name = f"ConvTranspose{axes}d"
    else:
        options["padding_mode"] = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
        options["padding"] = draw(st.sampled_from(["numbers", "valid", "same"]))
        if options["padding"] == "same":
            options["stride"] = (1,) * axes
        if options["padding"] == "numbers":
            options["padding"] = each(st.integers(0, 2))
        longest = max([2, *(r // 2 for r in reach)])  # padding by reflection has to fit into the input
        sizes = tuple(draw(st.integers(max(r, longest + 1), r + 6)) for r in reach)
        name = f"Conv{axes}d"
    channels = [groups * draw(small) for _ in range(2)]
    return name, channels, options, (*draw(st.sampled_from([(), (1,), (2,)])), channels[0], *sizes)


@st.composite
def pools(draw):
    """The same of pooling layers."""
    axes = draw(st.integers(1, 2))
    each = lambda numbers: tuple(draw(numbers) for _ in range(axes))
    kind = draw(st.sampled_from(["Max", "Avg", "AdaptiveMax", "AdaptiveAvg"]))
    name, shape = f"{kind}Pool{axes}d", (*draw(st.sampled_from([(), (2,)])), 2, *each(st.integers(3, 9)))
    if kind.startswith("Adaptive"):
        return name, [each(st.integers(1, 9))], {}, shape
    options = {"kernel_size": each(small), "stride": each(small), "ceil_mode": draw(st.booleans())}
    options["padding"] = tuple(draw(st.integers(0, k // 2)) for k in options["kernel_size"])
    if kind == "Avg":
        options["count_include_pad"] = draw(st.booleans())
    else:
        options["dilation"] = each(st.integers(1, 2))
        reach = [d * (k - 1) + 1 for k, d in zip(options["kernel_size"], options["dilation"], strict=True)]
        assume(all(n + 2 * p >= r for n, p, r in zip(shape[-axes:], options["padding"], reach, strict=True)))
    return name, [], options, shape


@st.composite
def upsamplings(draw):
    axes = draw(st.integers(1, 2))
    mode = draw(st.sampled_from(["nearest", "bilinear" if axes == 2 else "linear"]))
    options = {"mode": mode} | ({} if mode == "nearest" else {"align_corners": draw(st.booleans())})
    sizes = tuple(draw(st.integers(2, 6)) for _ in range(axes))
    if draw(st.booleans()):
        options["size"] = tuple(draw(st.integers(1, 9)) for _ in range(axes))
    else:
        factors = tuple(draw(st.sampled_from([0.5, 1.0, 1.3, 2.0, 2.7, 3.0])) for _ in range(axes))
        # where "nearest" keeps the size, PyTorch's gradient is not that of its values: [x0, x0] gets [g0, g1]
        assume(mode != "nearest" or all(f == 1 or int(n * f) != n for n, f in zip(sizes, factors, strict=True)))
        options["scale_factor"] = factors
    return "Upsample", [], options, (2, 2, *sizes)


def laid_out(x, layout):
    """The same values at other places of memory."""
    if layout == "reversed":
        return np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    if layout == "transposed":
        return np.ascontiguousarray(x.T).T
    return x


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # PyTorch's, about its own speed
@given(
    st.one_of(convolutions(), convolutions(transposed=True), pools(), upsamplings()),
    st.sampled_from(["plain", "reversed", "transposed"]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_drawn_windows_agree_with_pytorch(drawn, layout, ties, seed):
    name, args, options, shape = drawn
    rng = np.random.default_rng(seed)
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options).double()
    ours.astype(np.float64).load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    values = rng.normal(size=shape).round(0 if ties else 9)
    x, t = ag.Tensor(laid_out(values, layout), requires_grad=True), torch.tensor(values, requires_grad=True)
    y, u = ours(x), theirs(t)
    np.testing.assert_allclose(y.numpy(), u.detach().numpy(), rtol=1e-8, atol=1e-12)
    g = rng.normal(size=y.shape)
    y.backward(laid_out(g, layout))
    u.backward(torch.tensor(g))
    for found, expected in (
        (x.grad, t.grad),
        *((p.grad, theirs.get_parameter(key).grad) for key, p in ours.named_parameters()),
    ):
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-8, atol=1e-11)
