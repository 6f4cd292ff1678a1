"""`zip`: axes that advance together, and how many configs there are, by arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from .axes import found_list
from .choices import Axis, Fields, Items, OneOf, Tree
from .expand import Layout, layout_of
from .node import Broken, Node, found, is_broken
from .problems import Problems, nearest

Counts = dict[frozenset[int], int]  # zipped axes (by number) that are active together -> how many configs


class Group(NamedTuple):
    """One group of `zip`: its paths and how many values each axis has."""

    node: Node
    paths: list[str]
    size: int


class Pairs(NamedTuple):
    """All groups, and which group each zipped axis (by number) belongs to."""

    groups: list[Group]
    member_of: dict[int, int]
    axes: dict[int, Axis]


def read_pairs(node: Node | None, choices: list[Axis | OneOf], problems: Problems) -> Pairs:
    """The groups that `zip` names; a group with anything wrong is left out."""
    pairs = Pairs([], {}, {})
    if node is None or isinstance(node.value, Broken):
        return pairs
    if not isinstance(node.value, list) or not node.value:
        message, fix = f"expected a list of groups, {found_list(node)}", "write zip: [[path, path]]"
        problems.add(node.mark, "zip", message, fix)
        return pairs
    for index, item in enumerate(node.value):
        _read_group(item, f"zip[{index}]", choices, pairs, problems)
    return pairs


def _read_group(node: Node, path: str, choices: list[Axis | OneOf], pairs: Pairs, problems: Problems) -> None:
    if not isinstance(node.value, list) or len(node.value) < 2:
        message = f"a group names two or more axes, {found(node) if not isinstance(node.value, list) else 'found one'}"
        problems.add(node.mark, path, message, "write [[path, path]]")
        return
    members: list[tuple[Node, list[Axis]]] = []
    for item in node.value:
        axes = _axes_at(item, path, choices, pairs, members, problems)
        if not axes:
            return
        members.append((item, axes))
    sizes = {len(axis.values) for _, axes in members for axis in axes}
    if len(sizes) > 1:
        listed = ", ".join(f"{item.value} has {len(axes[0].values)}" for item, axes in members)
        problems.add(
            node.mark, path, f"axes that advance together have equally many values: {listed}", "make them equal"
        )
        return
    for _, axes in members:
        for axis in axes:
            pairs.member_of[axis.order] = len(pairs.groups)
            pairs.axes[axis.order] = axis
    pairs.groups.append(Group(node, [item.value for item, _ in members], sizes.pop()))


def _axes_at(
    node: Node, path: str, choices: list[Axis | OneOf], pairs: Pairs, members: list[tuple[Node, list[Axis]]],
    problems: Problems,
) -> list[Axis]:  # fmt: skip
    """The axes at the path that a group names; several where alternatives have one each."""
    if is_broken(node) or not isinstance(node.value, str):
        problems.add(node.mark, path, f"expected the path of an axis, {found(node)}", "write it as train.epochs")
        return []
    at_path = [choice for choice in choices if choice.path == node.value]
    axes = [choice for choice in at_path if isinstance(choice, Axis)]
    if not axes:
        known = [choice.path for choice in choices if isinstance(choice, Axis)]
        message = f"{node.value} is a one_of, and only axes can be paired" if at_path else f"no axis is at {node.value}"
        problems.add(node.mark, path, message, "write it as {grid: [...]}" if at_path else nearest(node.value, known))
        return []
    if any(axis.order in pairs.axes for axis in axes) or any(node.value == item.value for item, _ in members):
        problems.add(node.mark, path, f"{node.value} is paired already", "name all that advance together in one group")
        return []
    return axes


def layout_with(pairs: Pairs, choices: list[Axis | OneOf]) -> Layout:
    """The layout of all choices: a group counts at the place of the first of its paths, in the order of the text."""
    leaders: dict[int, str] = {}
    for order in sorted(pairs.axes):
        leaders.setdefault(pairs.member_of[order], pairs.axes[order].path)
    followers = {order for order, axis in pairs.axes.items() if axis.path != leaders[pairs.member_of[order]]}
    return layout_of(choices, {order: ("zip", group) for order, group in pairs.member_of.items()}, followers)


def count(trees: Iterable[Tree | None], pairs: Pairs) -> Counts:
    """How many ways there are to choose in all of `trees` together."""
    total: Counts = {frozenset(): 1}
    for tree in trees:
        total = _multiplied(total, _count(tree, pairs), pairs)
    return total


def _count(tree: Tree | None, pairs: Pairs) -> Counts:
    if isinstance(tree, Axis):
        return {frozenset([tree.order] if tree.order in pairs.axes else []): len(tree.values)}
    if isinstance(tree, OneOf):
        total: Counts = {}
        for alternative in tree.alternatives:
            for touched, number in _count(alternative, pairs).items():
                total[touched] = total.get(touched, 0) + number
        return total
    if isinstance(tree, Items):
        return count(tree.items, pairs)
    return count([*tree.fields.values(), tree.merge], pairs) if isinstance(tree, Fields) else {frozenset(): 1}


def _multiplied(one: Counts, other: Counts, pairs: Pairs) -> Counts:
    """Each pair of ways, but for a group that both touch only those with the same value of it."""
    total: Counts = {}
    for left, number in one.items():
        for right, factor in other.items():
            shared = {pairs.member_of[order] for order in left} & {pairs.member_of[order] for order in right}
            both = left | right
            total[both] = total.get(both, 0) + number * factor // prod(pairs.groups[group].size for group in shared)
    return total


def check_active_together(counts: Counts, pairs: Pairs, problems: Problems) -> None:
    """Adds a problem for a group of which some configs have one axis and not the others."""
    for index, group in enumerate(pairs.groups):
        for touched in counts:
            active = {pairs.axes[order].path for order in touched if pairs.member_of[order] == index}
            if active and active != set(group.paths):
                lacking = next(path for path in group.paths if path not in active)
                present = next(path for path in group.paths if path in active)
                message = f"some configs have {present} and no {lacking}"
                problems.add(group.node.mark, f"zip[{index}]", message, "pair axes that are active in the same configs")
                break
