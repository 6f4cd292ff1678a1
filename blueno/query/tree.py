"""The tree of a query. Columns count from 1, for messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Union

from ..errors import Problem, SpecErrors


class Span(NamedTuple):
    """A stretch of time in seconds since 1970, its end not in it: a day, or a millisecond."""

    start: float
    end: float


Operand = float | str | Span


class Field(NamedTuple):
    """What is compared. `group` is "field" (a name of FIELDS), "hp" (a parameter) or "metric"."""

    group: str
    name: str
    column: int = 1


class Comparison(NamedTuple):
    """A field compared with operands: with `=` one of them, with `!=` none. `exists` has none."""

    field: Field
    relation: str  # = != < <= > >= ~ exists
    operands: tuple[Operand, ...] = ()


class Not(NamedTuple):
    part: Node


class And(NamedTuple):
    parts: tuple[Node, ...]


class Or(NamedTuple):
    parts: tuple[Node, ...]


Node = Union[Comparison, Not, And, Or]  # noqa: UP007 - the classes above name it


def comparisons(node: Node) -> Iterator[Comparison]:
    """Every comparison of a query, in the order of the text."""
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Not):
        yield from comparisons(node.part)
    else:
        for part in node.parts:
            yield from comparisons(part)


class QueryError(SpecErrors):
    """A query that cannot be understood: its line, with a caret at the place."""

    def __init__(self, query: str, column: int, message: str, fix: str = "") -> None:
        line = re.sub(r"\s", " ", query)
        super().__init__([Problem("query", 1, column, "", message, fix, line)])
