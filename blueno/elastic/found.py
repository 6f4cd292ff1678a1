"""`find --elastic`: a query over the trials of everybody who sends to the index."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from heapq import merge
from typing import TYPE_CHECKING, Any

from ..clock import seconds
from ..query.ask import Values, asks, check_names
from ..query.elastic import EVERYTHING, ORIGIN, PATHS, Names, query_of
from ..query.operands import Value
from ..query.parse import kind_of
from ..query.tree import Field, Node
from ..tables import flat
from .client import ask, found_ids
from .documents import key
from .templates import alias

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

SOURCE = ["@timestamp", "created", "number", "store", "hp", "hp_all", "spec", *PATHS.values(), "metrics"]
AMOUNTS = re.compile(r"\d+(-\d+)*")  # a list of whole numbers, as `cell` writes it


class Document:
    """A trial's document (`query.ask.Record`)."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.source = source

    def field(self, name: str) -> Values:
        if name == "origin":
            return (ORIGIN,)
        value: Any = self.source
        for part in PATHS[name].split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            return ()
        if kind_of(Field("field", name)) == "time":
            return (seconds(value),)
        return value if isinstance(value, list) else (value if isinstance(value, str) else float(value),)

    def metrics(self) -> Mapping[str, float]:
        return {name: float(value) for name, value in self.source.get("metrics", {}).items() if value is not None}

    def params(self) -> Mapping[str, Value]:
        return self._params

    @cached_property
    def _params(self) -> dict[str, Value]:
        return {path: value if isinstance(value, str) else float(value) for path, value in self._indexed().items()}

    def _indexed(self) -> dict[str, Any]:
        """The parameters as the index has them: numbers and texts, which only `hp_all` has in one order."""
        hp = self.source.get("hp", {})
        found = {**hp.get("num", {}), **hp.get("cat", {})}
        return {path: found[path] for path in self.source.get("hp_all", found) if path in found}

    def written(self) -> Mapping[str, Any]:
        said = {key(path): (path, value) for path, value in flat(self.source.get("spec", {})).items()}
        return dict(said.get(path, (path, _typed(value))) for path, value in self._indexed().items())


def _typed(value: Any) -> Any:
    """A default, of which the index knows only the text, as what it most probably was.

    >>> [_typed(value) for value in (0.5, "true", "64-32", "[]", "adam")]
    [0.5, True, [64, 32], [], 'adam']
    """
    if not isinstance(value, str):
        return value
    if value in ("true", "false", "[]"):
        return json.loads(value)
    return [int(each) for each in value.split("-")] if AMOUNTS.fullmatch(value) else value


def find(client: Elasticsearch, prefix: str, query: str, node: Node | None, sort: Node | None = None) -> list[Document]:
    """The trials that a query asks for, each once, however many stores have it: newest first, those of one store in the
    order in which `find` has them.

    Raises QueryError for names that no document has, Unreachable.
    """
    names = names_of(client, prefix)
    for wanted, text in ((node, query), (sort, "")):
        if wanted is not None:
            check_names(text, wanted, names.metrics, names.params)
    clause = query_of(node, names) if node is not None else EVERYTHING
    is_so = asks(node) if node is not None else lambda record: True
    newest: dict[str, tuple[tuple[bool, str], Document]] = {}
    for hit in found_ids(client, prefix, "trials", clause, SOURCE):
        document = Document(hit["_source"])
        if not is_so(document):
            continue
        id, place = str(document.field("trial")[0]), _place(hit["_source"])
        if id not in newest or newest[id][0] < place:
            newest[id] = place, document
    by_store: dict[str, list[Document]] = {}
    for _, document in sorted(newest.values(), key=lambda pair: _number(pair[1]), reverse=True):
        by_store.setdefault(document.source.get("store", ""), []).append(document)
    return [*merge(*by_store.values(), key=lambda document: str(document.source.get("created", "")), reverse=True)]


def _number(document: Document) -> tuple[int, str]:
    """Its place in its store; documents of earlier versions do not say it, and go by their time."""
    return document.source.get("number", 0), document.source.get("@timestamp", "")


def _place(source: Mapping[str, Any]) -> tuple[bool, str]:
    """Of several stores' documents of a trial the one with a result counts, and of these the newest."""
    return source.get("state") == "succeeded", source.get("@timestamp", "")


def names_of(client: Elasticsearch, prefix: str) -> Names:
    """The metrics and parameters that any document has, as the mapping knows them."""
    answer = ask(client, lambda client: client.indices.get_mapping(index=alias(prefix, "trials")))
    found: dict[str, set[str]] = {"metrics": set(), "num": set(), "cat": set()}
    for index in answer.values():
        properties = index["mappings"].get("properties", {})
        parts = {"metrics": properties.get("metrics", {}), **properties.get("hp", {}).get("properties", {})}
        for name in found:
            found[name] |= set(_leaves(parts.get(name, {})))
    return Names(found["metrics"], found["num"], found["cat"])


def _leaves(mapping: Mapping[str, Any], before: str = "") -> list[str]:
    """The paths of a mapping's fields."""
    paths = []
    for name, inner in mapping.get("properties", {}).items():
        path = f"{before}{name}"
        paths += [path] if "type" in inner and inner["type"] != "object" else _leaves(inner, f"{path}.")
    return paths
