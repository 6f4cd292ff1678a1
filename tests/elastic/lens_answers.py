"""What a Lens panel asks, in our own words: columns as aggregations, for a real server, and the same counted
from documents in memory. Kibana's own translation cannot be run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from statistics import fmean, median
from typing import Any

from ..elastic_server import Server

Row = dict[str, Any]
Document = dict[str, Any]
MOST = 10_000


def columns_of(attributes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    [layer] = attributes["state"]["datasourceStates"]["formBased"]["layers"].values()
    return {name: layer["columns"][name] for name in layer["columnOrder"]}


# ---- from the server


def answer(server: Server, index: str, attributes: dict[str, Any], filter: dict[str, Any] | None) -> list[Row]:
    """A panel's rows, from a server: Lucene's query as it stands, a bucket for each group, a metric for each value."""
    columns = columns_of(attributes)
    query = attributes["state"]["query"]
    assert query["language"] == "lucene"
    clauses: list[dict[str, Any]] = [{"query_string": {"query": query["query"]}}] if query["query"] else []
    body = {
        "size": 0,
        "query": {"bool": {"filter": clauses + ([filter] if filter else [])}},
        "aggs": _aggs(list(columns.items())),
    }
    found = server.ask("POST", f"/{index}/_search", body)
    return list(_rows(found["aggregations"], list(columns.items()), {}))


def _aggs(columns: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    name, column = columns[0]
    if not column["isBucketed"]:
        return {name: _narrowed(column, _metric(column)) for name, column in columns}
    inner = _aggs(columns[1:])
    if column["operationType"] == "date_histogram":
        how = {"field": column["sourceField"], "fixed_interval": column["params"]["interval"], "min_doc_count": 1}
        return {name: {"date_histogram": how, "aggs": inner}}
    by, direction = column["params"]["orderBy"]["columnId"], column["params"]["orderDirection"]
    values = dict(columns)
    if values[by]["operationType"] == "count" and "filter" not in values[by]:
        order, more = "_count", {}
    else:
        order = "order.50" if values[by]["operationType"] == "median" else "order"
        more = {"order": _metric(values[by])}
    how = {"field": column["sourceField"], "size": column["params"]["size"], "order": {order: direction}}
    return {name: {"terms": how, "aggs": inner | more}}


def _metric(column: dict[str, Any]) -> dict[str, Any]:
    field = column["sourceField"]
    operation = column["operationType"]
    if operation == "count":
        return {"filter": {"match_all": {}}}
    if operation == "median":
        return {"percentiles": {"field": field, "percents": [50]}}
    if operation == "last_value":
        sort = [{column["params"]["sortField"]: {"order": "desc"}}]
        return {"top_hits": {"size": 1, "_source": False, "fields": [field], "sort": sort}}
    return {{"average": "avg", "unique_count": "cardinality"}.get(operation, operation): {"field": field}}


def _narrowed(column: dict[str, Any], metric: dict[str, Any]) -> dict[str, Any]:
    if "filter" not in column:
        return metric
    assert column["filter"]["language"] == "lucene"
    return {"filter": {"query_string": {"query": column["filter"]["query"]}}, "aggs": {"value": metric}}


def _rows(found: dict[str, Any], columns: list[tuple[str, dict[str, Any]]], so_far: Row) -> Iterable[Row]:
    name, column = columns[0]
    if not column["isBucketed"]:
        yield so_far | {name: _read(found[name], column) for name, column in columns}
        return
    for bucket in found[name]["buckets"]:
        yield from _rows(bucket, columns[1:], so_far | {name: bucket["key"]})


def _read(found: dict[str, Any], column: dict[str, Any]) -> Any:
    found = found["value"] if "filter" in column else found
    operation = column["operationType"]
    if operation == "count":
        return found["doc_count"]
    if operation == "median":
        return found["values"]["50.0"]
    if operation == "last_value":
        hits = found["hits"]["hits"]
        return hits[0]["fields"][column["sourceField"]][0] if hits and "fields" in hits[0] else None
    return found["value"]


# ---- from memory

QUERIES: dict[str, Callable[[Document], bool]] = {
    "": lambda document: True,
    "state:(queued OR running)": lambda document: document.get("state") in ("queued", "running"),
    "attempt:>1": lambda document: document.get("attempt", 0) > 1,
}


def holds(query: str, document: Document) -> bool:
    """Whether a document is meant by a query of those that panels use."""
    if query in QUERIES:
        return QUERIES[query](document)
    if query.startswith("_exists_:"):
        return bool(values(document, query.removeprefix("_exists_:").replace("\\", "")))
    name, _, word = query.partition(":")
    return word in values(document, name)


def values(document: Document, field: str) -> list[Any]:
    """What a document has in a field, as Elasticsearch would say it."""
    text = field.endswith(".keyword")
    parts = field.removesuffix(".keyword").split(".")
    place: Any = document
    for number, part in enumerate(parts):
        rest = ".".join(parts[number:])
        if isinstance(place, dict) and rest in place:
            place = place[rest]
            break
        place = place.get(part) if isinstance(place, dict) else None
    found = place if isinstance(place, list) else [] if place is None or isinstance(place, dict) else [place]
    return [each for each in found if not text or len(each) <= 256]


def expected(found: list[Document], attributes: dict[str, Any]) -> list[Row]:
    """The rows of a panel, counted from documents."""
    query = attributes["state"]["query"]["query"]
    columns = list(columns_of(attributes).items())
    return list(_counted([each for each in found if holds(query, each)], columns, {}))


def _counted(found: list[Document], columns: list[tuple[str, dict[str, Any]]], so_far: Row) -> Iterable[Row]:
    name, column = columns[0]
    if not column["isBucketed"]:
        yield so_far | {name: _value(found, column) for name, column in columns}
        return
    groups: dict[Any, list[Document]] = {}
    for document in found:
        for value in dict.fromkeys(values(document, column["sourceField"])):
            groups.setdefault(_hour(value) if column["operationType"] == "date_histogram" else value, []).append(
                document
            )
    assert len(groups) <= column["params"].get("size", MOST), f"{name} would be cut: give it fewer values"
    for value, group in groups.items():
        yield from _counted(group, columns[1:], so_far | {name: value})


def _milliseconds(at: str) -> int:
    return round(datetime.fromisoformat(at).astimezone(UTC).timestamp() * 1000)


def _hour(at: str) -> int:
    return _milliseconds(at) // 3_600_000 * 3_600_000


def _value(found: list[Document], column: dict[str, Any]) -> Any:
    operation, field = column["operationType"], column["sourceField"]
    if "filter" in column:
        found = [each for each in found if holds(column["filter"]["query"], each)]
    if operation == "count":
        return len(found)
    if operation == "last_value":
        sorted_ = sorted(found, key=lambda each: _milliseconds(each["@timestamp"]), reverse=True)
        return values(sorted_[0], field)[0] if sorted_ else None
    all_ = [value for each in found for value in values(each, field)]
    if operation == "unique_count":
        return len(set(all_))
    if column["dataType"] == "date":
        all_ = [_milliseconds(each) for each in all_]
    how: dict[str, Callable[[Any], Any]] = {"average": fmean, "sum": sum, "min": min, "max": max, "median": median}
    return how[operation](all_) if all_ else 0.0 if operation == "sum" else None
