"""What a query means of records: a tree as a function from a record to true or false."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any, Protocol

from ..spec.metrics import other_names, read_name
from ..spec.problems import nearest
from .fields import ALIASES, FIELDS
from .operands import Value
from .parse import kind_of
from .tree import And, Comparison, Field, Node, Not, Operand, QueryError, Span, comparisons

Values = Sequence[Value]
COSTS = {"field": 0, "metric": 1, "hp": 2}  # what is dear to look up is looked at last
PARAMETERS = ("model",)  # fields that are looked up among the parameters


class Record(Protocol):
    """A trial as queries see it. What is missing, null or not finite is no value."""

    def field(self, name: str) -> Values:
        """The values of one of FIELDS; times in seconds since 1970."""

    def metrics(self) -> Mapping[str, float]:
        """The metrics by name."""

    def params(self) -> Mapping[str, Value]:
        """The parameters by path (`train.learning_rate`)."""

    def written(self) -> Mapping[str, Any]:
        """The same as JSON has them, for documents: whole numbers, true and null among them."""


Predicate = Callable[[Record], bool]


def asks(node: Node) -> Predicate:
    """Whether a record is what a query asks for."""
    if isinstance(node, Not):
        part = asks(node.part)
        return lambda record: not part(record)
    if isinstance(node, Comparison):
        return _asks_test(node)
    parts = [asks(each) for each in sorted(node.parts, key=_cost)]
    together = all if isinstance(node, And) else any
    return lambda record: together(part(record) for part in parts)


def _cost(node: Node) -> int:
    groups = ("hp" if test.field.name in PARAMETERS else test.field.group for test in comparisons(node))
    return max(map(COSTS.__getitem__, groups))


def _asks_test(test: Comparison) -> Predicate:
    find = finder(test.field)
    if test.relation == "exists":
        if test.field.group == "hp":
            below = _among(holder(test.field.name))
            return lambda record: bool(below(tuple(record.params())))
        return lambda record: bool(find(record))
    fits = fitting(test, kind_of(test.field))
    if test.relation == "!=":
        return lambda record: bool(values := find(record)) and not any(map(fits, values))
    return lambda record: any(map(fits, find(record)))


def finder(field: Field) -> Callable[[Record], Values]:
    """The values of a field."""
    name = field.name
    if field.group == "field":
        return lambda record: record.field(name)
    if field.group == "metric":
        return lambda record: metric_values(record.metrics(), name)
    meant = _among(namer(name))

    def found(record: Record) -> Values:
        params = record.params()
        return [params[path] for path in meant(tuple(params))]

    return found


def _among(is_meant: Callable[[str], bool]) -> Callable[[tuple[str, ...]], list[str]]:
    """Which of some paths are meant; many records have the same ones."""
    return lru_cache(maxsize=1024)(lambda paths: list(filter(is_meant, paths)))


def metric_values(metrics: Mapping[str, float], written: str) -> Values:
    """A metric under this very name, else its standard one, of the validation part if none is said."""
    for name in spellings(written):
        if name in metrics:
            return (metrics[name],)
    return ()


@lru_cache(maxsize=256)
def spellings(written: str) -> tuple[str, ...]:
    """The names that a metric may have where it is kept, the likeliest first.

    >>> spellings("val_auc"), spellings("f1")
    (('val_auc', 'val_roc_auc'), ('f1', 'val_f1'))
    """
    return tuple(dict.fromkeys((written, read_name(written).full)))


def namer(name: str) -> Callable[[str], bool]:
    """Whether a path is meant by a parameter's name: the whole path, or its end."""
    end = "." + name
    return lambda path: path == name or path.endswith(end)


def holder(name: str) -> Callable[[str], bool]:
    """Whether a path is meant by a parameter's name, or lies below what is: `pca` holds `preprocess.pca.components`."""
    inside = f".{name}."
    return lambda path: inside in f".{path}."


def fitting(test: Comparison, kind: str) -> Callable[[Value], bool]:
    """Whether one value fits; for `!=`, whether it equals an operand."""
    if test.relation == "~":
        return pattern(str(test.operands[0]))
    if test.relation not in ("=", "!="):
        return _ordered(test.relation, test.operands[0])
    equals = [_equal(operand, kind) for operand in test.operands]
    if len(equals) == 1:
        return equals[0]
    return lambda value: any(equal(value) for equal in equals)


def _equal(operand: Operand, kind: str) -> Callable[[Value], bool]:
    if isinstance(operand, Span):
        return lambda value: isinstance(value, float) and operand.start <= value < operand.end
    if kind == "id":
        return lambda value: isinstance(value, str) and value.startswith(str(operand))
    return lambda value: value == operand


def _ordered(relation: str, operand: Operand) -> Callable[[Value], bool]:
    """`<` is before a span, `<=` before its end, and so on; a number is a span of nothing."""
    bounds = {"<": ("<", 0), "<=": ("<", 1), ">": (">=", 1), ">=": (">=", 0)}
    compare = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
    limit: Any = operand
    if isinstance(operand, Span):
        relation, end = bounds[relation]
        limit = operand[end]
    holds = compare[relation]
    return lambda value: isinstance(value, float) and holds(value, limit)


def pattern(text: str) -> Callable[[Value], bool]:
    """What `~` means: the text is in the value, or the value is of the form that `*` and `?` give. Case is ignored."""
    form = re.compile(translate(starred(text).replace("[", "[[]")), re.IGNORECASE | re.DOTALL)
    return lambda value: isinstance(value, str) and form.match(value) is not None


def starred(text: str) -> str:
    """A pattern for the whole value."""
    return text if "*" in text or "?" in text else f"*{text}*"


# ---- names that nothing has


def check_names(query: str, node: Node, metrics: Iterable[str], params: Iterable[str]) -> None:
    """Raises QueryError for the first metric or parameter that no record has; its fix names the nearest there is."""
    there, paths = set(metrics), list(params)
    for test in comparisons(node):
        field = test.field
        if field.group == "metric" and not there & set(spellings(field.name)):
            meant = {**ALIASES, **{other: each for each in there for other in other_names(each)}}
            fix = nearest(field.name, [*FIELDS, *meant, *there])
            near = fix.removeprefix("write ")
            fix = f"write {meant[near]}" if near in meant and near != fix else fix
            if any(map(holder(field.name), paths)):
                fix = f"write hp.{field.name} for the parameter"
            raise QueryError(query, field.column, f"no trial has a metric or field {field.name}", fix)
        if field.group == "hp" and not any(map(holder(field.name), paths)):
            raise QueryError(
                query, field.column, f"no trial has a parameter {field.name}", _parameter(field.name, paths)
            )


def _parameter(name: str, paths: Iterable[str]) -> str:
    """A fix that names the parameter which may have been meant, by the last word of its path."""
    fix = nearest(name.rpartition(".")[2], {path.rpartition(".")[2] for path in paths})
    near = fix.removeprefix("write ")
    return f"write hp.{near}" if near != fix else fix.replace("use one of ", "after hp. use one of ")
