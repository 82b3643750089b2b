"""checkpoint gives what the function itself gives, to second order and nested, and keeps less."""

import tracemalloc

import numpy as np
import pytest

import autograd_core as ag
import nn


def both(make_loss, tensors, second):
    """Gradients with the function itself and with its checkpointed form; of a function of the gradients, if second."""
    results = []
    for wrapper in (lambda f: f, ag.checkpoint):
        for t in tensors:
            t.zero_grad()
        loss = make_loss(wrapper)
        if second:
            first = ag.gradients(loss, tensors, create_graph=True)
            loss = sum((g * g * k).sum() for k, g in enumerate(first, 1))
        loss.backward()
        results.append([t.grad.numpy() for t in tensors])
    return results


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_equals_the_function_itself(rng, second, nested):
    """Several outputs, keyword arguments, a parameter and an interior tensor that the function closes over, two calls."""
    w = ag.Tensor(rng.normal(size=(4, 4)), requires_grad=True)
    x = ag.Tensor(rng.normal(size=(3, 4)), requires_grad=True)

    def loss(wrapper):
        inner = wrapper if nested else lambda f: f
        outside = np.exp(w) * 0.1

        def block(x, scale):
            y, s = inner(lambda x: (np.tanh(x @ w) * scale["by"], (x * x).sum()))(x)
            return {"y": y @ outside + w[0], "s": s * outside[0, 0], "unused": w[0, 0]}

        first = wrapper(block)(x, scale={"by": w[1, 1]})
        second = wrapper(block)(first["y"], {"by": 2.0})
        return (second["y"] ** 2).sum() + first["s"] * second["s"]

    plain, recomputed = both(loss, [w, x], second)
    for a, b in zip(plain, recomputed, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12)


@pytest.mark.parametrize("mode", ["reverse-over-reverse", "forward-over-reverse"])
def test_inside_transforms(rng, mode):
    a, b, u, v = rng.normal(size=(4, 3))
    f = lambda a, b: (np.sin(a * b) ** 2).sum()
    g = lambda a, b: (ag.checkpoint(lambda x: np.sin(x * b))(a) ** 2).sum()
    for x, y in zip(ag.hvp(f, (a, b), (u, v), mode=mode), ag.hvp(g, (a, b), (u, v), mode=mode), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-13)
    np.testing.assert_allclose(ag.jvp(g, (a, b), (u, v))[1], ag.jvp(f, (a, b), (u, v))[1])
    for x, y in zip(ag.hessian(f, (0, 1))(a, b)[1], ag.hessian(g, (0, 1))(a, b)[1], strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-13)
    third = ag.grad(ag.grad(ag.grad(ag.checkpoint(np.sin))))
    np.testing.assert_allclose(third(0.3), -np.cos(0.3))


def test_peak_memory_falls_to_about_two_square_roots():
    n, size = 64, 20_000

    def part(y, links):
        for _ in range(links):
            y = np.tanh(y)
        return y

    def peak(blocks):
        x = y = ag.Tensor(np.full(size, 0.5), requires_grad=True)
        tracemalloc.start()
        for _ in range(blocks):
            y = (ag.checkpoint(part) if blocks > 1 else part)(y, n // blocks)
        y.sum().backward()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert x.grad is not None
        return found / (8 * size)

    assert peak(1) > n
    assert peak(8) < 2 * 8 + 8  # 8 inputs, 8 links of one block, and the few arrays of one op


def test_random_numbers_are_drawn_again_and_the_generator_goes_on():
    x = ag.Tensor(np.ones(5), requires_grad=True)
    ag.manual_seed(3)
    y = ag.checkpoint(lambda x: x * ag.default_rng().random(5))(x)
    after = ag.default_rng().random()
    y.backward(np.ones(5))
    np.testing.assert_array_equal(x.grad, y.numpy())
    ag.manual_seed(3)
    ag.default_rng().random(5)
    assert ag.default_rng().random() == after


def test_generators_of_layers_draw_again_too():
    x = ag.Tensor(np.ones(50), requires_grad=True)
    rng = np.random.default_rng(5)
    block = ag.checkpoint(lambda x: nn.Dropout(0.5, rng=rng)(x))
    ys = [block(x), ag.checkpoint(lambda x: block(x) * 2)(x)]
    after = np.random.default_rng(5)
    after.bit_generator.state = rng.bit_generator.state
    sum(ys).sum().backward()
    np.testing.assert_array_equal(x.grad, ys[0].numpy() + ys[1].numpy())
    assert rng.random() == after.random()


def test_what_is_not_tracked():
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    f = ag.checkpoint(lambda x, k: (x * k, x.numpy() * 2, "text", None))
    y, plain, text, none = f(x, 3)
    assert (text, none) == ("text", None)
    assert type(plain) is np.ndarray
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 3.0])
    assert not ag.checkpoint(np.sin)(ag.Tensor([1.0])).requires_grad
    assert type(ag.checkpoint(np.sin)(np.ones(2))) is np.ndarray
    with ag.no_grad():
        assert not ag.checkpoint(np.sin)(x).requires_grad
    unused = ag.Tensor(1.0, requires_grad=True)
    z = ag.checkpoint(lambda a, _b: a * 2)(x, unused)
    assert ag.gradients(z.sum(), [x, unused], allow_unused=True)[1] is None


def test_an_output_that_is_an_argument():
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    y, z = ag.checkpoint(lambda x: (x, x))(x)
    (2 * y + 3 * z).sum().backward()
    np.testing.assert_array_equal(x.grad, [5.0, 5.0])


def test_retained_graph_and_second_backward():
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    y = ag.checkpoint(np.exp)(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad, 2 * np.exp([1.0, 2.0]))
    with pytest.raises(ag.GraphError, match="second time"):
        y.backward()


def test_overwritten_parameter_and_changing_function():
    w = ag.Tensor([1.0, 2.0], requires_grad=True)
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    y = ag.checkpoint(lambda x: x * w)(x).sum()
    with ag.no_grad():
        w -= 0.5
    with pytest.raises(ag.GraphError, match="overwritten"):
        y.backward()
    calls = []
    y = ag.checkpoint(lambda x: x[: len(calls.append(0) or calls)])(x).sum()
    with pytest.raises(ag.GraphError, match="the same each time"):
        y.backward()


def test_under_anomaly_detection():
    x = ag.Tensor([4.0, 0.0], requires_grad=True)
    with ag.detect_anomaly():
        y = ag.checkpoint(lambda x: np.sqrt(x))(x)
        with np.errstate(divide="ignore"), pytest.raises(ag.AnomalyError, match="'sqrt' for argument 0"):
            y.sum().backward()


def test_check_graph_says_that_it_does_not_look_into_a_checkpoint():
    point = np.linspace(-0.5, 1, 6).reshape(2, 3)
    f = lambda x: (ag.checkpoint(lambda t: np.tanh(t) * t)(x) ** 2).sum()
    assert ag.check.gradcheck(f, point, order=2)
    recorded = f(ag.Tensor(point, requires_grad=True))
    for report in (ag.check.check_graph(f, point), ag.check.check_graph(recorded)):
        assert {row.op: row.note for row in report.failures} == dict.fromkeys(
            ("checkpoint", "checkpoint_output"),
            "a checkpoint has no rules of its own: give check_graph the function inside of it",
        )
        assert {row.op for row in report.rows} == {"power", "sum"}
