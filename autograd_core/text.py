"""Names and foreign texts in messages and tables: on one line, and no longer than bearable."""

from __future__ import annotations

__all__ = ["one_line"]


def one_line(text: object, most: int | None = None) -> str:
    r"""A text with its control characters written out, so that it can neither break a table nor talk to a terminal.

    Args:
        text: anything.
        most: characters to show, if it is longer than that.

    >>> one_line("layer\n\x1b[31m")
    'layer\\n\\x1b[31m'
    >>> one_line("x" * 100, most=8)
    'xxxx ...'
    """
    whole = str(text)
    shown = whole if most is None else whole[: most + 1]
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
    return shown if most is None or len(shown) <= most else shown[: most - 4] + " ..."
