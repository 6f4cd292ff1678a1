"""What would be imported obeys the rules, and the rules catch mistakes made on purpose."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from blueno.elastic.kibana.bundle import bundle
from blueno.elastic.kibana.saved import ndjson

from . import kibana_data as data
from .kibana_rules import problems

PREFIX = "blueno"
Saved = dict[str, Any]


def whole() -> list[Saved]:
    return bundle(PREFIX, [data.facts()])


@pytest.mark.parametrize("prefix", ["blueno", "team-a"])
@pytest.mark.parametrize("axes", [0, 1, 2, 3])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_ours_obey(prefix: str, axes: int, direction: str) -> None:
    facts = data.facts(direction)
    assert problems(bundle(prefix, [facts._replace(axes=facts.axes[:axes])]), prefix) == []


def test_many_axes_and_odd_names_obey() -> None:
    facts = data.facts()
    odd = [
        axis._replace(field=f"{axis.field} 'a\"b\\c'.{number}", label="'\"\\")
        for number, axis in enumerate(facts.axes * 3)
    ]
    objects = bundle(PREFIX, [facts._replace(name='größe/../"x"', axes=odd)])
    assert problems(objects, PREFIX) == []
    assert [json.loads(line) for line in ndjson(objects).splitlines()] == objects


def test_the_same_names_make_the_same_ids() -> None:
    other = data.facts("minimize", "val_mae")
    ids = [(each["type"], each["id"]) for each in whole()]
    assert ids == [(each["type"], each["id"]) for each in bundle(PREFIX, [other])]
    assert whole() == whole()
    teams = {each["id"] for each in bundle("team-a", [data.facts()])}
    assert not teams & {id for _, id in ids}


# ---- mistakes on purpose


def first(objects: list[Saved], type: str, end: str = "") -> Saved:
    return next(each for each in objects if each["type"] == type and each["id"].endswith(end))


def panels(change: Callable[[list[Any]], Any]) -> Callable[[list[Saved]], None]:
    """A change of the panels of the overview."""

    def made(objects: list[Saved]) -> None:
        attributes = first(objects, "dashboard", "overview")["attributes"]
        found = json.loads(attributes["panelsJSON"])
        change(found)
        attributes["panelsJSON"] = json.dumps(found)

    return made


def lens(change: Callable[[Any], Any]) -> Callable[[list[Saved]], None]:
    """A change of a table's state."""

    def inner(found: list[Any]) -> None:
        [table] = [each for each in found if each["panelIndex"] == "sweeps"]
        change(table["embeddableConfig"]["attributes"]["state"])

    return panels(inner)


def layer(change: Callable[[Any], Any]) -> Callable[[list[Saved]], None]:
    return lens(lambda state: change(state["datasourceStates"]["formBased"]["layers"]["layer"]))


def vega(change: Callable[[Any], Any]) -> Callable[[list[Saved]], None]:
    """A change of the spec of the panel of messages."""

    def made(objects: list[Saved]) -> None:
        attributes = first(objects, "visualization", "failures-messages")["attributes"]
        state = json.loads(attributes["visState"])
        spec = json.loads(state["params"]["spec"])
        change(spec)
        state["params"]["spec"] = json.dumps(spec)
        attributes["visState"] = json.dumps(state)

    return made


def overview(change: Callable[[Saved], Any]) -> Callable[[list[Saved]], None]:
    return lambda objects: change(first(objects, "dashboard", "overview"))


MISTAKES: dict[str, tuple[Callable[[list[Saved]], Any], str]] = {
    "newer": (overview(lambda it: it.update(typeMigrationVersion="10.3.0")), "typeMigrationVersion is not 10.2.0"),
    "core": (overview(lambda it: it.update(coreMigrationVersion="8.9.0")), "coreMigrationVersion"),
    "key": (overview(lambda it: it["attributes"].update(panels=[])), "unknown keys ['panels']"),
    "saved key": (overview(lambda it: it.update(namespaces=["default"])), "keys"),
    "no string": (
        overview(lambda it: it["attributes"].update(panelsJSON=json.loads(it["attributes"]["panelsJSON"]))),
        "panelsJSON is no string",
    ),
    "no JSON": (overview(lambda it: it["attributes"].update(optionsJSON="{")), "optionsJSON is no string"),
    "search source": (
        overview(lambda it: it["attributes"].update(kibanaSavedObjectMeta={"searchSourceJSON": {}})),
        "searchSourceJSON is no string",
    ),
    "twice": (lambda objects: objects.append(copy.deepcopy(objects[0])), "is there 2 times"),
    "view gone": (lambda objects: objects.pop(0), "which is not there"),
    "unused": (
        lambda objects: objects.append({**first(objects, "visualization"), "id": "alone"}), "is on no dashboard",
    ),
    "overlap": (panels(lambda it: it[1]["gridData"].update(x=it[0]["gridData"]["x"])), "overlap"),
    "too wide": (panels(lambda it: it[-1]["gridData"].update(w=40)), "outside of the 48 columns"),
    "another i": (panels(lambda it: it[0]["gridData"].update(i="x")), "gridData.i is x"),
    "no reference": (overview(lambda it: it.update(references=[])), "is not repeated with the panel before it"),
    "foreign reference": (
        overview(lambda it: it["references"].append({**it["references"][0], "name": "gone:layer"})),
        "belongs to nothing",
    ),
    "no chart": (
        lambda objects: first(objects, "dashboard", "machines")["references"].clear(),
        "no reference busy:panel_busy",
    ),
    "control": (
        lambda objects: first(objects, "dashboard", "overview")["attributes"]["controlGroupInput"].update(
            panelsJSON=first(objects, "dashboard", "overview")["attributes"]["controlGroupInput"]["panelsJSON"].replace(
                "host.name", "host.nmae"
            )
        ),
        "the template has no field host.nmae",
    ),
    "order": (layer(lambda it: it["columnOrder"].pop()), "columnOrder does not list exactly the columns"),
    "values first": (layer(lambda it: it["columnOrder"].reverse()), "groups do not stand before values"),
    "accessor": (
        lens(lambda it: it["visualization"]["columns"][0].update(columnId="gone")), "gone is shown and is no column",
    ),
    "layer": (lens(lambda it: it["visualization"].update(layerId="gone")), "the drawing names layer gone"),
    "layer's view": (
        lens(lambda it: it["datasourceStates"]["formBased"]["layers"].update(other={"columns": {}, "columnOrder": []})),
        "layer other has no reference",
    ),
    "count": (layer(lambda it: it["columns"]["n"].update(sourceField="state")), "count of state"),
    "field": (layer(lambda it: it["columns"]["took"].update(sourceField="duration")), "no field duration"),
    "sorted by": (
        layer(lambda it: it["columns"]["sweep"]["params"]["orderBy"].update(columnId="gone")), "sorted by gone",
    ),
    "bucket": (layer(lambda it: it["columns"]["took"].update(isBucketed=True)), "isBucketed is wrong"),
    "operation": (layer(lambda it: it["columns"]["took"].update(operationType="mean")), "operation mean"),
    "context": (vega(lambda it: it["data"][0]["url"].update({"%context%": False})), "filters and time"),
    "query": (vega(lambda it: it["data"][0]["url"]["body"].update(query={})), "which Kibana refuses"),
    "index": (vega(lambda it: it["data"][0]["url"].update(index="other-trials")), "asks the index other-trials"),
    "web": (vega(lambda it: it["data"][0].update(url="https://example.org/data.json")), "asks the web"),
    "property": (vega(lambda it: it["data"][0].update(format={})), "where in the answer"),
    "Vega field": (
        vega(
            lambda it: it["data"][0]["url"]["body"]["aggs"]["failed"]["aggs"]["groups"]["terms"].update(field="group")
        ),
        "the template of trials has no field group",
    ),
    "query's field": (
        lens(lambda it: it["query"].update(query="_exists_:sweep")), "asks for sweep, which the template has not",
    ),
    "column's query": (
        layer(lambda it: it["columns"]["failed"]["filter"].update(query="stat:failed OR state:(a OR b)")),
        "asks for stat, which",
    ),
    "language": (lens(lambda it: it["query"].update(language="kuery")), "of the language kuery"),
    "no number": (layer(lambda it: it["columns"]["took"].update(sourceField="model")), "which is no number"),
    "no time": (
        layer(lambda it: it["columns"]["took"].update(operationType="date_histogram", isBucketed=True)), "is no time",
    ),
    "text": (layer(lambda it: it["columns"]["sweep"].update(sourceField="log")), "terms of log, which is text"),
    "sort field": (
        layer(lambda it: it["columns"]["metric"]["params"].update(sortField="seed")), "sortField is no field of time",
    ),
    "control's reference": (
        overview(lambda it: it["references"].append({**it["references"][-1], "name": "controlGroup_gone:x"})),
        "controlGroup_gone:x belongs to nothing",
    ),
    "Vega query": (
        vega(lambda it: it["data"][0]["url"]["body"].update(post_filter={"terms": {"stat": ["failed"]}})),
        "the template of trials has no field stat",
    ),
    "not asked": (
        vega(lambda it: it["data"][0].update(transform=[{"type": "formula", "expr": 'datum.fields["gone"][0]'}])),
        "reads gone, which it does not ask for",
    ),
    "Vega 6": (vega(lambda it: it.update({"$schema": "https://vega.github.io/schema/vega/v6.json"})), "$schema"),
    "time": (lambda objects: objects[0]["attributes"].update(timeFieldName="time"), "timeFieldName"),
    "title": (lambda objects: objects[0]["attributes"].update(title="blueno-*"), "which is no alias"),
    "format": (lambda objects: objects[0]["attributes"].update(fieldFormatMap='{"bytes": {}}'), "no field bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_caught(name: str) -> None:
    make, words = MISTAKES[name]
    objects = copy.deepcopy(whole())
    make(objects)
    found = problems(objects, PREFIX)
    assert any(words in problem for problem in found), found


def test_each_mistake_is_one() -> None:
    assert problems(whole(), PREFIX) == []
