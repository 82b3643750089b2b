"""A thousand damaged and hostile files and state dicts; the command `python -m tests.fuzz` makes a hundred thousand."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import fuzz

pytest.importorskip("safetensors")


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_damaged_input_is_read_or_refused(name):
    @settings(max_examples=max(170, settings().max_examples))
    @given(st.randoms(use_true_random=False))
    def each_case(r):
        target = fuzz.TARGETS[name]
        assert fuzz.outcome(target, target.case(r)) in ("read", "refused")

    each_case()


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_the_fuzzer_gets_past_the_first_check(name):
    """Some of its cases are read, and many different errors are found."""
    target, messages, read = fuzz.TARGETS[name], set(), 0
    for k in range(300):
        case = target.case(random.Random(k))
        try:
            target.run(case)
            read += 1
        except Exception as error:  # noqa: BLE001  of any kind
            messages.add("".join(c for c in str(error) if c.isalpha())[-60:])
    assert read > 5
    assert len(messages) > 5
    assert fuzz.outcome(target._replace(run=lambda case: 1 / 0), b"").endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("name", [name for name, target in fuzz.TARGETS.items() if target.seeds])
def test_the_files_it_starts_from_are_good(name):
    for content in fuzz.TARGETS[name].seeds():
        assert fuzz.outcome(fuzz.TARGETS[name], content) == "read"
