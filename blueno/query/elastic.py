"""A query's tree as a query of Elasticsearch over the documents of trials (`elastic/fields`). Pure: it talks to nobody.

What the index cannot answer to the letter (a pattern in a message, which it knows by its words) is answered too
widely: whoever asks looks through the hits once more with `ask`. Under `not` too wide would be too narrow, so that each
part is asked for widely or narrowly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from ..clock import iso
from .ask import fitting, holder, namer, spellings, starred
from .parse import kind_of
from .tree import And, Comparison, Field, Node, Not, Operand, Span

Clause = dict[str, Any]
EVERYTHING: Clause = {"match_all": {}}
NOTHING: Clause = {"match_none": {}}
ORIGIN = "blueno"  # of all documents there
PATHS = {
    "trial": "trial_id", "config": "config_id", "dataset": "dataset_id", "state": "state", "model": "model",
    "sweep": "sweeps", "tags": "tags", "owner": "owner", "host": "host.name", "engine": "engine", "seed": "seed",
    "fold": "fold", "epoch": "objective.epoch", "objective": "objective.value", "metric": "objective.metric",
    "nonfinite": "nonfinite", "started": "started", "finished": "finished", "duration": "duration_s",
    "error": "error.class", "error.type": "error.type", "error.message": "error.message",
}  # fmt: skip


class Names(NamedTuple):
    """What the index has: metrics by name, and parameters by path, numbers and words apart."""

    metrics: Collection[str]
    numbers: Collection[str]
    words: Collection[str]

    @property
    def params(self) -> set[str]:
        return {*self.numbers, *self.words}


def query_of(node: Node, names: Names, wide: bool = True) -> Clause:
    """Finds at least (`wide`), or at most, the documents that the tree is true of; all but patterns are exact."""
    if isinstance(node, Comparison):
        return _comparison(node, names, wide)
    if isinstance(node, Not):
        return _none_of([query_of(node.part, names, not wide)])
    parts = [query_of(part, names, wide) for part in node.parts]
    return _all_of(parts) if isinstance(node, And) else _any_of(parts)


def _all_of(clauses: list[Clause]) -> Clause:
    return clauses[0] if len(clauses) == 1 else {"bool": {"filter": clauses}}


def _any_of(clauses: list[Clause]) -> Clause:
    if len(clauses) == 1:
        return clauses[0]
    return {"bool": {"should": clauses, "minimum_should_match": 1}} if clauses else NOTHING


def _none_of(clauses: list[Clause]) -> Clause:
    return {"bool": {"must_not": clauses}}


def _exists(path: str) -> Clause:
    return {"exists": {"field": path}}


def _comparison(test: Comparison, names: Names, wide: bool) -> Clause:
    field = test.field
    if field == Field("field", "origin", field.column):
        is_so = test.relation == "exists" or fitting(test, "text")(ORIGIN) != (test.relation == "!=")
        return EVERYTHING if is_so else NOTHING
    if field.group == "metric":
        return _metric([name for name in spellings(field.name) if name in names.metrics], test, wide)
    if test.relation == "!=":
        equal = _comparison(test._replace(relation="="), names, not wide)
        return _all_of([_comparison(test._replace(relation="exists"), names, wide), _none_of([equal])])
    if field.group == "field":
        return _fits(PATHS[field.name], test, wide)
    return _parameter(test, names, wide)


def _metric(there: list[str], test: Comparison, wide: bool) -> Clause:
    """The first of these names that a document has is what counts."""
    clauses = []
    for index, name in enumerate(there):
        path = f"metrics.{name}"
        missing = [_none_of([_exists(f"metrics.{earlier}")]) for earlier in there[:index]]
        if test.relation == "!=":
            fits = [_exists(path), _none_of([_fits(path, test._replace(relation="="), not wide)])]
        else:
            fits = [_fits(path, test, wide)]
        clauses.append(_all_of([*missing, *fits]))
    return _any_of(clauses)


def _parameter(test: Comparison, names: Names, wide: bool) -> Clause:
    """Any of the parameters that are meant; numbers and texts stand apart, which are never equal."""
    if test.relation == "exists":
        inside = holder(test.field.name)
        return _any_of([_exists(path) for path in _paths(names, inside)])
    wanted: list[Clause] = []
    called = namer(test.field.name)
    for operand in test.operands:
        one = test._replace(operands=(operand,))
        is_number = isinstance(operand, float)
        there = names.numbers if is_number else names.words
        kind = "num" if is_number else "cat"
        wanted += [_fits(f"hp.{kind}.{path}", one, wide) for path in sorted(there) if called(path)]
    return _any_of(wanted)


def _paths(names: Names, meant: Callable[[str], bool]) -> list[str]:
    numbers = [f"hp.num.{path}" for path in sorted(names.numbers) if meant(path)]
    return numbers + [f"hp.cat.{path}" for path in sorted(names.words) if meant(path)]


def _fits(path: str, test: Comparison, wide: bool) -> Clause:
    """A field of documents compared with the operands."""
    if test.relation == "exists":
        return _exists(path)
    if test.relation == "~":
        return _pattern(path, str(test.operands[0]), kind_of(test.field), wide)
    if test.relation == "=":
        return _any_of([_equal(path, operand, kind_of(test.field), wide) for operand in test.operands])
    return {"range": {path: _bounds(test.relation, test.operands[0])}}


def _equal(path: str, operand: Operand, kind: str, wide: bool) -> Clause:
    if kind == "words":  # known by its words only: looked at later
        return _exists(path) if wide else NOTHING
    if isinstance(operand, Span):
        return {"range": {path: {"gte": iso(operand.start), "lt": iso(operand.end)}}}
    return {"prefix" if kind == "id" else "term": {path: {"value": operand}}}


def _bounds(relation: str, operand: Operand) -> dict[str, Any]:
    if isinstance(operand, Span):
        start, end = iso(operand.start), iso(operand.end)
        return {"<": {"lt": start}, "<=": {"lt": end}, ">": {"gte": end}, ">=": {"gte": start}}[relation]
    return {{"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[relation]: operand}


def _pattern(path: str, text: str, kind: str, wide: bool) -> Clause:
    """Messages are known by their words, and letters outside of ASCII with their case: these are looked at later."""
    if kind == "words" or not text.isascii():
        return _exists(path) if wide else NOTHING
    return {"wildcard": {path: {"value": starred(text).replace("\\", "\\\\"), "case_insensitive": True}}}
