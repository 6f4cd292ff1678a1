"""The trees of `preprocess` and `augment`: lists of steps, which paths address by their names and not by places."""

from __future__ import annotations

from collections import Counter

from .alternatives import SPECIAL
from .axes import FORMS
from .choices import NONE, Builder, Tree
from .node import Node


def step_name(written: str) -> str:
    """How paths call a step: `a.b:Name` and `file.py:name` by what follows the colon.

    >>> step_name("sklearn.decomposition:NMF")
    'NMF'
    """
    return written.rpartition(":")[2]


def numbered(name: str, count: int) -> str:
    """The `count`-th thing of a name: `scale`, then `scale#2`."""
    return name if count == 1 else f"{name}#{count}"


def steps_tree(builder: Builder, node: Node, section: str, before: Node | None = None) -> Tree:
    """The tree of a section of steps; `before` are the common steps that an arm's follow."""
    counts: Counter[str] = Counter()
    offset = 0
    if before is not None and isinstance(before.value, list):
        offset = len(before.value)
        for item in before.value:
            counts = _count(item, counts)
    return _steps(builder, node, section, section, counts, offset)


def _steps(builder: Builder, node: Node, section: str, path: str, counts: Counter[str], offset: int) -> Tree:
    if isinstance(node.value, list):
        items = []
        for index, item in enumerate(node.value, offset):
            items.append(_step(builder, item, section, f"{path}[{index}]", counts))
            counts = _count(item, counts)
        return builder.finish_items(node, items, steps=True)
    return _step(builder, node, section, path, counts)


def _step(builder: Builder, node: Node, section: str, path: str, counts: Counter[str]) -> Tree:
    """One item: a step, an axis of steps, or alternatives, each a step or a list of steps."""
    if not isinstance(node.value, dict) or len(node.value) != 1:
        return node if not isinstance(node.value, dict) else builder.tree(node, path)
    only, inner = next(iter(node.value.items()))
    if only == "one_of":
        return _alternatives(builder, node, section, path, counts)
    if only in (*FORMS, *SPECIAL):
        return builder.tree(node, path)
    name = step_name(only)
    tree = builder.tree(inner, f"{section}.{numbered(name, counts[name] + 1)}")
    return builder.finish_fields(node, {only: tree}, None)


def _alternatives(builder: Builder, node: Node, section: str, path: str, counts: Counter[str]) -> Tree:
    def tree(alternative: Node) -> Tree | None:
        return None if alternative.value == NONE else _steps(builder, alternative, section, path, counts.copy(), 0)

    return builder.one_of(node, path, tree)


def _count(node: Node, counts: Counter[str]) -> Counter[str]:
    """How often each name can have occurred after `node`; of alternatives, the most."""
    if isinstance(node.value, list):
        for item in node.value:
            counts = _count(item, counts)
        return counts
    if isinstance(node.value, dict) and len(node.value) == 1:
        only, inner = next(iter(node.value.items()))
        if only == "one_of" and isinstance(inner.value, list):
            most: Counter[str] = Counter(counts)
            for alternative in inner.value:
                most |= _count(alternative, counts.copy())
            return most
        return counts + Counter([step_name(only)])
    if isinstance(node.value, str) and node.value != NONE:
        return counts + Counter([step_name(node.value)])
    return counts


def steps_of(node: Node | None) -> list[tuple[str, str, Node]]:
    """The steps of a section in which nothing varies any more: (path in the section, name as written, node)."""
    if node is None or not isinstance(node.value, list):
        return []
    counts: Counter[str] = Counter()
    found = []
    for item in node.value:
        written = next(iter(item.value)) if isinstance(item.value, dict) and len(item.value) == 1 else item.value
        if isinstance(written, str):
            name = step_name(written)
            counts[name] += 1
            found.append((numbered(name, counts[name]), written, item))
    return found
