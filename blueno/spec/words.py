"""The sweep's own words: name, objective, seeds, resources and the like; nothing of them is part of a trial's identity
but the seeds.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..sizes import bytes_of
from .language import KEEP, POSITIVE_INT, RESERVED, RESOURCES, SEED, TOP_KEYS
from .node import Broken, Node, found, is_broken, plain
from .problems import join_path
from .types import STR, Type, list_of
from .values import Context, checked, is_mapping

_SLUG = re.compile(r"[A-Za-z0-9_-]+\Z")
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_TIME = re.compile(rf"(?:{_NUMBER}d)? ?(?:{_NUMBER}h)? ?(?:{_NUMBER}m(?:in)?)? ?(?:{_NUMBER}s)?\Z")
_BEST = re.compile(r"best [1-9][0-9]*\Z")


class Words(NamedTuple):
    """What a sweep says about itself."""

    name: str
    tags: list[str]
    notes: str
    seeds: list[int]
    resources: dict[str, Any]
    keep: dict[str, str]


def check_top(node: Node, context: Context) -> None:
    """Unknown, reserved and missing keys of a whole spec."""
    for key, mark in node.keys.items():
        if key in RESERVED:
            context.problems.add(mark, key, "not yet: the key is reserved", "leave it out for now")
        elif key not in TOP_KEYS and key in node.value:
            context.problems.unknown_key(mark, "", key, TOP_KEYS)
    for key, example in (
        ("version", "version: 1"),
        ("name", "name: digits"),
        ("objective", "objective: {maximize: val_accuracy}"),
    ):
        if key not in node.value:
            context.problems.add(node.mark, "", f"{key} is missing", f"add {example}")
    _check_version(node.value.get("version"), context)


def _check_version(node: Node | None, context: Context) -> None:
    if node is not None and not isinstance(node.value, Broken) and (node.value != 1 or isinstance(node.value, bool)):
        message = f"this Blueno reads version 1 of the language, {found(node)}"
        context.problems.add(node.mark, "version", message, "write version: 1")


def read_words(node: Node, context: Context) -> Words:
    """The words in a whole spec."""
    fields = node.value
    return Words(
        name=_name(fields.get("name"), context),
        tags=_checked(fields.get("tags"), list_of(STR), "tags", [], context),
        notes=_checked(fields.get("notes"), STR, "notes", "", context),
        seeds=_seeds(fields.get("seeds"), context),
        resources=_resources(fields.get("resources"), context),
        keep=_keep(fields.get("keep"), context),
    )


def _checked(node: Node | None, type: Type, path: str, otherwise: Any, context: Context) -> Any:
    if node is None:
        return otherwise
    value = checked(node, type, path, context)
    return otherwise if value is None else value


def _name(node: Node | None, context: Context) -> str:
    if node is None or isinstance(node.value, Broken):
        return ""
    if isinstance(node.value, str) and _SLUG.match(node.value):
        return node.value
    slug = (
        re.sub(r"[^A-Za-z0-9_-]+", "-", str(plain(node))).strip("-") if not isinstance(node.value, dict | list) else ""
    )
    slug = "" if node.value is None else slug
    fix = f"write name: {slug or 'digits'}" if isinstance(node.value, str) or not slug else f'write name: "{slug}"'
    context.problems.add(node.mark, "name", f"a name is letters, digits, - and _, {found(node)}", fix)
    return ""


def _seeds(node: Node | None, context: Context) -> list[int]:
    if node is None or isinstance(node.value, Broken):
        return [0]
    if isinstance(node.value, dict):
        if list(node.value) == ["adaptive"]:
            context.problems.add(node.keys["adaptive"], "seeds", "not yet: adaptive seeds", "write seeds: 3")
        else:
            context.problems.add(node.mark, "seeds", "seeds are never an axis", "write seeds: 3, or seeds: [0, 1, 2]")
        return [0]
    if not isinstance(node.value, list):
        count = checked(node, POSITIVE_INT._replace(le=1_000_000), "seeds", context)
        return list(range(count or 1))
    seeds = checked(node, list_of(SEED), "seeds", context)
    if not node.value:
        context.problems.add(node.mark, "seeds", "expected at least one seed, found an empty list", "write seeds: [0]")
    _check_repeated(node, context)
    return seeds or [0]


def _check_repeated(node: Node, context: Context) -> None:
    """Adds a problem for each seed that is listed twice."""
    seen: set[Any] = set()
    for index, item in enumerate(node.value):
        if item.value in seen and isinstance(item.value, int):
            message = f"seed {item.value} is there already"
            context.problems.add(item.mark, f"seeds[{index}]", message, "remove it")
        seen.add(item.value if isinstance(item.value, int) else None)


def _resources(node: Node | None, context: Context) -> dict[str, Any]:
    """`gpus`, `cpus`, `memory_bytes`, `gpu_memory_bytes` and `time_s`, those that are written."""
    if node is None or not is_mapping(node, "resources", context, "resources: {gpus: 1}"):
        return {}
    values: dict[str, Any] = {}
    for key, child in node.value.items():
        path = f"resources.{key}"
        if key not in RESOURCES:
            context.problems.unknown_key(node.keys[key], "resources", key, RESOURCES)
        elif key == "gpus":
            values[key] = _gpus(child, path, context)
        elif key == "cpus":
            values[key] = checked(child, Type("float", gt=0), path, context)
        elif key == "time":
            values["time_s"] = _measure(child, path, seconds_of, "a time", "6h", context)
        else:
            values[f"{key}_bytes"] = _measure(child, path, bytes_of, "a size", "24GB", context)
    return values


def _gpus(node: Node, path: str, context: Context) -> float | None:
    value = checked(node, Type("float", ge=0), path, context)
    if value is not None and value > 1 and value != int(value):
        context.problems.add(node.mark, path, f"expected a count, or a share below 1, {found(node)}", "write gpus: 1")
    return value if value is None else float(value)


def _measure(node: Node, path: str, read: Any, noun: str, example: str, context: Context) -> Any:
    value = read(node.value) if isinstance(node.value, str) else None
    if value is None and not is_broken(node):
        context.problems.add(node.mark, path, f"expected {noun} as {example}, {found(node)}", f"write {example}")
    return value


def seconds_of(text: str) -> float | None:
    """A time in seconds; None if it is none.

    >>> seconds_of("1h30m")
    5400.0
    """
    match = _TIME.match(text)
    if match is None or not text:
        return None
    seconds = sum(float(number or 0) * unit for number, unit in zip(match.groups(), (86400, 3600, 60, 1), strict=True))
    return seconds or None


def _keep(node: Node | None, context: Context) -> dict[str, str]:
    keep = dict(KEEP)
    if node is None or not is_mapping(node, "keep", context, "keep: {weights: best 5}"):
        return keep
    for key, child in node.value.items():
        if key not in KEEP:
            context.problems.unknown_key(node.keys[key], "keep", key, KEEP)
        elif isinstance(child.value, str) and (child.value in ("all", "none") or _BEST.match(child.value)):
            keep[key] = child.value
        elif not is_broken(child):
            message = f"expected all, none or best N, {found(child)}"
            context.problems.add(child.mark, join_path("keep", key), message, f"write {key}: best 5")
    return keep
