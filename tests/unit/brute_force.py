"""A second compiler, small and slow, written against the language and not against ours: nested loops in the order of
the document, then filters. It knows functions without data, scalar values, and mappings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

SECTIONS = ("model", "train")


class Way(NamedTuple):
    """One way to make all choices in a value: the value, and which index was taken on each axis, by path."""

    value: Any
    taken: dict[str, int]


def ways(value: Any, path: str) -> Iterator[Way]:
    """Every way, in the order of nested loops: the last choice of the document moves fastest."""
    if isinstance(value, dict) and list(value) == ["grid"]:
        for index, item in enumerate(value["grid"]):
            yield Way(item, {path: index})
    elif isinstance(value, dict) and list(value) == ["one_of"]:
        for alternative in value["one_of"]:
            yield from ways(alternative, path)
    elif isinstance(value, dict):
        yield from mappings(list(value.items()), path)
    else:
        yield Way(value, {})


def mappings(items: list[tuple[str, Any]], path: str) -> Iterator[Way]:
    """Every way to choose in a mapping, whose `one_of` is merged into it."""
    if not items:
        yield Way({}, {})
        return
    (key, value), rest = items[0], items[1:]
    if key == "one_of":
        firsts = [Way(way.value, way.taken) for alternative in value for way in ways(alternative, path)]
    else:
        inner = f"{path}.{key}" if path else key
        firsts = [Way({key: way.value}, way.taken) for way in ways(value, inner)]
    for first in firsts:
        for second in mappings(rest, path):
            yield Way({**first.value, **second.value}, {**first.taken, **second.taken})


def documents(spec: dict[str, Any]) -> Iterator[Way]:
    """Every way to choose in the sections, arms merged in where they stand."""
    items = [(key, value) for key, value in spec.items() if key in (*SECTIONS, "one_of")]
    yield from _documents(items)


def _documents(items: list[tuple[str, Any]]) -> Iterator[Way]:
    if not items:
        yield Way({}, {})
        return
    (key, value), rest = items[0], items[1:]
    if key == "one_of":
        firsts = [way for arm in value for way in _documents(list(arm.items()))]
    else:
        firsts = [Way({key: way.value}, way.taken) for way in ways(value, key)]
    for first in firsts:
        for second in _documents(rest):
            both = dict(first.value)
            for section, fields in second.value.items():
                both[section] = {**both.get(section, {}), **fields}
            yield Way(both, {**first.taken, **second.taken})


def zipped(way: Way, groups: list[list[str]]) -> bool:
    """Whether the axes of each group stand at equal places."""
    return all(len({way.taken[path] for path in group if path in way.taken}) <= 1 for group in groups)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """The paths of scalars."""
    if not isinstance(value, dict):
        return {path: value}
    return {
        inner: each
        for key, item in value.items()
        for inner, each in flat(item, f"{path}.{key}" if path else key).items()
    }


def matches(pattern: dict[str, Any], values: dict[str, Any]) -> bool:
    """Whether every pair of an exclusion holds."""
    return all(_holds(path, condition, values) for path, condition in pattern.items())


def _holds(path: str, condition: Any, values: dict[str, Any]) -> bool:
    if not isinstance(condition, dict):
        return path in values and values[path] == condition
    return all(_compares(path, name, operand, values) for name, operand in condition.items())


def _compares(path: str, name: str, operand: Any, values: dict[str, Any]) -> bool:
    if name == "exists":
        return (path in values) == operand
    if isinstance(operand, dict):
        if operand["ref"] not in values:
            return False
        operand = values[operand["ref"]]
    if path not in values:
        return False
    value = values[path]
    return {
        "eq": lambda: value == operand,
        "ne": lambda: value != operand,
        "gt": lambda: value > operand,
        "ge": lambda: value >= operand,
        "lt": lambda: value < operand,
        "le": lambda: value <= operand,
        "in": lambda: value in operand,
    }[name]()


def compile_slowly(spec: dict[str, Any]) -> tuple[list[dict[str, Any]], int, int]:
    """(params of each config in order, how many were excluded, how many duplicates were folded)."""
    kept: dict[str, dict[str, Any]] = {}
    excluded = duplicates = 0
    for way in documents(spec):
        if not zipped(way, spec.get("zip", [])):
            continue
        if any(matches(pattern, flat(way.value)) for pattern in spec.get("exclude", [])):
            excluded += 1
        elif json.dumps(way.value, sort_keys=True) in kept:
            duplicates += 1
        else:
            kept[json.dumps(way.value, sort_keys=True)] = way.value
    return list(kept.values()), excluded, duplicates
