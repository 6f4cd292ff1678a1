"""Saved objects: what Kibana imports. Each says the oldest version that has what is needed, since Kibana migrates older
objects up and refuses newer ones. Ids are made of names, so that importing again replaces.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

CORE_VERSION = "8.8.0"
TYPE_VERSIONS = {"index-pattern": "8.0.0", "visualization": "8.5.0", "dashboard": "10.2.0"}
COLUMNS = 48
OPTIONS = {
    "useMargins": True, "syncColors": False, "syncCursor": True, "syncTooltips": False, "hidePanelTitles": False,
}  # fmt: skip
LISTEN = {"ignoreFilters": False, "ignoreQuery": False, "ignoreTimerange": False, "ignoreValidations": False}
NO_QUERY = {"query": "", "language": "kuery"}
Saved = dict[str, Any]


class Panel(NamedTuple):
    """A panel of a dashboard: `lens` holds attributes by value, `vega` a spec that becomes a visualization."""

    id: str  # a word of its own in its dashboard; it stays the same
    title: str
    width: int  # of 48
    height: int
    kind: Literal["lens", "vega"]
    content: dict[str, Any]


class Control(NamedTuple):
    """A list above the panels that narrows all of them to some values of a field."""

    id: str
    field: str
    title: str
    single: bool = False


class Dashboard(NamedTuple):
    id: str
    title: str
    description: str
    rows: list[list[Panel]]  # side by side in a row
    controls: list[Control]
    view: str  # id of the data view that controls and filter ask
    filter: tuple[str, dict[str, Any]] | None = None  # a name for people, and a query
    since: str = "now-7d"


def saved(type: str, id: str, attributes: dict[str, Any], references: list[dict[str, str]]) -> Saved:
    """A saved object."""
    return {
        "type": type,
        "id": id,
        "attributes": attributes,
        "references": references,
        "managed": False,
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": TYPE_VERSIONS[type],
    }


def reference(type: str, id: str, name: str) -> dict[str, str]:
    """How one saved object names another."""
    return {"type": type, "id": id, "name": name}


def text(value: Any) -> str:
    """JSON in a string, as many attributes want it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def ndjson(objects: Iterable[Saved]) -> str:
    """A line for each object, what others refer to first."""
    return "".join(json.dumps(each, ensure_ascii=False, allow_nan=False) + "\n" for each in objects)


def objects_of(dashboard: Dashboard) -> list[Saved]:
    """A dashboard's visualizations, and the dashboard."""
    panels = [panel for row in dashboard.rows for panel in row]
    charts = [_visualization(dashboard, panel) for panel in panels if panel.kind == "vega"]
    references = [each for panel in panels for each in _references(dashboard, panel)]
    attributes: dict[str, Any] = {
        "title": dashboard.title,
        "description": dashboard.description,
        "version": 3,
        "timeRestore": True,
        "timeFrom": dashboard.since,
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 30_000},
        "optionsJSON": text(OPTIONS),
        "panelsJSON": text(_placed(dashboard.rows)),
        "kibanaSavedObjectMeta": {"searchSourceJSON": text({"query": NO_QUERY, "filter": _filters(dashboard)})},
    }
    if dashboard.controls:
        attributes["controlGroupInput"] = _controls(dashboard.controls)
        for each in dashboard.controls:
            references.append(reference("index-pattern", dashboard.view, f"controlGroup_{each.id}:optionsListDataView"))
    if dashboard.filter:
        references.append(reference("index-pattern", dashboard.view, FILTER_INDEX))
    return [*charts, saved("dashboard", dashboard.id, attributes, references)]


def _visualization(dashboard: Dashboard, panel: Panel) -> Saved:
    title = f"{dashboard.title}: {panel.title}"
    state = {"title": title, "type": "vega", "aggs": [], "params": {"spec": json.dumps(panel.content, indent=2)}}
    attributes = {
        "title": title,
        "description": "",
        "version": 1,
        "visState": text(state),
        "uiStateJSON": "{}",
        "kibanaSavedObjectMeta": {"searchSourceJSON": text({"query": NO_QUERY, "filter": []})},
    }
    return saved("visualization", f"{dashboard.id}-{panel.id}", attributes, [])


def _references(dashboard: Dashboard, panel: Panel) -> list[dict[str, str]]:
    if panel.kind == "vega":
        return [reference("visualization", f"{dashboard.id}-{panel.id}", f"{panel.id}:panel_{panel.id}")]
    inner = panel.content["references"]
    return [reference(each["type"], each["id"], f"{panel.id}:{each['name']}") for each in inner]


def _placed(rows: list[list[Panel]]) -> list[dict[str, Any]]:
    """Panels with their places: rows one below the other, each as high as its highest panel."""
    placed: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        x = 0
        for panel in row:
            grid = {"x": x, "y": y, "w": panel.width, "h": panel.height, "i": panel.id}
            placed.append({"panelIndex": panel.id, "gridData": grid, "title": panel.title, **_content(panel)})
            x += panel.width
        y += max(panel.height for panel in row)
    return placed


def _content(panel: Panel) -> dict[str, Any]:
    if panel.kind == "vega":
        return {
            "type": "visualization",
            "embeddableConfig": {"enhancements": {}},
            "panelRefName": f"panel_{panel.id}",
        }
    return {"type": "lens", "embeddableConfig": {"attributes": panel.content, "enhancements": {}}}


def _controls(controls: list[Control]) -> dict[str, Any]:
    found = {}
    for order, each in enumerate(controls):
        wanted: dict[str, Any] = {
            "id": each.id,
            "fieldName": each.field,
            "title": each.title,
            "selectedOptions": [],
            "enhancements": {},
        }
        if each.single:
            wanted["singleSelect"] = True
        found[each.id] = {
            "order": order,
            "width": "medium",
            "grow": True,
            "type": "optionsListControl",
            "explicitInput": wanted,
        }
    return {
        "chainingSystem": "HIERARCHICAL",
        "controlStyle": "oneLine",
        "ignoreParentSettingsJSON": text(LISTEN),
        "panelsJSON": text(found),
        "showApplySelections": False,
    }


FILTER_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index"


def _filters(dashboard: Dashboard) -> list[dict[str, Any]]:
    if dashboard.filter is None:
        return []
    name, query = dashboard.filter
    about = {
        "alias": name, "disabled": False, "negate": False, "type": "custom", "key": "query", "value": text(query),
        "indexRefName": FILTER_INDEX,
    }  # fmt: skip
    return [{"meta": about, "query": query, "$state": {"store": "appState"}}]
