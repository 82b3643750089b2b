"""A thousand damaged and hostile files and state dicts; the command `python -m tests.fuzz` makes a hundred thousand."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import fuzz

pytest.importorskip("safetensors")
ROOT = Path(__file__).parent.parent


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


@pytest.mark.parametrize(
    ("case", "wait", "finding"),
    [("while True: pass", 600, True), ("time.sleep(60)", 2, True), ("time.sleep(2)", 600, False)],
    ids=["works", "waits", "is paused"],
)
def test_a_case_that_does_not_end_is_a_finding(case, wait, finding):
    """By the time that it works; a process that is paused for a while does not hang."""
    program = f"""
import time
from tests import fuzz

def run(case):
    {case}

fuzz.WORK, fuzz.WAIT = 1, {wait}
fuzz.TARGETS["it"] = fuzz.Target(lambda r: b"", run)
print(fuzz.chunk("it", 0, 1))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ("Hang" in done.stdout, "'read': 1" in done.stdout) == (finding, not finding)
