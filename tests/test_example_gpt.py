"""The character GPT learns a sentence by heart, and sees only what stands before."""

import importlib.util
from pathlib import Path

import numpy as np

import autograd_core as ag

PATH = Path(__file__).parent.parent / "examples" / "char_gpt.py"


def example():
    spec = importlib.util.spec_from_file_location("char_gpt", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_learns_a_sentence_by_heart_and_recites_it(capsys):
    module = example()
    assert module.main(quick=True) < 0.1
    assert capsys.readouterr().out.splitlines()[-1] in module.TEXT.read_text(encoding="utf-8")


def test_scores_do_not_depend_on_later_letters():
    module = example()
    ag.manual_seed(0)
    model = module.GPT("abc", width=8, layers=2, heads=2, length=6)
    now, later = np.array([[0, 1, 2, 0, 1, 2]]), np.array([[0, 1, 2, 1, 2, 0]])
    a, b = (model(numbers).numpy() for numbers in (now, later))
    np.testing.assert_array_equal(a[:, :3], b[:, :3])
    assert np.abs(a[:, 3:] - b[:, 3:]).min(axis=-1).max() > 0
