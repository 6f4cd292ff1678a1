"""Where a spec varies: axes and alternatives, found in its tree and numbered in the order of the text.

A tree is a Node (nothing varies in it), an Axis, a OneOf, or a mapping or list with some of these inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Union

from ..raw import in_bucket
from .alternatives import SPECIAL, Alternative, read_alternatives
from .axes import DRAWN, FORMS, ends_of, values_of
from .node import Broken, File, Mark, Node, Ref, found
from .problems import Problems, join_path

NONE = "none"  # as an alternative: absence

Tree = Union[Node, "Axis", "OneOf", "Fields", "Items"]
Under = tuple[int, int] | None  # the choice that something stands inside of, and in which of its alternatives
MOST_OF_SEARCH = 10_000  # values of one axis of a search: each is checked by itself


class Axis(NamedTuple):
    """One varied value; `order` is its number among all choices of the spec. What is drawn has two ends as values."""

    path: str
    mark: Mark
    values: list[Node]
    order: int
    form: str = "grid"
    under: Under = None


class OneOf(NamedTuple):
    """Alternatives with their names; None as an alternative is absence.

    `named` says for each whether the path has its name as the value.
    """

    path: str
    mark: Mark
    names: list[Any]
    named: list[bool]
    alternatives: list[Tree | None]
    order: int
    under: Under = None


class Fields(NamedTuple):
    """A mapping in which something varies; `merge` are the alternatives that are merged into it."""

    node: Node
    fields: dict[str, Tree]
    merge: OneOf | None = None


class Items(NamedTuple):
    """A list in which something varies; in one of steps, alternatives are spliced in."""

    node: Node
    items: list[Tree]
    steps: bool = False


class Builder:
    """Makes trees of nodes, and keeps every choice it meets, in order."""

    def __init__(self, problems: Problems, folder: Path, draws: bool = False) -> None:
        self.problems = problems
        self.folder = folder  # of the spec: paths are relative to it
        self.draws = draws  # whether the spec names a method that draws
        self.choices: list[Axis | OneOf] = []
        self._open: list[tuple[str, OneOf]] = []  # by path, that are being made: one inside another is `path#2`

    def tree(self, node: Node, path: str) -> Tree:
        """The tree of a value at `path`."""
        if isinstance(node.value, list):
            items = [self.tree(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
            return self.finish_items(node, items)
        if not isinstance(node.value, dict):
            return node
        if path == "data.split.seed":
            self.problems.add(node.mark, path, "the seed of a split is never an axis", "write seed: 0")
            return node._replace(value=Broken())
        only = next(iter(node.value)) if len(node.value) == 1 else ""
        if only in FORMS:
            return self._axis(only, node, path)
        if only in SPECIAL:
            return self.fixed(node, path)
        if only == "one_of":
            return self.one_of(node, path)
        return self._fields(node, path)

    def fixed(self, node: Node, path: str) -> Node:
        """A value in which nothing may vary: `ref`, `file` and `value` are read, an axis is a problem."""
        if isinstance(node.value, list):
            return node._replace(value=[self.fixed(item, path) for item in node.value])
        if not isinstance(node.value, dict):
            return node
        only = next(iter(node.value)) if len(node.value) == 1 else ""
        if only == "value":
            return node.value["value"]
        if only in ("ref", "file"):
            return self._special(only, node, path)
        if only in FORMS or only == "one_of":
            fix = "write {one_of: [...]}, whose alternatives may hold axes, or {value: ...} to mean the mapping itself"
            self.problems.add(node.keys[only], path, f"{only} cannot stand inside the values of an axis", fix)
            return node._replace(value=Broken())
        return node._replace(value={key: self.fixed(child, join_path(path, key)) for key, child in node.value.items()})

    def _special(self, form: str, node: Node, path: str) -> Node:
        inner = node.value[form]
        if not isinstance(inner.value, str) or not inner.value:
            wanted = "a path of the spec" if form == "ref" else "the path of a file"
            fix = "write {ref: train.epochs}" if form == "ref" else "write {file: table.csv}"
            self.problems.add(inner.mark, path, f"{form} takes {wanted}, {found(inner)}", fix)
            return node._replace(value=Broken())
        if form == "ref":
            return Node(Ref(inner.value), inner.mark)
        return Node(file_at(inner.value, self.folder, inner.mark), inner.mark)

    def _axis(self, form: str, node: Node, path: str) -> Tree:
        if node.alias:
            message = f"*{node.alias} would be a second, independent axis"
            self.problems.add(
                node.mark, path, message, "write {ref: path of the axis} for the same value in each config"
            )
            return node._replace(value=Broken())
        if form in DRAWN and not self.draws:
            message = f"{form} needs a search.method that draws, and grid runs every config"
            fix = "add search: {method: random, configs: 50}, or list the values: {grid: [...]}, {linspace: ...}"
            self.problems.add(node.keys[form], path, message, fix)
            return node._replace(value=Broken())
        inner = node.value[form]
        listed = (ends_of if form in DRAWN else values_of)(form, inner, path, self.problems)
        values = [self.fixed(value, path) for value in listed]
        if self.draws and len(values) > MOST_OF_SEARCH:
            message = f"{len(values)} values are more than the {MOST_OF_SEARCH} that an axis of a search may list"
            self.problems.add(node.mark, path, message, "draw from it: {uniform: [low, high]}, or int_uniform")
            values = []
        if not values:
            return node._replace(value=Broken())
        axis = Axis(path, node.mark, values, len(self.choices), form, self.under())
        self.choices.append(axis)
        return axis

    def _fields(self, node: Node, path: str) -> Tree:
        for form in FORMS:
            if form in node.value:
                fix = f"write {{{form}: ...}} alone; {{value: {{{form}: ...}}}} takes a mapping literally"
                self.problems.add(node.keys[form], path, f"{form} makes an axis only when it stands alone", fix)
                return node._replace(value=Broken())
        fields: dict[str, Tree] = {}
        merge: OneOf | None = None
        for key, child in node.value.items():
            if key == "one_of":
                merge = self.merged(node, path)
            else:
                fields[key] = self.tree(child, join_path(path, key))
        return self.finish_fields(node, fields, merge)

    def finish_fields(self, node: Node, fields: dict[str, Tree], merge: OneOf | None) -> Tree:
        """A mapping of the trees of its values; a plain node when nothing varies."""
        if merge is None and all(isinstance(child, Node) for child in fields.values()):
            return node._replace(value=fields)
        return Fields(node, fields, merge)

    def finish_items(self, node: Node, items: list[Tree], steps: bool = False) -> Tree:
        """A list of the trees of its items; a plain node when nothing varies."""
        if all(isinstance(item, Node) for item in items):
            return node._replace(value=items)
        return Items(node, items, steps)

    def one_of(self, node: Node, path: str, tree_of: Callable[[Node], Tree | None] | None = None) -> Tree:
        """The tree of `{one_of: [...]}`; `tree_of` makes those of its alternatives if not those of plain values."""
        alternatives = read_alternatives(node, path, self.problems)
        if not alternatives:
            return node._replace(value=Broken())
        with self.begin(node, path, alternatives) as choice:
            for _, alternative, _ in alternatives:
                choice.alternatives.append(tree_of(alternative) if tree_of else self._alternative(alternative, path))
        return choice

    def merged(self, node: Node, path: str) -> OneOf | None:
        """The alternatives beside other keys: each a mapping without any of those keys."""
        alternatives = read_alternatives(node, path, self.problems)
        if not alternatives:
            return None
        with self.begin(node, path, alternatives) as choice:
            for _, alternative, _ in alternatives:
                tree = None if alternative.value == NONE else self._alternative(alternative, path)
                choice.alternatives.append(tree)
                self._check_merge(tree, alternative, set(node.value), path)
        return choice

    @contextmanager
    def begin(self, node: Node, path: str, alternatives: list[Alternative]) -> Iterator[OneOf]:
        """A choice, numbered before what stands inside its alternatives, which are to be added meanwhile."""
        depth = sum(other == path for other, _ in self._open) + 1
        own = path if depth == 1 else f"{path}#{depth}"
        names = [alternative.name for alternative in alternatives]
        named = [alternative.stands_for or path.endswith("]") for alternative in alternatives]  # items have no path
        choice = OneOf(own, node.keys["one_of"], names, named, [], len(self.choices), self.under())
        self.choices.append(choice)
        self._open.append((path, choice))
        yield choice
        self._open.pop()

    def under(self) -> Under:
        """Where what is made now stands: alternatives are added one after the other."""
        if not self._open:
            return None
        choice = self._open[-1][1]
        return choice.order, len(choice.alternatives)

    def _alternative(self, node: Node, path: str) -> Tree | None:
        if node.value == NONE and path.startswith(("model", "data")):
            fix = (
                "write null, or {grid: [none, ...]} if the word is meant"
                if "." in path
                else "name a model, or remove it"
            )
            self.problems.add(node.mark, path, "none is absence, for steps and values of train only", fix)
            return node._replace(value=Broken())
        return None if node.value == NONE else self.tree(node, path)

    def _check_merge(self, tree: Tree | None, node: Node, taken: set[str], path: str) -> None:
        """Every alternative that may be chosen in `tree` is a mapping without any of the keys in `taken`."""
        if isinstance(tree, OneOf):
            for inner in tree.alternatives:
                self._check_merge(inner, node, taken, path)
        elif isinstance(tree, Fields) or (isinstance(tree, Node) and isinstance(tree.value, dict)):
            keys = tree.node.keys if isinstance(tree, Fields) else tree.keys
            names = tree.fields if isinstance(tree, Fields) else tree.value
            for key in names:
                if key in taken:
                    fix = f"give {key} either in every alternative or beside one_of"
                    self.problems.add(keys[key], join_path(path, key), "the key stands beside one_of already", fix)
            if isinstance(tree, Fields) and tree.merge is not None:
                self._check_merge(tree.merge, node, taken, path)
        elif tree is not None and not (isinstance(tree, Node) and isinstance(tree.value, Broken)):
            message = f"an alternative beside other keys is a mapping that is merged into them, {found(node)}"
            self.problems.add(node.mark, path, message, "write {key: value}")


def file_at(written: str, folder: Path, mark: Mark) -> File:
    """A file of the spec, relative to its folder; a path in a bucket is what it is."""
    if in_bucket(written):
        return File(written, written, mark)
    return File(written, str(folder / Path(written).expanduser()), mark)
