"""Every way to make the choices of a tree: one chosen value for each, with its place in grid order.

Grid order is document order with the last axis fastest. Each choice has a weight (the product of the sizes of all
later ones), and a config's rank is the sum of weight x index over its choices, so that order survives any way of
putting configs together.

Of a search not every way is made, but a star: with every axis at its first value, and with each of them, one at a time,
at its others. What a search draws is put together from these (`planning.space`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from .choices import Axis, Fields, Items, OneOf, Tree
from .node import Node

Pick = tuple[int, int]  # the number of a choice, and which of its values or alternatives was taken
Tie = tuple[Any, int]  # what goes together, and which of its values: values with unequal ties never meet


class Chosen(NamedTuple):
    """One way through a tree. `node` is None where the alternative `none` was chosen."""

    node: Node | None
    rank: int = 0
    ties: tuple[Tie, ...] = ()
    names: tuple[tuple[str, Any], ...] = ()  # (path, name) of each alternative taken
    picks: tuple[Pick, ...] = ()  # of alternatives
    values: tuple[Pick, ...] = ()  # of axes

    @property
    def is_centre(self) -> bool:
        """Whether every axis has its first value."""
        return not any(index for _, index in self.values)


class Layout(NamedTuple):
    """What the choices of a spec mean to each other: weights by their number, and the zip group of axes by number."""

    weights: list[int]
    groups: Mapping[int, Any]  # order of an axis -> its group
    star: bool = False  # of a search


def layout_of(choices: list[Axis | OneOf], groups: Mapping[int, Any], followers: set[int]) -> Layout:
    """The weights of all choices; those of `followers` (of a zip group's first axis) are 0."""
    weights, weight = [0] * len(choices), 1
    for choice in reversed(choices):
        if choice.order not in followers:
            weights[choice.order] = weight
            weight *= len(choice.values if isinstance(choice, Axis) else choice.names)
    return Layout(weights, groups)


def expand(tree: Tree | None, layout: Layout) -> list[Chosen]:
    """Every way to choose in `tree`, in grid order if its zip groups begin in it."""
    if tree is None or isinstance(tree, Node):
        return [Chosen(tree)]
    if isinstance(tree, Axis):
        return _axis(tree, layout)
    if isinstance(tree, OneOf):
        return [taken for index, inner in enumerate(tree.alternatives) for taken in _taken(tree, index, inner, layout)]
    if isinstance(tree, Items):
        return list(_items(tree, layout))
    return [made for variant in variants(tree, layout) for made in _mapping(variant, layout)]


def _axis(axis: Axis, layout: Layout) -> list[Chosen]:
    weight, group = layout.weights[axis.order], layout.groups.get(axis.order)
    if layout.star:
        return [Chosen(value, values=((axis.order, index),)) for index, value in enumerate(axis.values)]
    if group is None:
        return [Chosen(value, weight * index) for index, value in enumerate(axis.values)]
    return [Chosen(value, weight * index, ((group, index),)) for index, value in enumerate(axis.values)]


def _taken(choice: OneOf, index: int, tree: Tree | None, layout: Layout) -> Iterator[Chosen]:
    rank, name = layout.weights[choice.order] * index, _name(choice, index)
    for inner in expand(tree, layout):
        picks = ((choice.order, index), *inner.picks)
        yield inner._replace(rank=rank + inner.rank, names=(*name, *inner.names), picks=picks)


def _name(choice: OneOf, index: int) -> tuple[tuple[str, Any], ...]:
    """The path of a choice with its name, where it goes by that; an absent alternative leaves no path."""
    is_absent = choice.alternatives[index] is None
    return () if is_absent or not choice.named[index] else ((choice.path, choice.names[index]),)


def _items(tree: Items, layout: Layout) -> Iterator[Chosen]:
    for together in combined([expand(item, layout) for item in tree.items], layout):
        joined = join(together)
        if joined is not None:
            nodes = [chosen.node for chosen in together if chosen.node is not None]
            yield joined._replace(node=tree.node._replace(value=_spliced(nodes) if tree.steps else nodes))


def _spliced(nodes: list[Node]) -> list[Node]:
    return [inner for node in nodes for inner in (node.value if isinstance(node.value, list) else [node])]


class Variant(NamedTuple):
    """A mapping whose keys are settled: `chosen` says which alternatives were merged; its node has the keys' places."""

    chosen: Chosen
    fields: dict[str, Tree]


def variants(tree: Tree | None, layout: Layout) -> list[Variant]:
    """Every set of keys that a mapping can have, by the alternatives merged into it; none if it is not a mapping."""
    if isinstance(tree, Fields):
        if tree.merge is None:
            return [Variant(Chosen(tree.node), tree.fields)]
        return [_merge(tree, inner) for inner in variants(tree.merge, layout)]
    if isinstance(tree, OneOf):
        return [
            inner._replace(chosen=inner.chosen._replace(
                rank=inner.chosen.rank + layout.weights[tree.order] * index,
                names=(*_name(tree, index), *inner.chosen.names),
                picks=((tree.order, index), *inner.chosen.picks)))
            for index, alternative in enumerate(tree.alternatives)
            for inner in variants(alternative, layout)
        ]  # fmt: skip
    if tree is None:
        return [Variant(Chosen(None), {})]
    return [
        Variant(chosen, dict(chosen.node.value))
        for chosen in expand(tree, layout)
        if chosen.node is not None and isinstance(chosen.node.value, dict)
    ]


def _merge(tree: Fields, inner: Variant) -> Variant:
    keys = tree.node.keys if inner.chosen.node is None else tree.node.keys | inner.chosen.node.keys
    chosen = inner.chosen._replace(node=tree.node._replace(keys=keys))
    return Variant(chosen, tree.fields | inner.fields)


def _mapping(variant: Variant, layout: Layout) -> Iterator[Chosen]:
    """Every way to choose the values of a variant's keys; a key whose value is absent is left out."""
    whole, keys = variant.chosen, list(variant.fields)
    assert whole.node is not None, "BUG: only alternatives of a mapping are absent"
    for together in combined([expand(child, layout) for child in variant.fields.values()], layout):
        joined = join((whole, *together))
        if joined is not None:
            fields = {key: chosen.node for key, chosen in zip(keys, together, strict=True) if chosen.node is not None}
            yield joined._replace(node=whole.node._replace(value=fields))


def combined(lists: list[list[Chosen]], layout: Layout) -> Iterator[tuple[Chosen, ...]]:
    """The product of lists; of a search only what is no further from the centre than one value."""
    if not layout.star:
        yield from product(*lists)
        return
    centres = [[chosen for chosen in each if chosen.is_centre] for each in lists]
    yield from product(*centres)
    for place, each in enumerate(lists):
        others = [chosen for chosen in each if not chosen.is_centre]
        if others:
            yield from product(*centres[:place], others, *centres[place + 1 :])


def join(together: tuple[Chosen, ...]) -> Chosen | None:
    """Several choices as one (without a node); None when their ties are unequal."""
    ties: dict[Any, int] = {}
    for chosen in together:
        for group, index in chosen.ties:
            if ties.setdefault(group, index) != index:
                return None
    names = tuple(name for chosen in together for name in chosen.names)
    picks = tuple(pick for chosen in together for pick in chosen.picks)
    values = tuple(pick for chosen in together for pick in chosen.values)
    return Chosen(None, sum(chosen.rank for chosen in together), tuple(ties.items()), names, picks, values)
