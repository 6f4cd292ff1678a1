"""The paths of a config and their values, as `exclude`, `ref` and `baseline` see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .alternatives import NAMED
from .node import Node, Ref, plain
from .steps import steps_of


def paths_below(node: Node | None, path: str) -> dict[str, Any]:
    """Every path at and below `path`. A value that is itself a reference is left out until it is known."""
    return {} if node is None else dict(_walk(node, path))


def _walk(node: Node, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node.value, Ref):
        return
    if not isinstance(node.value, dict):
        yield path, plain(node)
        return
    yield path, next(iter(node.value)) if path in NAMED and len(node.value) == 1 else plain(node)
    for key, child in node.value.items():
        yield from _walk(child, f"{path}.{key}")


def paths_of_steps(node: Node | None, section: str) -> dict[str, Any]:
    """The paths of steps: each by its name, its parameters below."""
    found: dict[str, Any] = {}
    for name, written, item in steps_of(node):
        path = f"{section}.{name}"
        if isinstance(item.value, dict):
            found |= paths_below(item.value[written], path)
        found[path] = written
    return found


def references(node: Node | None) -> Iterator[Node]:
    """The nodes of a value that refer to other paths."""
    if node is None:
        return
    if isinstance(node.value, Ref):
        yield node
    elif isinstance(node.value, (dict, list)):
        for child in node.value.values() if isinstance(node.value, dict) else node.value:
            yield from references(child)


def with_references(node: Node, values: Mapping[str, Any]) -> Node:
    """A copy in which each reference is the value of its path."""
    value = node.value
    if isinstance(value, Ref):
        return _as_node(values[value.path], node)
    if isinstance(value, dict):
        return node._replace(value={key: with_references(child, values) for key, child in value.items()})
    if isinstance(value, list):
        return node._replace(value=[with_references(child, values) for child in value])
    return node


def _as_node(value: Any, place: Node) -> Node:
    """A plain value as a node, all of it at one place."""
    if isinstance(value, dict):
        keys = dict.fromkeys(value, place.mark)
        return Node({key: _as_node(child, place) for key, child in value.items()}, place.mark, keys)
    if isinstance(value, list):
        return Node([_as_node(child, place) for child in value], place.mark)
    return Node(value, place.mark)


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is `prefix` or lies below it."""
    return path == prefix or path.startswith((prefix + ".", prefix + "[", prefix + "#"))


def owner(path: str, prefixes: Iterable[str]) -> str | None:
    """The longest of `prefixes` that `path` lies below."""
    return max((prefix for prefix in prefixes if is_below(path, prefix)), key=len, default=None)
