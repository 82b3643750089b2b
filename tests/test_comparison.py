"""What the README says of other packages, asked of those that are installed."""

import importlib.metadata
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
NAMES = {"torch": "PyTorch", "jax": "JAX", "autograd": "HIPS autograd", "mygrad": "MyGrad"}


def installed(name):
    """The package, if it is there in the version that the README names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip(name)
    version = re.search(rf"\| {NAMES[name]} ([\d.]+) \|", README)[1]
    if not importlib.metadata.version(name).startswith(version):
        pytest.skip(f"the README speaks of {name} {version}")
    if name == "jax":
        package.config.update("jax_enable_x64", True)
    return package


def row(title):
    cells = next(line for line in README.splitlines() if line.startswith(f"| {title}"))
    return dict(
        zip(["", "here", *NAMES, "micrograd", "tinygrad"], [c.strip() for c in cells.strip("|").split("|")], strict=True)
    )


def norm_and_prod(name):
    """Gradients of norm at (0, 0) and of prod at (0, 2, 3), as the package gives them."""
    zero, point = np.zeros(2), np.array([0.0, 2.0, 3.0])
    if name == "torch":
        torch = installed(name)
        of = torch.autograd.functional.jacobian
        return of(torch.linalg.norm, torch.tensor(zero)).numpy(), of(torch.prod, torch.tensor(point)).numpy()
    if name == "mygrad":
        mg = installed(name)

        def of(f, x):
            t = mg.tensor(x)
            f(t).backward()
            return t.grad

        return of(mg.linalg.norm, zero), of(mg.prod, point)
    package = installed(name)
    grad = package.grad
    numpy = package.numpy
    return np.asarray(grad(numpy.linalg.norm)(zero)), np.asarray(grad(numpy.prod)(point))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_norm_and_prod_are_what_the_readme_says(name):
    norm, prod = norm_and_prod(name)
    assert row("gradient of `norm` at 0")[name] == ("NaN" if np.isnan(norm).any() else "0")
    shown = ", ".join("NaN" if np.isnan(v) else f"{v:.0f}" for v in prod)
    assert row("gradient of `prod`")[name] == f"({shown})"


def test_ours_are_what_the_readme_says():
    np.testing.assert_array_equal(ag.grad(np.linalg.norm)(np.zeros(2)), [0, 0])
    np.testing.assert_array_equal(ag.grad(np.prod)(np.array([0.0, 2.0, 3.0])), [6, 0, 0])
    assert len(ag.ops.__all__) + len(ag.linalg.__all__) + len(ag.fft.__all__) > 250


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_numpy_functions_refuse_the_tensors_of(name):
    package = installed(name)
    assert row("NumPy's functions")[name] == "no"
    sine = (
        (lambda: np.sin(package.tensor([1.0], requires_grad=True))) if name == "torch" else (lambda: package.grad(np.sin)(1.0))
    )
    with pytest.raises(Exception, match="numpy"):
        sine()


def test_mygrad_takes_some_numpy_functions_and_has_first_derivatives_of_reals_only():
    mg = installed("mygrad")
    x = mg.tensor([1.0, 2.0])
    np.sum(np.sin(x)).backward()
    np.testing.assert_allclose(x.grad, np.cos([1, 2]))
    assert isinstance(x.grad, np.ndarray)  # an array, which records nothing
    with pytest.raises(TypeError):
        np.sort(x)
    with pytest.raises(TypeError):
        mg.tensor(1 + 2j)
    pytest.importorskip("graphviz")
    from mygrad.computational_graph import build_graph

    assert build_graph


@pytest.mark.filterwarnings("ignore")
def test_hips_autograd_has_forward_mode_of_some_functions():
    autograd = installed("autograd")
    import autograd.numpy as anp

    assert autograd.make_jvp(anp.sort)(np.array([3.0, 1.0]))(np.array([1.0, 10.0]))[1].tolist() == [10, 1]
    with pytest.raises(NotImplementedError):
        autograd.make_jvp(lambda a: anp.linalg.svd(a)[1])(np.eye(2))(np.ones((2, 2)))
    from autograd.misc import optimizers
    from autograd.test_util import check_grads

    assert check_grads
    assert all(hasattr(optimizers, name) for name in ("sgd", "rmsprop", "adam"))
