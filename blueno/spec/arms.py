"""The sections of a spec and of its arms: top-level `one_of` gives each arm its own, merged with the common ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .alternatives import NAMED, read_alternatives
from .choices import Axis, Builder, Fields, Items, OneOf, Tree
from .expand import Chosen, Layout
from .factors import STEP_SECTIONS
from .language import ARM_KEYS, SECTIONS
from .node import Broken, Mark, Node, found
from .problems import Problems
from .space import Arm
from .steps import steps_tree


class Sections:
    """The trees of a spec before its arms are told apart."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.trees: dict[str, Tree] = {}
        self.arms: list[Sections] = []
        self.choice: OneOf | None = None  # the choice of the arms
        self.index = 0  # of this arm among its siblings


def sections_of(node: Node, builder: Builder, before: Mapping[str, Node]) -> Sections:
    """The sections in `node` and its arms; `before` are the common steps that an arm's follow."""
    made = Sections(node)
    steps = {name: _after(before.get(name), node.value.get(name)) for name in STEP_SECTIONS}
    for key, child in node.value.items():
        if key in STEP_SECTIONS:
            made.trees[key] = steps_tree(builder, child, key, before.get(key))
        elif key in SECTIONS:
            made.trees[key] = builder.tree(child, key)
        elif key == "one_of":
            _add_arms(made, builder, {name: child for name, child in steps.items() if child is not None})
    return made


def _after(before: Node | None, node: Node | None) -> Node | None:
    """The steps of both, for counting names and places."""
    if before is None or node is None:
        return before or node
    both = isinstance(before.value, list) and isinstance(node.value, list)
    return before._replace(value=before.value + node.value) if both else before


def _add_arms(made: Sections, builder: Builder, before: Mapping[str, Node]) -> None:
    alternatives = read_alternatives(made.node, "arm", builder.problems)
    if not alternatives:
        return
    with builder.begin(made.node, "arm", alternatives) as choice:
        made.choice = choice
        for index, (_, node, _) in enumerate(alternatives):
            arm = _arm(node, builder, before)
            choice.alternatives.append(None)  # an arm is no tree of a value; what follows stands in the next one
            if arm is not None:
                arm.index = index
                made.arms.append(arm)


def _arm(node: Node, builder: Builder, before: Mapping[str, Node]) -> Sections | None:
    """The sections of one arm; None, and a problem, if it is no mapping."""
    if not isinstance(node.value, dict):
        if not isinstance(node.value, Broken):
            message = f"an arm is a mapping of any of {', '.join(SECTIONS)}, {found(node)}"
            builder.problems.add(node.mark, "arm", message, "write {model: {architecture: mlp}}")
        return None
    for key in node.value:
        if key not in ARM_KEYS:
            builder.problems.unknown_key(node.keys[key], "arm", key, ARM_KEYS)
    return sections_of(node, builder, before)


def arms_of(made: Sections, layout: Layout, problems: Problems) -> Iterator[Arm]:
    """Every arm (the whole spec, if it has none) with its sections merged."""
    yield from _arms(made, Arm(Chosen(None), {}, made.node), layout, problems)


def _arms(made: Sections, outer: Arm, layout: Layout, problems: Problems) -> Iterator[Arm]:
    merged = dict(outer.sections)
    for name, tree in made.trees.items():
        key = made.node.keys[name]
        merged[name] = tree if name not in merged else _merged(merged[name], tree, name, key, problems)
    if made.choice is None:
        yield outer._replace(sections=merged)
        return
    for arm in made.arms:
        rank = outer.chosen.rank + layout.weights[made.choice.order] * arm.index
        names = (*outer.chosen.names, (made.choice.path, made.choice.names[arm.index]))
        picks = (*outer.chosen.picks, (made.choice.order, arm.index))
        yield from _arms(arm, Arm(Chosen(None, rank, (), names, picks), merged, arm.node), layout, problems)


def _merged(common: Tree, own: Tree, path: str, key: Mark, problems: Problems) -> Tree:
    """An arm's value, whose key is at `key`, merged into the common one: steps follow, mappings merge key by key,
    anything else is twice.
    """
    if path in STEP_SECTIONS:
        return _steps_after(common, own, path, key, problems)
    left, right = _as_fields(common), _as_fields(own)
    if left is None or right is None or (path in NAMED and left.fields.keys() != right.fields.keys()):
        _report_twice(own, path, key, problems)
        return own
    fields = dict(left.fields)
    for name, tree in right.fields.items():
        place = right.node.keys[name]
        fields[name] = tree if name not in fields else _merged(fields[name], tree, f"{path}.{name}", place, problems)
    if left.merge is not None and right.merge is not None:
        problems.add(right.node.keys["one_of"], path, "the common part has a one_of already", "put both into one")
    node = left.node._replace(keys=left.node.keys | right.node.keys)
    merge = left.merge or right.merge
    if merge is None and all(isinstance(tree, Node) for tree in fields.values()):
        return node._replace(value=fields)
    return Fields(node, fields, merge)


def _as_fields(tree: Tree) -> Fields | None:
    """A tree as a mapping with alternatives merged into it; None if it is no mapping."""
    if isinstance(tree, Fields):
        return tree
    if isinstance(tree, OneOf):
        return Fields(Node({}, tree.mark, {"one_of": tree.mark}), {}, tree)
    if isinstance(tree, Node) and isinstance(tree.value, dict):
        return Fields(tree, dict(tree.value))
    return None


def _steps_after(common: Tree, own: Tree, path: str, key: Mark, problems: Problems) -> Tree:
    parts: list[Any] = []
    for tree in (common, own):
        if isinstance(tree, Items):
            parts += tree.items
        elif isinstance(tree, Node) and isinstance(tree.value, list):
            parts += tree.value
        elif isinstance(tree, OneOf):
            parts.append(tree)
        else:
            _report_twice(own, path, key, problems)
            return own
    place = common.node if isinstance(common, Items) else Node([], _mark(common))
    if all(isinstance(part, Node) for part in parts):
        return place._replace(value=parts)
    return Items(place, parts, True)


def _report_twice(own: Tree, path: str, key: Mark, problems: Problems) -> None:
    if not (isinstance(own, Node) and isinstance(own.value, Broken)):
        problems.add(key, path, "the value stands outside of the arms already", "give it in one of the two places")


def _mark(tree: Tree) -> Mark:
    return tree.mark if isinstance(tree, Node | Axis | OneOf) else tree.node.mark
