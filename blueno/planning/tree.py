"""What a syntax tree says, hashed: the same on every Python, and whatever the comments, docstrings and layout.

Only the standard library is used here, so that a test can run it under other interpreters. Identity rests on this file:
a change here changes the id of every trial with user code.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from typing import Any

# `ctx` follows from where a node stands, `kind` is the u of u"", and comments on types are comments.
LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


def tree_digest(tree: ast.AST) -> str:
    """Full SHA-256, in hexadecimal, of what a syntax tree says."""
    state = hashlib.sha256()
    for token in tokens(tree):
        state.update(token.encode("ascii") + b"\n")
    return state.hexdigest()


def tokens(tree: ast.AST) -> Iterator[str]:
    """The tree in order, as ASCII words that say it unambiguously. No recursion: generated code can be very deep."""
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, _Word):
            yield item
        elif isinstance(item, ast.AST):
            stack += reversed([_Word(f"({type(item).__name__}"), *_fields(item), _Word(")")])
        elif isinstance(item, list):
            stack += reversed([_Word("["), *item, _Word("]")])
        else:
            yield _constant(item)


class _Word(str):
    """Part of the structure, not a string of the user's code."""


def _fields(node: ast.AST) -> Iterator[Any]:
    """Names and values of the fields that are there. Those that a Python lacks are empty in the others: skipped."""
    for name in node._fields:
        value = _without_bare_strings(getattr(node, name, None))
        if isinstance(node, ast.JoinedStr):
            value = _joined(node.values)
        empty = value is None and not isinstance(node, ast.Constant)
        if name in LEFT_OUT or empty or value == []:
            continue
        yield _Word(name)
        yield value


def _without_bare_strings(value: Any) -> Any:
    """Statements without docstrings, and without strings that stand alone, which do nothing either."""
    if not isinstance(value, list):
        return value
    return [each for each in value if not (isinstance(each, ast.Expr) and _is_string(each.value))]


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string with neighbouring texts joined and empty ones left out, as not every Python does."""
    parts: list[ast.expr] = []
    for each in values:
        if not (isinstance(each, ast.Constant) and isinstance(each.value, str)):
            parts.append(each)
        elif parts and _is_string(parts[-1]):
            parts[-1] = ast.Constant(parts[-1].value + each.value)  # type: ignore[attr-defined]
        elif each.value:
            parts.append(each)
    return parts


def _constant(value: Any) -> str:
    # Not repr: what it escapes depends on Python's Unicode, and it refuses whole numbers of 5,000 digits.
    shown = format(value, "x") if type(value) is int else ascii(value)
    return f"{type(value).__name__}:{shown}"
