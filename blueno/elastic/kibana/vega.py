"""What Vega panels have in common: how they ask, and how a value is read of a hit that may lack it.

Hits are read from `fields`, which Elasticsearch makes flat and of the mapping's types. A path that one hit lacks would
make an expression throw and leave the chart empty without a word, so that every path is guarded.
"""

from __future__ import annotations

import json
from typing import Any

from .saved import Panel

VEGA = "https://vega.github.io/schema/vega/v5.json"
VEGA_LITE = "https://vega.github.io/schema/vega-lite/v5.json"
MOST = 10_000  # what a server gives at once
GREY, BLUE, RED = "#98a2b3", "#3b6fb6", "#c4504a"
BEST = "yellowgreenblue"  # dark is good
Spec = dict[str, Any]


def panel(id: str, title: str, size: tuple[int, int], spec: Spec) -> Panel:
    """A Vega panel: `size` is (columns of 48, rows)."""
    return Panel(id, title, *size, "vega", spec)


def asked(index: str, body: dict[str, Any], found: str) -> dict[str, Any]:
    """Data that Kibana asks of an index, within the dashboard's filters and time."""
    url = {"%context%": True, "%timefield%": "@timestamp", "index": index, "body": body}
    return {"url": url, "format": {"property": found}}


def hits(
    index: str, fields: list[str], sort: dict[str, Any], only: dict[str, Any] | None = None, most: int = MOST
) -> dict[str, Any]:
    """Documents with some fields. Kibana takes no query beside the dashboard's: `only` filters afterwards."""
    wanted: list[Any] = [{"field": name, "format": "epoch_millis"} if name in DATES else name for name in fields]
    body: dict[str, Any] = {"size": most, "_source": False, "fields": wanted, "sort": [sort]}
    return asked(index, body | ({"post_filter": only} if only else {}), "hits.hits")


DATES = ("@timestamp", "created", "started", "finished")


def value(field: str) -> str:
    """The expression that reads a field of a hit: null where it has none.

    >>> print(value("objective.mean"))
    (datum.fields && datum.fields["objective.mean"] ? datum.fields["objective.mean"][0] : null)
    """
    path = f"datum.fields[{json.dumps(field)}]"
    return f"(datum.fields && {path} ? {f'toNumber({path}[0])' if field in DATES else f'{path}[0]'} : null)"


def by(field: str, order: str = "desc", type: str = "double") -> dict[str, Any]:
    """How hits are sorted; an index that has no such field yet is no error."""
    return {field: {"order": order, "missing": "_last", "unmapped_type": type}}


def formulas(columns: dict[str, str]) -> list[dict[str, str]]:
    """Vega's transforms that make columns of expressions."""
    return [{"type": "formula", "as": name, "expr": expression} for name, expression in columns.items()]


def calculated(columns: dict[str, str]) -> list[dict[str, str]]:
    """The same for Vega-Lite."""
    return [{"calculate": expression, "as": name} for name, expression in columns.items()]


def good(direction: str) -> str:
    """What is better, for titles."""
    return "more is better" if direction == "maximize" else "less is better"
