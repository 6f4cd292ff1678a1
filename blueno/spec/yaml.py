"""YAML text to a tree of nodes: libyaml's events, composed here because PyYAML's own composer loses the places of
aliases, keeps both of two equal keys and reads YAML 1.1. What is wrong is collected; only broken syntax ends it.
"""

from __future__ import annotations

from typing import Any

import yaml

from .node import Broken, Mark, Node
from .problems import Problems, join_path, nearest
from .scalars import read_scalar
from .syntax import syntax_problem

MAX_DEPTH = 60
MAX_COPIES = 100_000  # nodes made by aliases
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """The text cannot be composed any further; the reason is among the problems."""


def parse(text: str, file: str, problems: Problems) -> Node | None:
    """The tree of the one document in `text`; None when there is none, or none that can be read."""
    problems.add_text(file, text)
    start = Mark(file, 1, 1)
    try:
        return _Composer(text, file, problems).document()
    except Unreadable:
        return None
    except yaml.YAMLError as error:
        place, message, fix = syntax_problem(error, text)
        problems.add(start._replace(line=place[0], column=place[1]), "", message, fix)
        return None


class _Composer:
    """Walks the events of one text once."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._events = yaml.parse(text, Loader=_LOADER)
        self._file = file
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int]] = {}  # the node, and how many nodes it is
        self._copies = 0
        self._made = 0

    def document(self) -> Node | None:
        """The first document; a second one is a problem."""
        next(self._events)  # the stream starts
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            self._problems.add(Mark(self._file, 1, 1), "", "the spec is empty", "begin with version: 1")
            return None
        root = self._node(next(self._events), "", 1)
        next(self._events)  # the document ends
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._problems.add(self._mark(event), "", "a second document begins", "give each spec a file of its own")
        return root

    def _mark(self, event: Any) -> Mark:
        return Mark(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, path: str, depth: int) -> Node:
        mark = self._mark(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), mark, path)
        if depth > MAX_DEPTH:
            fix = "bring it nearer to the top, or into a file"
            self._problems.add(mark, path.partition("[")[0][:80], f"nested deeper than {MAX_DEPTH}", fix)
            raise Unreadable
        before = self._made
        self._made += 1
        if event.tag is not None:
            self._problems.add(mark, path, f"tags are not understood, found {event.tag}", "remove the tag")
        if isinstance(event, yaml.ScalarEvent):
            node = Node(self._scalar(event, mark, path), mark, text=event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node(self._items(path, depth), mark)
        else:
            node = self._mapping(mark, path, depth)
        if event.anchor:
            self._anchors[event.anchor] = (node, self._made - before)
        return node

    def _scalar(self, event: Any, mark: Mark, path: str) -> Any:
        if not event.implicit[0]:  # quoted
            return event.value
        try:
            return read_scalar(event.value)
        except ValueError as error:
            self._problems.add(mark, path, f"{error}, found {event.value[:40]}", "write a finite number")
            return Broken()

    def _items(self, path: str, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, mark: Mark, path: str, depth: int) -> Node:
        fields: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_mark = self._mark(event)
            is_plain = isinstance(event, yaml.ScalarEvent) and event.implicit[0]
            key = self._key(event, path, depth)
            inner = join_path(path, key or "")
            value = self._node(next(self._events), inner, depth + 1)
            if key == "<<" and is_plain:
                merged += self._merged(value, key_mark, path)
            elif key is None:
                continue
            elif key in keys:
                message = f"the key is there already, on line {keys[key].line}"
                self._problems.add(key_mark, inner, message, f"remove one of the two, or give both values in one {key}")
            else:
                fields[key], keys[key] = value, key_mark
        for node in merged:
            for key, value in node.value.items():
                if key not in fields:
                    fields[key], keys[key] = value, node.keys[key]
        return Node(fields, mark, keys)

    def _key(self, event: Any, path: str, depth: int) -> str | None:
        """A key as text; None, and a problem, for what is no scalar."""
        if isinstance(event, yaml.ScalarEvent):
            if event.tag is not None:
                self._problems.add(self._mark(event), path, f"tags are not understood, found {event.tag}", "remove it")
            return str(event.value)
        self._problems.add(self._mark(event), path, "a key must be a plain word", "write key: value")
        self._node(event, path, depth + 1)
        return None

    def _merged(self, value: Node, mark: Mark, path: str) -> list[Node]:
        nodes = value.value if isinstance(value.value, list) else [value]
        wrong = [node for node in nodes if not isinstance(node.value, dict)]
        if wrong:
            self._problems.add(wrong[0].mark, path, "<< takes a mapping, or a list of mappings", "write <<: *anchor")
        return [node for node in nodes if isinstance(node.value, dict)]

    def _alias(self, anchor: str, mark: Mark, path: str) -> Node:
        if anchor not in self._anchors:
            fix = nearest(f"*{anchor}", [f"*{known}" for known in self._anchors])
            self._problems.add(mark, path, f"there is no anchor &{anchor} that ends before this", fix)
            return Node(Broken(), mark)
        node, size = self._anchors[anchor]
        self._copies += size
        if self._copies > MAX_COPIES:
            message = f"the aliases blow up to more than {MAX_COPIES} values"
            self._problems.add(mark, path, message, "write the values out, or use fewer aliases of aliases")
            raise Unreadable
        self._made += size
        return _at(node, mark, anchor)


def _at(node: Node, mark: Mark, anchor: str) -> Node:
    """A copy of `node` whose every place is that of the alias."""
    value = node.value
    if isinstance(value, dict):
        copied = {key: _at(child, mark, anchor) for key, child in value.items()}
        return Node(copied, mark, dict.fromkeys(value, mark), anchor)
    if isinstance(value, list):
        return Node([_at(child, mark, anchor) for child in value], mark, {}, anchor)
    return node._replace(mark=mark, alias=anchor)
