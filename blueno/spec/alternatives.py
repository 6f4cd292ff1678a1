"""The alternatives of `one_of` and their names: what `as` says, else the scalar, else what the model names, else the
only key, else `#1`, `#2`, ...
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .axes import FORMS, found_list
from .node import Node, found, plain
from .problems import Problems, join_path

KINDS = ("architecture", "estimator", "function", "command")
SPECIAL = ("ref", "file", "value")
# A value here is a choice by name (`adam`, `{sgd: {...}}`), and its path has that name as its value.
NAMED = ("data.source", "train.optimizer", "train.learning_rate", "train.loss")


class Alternative(NamedTuple):
    """One alternative, without `as`. `stands_for` is true when its path has the name as its value, not the value."""

    name: Any
    node: Node
    stands_for: bool


def read_alternatives(node: Node, path: str, problems: Problems) -> list[Alternative]:
    """Those of the `one_of` in `node`; none, and a problem, when they are no list."""
    listed = node.value["one_of"]
    if not isinstance(listed.value, list) or not listed.value:
        message = f"one_of takes a list of alternatives, {found_list(listed)}"
        problems.add(listed.mark, path, message, "write {one_of: [a, b]}")
        return []
    alternatives: list[Alternative] = []
    taken: dict[Any, int] = {}
    for index, each in enumerate(listed.value):
        given, rest = _named_by_hand(each, path, problems)
        name = given or _name_of(rest, index)
        key = isinstance(name, bool), name  # 1 and true are two names
        if given and key in taken:
            problems.add(each.mark, path, f"two alternatives are called {given}", "give each its own name")
        taken[key] = taken.get(key, 0) + 1
        name = name if taken[key] == 1 else f"{name}#{taken[key]}"
        # where a name is chosen, that is the path's value anyway, and two alternatives may have the same
        stands_for = bool(given) or (_is_mapping(rest) and path not in (*NAMED, "model"))
        alternatives.append(Alternative(name, rest, stands_for))
    return alternatives


def _named_by_hand(node: Node, path: str, problems: Problems) -> tuple[str, Node]:
    """The name that `as` gives, "" for none, and the alternative without it."""
    if not isinstance(node.value, dict) or "as" not in node.value:
        return "", node
    given = node.value["as"]
    rest = node._replace(value={key: child for key, child in node.value.items() if key != "as"})
    if isinstance(given.value, str) and given.value:
        return given.value, rest
    problems.add(given.mark, join_path(path, "as"), f"expected a name, {found(given)}", "write as: name")
    return "", rest


def _name_of(node: Node, index: int) -> Any:
    value = node.value
    if not isinstance(value, dict):
        return f"#{index + 1}" if isinstance(value, list) else value
    kind = next((kind for kind in KINDS if kind in value), "")
    if kind and not isinstance(value[kind].value, dict | list):
        return plain(value[kind])
    only = next(iter(value)) if len(value) == 1 and "one_of" not in value else f"#{index + 1}"
    return _name_of(value[only], index) if only in SPECIAL else only


def _is_mapping(node: Node) -> bool:
    """Whether the alternative is a mapping that means itself: no choice, reference, file or literal."""
    others = (*FORMS, *SPECIAL, "one_of")
    return isinstance(node.value, dict) and not (len(node.value) == 1 and next(iter(node.value)) in others)
