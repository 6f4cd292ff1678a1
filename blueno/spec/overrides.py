"""`--set train.epochs=5`: values put into a spec's tree before it is validated. Problems with one are marked in it."""

from __future__ import annotations

from collections.abc import Sequence

from .axes import FORMS
from .node import Broken, Mark, Node
from .problems import Problems
from .steps import steps_of
from .yaml import parse

_CHOICES = ("one_of", *FORMS, "ref", "file", "value")


def apply_overrides(node: Node, overrides: Sequence[str], problems: Problems) -> Node:
    """The spec's tree with each `PATH=VALUE` set, in order."""
    for override in overrides:
        file = f"--set {override}"
        path, sign, text = override.partition("=")
        problems.add_text(file, override)
        if not sign or not path.strip():
            problems.add(Mark(file, 1, 1), "", "expected PATH=VALUE", "write --set train.epochs=5")
            continue
        value = _value(text, file, len(path) + 1, problems)
        if value is not None:
            problems.add_text(file, override)
            node = _set(node, path.strip().split("."), value, Mark(file, 1, 1), "", problems)
    return node


def _value(text: str, file: str, offset: int, problems: Problems) -> Node | None:
    """The value, read as YAML, its places those in the whole override."""
    if not text.strip():
        return Node(None, Mark(file, 1, offset + 1))
    before = len(problems.found)
    node = parse(text, file, problems)
    whole = file.removeprefix("--set ")
    problems.found[before:] = [
        each._replace(column=each.column + offset, source=whole) for each in problems.found[before:]
    ]
    return None if node is None else _shifted(node, offset)


def _shifted(node: Node, offset: int) -> Node:
    def moved(mark: Mark) -> Mark:
        return mark._replace(column=mark.column + offset) if mark.line == 1 else mark

    value = node.value
    if isinstance(value, dict):
        value = {key: _shifted(child, offset) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_shifted(child, offset) for child in value]
    return node._replace(value=value, mark=moved(node.mark), keys={key: moved(mark) for key, mark in node.keys.items()})


def _set(node: Node, steps: list[str], value: Node, mark: Mark, done: str, problems: Problems) -> Node:
    """A copy of `node` with `value` at the end of `steps`; mappings on the way are made."""
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    here = f"{done}.{first}" if done else first
    if isinstance(node.value, list):
        return _set_step(node, steps, value, mark, done, problems)
    if isinstance(node.value, str):  # a name without parameters gets some
        node = Node({node.value: Node({}, node.mark)}, node.mark, {node.value: node.mark})
    if node.value is None:
        node = Node({}, node.mark)
    if isinstance(node.value, Broken):
        return node
    if not isinstance(node.value, dict) or any(key in _CHOICES for key in node.value if first != key):
        what = "is a choice" if isinstance(node.value, dict) else "holds no keys"
        message = f"{done} {what}, so {here} cannot be set"
        problems.add(mark, here, message, f"set {done} as a whole, or change the spec")
        return node
    inner = node.value.get(first, Node({}, mark))
    fields = {**node.value, first: _set(inner, rest, value, mark, here, problems)}
    return node._replace(value=fields, keys={first: mark, **node.keys} if first not in node.keys else node.keys)


def _set_step(node: Node, steps: list[str], value: Node, mark: Mark, done: str, problems: Problems) -> Node:
    """Sets a parameter of the step that goes by the first of `steps`."""
    for name, written, item in steps_of(node):
        if name == steps[0]:
            inner = item.value[written] if isinstance(item.value, dict) else Node({}, item.mark)
            made = _set(inner, steps[1:], value, mark, f"{done}.{name}", problems)
            changed = Node({written: made}, item.mark, {written: item.mark})
            return node._replace(value=[changed if each is item else each for each in node.value])
    problems.add(mark, f"{done}.{steps[0]}", f"{done} has no step {steps[0]}", f"set {done} as a whole")
    return node
