"""Derivatives at hard points are those of docs/conventions.md, and that page is current."""

import pytest

from . import conventions

ROWS = [row for rows in conventions.ROWS.values() for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.ours} at {conventions.shown(row.point)}")
def test_the_gradient_at_a_hard_point_is_the_one_of_the_page(row):
    found = row.gradient()
    assert conventions.same(found, row.expected), conventions.shown(found)


def test_the_page_of_conventions_has_every_row():
    """docs/conventions.md is written by `make ops-table`: after changing a row, write it again."""
    page = conventions.PAGE.read_text(encoding="utf-8")
    assert conventions.HEAD in page
    assert conventions.TAIL in page
    for row in ROWS:
        assert conventions.line(row, others=False).removesuffix(" |") in page
    assert page.count("\n| `") == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.ours} at {conventions.shown(row.point)}")
def test_the_page_says_what_pytorch_gives(row):
    pytest.importorskip("torch")
    theirs = conventions.shown(row.by_torch())
    start = conventions.line(row, others=False).removesuffix(" |")
    assert f"{start} | {theirs} |" in conventions.PAGE.read_text(encoding="utf-8")
