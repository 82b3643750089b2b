"""Names of tensors and modules may be anything: they break no message, no table, and no page."""

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_core as ag
import nn

HOSTILE = [
    "<script>alert(1)</script>",
    'a"b',
    "it's",
    "a\nb",
    "\x1b[31mred",
    "\u202eright to left",
    "{0}",
    "%s",
    'x"];y[label="',
    "ü 漢字",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_messages_and_reprs_with_any_name_stay_on_one_line(name):
    x = ag.Tensor([1.0], requires_grad=True, name=name)
    assert repr(x).isprintable()
    for wrong in (
        lambda: np.asarray(x),
        lambda: x.copy_([2.0]),
        lambda: x.backward(np.ones(2)),
        lambda: ag.gradients(x, x, [1.0, 2.0]),
    ):
        with pytest.raises(ag.AutogradError) as caught:
            wrong()
        assert str(caught.value).isprintable()
    y = x * x
    with ag.no_grad():
        x.copy_([2.0])
    with pytest.raises(ag.GraphError, match="overwritten") as caught:
        y.backward()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", HOSTILE)
def test_tables_of_modules_have_a_line_for_each(name):
    net = nn.ModuleDict({name: nn.Linear(1, 1)}) if "." not in name else nn.ModuleDict({"a": nn.Linear(1, 1)})
    assert len(str(net.summary()).splitlines()) == 1 + 2 + 1
    assert len(repr(net).splitlines()) == 3
    assert all(line.isprintable() for line in (*str(net.summary()).splitlines(), *repr(net).splitlines()))
    with pytest.raises(nn.StateDictError) as caught:
        nn.Linear(1, 1).load_state_dict({name: 1.0})
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attributes):
        self.found.add(tag)


@pytest.mark.parametrize("name", HOSTILE)
def test_reports_with_any_name_are_tables(name):
    def f(x):
        return (x[name] ** 2).sum()

    f.__name__ = name
    report = ag.check.gradcheck(f, {name: np.ones(2)})
    assert report
    assert all(line.isprintable() for line in str(report).splitlines())
    parser = Tags()
    parser.feed(report._repr_html_())
    assert parser.found == {"table", "caption", "tr", "th", "td"}


@given(st.text(st.characters()))
def test_one_line_is_printable_and_keeps_what_is(text):
    from autograd_core.text import one_line

    assert one_line(text).isprintable()
    assert len(one_line(text, 20)) <= 20
    if text.isprintable():
        assert one_line(text) == text
