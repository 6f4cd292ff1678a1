"""Patterns over configs: those of `exclude`, and the one of `baseline`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .axes import found_list
from .choices import Builder
from .node import Broken, Mark, Node, Ref, found, is_broken, plain
from .problems import Problems, join_path, nearest
from .space import Frame

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
OPERATORS = ("eq", "ne", *_ORDERED, "in", "exists")


class Condition(NamedTuple):
    """One comparison of a path's value; with the values of other paths where the operand is or lists a Ref."""

    path: str
    operator: str
    operand: Any  # plain, but for Refs

    @property
    def refers_to(self) -> list[str]:
        """The paths that the operand refers to."""
        listed = self.operand if isinstance(self.operand, list) else [self.operand]
        return [each.path for each in listed if isinstance(each, Ref)]


class Pattern(NamedTuple):
    """Conditions that must all hold, and where they are written."""

    conditions: list[Condition]
    mark: Mark


def read_patterns(node: Node | None, frames: Sequence[Frame], builder: Builder, problems: Problems) -> list[Pattern]:
    """The patterns of `exclude`."""
    if node is None or isinstance(node.value, Broken):
        return []
    if not isinstance(node.value, list):
        message = f"expected a list of patterns, {found_list(node)}"
        problems.add(node.mark, "exclude", message, "write exclude: [{path: value}]")
        return []
    known = known_paths(frames)
    patterns = [_pattern(item, f"exclude[{i}]", known, builder, problems) for i, item in enumerate(node.value)]
    return [pattern for pattern in patterns if pattern is not None]


def read_baseline(node: Node | None, frames: Sequence[Frame], builder: Builder, problems: Problems) -> Pattern | None:
    """The pattern of `baseline`: values only."""
    if node is None or isinstance(node.value, Broken):
        return None
    pattern = _pattern(node, "baseline", known_paths(frames), builder, problems)
    if pattern is None:
        return None
    for condition in pattern.conditions:
        if condition.operator != "eq" or condition.refers_to:
            message = "a baseline says which value each path has"
            problems.add(node.value[condition.path].mark, f"baseline.{condition.path}", message, "write {path: value}")
    return pattern


def known_paths(frames: Iterable[Frame]) -> set[str]:
    """Every path that any config has."""
    known: set[str] = set()
    for frame in frames:
        known.update(frame.names)
        for factor in frame.factors:
            for outcome in factor.outcomes:
                known.update(outcome.paths)
    return known


def _pattern(node: Node, path: str, known: set[str], builder: Builder, problems: Problems) -> Pattern | None:
    if not isinstance(node.value, dict) or not node.value:
        if not is_broken(node):
            problems.add(
                node.mark, path, f"expected a mapping of paths to values, {found(node)}", "write {path: value}"
            )
        return None
    conditions: list[Condition] = []
    for key, child in node.value.items():
        if known and key not in known:
            problems.add(node.keys[key], path, f"{key} occurs nowhere in the spec", nearest(key, known))
        conditions += _conditions(key, child, join_path(path, key), known, builder, problems)
    return Pattern(conditions, node.mark)


def _conditions(
    key: str, node: Node, path: str, known: set[str], builder: Builder, problems: Problems
) -> list[Condition]:
    if not isinstance(node.value, dict) or list(node.value) in (["ref"], ["value"], ["file"]):
        return [Condition(key, "eq", _operand(node, path, known, builder, problems))]
    if not node.value:
        problems.add(node.mark, path, "expected a value or a comparison, found an empty mapping", "write {eq: ...}")
    conditions = []
    for name, child in node.value.items():
        if name not in OPERATORS:
            problems.unknown_key(node.keys[name], path, name, OPERATORS)
            continue
        operand = _operand(child, join_path(path, name), known, builder, problems)
        _check_operand(name, operand, child, path, problems)
        conditions.append(Condition(key, name, operand))
    return conditions


def _operand(node: Node, path: str, known: set[str], builder: Builder, problems: Problems) -> Any:
    value = builder.fixed(node, path)
    listed = value.value if isinstance(value.value, list) else [value]
    operands = [each.value if isinstance(each.value, Ref) else plain(each) for each in listed]
    for each, operand in zip(listed, operands, strict=True):
        if isinstance(operand, Ref) and known and operand.path not in known:
            problems.add(each.mark, path, f"{operand.path} occurs nowhere in the spec", nearest(operand.path, known))
    return operands if isinstance(value.value, list) else operands[0]


def _check_operand(name: str, operand: Any, node: Node, path: str, problems: Problems) -> None:
    if isinstance(operand, Ref) or is_broken(node):
        return
    if name == "exists" and not isinstance(operand, bool):
        problems.add(node.mark, f"{path}.exists", f"expected true or false, {found(node)}", "write {exists: true}")
    if name == "in" and (not isinstance(operand, list) or not operand):
        problems.add(node.mark, f"{path}.in", f"expected a list of values, {found_list(node)}", "write {in: [a, b]}")
    if name in _ORDERED and (isinstance(operand, bool) or not isinstance(operand, (int, float, str))):
        problems.add(
            node.mark, f"{path}.{name}", f"expected a number or a string, {found(node)}", f"write {{{name}: 0}}"
        )


def holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether a condition holds where paths have these values; a path that is not there only fails to exist."""
    path, name, operand = condition
    if isinstance(operand, Ref):
        if operand.path not in values:
            return False
        operand = values[operand.path]
    elif isinstance(operand, list) and condition.refers_to:
        operand = [values.get(each.path, each) if isinstance(each, Ref) else each for each in operand]
    if name == "exists":
        return (path in values) == operand
    if path not in values:
        return False
    value = values[path]
    if name in _ORDERED:
        return _are_ordered(value, operand) and _ORDERED[name](value, operand)
    if name == "in":
        return any(equal(value, each) for each in operand) if isinstance(operand, list) else False
    return equal(value, operand) == (name == "eq")


def _are_ordered(value: Any, operand: Any) -> bool:
    """Whether two values can be compared: two numbers, or two strings."""
    numbers = [isinstance(each, (int, float)) and not isinstance(each, bool) for each in (value, operand)]
    return all(numbers) or (isinstance(value, str) and isinstance(operand, str))


def equal(value: Any, other: Any) -> bool:
    """Whether two plain values are equal: 1 equals 1.0, but not true."""
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(equal, value, other))
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(equal(value[key], other[key]) for key in value)
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)
