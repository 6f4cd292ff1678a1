"""A query's text cut into words, each with its place."""

from __future__ import annotations

import re
from typing import NamedTuple

from .tree import QueryError

KEYWORDS = ("and", "or", "not", "in", "exists")
RELATIONS = ("=", "!=", "<", "<=", ">", ">=", "~")
ELSEWHERE = {"==": "=", "<>": "!=", "=~": "~", "!~": "not ... ~ ...", "&&": "and", "||": "or", "!": "not", "&": "and"}

PIECE = re.compile(
    r"""\s+ | (?P<quoted>'[^']*'|"[^"]*") | (?P<list>\[[^\]]*\]) | (?P<relation>[=!<>~&|]+)
      | (?P<mark>[(),]) | (?P<plain>[^\s()=!<>~&|,'"\[\]]+) | (?P<wrong>.)""",
    re.VERBOSE | re.DOTALL,
)


class Word(NamedTuple):
    """`kind` is quoted, list, relation, mark, plain, keyword or end; `text` is without quotes."""

    kind: str
    text: str
    column: int


def in_query(text: str) -> str:
    """A text as a query has to have it.

    >>> in_query("digits"), in_query("my study"), in_query("not")
    ('digits', '"my study"', '"not"')
    """
    match = PIECE.fullmatch(text)
    is_plain = match is not None and match.lastgroup == "plain" and text.lower() not in KEYWORDS
    mark = "'" if '"' in text else '"'
    return text if is_plain else f"{mark}{text}{mark}"


def words(query: str) -> list[Word]:
    """The words of a query; the last one has the kind "end". Raises QueryError for a quote or list left open."""
    found = []
    for match in PIECE.finditer(query):
        kind, column = match.lastgroup, match.start() + 1
        if kind is None:
            continue
        text = match[0]
        if kind == "wrong":
            what = "this list" if text == "[" else "this quote" if text in "'\"" else text
            raise QueryError(query, column, f"{what} has no {'end' if text != ']' else 'beginning'}", "close it")
        if kind == "relation" and text not in RELATIONS:
            near = ELSEWHERE.get(text)
            fix = f"write {near}" if near else f"use one of {' '.join(RELATIONS)}"
            raise QueryError(query, column, f"there is no {text}", fix)
        if kind == "quoted":
            text = text[1:-1]
        if kind == "plain" and text.lower() in KEYWORDS:
            kind, text = "keyword", text.lower()
        found.append(Word(kind, text, column))
    return [*found, Word("end", "", len(query.rstrip()) + 1)]
