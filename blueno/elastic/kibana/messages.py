"""What went wrong: a line for each group of failures that are alike, with its newest message."""

from __future__ import annotations

from typing import Any

from .vega import VEGA, Spec, asked, by, formulas

MOST_GROUPS = 15
LINE = 20  # pixels
FIELDS = ("error.class", "error.type", "error.message", "host.name", "name", "@timestamp")
COLUMNS = {  # title, left side and width as shares of the panel
    "count": ("trials", 0.0, 0.06),
    "what": ("class: type", 0.06, 0.2),
    "message": ("newest message", 0.26, 0.48),
    "host": ("host", 0.74, 0.12),
    "trial": ("newest trial", 0.86, 0.14),
}


def messages(index: str) -> Spec:
    """Groups of failed trials, the largest first."""
    newest = {
        "top_hits": {
            "size": 1, "sort": [by("@timestamp", "desc", "date")], "_source": False, "fields": list(FIELDS),
        }
    }  # fmt: skip
    groups = {"terms": {"field": "error.group", "size": MOST_GROUPS, "missing": "none"}, "aggs": {"newest": newest}}
    failed = {"filter": {"term": {"state": "failed"}}, "aggs": {"groups": groups}}
    rows: dict[str, Any] = {
        "name": "rows",
        **asked(index, {"size": 0, "aggs": {"failed": failed}}, "aggregations.failed.groups.buckets"),
        "transform": [
            {"type": "identifier", "as": "place"},
            {
                "type": "formula",
                "as": "hit",
                "expr": "datum.newest && datum.newest.hits && datum.newest.hits.hits && datum.newest.hits.hits[0]"
                " ? datum.newest.hits.hits[0].fields || {} : {}",
            },
            *formulas(
                {
                    "count": "format(datum.doc_count, ',')",
                    "what": f"{_read('error.class')} + ({_read('error.type')} ? ': ' + {_read('error.type')} : '')",
                    "message": f"replace({_read('error.message')}, /\\s+/g, ' ')",
                    "host": _read("host.name"),
                    "trial": _read("name"),
                    "full": _read("error.message"),
                }
            ),
        ],
    }
    return {
        "$schema": VEGA,
        "padding": 5,
        "autosize": {"type": "fit", "contains": "padding"},
        "data": [rows],
        "marks": [
            *(_title(title, left) for title, left, _ in COLUMNS.values()),
            *(_column(name, left, width) for name, (_, left, width) in COLUMNS.items()),
            _empty(),
        ],
    }


def _read(field: str) -> str:
    """A field of the newest hit, as text; empty where it has none."""
    return f"(datum.hit['{field}'] ? toString(datum.hit['{field}'][0]) : '')"


def _title(title: str, left: float) -> dict[str, Any]:
    place = {"x": {"signal": f"{left} * width"}, "y": {"value": 8}, "text": {"value": title}}
    return {
        "type": "text",
        "encode": {"update": {**place, "fontWeight": {"value": "bold"}, "fill": {"value": "#69707d"}}},
    }


def _column(name: str, left: float, width: float) -> dict[str, Any]:
    shown = {
        "x": {"signal": f"{left} * width"}, "y": {"signal": f"datum.place * {LINE} + 10"}, "text": {"field": name},
        "limit": {"signal": f"{width} * width - 8"}, "fill": {"value": "#69707d"}, "tooltip": {"field": "full"},
    }  # fmt: skip
    return {"type": "text", "name": name, "from": {"data": "rows"}, "encode": {"update": shown}}


def _empty() -> dict[str, Any]:
    shown = {
        "x": {"signal": "width / 2"}, "y": {"value": 40}, "align": {"value": "center"}, "fill": {"value": "#69707d"},
        "text": {"signal": "length(data('rows')) ? '' : 'nothing has failed'"},
    }  # fmt: skip
    return {"type": "text", "encode": {"update": shown}}
