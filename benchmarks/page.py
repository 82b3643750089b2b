"""Tables that programs write into pages."""

from __future__ import annotations

import re
from pathlib import Path


def insert(page: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name: written by make ... -->` and `<!-- end of name -->`.

    Raises:
        ValueError: the page does not have these two lines once each, in this order.
    """
    between = rf"^(<!-- {re.escape(name)}: written by make [a-z-]+ -->\n).*^(<!-- end of {re.escape(name)} -->)$"
    content = page.read_text(encoding="utf-8")
    starts, ends = content.count(f"<!-- {name}: "), content.count(f"<!-- end of {name} -->")
    found, count = re.subn(between, lambda match: f"{match[1]}{text}\n{match[2]}", content, flags=re.DOTALL | re.MULTILINE)
    if (starts, ends, count) != (1, 1, 1):
        raise ValueError(f"{page} needs `<!-- {name}: written by make ... -->` and `<!-- end of {name} -->`, once each")
    page.write_text(found, encoding="utf-8")
