"""The examples run, and what they compute is right."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

HERE = Path(__file__).parent
OTHER_TESTS = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path != Path(__file__))
# those with a test file of their own run there
EXAMPLES = [path for path in sorted((HERE.parent / "examples").glob("*.py")) if path.stem not in OTHER_TESTS]


def example(name):
    spec = importlib.util.spec_from_file_location(name, HERE.parent / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, tmp_path):
    quick = ["--quick"] if "--quick" in path.read_text(encoding="utf-8") else []
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path), *quick], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(("name", "data"), [("logistic_regression", "tumours"), ("softmax_regression", "wines")])
def test_regressions_reach_the_optimum_of_scikit_learn(name, data):
    module = example("logistic_regression")
    model, loss = getattr(module, name)()
    x, labels = getattr(module, data)()
    theirs = LogisticRegression(C=np.inf, solver="newton-cg", tol=1e-12, max_iter=10000).fit(x, labels)  # no penalty
    # of several classes only differences count: bring both to mean 0 over the classes
    centred = lambda w: w - w.mean(axis=0) if len(w) > 1 else w
    np.testing.assert_allclose(centred(model.weight.numpy()), centred(theirs.coef_), rtol=0, atol=1e-4)
    np.testing.assert_allclose(centred(model.bias.numpy()), centred(theirs.intercept_), rtol=0, atol=1e-4)
    expected = log_loss(labels, theirs.predict_proba(x))
    assert abs(loss - expected) < 1e-8
    assert np.abs(model.weight.numpy()).max() > 1
