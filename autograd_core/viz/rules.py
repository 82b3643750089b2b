"""An op's rules as text, read from the source that defines them."""

from __future__ import annotations

import ast
import inspect
import linecache
from functools import lru_cache
from typing import Any

from ..fused import fused

__all__ = ["rule_texts"]


def rule_texts(op: Any) -> list[str]:
    """For each argument what its rule returns, such as `g * (1 - y * y)`; "no derivative" where it has none."""
    if op.variadic:
        return [rule_text(op.rules.rule)]
    if not isinstance(op.rules, tuple):
        return ["the rules of the recorded function"]  # a checkpoint's
    return ["no derivative" if rule is None else rule_text(rule) for rule in op.rules]


def rule_text(rule: Any) -> str:
    """What a rule returns, as it is written; the name of the rule where its source cannot be read."""
    code = getattr(inspect.unwrap(rule), "__code__", None)
    if code is None:
        return getattr(rule, "__name__", "a rule without source")
    if rule.__module__ == fused.__module__:
        return _part(**inspect.getclosurevars(rule).nonlocals)
    return _returned(code) or f"{code.co_name}({', '.join(code.co_varnames[: code.co_argcount])})"


def _part(backward: Any, k: int, **_others: Any) -> str:
    """What the fast backward function of a fused op returns for argument k."""
    written = _returned(backward.__code__)
    parts = getattr(ast.parse(written or "()", mode="eval").body, "elts", [])
    part = parts[k] if k < len(parts) else None
    return _text(written, part.body) if isinstance(part, ast.Lambda) else f"{backward.__name__}(g)[{k}]"


@lru_cache(maxsize=1024)
def _returned(code: Any) -> str:
    source = "".join(linecache.getlines(code.co_filename))
    for node in _functions(source).get(code.co_firstlineno, ()):
        names = tuple(argument.arg for argument in node.args.args)
        if names != code.co_varnames[: code.co_argcount] or getattr(node, "name", "<lambda>") != code.co_name:
            continue
        if isinstance(node, ast.Lambda):
            if _column(code) == (node.body.lineno, node.body.col_offset, node.body.end_lineno, node.body.end_col_offset):
                return _text(source, node.body)
        else:
            values = [x.value for x in ast.walk(node) if isinstance(x, ast.Return) and x.value is not None]
            return " or ".join(_text(source, value) for value in values)
    return ""


def _column(code: Any) -> tuple[int, int, int, int]:
    """Where the body of a lambda stands: the extent of its instructions."""
    spots = [spot for spot in code.co_positions() if None not in spot and (spot[0], spot[2]) < (spot[1], spot[3])]
    first = min((spot[0], spot[2]) for spot in spots)
    last = max((spot[1], spot[3]) for spot in spots)
    return (*first, *last)


@lru_cache(maxsize=64)
def _functions(source: str) -> dict[int, list[Any]]:
    """Functions and lambdas of a file by the line on which they begin."""
    found: dict[int, list[Any]] = {}
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda | ast.FunctionDef):
            found.setdefault(node.lineno, []).append(node)
    return found


def _text(source: str, node: Any) -> str:
    text = " ".join((ast.get_source_segment(source, node) or "").split())
    return text.replace("( ", "(").replace(", )", ")").replace(" )", ")")  # a call over several lines
