"""The rules that a saved object must obey to be imported, without Kibana: what is wrong, in words.

They were read, not tried: in exports of Kibana 8 and in the schemas of its versions.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from blueno.elastic.fields import KINDS, Kind
from blueno.elastic.templates import alias, mappings

VERSIONS = {"index-pattern": "8.0.0", "visualization": "8.5.0", "dashboard": "10.2.0"}
DASHBOARD_KEYS = {
    "title", "description", "kibanaSavedObjectMeta", "timeRestore", "timeFrom", "timeTo", "refreshInterval",
    "controlGroupInput", "panelsJSON", "optionsJSON", "hits", "version",
}  # fmt: skip
CONTROL_KEYS = {"panelsJSON", "controlStyle", "chainingSystem", "ignoreParentSettingsJSON", "showApplySelections"}
IN_STRINGS = {
    "dashboard": ("panelsJSON", "optionsJSON"),
    "visualization": ("visState", "uiStateJSON"),
    "index-pattern": ("fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters"),
}
OPERATIONS = {
    "count", "terms", "date_histogram", "average", "sum", "min", "max", "median", "unique_count", "last_value",
}  # fmt: skip
GROUPS = {"terms", "date_histogram"}
NUMBERS = {"average", "sum", "median"}  # ask for a number; min and max take a date, too
NUMERIC = {"double", "long", "integer", "float"}
QUERIES = ("term", "terms", "match", "match_phrase", "prefix", "range", "wildcard")  # name a field by a key
LUCENE = re.compile(r"(?<![\w.\\])((?:\\.|[\w.])+):")
READ = re.compile(r'datum\.fields\["((?:[^"\\]|\\.)*)"\]')
WIDTH = 48
RECORDS = "___records___"
Saved = dict[str, Any]


def problems(objects: list[Saved], prefix: str) -> list[str]:
    """Everything that is wrong with what would be imported."""
    found: list[str] = []
    ids = Counter((each.get("type"), each.get("id")) for each in objects)
    found += [f"{type} {id} is there {count} times" for (type, id), count in ids.items() if count > 1]
    for each in objects:
        name = f"{each.get('type')} {each.get('id')}"
        found += [f"{name}: {problem}" for problem in _object(each, set(ids), prefix)]
    found += [f"visualization {id} is on no dashboard" for id in _unused(objects)]
    return found


def _unused(objects: list[Saved]) -> list[str]:
    used = {each["id"] for saved in objects for each in saved.get("references", []) if each["type"] == "visualization"}
    return [each["id"] for each in objects if each["type"] == "visualization" and each["id"] not in used]


def _object(each: Saved, there: set[Any], prefix: str) -> Iterator[str]:
    type = each.get("type")
    if type not in VERSIONS:
        yield "a type that is not used here"
        return
    if set(each) != {
        "type",
        "id",
        "attributes",
        "references",
        "managed",
        "coreMigrationVersion",
        "typeMigrationVersion",
    }:
        yield f"keys {sorted(each)}"
    if each.get("coreMigrationVersion") != "8.8.0":
        yield "coreMigrationVersion is not 8.8.0"
    if each.get("typeMigrationVersion") != VERSIONS[type]:
        yield f"typeMigrationVersion is not {VERSIONS[type]}"
    names = Counter(one["name"] for one in each.get("references", []))
    yield from (f"two references are called {name}" for name, count in names.items() if count > 1)
    for one in each.get("references", []):
        if (one["type"], one["id"]) not in there:
            yield f"refers to {one['type']} {one['id']}, which is not there"
    attributes = each.get("attributes", {})
    strings = [key for key in IN_STRINGS[type] if not _is_json(attributes.get(key))]
    if type != "index-pattern" and not _is_json(attributes.get("kibanaSavedObjectMeta", {}).get("searchSourceJSON")):
        strings.append("searchSourceJSON")
    if strings:
        yield from (f"{key} is no string that holds JSON" for key in strings)
        return
    if type == "dashboard":
        yield from _dashboard(each, prefix)
    elif type == "visualization":
        yield from _visualization(attributes, prefix)
    else:
        yield from _view(attributes, prefix)


def _is_json(value: Any) -> bool:
    try:
        json.loads(value)
        return isinstance(value, str)
    except (ValueError, TypeError):
        return False


# ---- fields


def kind_of(index: str, prefix: str) -> Kind | None:
    return next((kind for kind in KINDS if alias(prefix, kind) == index), None)


def is_mapped(field: str, kind: Kind) -> bool:
    """Whether the template maps a field: by name, as a subfield of a text, or under an object that takes any key."""
    place: Any = mappings(kind)
    parts = field.split(".")
    for name in parts:
        inner = place.get("properties", {}).get(name) or place.get("fields", {}).get(name)
        if inner is None:
            return place.get("dynamic") is True
        place = inner
    return "properties" not in place and place.get("dynamic") is not True


def type_of(field: str, kind: Kind) -> str:
    """A field's type in the template; "" for those of objects that take any key: only the index knows it."""
    place: Any = mappings(kind)
    for name in field.split("."):
        place = place.get("properties", {}).get(name) or place.get("fields", {}).get(name) or {}
    if field.startswith(("hp.num.", "metrics.")):
        return "double"
    return str(place.get("type", "keyword" if field.startswith("hp.cat.") else ""))


def fields_of_lucene(query: str) -> Iterator[str]:
    """The fields that a query in Lucene's syntax names."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', "", query)  # a phrase names none
    for name in LUCENE.findall(plain.replace("_exists_:", "")):
        yield re.sub(r"\\(.)", r"\1", name)
    for name in re.findall(r"_exists_:((?:\\.|[\w.])+)", plain):
        yield re.sub(r"\\(.)", r"\1", name)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


def fields_in(value: Any) -> Iterator[str]:
    """Every field that a search names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "field" and isinstance(inner, str):
                yield inner
            elif key in QUERIES and isinstance(inner, dict) and "field" not in inner:  # with one it is an aggregation
                yield from (name for name in inner if name != "boost")
            elif key == "fields" and isinstance(inner, list):
                yield from (each if isinstance(each, str) else each["field"] for each in inner)
            elif key == "sort":
                yield from (name for each in inner for name in each)
            else:
                yield from fields_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields_in(inner)


# ---- dashboards


def _dashboard(each: Saved, prefix: str) -> Iterator[str]:
    attributes, references = each["attributes"], {one["name"]: one for one in each["references"]}
    unknown = set(attributes) - DASHBOARD_KEYS
    if unknown:
        yield f"unknown keys {sorted(unknown)}"
    panels = json.loads(attributes["panelsJSON"])
    yield from _places(panels)
    expected: set[str] = set()
    for panel in panels:
        name = panel.get("panelIndex")
        if panel.get("type") == "visualization":
            key = f"{name}:{panel.get('panelRefName')}"
            expected.add(key)
            if key not in references or references[key]["type"] != "visualization":
                yield f"panel {name}: no reference {key}"
        elif panel.get("type") == "lens":
            inner = panel["embeddableConfig"]["attributes"]
            for one in inner.get("references", []):
                expected.add(f"{name}:{one['name']}")
                if references.get(f"{name}:{one['name']}", {}).get("id") != one["id"]:
                    yield f"panel {name}: the reference {one['name']} is not repeated with the panel before it"
            yield from (f"panel {name}: {problem}" for problem in _lens(inner, prefix))
        else:
            yield f"panel {name}: type {panel.get('type')}"
    search = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    for number, filter in enumerate(search["filter"]):
        key = f"kibanaSavedObjectMeta.searchSourceJSON.filter[{number}].meta.index"
        expected.add(key)
        if filter["meta"].get("indexRefName") != key or key not in references:
            yield f"filter {number} has no reference to its data view"
        yield from (f"filter: no index has {name}" for name in fields_in(filter["query"]) if not _anywhere(name))
    if "controlGroupInput" in attributes:
        found = list(_control_problems(attributes["controlGroupInput"], references, prefix))
        expected |= {f"controlGroup_{id}:optionsListDataView" for id in _controls(attributes["controlGroupInput"])}
        yield from found
    yield from (f"the reference {name} belongs to nothing" for name in references if name not in expected)


def _anywhere(field: str) -> bool:
    return any(is_mapped(field, kind) for kind in KINDS)


def _places(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        grid = panel["gridData"]
        if grid.get("i") != panel.get("panelIndex"):
            yield f"panel {panel.get('panelIndex')}: gridData.i is {grid.get('i')}"
        if grid["x"] < 0 or grid["y"] < 0 or grid["w"] < 1 or grid["h"] < 1 or grid["x"] + grid["w"] > WIDTH:
            yield f"panel {panel.get('panelIndex')} is outside of the {WIDTH} columns"
    for one, other in combinations(panels, 2):
        if one["panelIndex"] == other["panelIndex"]:
            yield f"two panels are called {one['panelIndex']}"
        a, b = one["gridData"], other["gridData"]
        if (
            a["x"] < b["x"] + b["w"]
            and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"]
            and b["y"] < a["y"] + a["h"]
        ):
            yield f"panels {one['panelIndex']} and {other['panelIndex']} overlap"


def _controls(group: dict[str, Any]) -> dict[str, Any]:
    text = group.get("panelsJSON")
    return dict(json.loads(text)) if _is_json(text) else {}


def _control_problems(group: dict[str, Any], references: dict[str, Any], prefix: str) -> Iterator[str]:
    if set(group) - CONTROL_KEYS:
        yield f"controls: unknown keys {sorted(set(group) - CONTROL_KEYS)}"
    if not _is_json(group.get("panelsJSON")) or not _is_json(group.get("ignoreParentSettingsJSON")):
        yield "controls: panelsJSON is no string that holds JSON"
        return
    for id, control in json.loads(group["panelsJSON"]).items():
        view = references.get(f"controlGroup_{id}:optionsListDataView")
        if control["type"] != "optionsListControl" or control["explicitInput"].get("id") != id:
            yield f"control {id} is no list, or has another id inside"
        if view is None:
            yield f"control {id} has no reference to its data view"
        elif not is_mapped(control["explicitInput"]["fieldName"], _kind_of_view(view["id"], prefix)):
            yield f"control {id}: the template has no field {control['explicitInput']['fieldName']}"


# ---- Lens


def _kind_of_view(id: str, prefix: str) -> Kind:
    return next(kind for kind in KINDS if id == f"{alias(prefix, kind)}-view")


def _lens(attributes: dict[str, Any], prefix: str) -> Iterator[str]:
    state = attributes["state"]
    layers = state["datasourceStates"]["formBased"]["layers"]
    views = {one["name"]: one["id"] for one in attributes["references"]}
    for id, layer in layers.items():
        view = views.get(f"indexpattern-datasource-layer-{id}")
        if view is None:
            yield f"layer {id} has no reference indexpattern-datasource-layer-{id}"
            continue
        if sorted(layer["columnOrder"]) != sorted(layer["columns"]):
            yield "columnOrder does not list exactly the columns"
        first_value = next(
            (n for n, name in enumerate(layer["columnOrder"]) if not layer["columns"].get(name, {}).get("isBucketed")),
            0,
        )
        if any(layer["columns"].get(name, {}).get("isBucketed") for name in layer["columnOrder"][first_value:]):
            yield "groups do not stand before values"
        for name, column in layer["columns"].items():
            yield from (f"column {name}: {problem}" for problem in _column(column, layer, _kind_of_view(view, prefix)))
        for query in (
            state["query"],
            *(column["filter"] for column in layer["columns"].values() if "filter" in column),
        ):
            if query["language"] != "lucene":
                yield f"the query {query['query']!r} is of the language {query['language']}"
            for name in fields_of_lucene(query["query"]):
                if not is_mapped(name, _kind_of_view(view, prefix)):
                    yield f"a query asks for {name}, which the template has not"
    shown = [name for layer in layers.values() for name in layer["columns"]]
    named = list(_accessors(state["visualization"]))
    yield from (f"{name} is shown and is no column" for name in named if name not in shown)
    if not named:
        yield "no column is shown"
    used = set(_layer_ids(state["visualization"]))
    yield from (f"the drawing names layer {id}" for id in used - set(layers))


def _column(column: dict[str, Any], layer: dict[str, Any], kind: Kind) -> Iterator[str]:
    operation, field = column.get("operationType"), column.get("sourceField")
    if operation not in OPERATIONS:
        yield f"operation {operation}"
    if column.get("isBucketed") is not (operation in GROUPS):
        yield "isBucketed is wrong"
    if (field == RECORDS) is not (operation == "count"):
        yield f"{operation} of {field}"
    elif field != RECORDS and not is_mapped(str(field), kind):
        yield f"the template of {kind} has no field {field}"
    elif field != RECORDS:
        yield from _type_problems(str(operation), type_of(str(field), kind), str(field))
    if operation == "terms":
        by = column["params"]["orderBy"]
        if by["type"] != "column" or layer["columns"].get(by["columnId"], {}).get("isBucketed", True):
            yield f"is sorted by {by.get('columnId')}, which is no value"
    if operation == "last_value" and type_of(column["params"]["sortField"], kind) != "date":
        yield "sortField is no field of time"


def _type_problems(operation: str, type: str, field: str) -> Iterator[str]:
    known = NUMERIC if operation in NUMBERS else {*NUMERIC, "date"}
    if operation in (*NUMBERS, "min", "max") and type not in known:
        yield f"{operation} of {field}, which is no number but {type}"
    if operation == "date_histogram" and type != "date":
        yield f"{operation} of {field}, which is no time but {type}"
    if operation != "count" and type in ("text", "flattened", "object"):
        yield f"{operation} of {field}, which is {type}"


def _accessors(value: Any) -> Iterator[str]:
    one = ("xAccessor", "splitAccessor", "metricAccessor", "columnId", "yAccessor", "valueAccessor")
    many = ("accessors", "primaryGroups", "metrics")
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in one:
                yield inner
            elif key in many:
                yield from inner
            else:
                yield from _accessors(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _accessors(inner)


def _layer_ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "layerId" in value:
            yield value["layerId"]
        for inner in value.values():
            yield from _layer_ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _layer_ids(inner)


# ---- Vega


def _visualization(attributes: dict[str, Any], prefix: str) -> Iterator[str]:
    state = json.loads(attributes["visState"])
    if set(state) != {"title", "type", "aggs", "params"} or state["type"] != "vega" or state["aggs"] != []:
        yield "visState is not that of a Vega panel"
        return
    if state["title"] != attributes["title"]:
        yield "visState has another title"
    if not _is_json(state["params"].get("spec")):
        yield "the spec is no string that holds JSON"
        return
    spec = json.loads(state["params"]["spec"])
    if spec.get("$schema") not in (
        "https://vega.github.io/schema/vega/v5.json", "https://vega.github.io/schema/vega-lite/v5.json",
    ):  # fmt: skip
        yield f"$schema is {spec.get('$schema')}"
    data = spec["data"] if isinstance(spec["data"], list) else [spec["data"]]
    asked = {name for source in data if isinstance(source.get("url"), dict) for name in _asked(source["url"])}
    for name in {json.loads(f'"{name}"') for text in texts_in(spec) for name in READ.findall(text)} - asked:
        yield f"reads {name}, which it does not ask for"
    for source in data:
        if isinstance(source.get("url"), str):
            yield "asks the web"
        elif "url" in source:
            yield from _asks(source["url"], source.get("format", {}), prefix)


def _asked(url: dict[str, Any]) -> Iterator[str]:
    """The fields of hits that a search asks for."""
    for each in url.get("body", {}).get("fields", []):
        yield each if isinstance(each, str) else each["field"]


def _asks(url: dict[str, Any], format: dict[str, Any], prefix: str) -> Iterator[str]:
    if url.get("%context%") is not True or url.get("%timefield%") != "@timestamp":
        yield "does not ask within the dashboard's filters and time"
    if "query" in url.get("body", {}):
        yield "has a query beside %context%, which Kibana refuses"
    if not format.get("property"):
        yield "does not say where in the answer its data is"
    kind = kind_of(url.get("index", ""), prefix)
    if kind is None:
        yield f"asks the index {url.get('index')}"
        return
    for name in fields_in(url["body"]):
        if not is_mapped(name, kind):
            yield f"the template of {kind} has no field {name}"


# ---- data views


def _view(attributes: dict[str, Any], prefix: str) -> Iterator[str]:
    kind = kind_of(attributes.get("title", ""), prefix)
    if kind is None:
        yield f"its title is {attributes.get('title')}, which is no alias"
        return
    if attributes.get("timeFieldName") != "@timestamp":
        yield "timeFieldName is not @timestamp"
    for key in ("fieldAttrs", "fieldFormatMap"):
        for name in json.loads(attributes[key]):
            if not is_mapped(name, kind):
                yield f"{key}: the template has no field {name}"
