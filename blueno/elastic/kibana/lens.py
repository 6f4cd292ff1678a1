"""Lens panels: columns (what is counted, grouped and averaged) and shapes (bars, tables, numbers).

Queries are written in Lucene's syntax: Kibana sends them as they are, so that a test can send the same.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from .saved import Panel, reference

LAYER = "layer"
Column = dict[str, Any]


class Shape(NamedTuple):
    """How columns are drawn."""

    type: str  # Lens's name for it
    state: dict[str, Any]


def lens(
    id: str, title: str, size: tuple[int, int], view: str, columns: dict[str, Column], shape: Shape, query: str = ""
) -> Panel:
    """A Lens panel over a data view: `size` is (columns of 48, rows), `columns` are by their names, groups first."""
    layer = {"columnOrder": list(columns), "columns": columns, "incompleteColumns": {}, "sampling": 1}
    attributes = {
        "title": title,
        "description": "",
        "type": "lens",
        "visualizationType": shape.type,
        "references": [reference("index-pattern", view, f"indexpattern-datasource-layer-{LAYER}")],
        "state": {
            "visualization": shape.state,
            "query": {"query": query, "language": "lucene"},
            "filters": [],
            "datasourceStates": {
                "formBased": {"layers": {LAYER: layer}},
                "indexpattern": {"layers": {}},
                "textBased": {"layers": {}},
            },
            "internalReferences": [],
            "adHocDataViews": {},
        },
    }
    return Panel(id, title, *size, "lens", attributes)


# ---- columns


def count(label: str, where: str = "") -> Column:
    """How many documents; `where` narrows this column."""
    return _value("count", "___records___", label, where, {"emptyAsNull": False})


def number(
    operation: Literal["average", "sum", "min", "max", "median", "unique_count"],
    field: str,
    label: str,
    where: str = "",
) -> Column:
    """A number made of a field's values."""
    params = {"emptyAsNull": False} if operation in ("sum", "unique_count") else {}
    return _value(operation, field, label, where, params)


def newest_time(label: str, field: str = "@timestamp") -> Column:
    """The newest of a date."""
    return {**_value("max", field, label, "", {}), "dataType": "date"}


def newest(field: str, label: str, kind: Literal["string", "number", "date"] = "string") -> Column:
    """The field's value in the newest document."""
    column = _value("last_value", field, label, "", {"sortField": "@timestamp", "showArrayValues": False})
    column["filter"] = {"query": f"_exists_:{escaped(field)}", "language": "lucene"}
    return {**column, "dataType": kind, "scale": "ratio" if kind == "number" else "ordinal"}


def terms(
    field: str,
    label: str,
    by: str,
    size: int = 10,
    descending: bool = True,
    kind: Literal["string", "number"] = "string",
) -> Column:
    """A group for each of the field's values: those that are first by the column `by`."""
    return {
        **_column("terms", field, label, kind, "ordinal"),
        "isBucketed": True,
        "params": {
            "size": size,
            "orderBy": {"type": "column", "columnId": by},
            "orderDirection": "desc" if descending else "asc",
            "otherBucket": False,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
            "include": [],
            "exclude": [],
            "includeIsRegex": False,
            "excludeIsRegex": False,
        },
    }


def over_time(field: str, label: str, interval: str = "auto") -> Column:
    """A group for each interval of time."""
    return {
        **_column("date_histogram", field, label, "date", "interval"),
        "isBucketed": True,
        "params": {"interval": interval, "includeEmptyRows": True, "dropPartials": False},
    }


def _value(operation: str, field: str, label: str, where: str, params: dict[str, Any]) -> Column:
    column = {**_column(operation, field, label, "number", "ratio"), "isBucketed": False, "params": params}
    if where:
        column["filter"] = {"query": where, "language": "lucene"}
    return column


def _column(operation: str, field: str, label: str, kind: str, scale: str) -> Column:
    return {
        "label": label, "customLabel": True, "dataType": kind, "operationType": operation, "scale": scale,
        "sourceField": field,
    }  # fmt: skip


def escaped(word: str) -> str:
    r"""A field or word in a query of Lucene's.

    >>> print(escaped("hp.cat.model.a b"))
    hp.cat.model.a\ b
    """
    return "".join("\\" + each if each in '\\+-=&|><!(){}[]^"~*?:/ ' else each for each in word)


# ---- shapes


def bars(x: str, values: list[str], split: str = "", horizontal: bool = False) -> Shape:
    """Stacked bars."""
    kind = "bar_horizontal_stacked" if horizontal else "bar_stacked"
    layer: dict[str, Any] = {
        "layerId": LAYER, "layerType": "data", "seriesType": kind, "xAccessor": x, "accessors": values,
        "position": "top", "showGridlines": False,
    }  # fmt: skip
    return _xy(kind, layer | ({"splitAccessor": split} if split else {}))


def lines(x: str, values: list[str], split: str = "") -> Shape:
    """A line for each value, or group."""
    layer: dict[str, Any] = {
        "layerId": LAYER, "layerType": "data", "seriesType": "line", "xAccessor": x, "accessors": values,
        "position": "top", "showGridlines": False,
    }  # fmt: skip
    return _xy("line", layer | ({"splitAccessor": split} if split else {}))


def _xy(kind: str, layer: dict[str, Any]) -> Shape:
    everywhere = {"x": True, "yLeft": True, "yRight": True}
    state = {
        "legend": {"isVisible": True, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "axisTitlesVisibilitySettings": {**everywhere, "x": False},
        "tickLabelsVisibilitySettings": everywhere,
        "labelsOrientation": {"x": 0, "yLeft": 0, "yRight": 0},
        "gridlinesVisibilitySettings": everywhere,
        "preferredSeriesType": kind,
        "layers": [layer],
    }
    return Shape("lnsXY", state)


def table(columns: list[str], by: str = "", descending: bool = True) -> Shape:
    """A table; `by` is the column that it is sorted by."""
    state: dict[str, Any] = {
        "layerId": LAYER,
        "layerType": "data",
        "columns": [{"columnId": name, "isTransposed": False} for name in columns],
        "paging": {"enabled": True, "size": 10},
    }
    if by:
        state["sorting"] = {"columnId": by, "direction": "desc" if descending else "asc"}
    return Shape("lnsDatatable", state)


def big(value: str) -> Shape:
    """One number."""
    return Shape("lnsMetric", {"layerId": LAYER, "layerType": "data", "metricAccessor": value})


def donut(group: str, value: str) -> Shape:
    """Parts of a whole."""
    layer = {
        "layerId": LAYER, "layerType": "data", "primaryGroups": [group], "metrics": [value], "numberDisplay": "value",
        "categoryDisplay": "default", "legendDisplay": "show", "nestedLegend": False,
    }  # fmt: skip
    return Shape("lnsPie", {"shape": "donut", "layers": [layer]})
