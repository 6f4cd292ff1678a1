"""The tree of a spec: values that remember where they were written. Everything that may be wrong is marked by one."""

from __future__ import annotations

from typing import Any, NamedTuple


class Mark(NamedTuple):
    """A place in a text; lines and columns count from 1."""

    file: str
    line: int
    column: int


class Node(NamedTuple):
    """A value and its place: a scalar, a list of nodes, a mapping of nodes, or one of the three classes below.

    `keys` holds the places of a mapping's keys; `alias` is the anchor's name if the value came through an alias.
    """

    value: Any
    mark: Mark
    keys: dict[str, Mark] = {}
    alias: str = ""
    text: str = ""  # a number as it was written


class Ref(NamedTuple):
    """`{ref: path}`: the value of another path in the same config."""

    path: str


class File(NamedTuple):
    """`{file: path}`: `written` as in the spec, `path` absolute; both may hold `{fold}` and `{seed}`."""

    written: str
    path: str
    mark: Mark


class Broken(NamedTuple):
    """In place of a value that has been complained about already, so that nothing complains about it again."""


def plain(node: Node) -> Any:
    """The value as JSON, as written: a file is its path, a reference a mapping, a broken value null."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    if isinstance(value, File):
        return value.written
    if isinstance(value, Ref):
        return {"ref": value.path}
    return None if isinstance(value, Broken) else value


def is_broken(node: Node) -> bool:
    """Whether the value, or anything in it, has been complained about."""
    value = node.value
    if isinstance(value, dict):
        return any(is_broken(child) for child in value.values())
    if isinstance(value, list):
        return any(is_broken(child) for child in value)
    return isinstance(value, Broken)


def found(node: Node) -> str:
    """The value in words for a message: `found 'x'`, `found a list`, `found nothing`."""
    value = plain(node)
    if value is None:
        return "found nothing"
    if isinstance(value, (dict, list)):
        return "found a mapping" if isinstance(value, dict) else "found a list"
    return f"found {shown(value)}"


def shown(value: Any) -> str:
    """A value as one would write it in a spec."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"'{value}'" if isinstance(value, str) else f"{value!r}"
