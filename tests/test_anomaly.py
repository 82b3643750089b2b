"""detect_anomaly finds the op and the user's line, forward and backward, and costs nothing when off."""

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.anomaly import Source
from autograd_core.graph import Op

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def raised(f, match):
    with pytest.raises(ag.AnomalyError, match=match) as caught:
        f()
    return str(caught.value)


def test_forward_names_op_line_place_and_values():
    x = ag.Tensor([[1.0, 2.0], [-1.0, 4.0]], requires_grad=True)
    with ag.detect_anomaly():
        text = raised(lambda: np.log(x) * 2, r"^'log' gave NaN in 1 of 4 elements, first at \[1, 0\]")
    assert 'test_anomaly.py", line' in text
    assert "np.log(x) * 2" in text  # the user's own line
    assert "float64 of shape (2, 2), values from -1 to 4" in text


def test_in_a_notebook_the_cell_is_named(monkeypatch):
    cells = {"ipykernel_1/23.py": ("Cell", "In[3]")}
    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=cells.get))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    inside, outside = Source("ipykernel_1/23.py", 4, "<module>"), Source("code/train.py", 7, "f")
    assert (inside.place, outside.place) == ("In[3]:4", "train.py:7")
    assert str(inside).startswith("In[3], line 4, in <module>")
    assert str(outside).startswith('File "code/train.py", line 7, in f')


@pytest.mark.parametrize(
    ("f", "op"),
    [
        (lambda x: 1 / x, "divide"),
        (lambda x: np.exp(1000 * (x + 1)), "exp"),
        (lambda x: np.linalg.inv(x * np.ones((2, 2)) + np.array([[0, np.nan], [0, 1]])), "add"),
        (lambda x: ag.log_softmax(x / x), "divide"),
        (lambda x: np.sqrt(x - 1) + np.log(x), "sqrt"),
    ],
)
def test_the_first_one_is_named(f, op):
    x = ag.Tensor([0.0, 1.0], requires_grad=True)
    with ag.detect_anomaly():
        raised(lambda: f(x), f"^'{op}' gave")


def test_backward_names_rule_and_the_line_of_the_forward_pass():
    x = ag.Tensor([0.0, 4.0], requires_grad=True)
    with ag.detect_anomaly():
        y = np.sqrt(x)  # the line to be named
    text = raised(lambda: (y * 3).sum().backward(), "the rule of 'sqrt' for argument 0 gave infinity in 1 of 2")
    assert "the line to be named" in text
    assert "cotangent g" in text
    assert "discarded" not in text


@pytest.mark.parametrize(
    "trap",
    [
        lambda x: np.where(x > 0, np.sqrt(x), 0.0),
        lambda x: np.where(x > 0, x * np.sqrt(x), x),
        lambda x: np.sqrt(x)[1:],
        lambda x: np.where(x > 0, np.linalg.norm(x) * np.sqrt(x), 1.0),
    ],
)
def test_the_where_trap_is_explained(trap):
    x = ag.Tensor([0.0, 4.0], requires_grad=True)
    with ag.detect_anomaly():
        text = raised(lambda: trap(x).sum().backward(), "the rule of 'sqrt' for argument 0 gave NaN")
    assert "0 * inf = NaN" in text
    assert "where(ok, f(where(ok, x, 1.0)), other)" in text


def test_the_cure_cures():
    x = ag.Tensor([0.0, 4.0], requires_grad=True)
    with ag.detect_anomaly():
        ok = x > 0
        np.where(ok, np.sqrt(np.where(ok, x, 1.0)), 0.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.25])


def test_masks_of_minus_infinity_are_left_alone():
    x = ag.Tensor(np.arange(4.0).reshape(2, 2), requires_grad=True)
    with ag.detect_anomaly():
        masked = np.where(np.tri(2, dtype=bool), x, -np.inf)
        (ag.softmax(masked) * np.array([1.0, 2.0])).sum().backward()
        np.max(np.maximum(x, -np.inf)).backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_nan_in_the_data_and_in_the_cotangent():
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    with ag.detect_anomaly():
        raised(lambda: x * np.array([1.0, np.nan]), "Argument 1 is NaN already")
        y = x * 2
    raised(lambda: y.backward(np.array([np.nan, 1.0])), "The cotangent is NaN already")


def test_a_saved_array_that_was_changed():
    data = np.array([1.0, 2.0])
    x = ag.Tensor([3.0, 4.0], requires_grad=True)
    with ag.detect_anomaly():
        y = np.sin(x * data)
    data[0] = 7.0
    text = raised(lambda: y.sum().backward(), r"the array that 'multiply' saved \(argument 1\) was changed in place")
    assert "np.sin(x * data)" in text
    with ag.detect_anomaly(check_nan=False):
        y = np.exp(x)
    y.numpy()[1] = 0.0
    raised(lambda: y.sum().backward(), r"'exp' saved \(the output\)")


def test_second_order_names_both_lines():
    def f(x):
        return (np.maximum(x, 0.0) ** 1.5).sum()  # forward line

    with ag.detect_anomaly():
        text = raised(lambda: ag.hvp(f, np.array([0.0, 1.0]), np.ones(2)), "'power' gave infinity")
        assert "while differentiating 'power'" in text
        assert "# forward line" in text
        text = raised(lambda: ag.hvp(f, np.array([0.0, 1.0]), np.ones(2), mode="forward-over-reverse"), "'power'")


def test_repeated_eigenvalues():
    x = ag.Tensor(np.eye(2), requires_grad=True)
    with ag.detect_anomaly():
        _, vectors = np.linalg.eigh(x)
        raised(lambda: (vectors * np.array([[1.0, 2.0], [3.0, 4.0]])).sum().backward(), "'eigh'")
        np.linalg.eigvalsh(x).sum().backward()


def test_modules_and_transforms_are_watched_and_frames_of_the_packages_are_not_the_users():
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    model[0].weight.data[0, 0] = np.inf
    with ag.detect_anomaly():
        text = raised(lambda: model(np.zeros((4, 2), np.float32)).sum().backward(), "NaN")  # my model
    assert "# my model" in text
    with ag.detect_anomaly():
        raised(lambda: ag.grad(lambda x: np.log(x))(-1.0), "'log'")
        with ag.no_grad():
            raised(lambda: ag.grad(lambda x: np.log(x))(-1.0), "'log'")


def test_scope_restores_is_thread_local_and_decorates():
    x = ag.Tensor(-1.0, requires_grad=True)
    with pytest.raises(KeyError), ag.detect_anomaly():
        raise KeyError
    assert np.isnan(np.log(x).item())
    found = []
    with ag.detect_anomaly():
        thread = threading.Thread(target=lambda: found.append(np.log(x).item()))
        thread.start()
        thread.join()
        with ag.detect_anomaly(check_nan=False):
            assert np.isnan(np.log(x).item())
        with ag.no_grad():
            assert np.isnan(np.log(x).item())
            assert not np.exp(x).requires_grad
        raised(lambda: np.log(x), "'log'")
    assert np.isnan(found[0])

    @ag.detect_anomaly()
    def f(x):
        return np.log(x)

    raised(lambda: f(x), "'log'")


def test_off_leaves_nodes_as_they_are():
    x = ag.Tensor([1.0], requires_grad=True)
    with ag.detect_anomaly():
        assert type((x * x)._node.op) is not Op
    for y in (x * x, np.sin(x), x.sum()):
        assert type(y._node.op) is Op


def test_same_gradients_as_without(rng):
    a, b = rng.normal(size=(2, 3, 3))

    def f(a, b):
        c = np.concatenate([a @ b, np.sin(a)], axis=1)
        c[0, 1] = b[2, 2]
        return (c[:, ::2] ** 2 / (1 + np.exp(c[:, ::2]))).mean() + np.linalg.norm(a)

    expected = ag.grad(f, (0, 1))(a, b), ag.hvp(f, (a, b), (b, a)), ag.jvp(f, (a, b), (b, a))
    with ag.detect_anomaly():
        found = ag.grad(f, (0, 1))(a, b), ag.hvp(f, (a, b), (b, a)), ag.jvp(f, (a, b), (b, a))
        forward = ag.hvp(f, (a, b), (b, a), mode="forward-over-reverse")
    for x, y in zip(expected, found, strict=True):
        for u, v in zip(x, y, strict=True):
            np.testing.assert_array_equal(u, v)
    np.testing.assert_allclose(forward[0], expected[1][0])
