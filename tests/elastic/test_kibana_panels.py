"""Every panel, over a real server: what it asks is answered with what the data holds, and every Vega panel is drawn."""

from __future__ import annotations

import json
import math
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from blueno.elastic.fields import KINDS
from blueno.elastic.kibana.axes import Axis, Facts
from blueno.elastic.kibana.bundle import dashboards
from blueno.elastic.kibana.curves import MOST_CURVES
from blueno.elastic.kibana.saved import Dashboard, Panel
from blueno.elastic.kibana.scatter import is_discrete
from blueno.elastic.kibana.slots import MOMENTS
from blueno.elastic.kibana.sweep import dashboard_id
from blueno.elastic.templates import alias

from ..elastic_server import Server
from . import kibana_data as data
from . import kibana_drawing as drawing
from .lens_answers import answer, expected, values

PREFIX = "PREFIX"
CHOSEN = "02" * 32  # a config of which one replicate failed


class Place(NamedTuple):
    server: Server
    prefix: str
    documents: data.Documents


@pytest.fixture(scope="module")
def place(server: Server) -> Iterator[Place]:
    prefix, found = f"t{uuid.uuid4().hex[:10]}", data.documents()
    data.fill(server, prefix, found)
    yield Place(server, prefix, found)
    for kind in KINDS:
        server.ask("DELETE", f"/{prefix}-{kind}-v1")
        server.ask("DELETE", f"/_index_template/{prefix}-{kind}")


def made(prefix: str, facts: Facts | None = None) -> list[Dashboard]:
    return dashboards(prefix, [facts or data.facts()])


def panels(kind: str) -> list[Any]:
    """Where the panels of a kind are: dashboard and panel."""
    found = [
        (board.id.removeprefix(PREFIX), panel.id)
        for board in made(PREFIX) for row in board.rows for panel in row if panel.kind == kind
    ]  # fmt: skip
    return [pytest.param(*each, id="-".join(each)) for each in found]


def the(prefix: str, board: str, panel: str, facts: Facts | None = None) -> tuple[Dashboard, Panel]:
    [found] = [each for each in made(prefix, facts) if each.id == prefix + board]
    [inner] = [each for row in found.rows for each in row if each.id == panel]
    return found, inner


def ours(board: Dashboard, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents that a dashboard's filter leaves, and the choice of a config where one is made above the panels."""
    if board.id.endswith("config"):
        return [each for each in documents if each["config_id"] == CHOSEN]
    if board.filter is None:
        return documents
    return [each for each in documents if "digits" in (*each.get("sweeps", []), each.get("sweep"))]


def narrowed(board: Dashboard) -> dict[str, Any] | None:
    """The same as a query."""
    queries = [board.filter[1]] if board.filter else []
    queries += [{"term": {"config_id": CHOSEN}}] if board.id.endswith("config") else []
    return {"bool": {"filter": queries}} if queries else None


def test_the_documents_are_of_the_list_of_fields() -> None:
    found = data.documents()
    for kind in KINDS:
        assert [data.unlisted(kind, each) for each in found[kind]] == [[]] * len(found[kind])
    assert data.unlisted("trials", {"loss": 1, "hp": {"num": {"a.b": 1}}, "host": {"disk": 1}}) == ["loss", "host.disk"]


# ---- Lens


@pytest.mark.parametrize(("board", "panel"), panels("lens"))
def test_lens_panel(place: Place, board: str, panel: str) -> None:
    where, it = the(place.prefix, board, panel)
    [view] = {each["id"] for each in it.content["references"]}
    kind = next(kind for kind in KINDS if view == f"{alias(place.prefix, kind)}-view")
    found = answer(place.server, alias(place.prefix, kind), it.content, narrowed(where))
    wanted = expected(ours(where, place.documents[kind]), it.content)
    assert wanted, "the documents should show something here"
    assert any(value not in (0, None) for row in wanted for value in row.values())
    assert_same(found, wanted)


def assert_same(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    def order(row: dict[str, Any]) -> str:
        return json.dumps([value for value in row.values() if isinstance(value, str | int)][:3])

    assert len(found) == len(wanted)
    for one, other in zip(sorted(found, key=order), sorted(wanted, key=order), strict=True):
        assert one == {
            name: value if isinstance(value, str) or value is None else pytest.approx(value)
            for name, value in other.items()
        }


def test_the_table_of_configs_has_the_best_first(place: Place) -> None:
    for direction, pick in (("maximize", max), ("minimize", min)):
        facts = data.facts(direction)
        [board] = [each for each in made(place.prefix, facts) if each.filter and not each.id.endswith("config")]
        [table] = [each for row in board.rows for each in row if each.id == "configs"]
        rows = answer(place.server, alias(place.prefix, "configs"), table.content, board.filter and board.filter[1])
        means = [each["objective"]["mean"] for each in place.documents["configs"] if "mean" in each["objective"]]
        assert rows[0]["mean"] == pytest.approx(pick(means))
        assert [row["mean"] for row in rows] == sorted((row["mean"] for row in rows), reverse=direction == "maximize")


# ---- Vega


def rows(place: Place, kind: Any, state: str = "") -> list[dict[str, Any]]:
    """The documents of `digits`, or those in a state."""
    found = [each for each in place.documents[kind] if "digits" in (*each.get("sweeps", []), each.get("sweep"))]
    return [each for each in found if not state or each["state"] == state]


def reached(place: Place) -> list[dict[str, Any]]:
    return [each for each in place.documents["configs"] if "mean" in each["objective"]]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_parallel_coordinates(place: Place, direction: str) -> None:
    facts = data.facts(direction)
    spec, _ = drawing_of(place, sweep_id(), "parallel", facts)
    marks = drawing.all_marks(spec)
    lines: Counter[str] = Counter(mark["stroke"] for kind, mark in marks if kind == "line")
    points = len(facts.axes) + 1
    assert sum(lines.values()) == len(reached(place)) * points, "a line for each config, a point for each axis"
    assert all(math.isfinite(mark["x"]) and math.isfinite(mark["y"]) for kind, mark in marks if kind == "line")
    last = [mark for kind, mark in marks if kind == "line"][-points:]
    values = [each["objective"]["mean"] for each in reached(place)]
    heights = sorted({round(mark["y"], 3) for kind, mark in marks if kind == "line" and mark["x"] == last[-1]["x"]})
    assert len(heights) == len({round(value, 9) for value in values})
    best_is_on_top = round(last[-1]["y"], 3) == (heights[0] if direction == "maximize" else heights[-1])
    assert best_is_on_top, "the best config is drawn last"


def test_a_config_without_a_value_ends_at_none(place: Place) -> None:
    facts = data.facts()
    dropout = Axis("hp.num.model.dropout", "dropout", True, False, [0.25])
    spec, _ = drawing_of(place, sweep_id(), "parallel", facts._replace(axes=[*facts.axes, dropout]))
    height = spec["height"]
    lines = [mark for kind, mark in drawing.all_marks(spec) if kind == "line"]
    x = sorted({round(mark["x"]) for mark in lines})[len(facts.axes)]
    bottom = max(mark["y"] for mark in lines)
    at_none = [mark for mark in lines if round(mark["x"]) == x and mark["y"] == bottom]
    assert len(at_none) == sum(each["model"] == "mlp" for each in reached(place))
    assert 0 < bottom <= height
    assert "none" in texts(spec)
    assert "none" not in texts(drawing_of(place, sweep_id(), "parallel")[0])


def test_the_heatmap_has_a_cell_for_each_pair(place: Place) -> None:
    facts = data.facts()
    first, second = facts.axes[:2]
    assert is_discrete(first) and is_discrete(second)
    spec, _ = drawing_of(place, sweep_id(), "heatmap")
    pairs = {(one(each, first.field), one(each, second.field)) for each in reached(place)}
    cells = [mark for kind, mark in drawing.all_marks(spec) if kind == "rect"]
    assert len(cells) == len(pairs)
    assert len({mark["fill"] for mark in cells}) > len(cells) // 2


def test_the_heatmap_cuts_many_numbers_into_bins(place: Place) -> None:
    first, second, third = data.facts().axes
    many = [value * step for value in first.values for step in (1, 1.5, 2)]
    axes = [first._replace(values=many), third._replace(values=list(range(16, 257, 4)), log=False), second]
    spec, _ = drawing_of(place, sweep_id(), "heatmap", data.facts()._replace(axes=axes))
    assert first.numeric and third.numeric
    bins = {
        (math.floor(math.log10(one(each, first.field)) * 3 + 1e-9), one(each, third.field) // 50)
        for each in reached(place)
    }
    cells = [mark for kind, mark in drawing.all_marks(spec) if kind == "rect"]
    assert len(cells) == len(bins)
    assert all(mark["width"] > 1 and mark["height"] > 1 for mark in cells)


def test_the_objective_against_each_axis(place: Place) -> None:
    for number, axis in enumerate(data.facts().axes):
        spec, _ = drawing_of(place, sweep_id(), f"against{number}")
        marks = Counter(kind for kind, _ in drawing.all_marks(spec))
        values = {one(each, axis.field) for each in reached(place)}
        assert marks["symbol"] == len(reached(place)) + len(values), "a point for each config, one for each mean"
        assert marks["line"] == (len(values) if axis.numeric else 0), "words have no way from one to the next"


@pytest.mark.parametrize(("direction", "pick"), [("maximize", max), ("minimize", min)])
def test_best_so_far(place: Place, direction: str, pick: Any) -> None:
    spec, _ = drawing_of(place, sweep_id(), "best", data.facts(direction))
    found = rows(place, "trials", "succeeded")
    marks = drawing.all_marks(spec)
    assert sum(kind == "symbol" for kind, _ in marks) == len(found)
    line = [mark for kind, mark in marks if kind == "line"]
    assert len(line) == len(found)
    heights = [mark["y"] for mark in line]
    assert heights == sorted(heights, reverse=direction == "maximize"), "it never gets worse"
    so_far = [pick(each["metrics"]["val_accuracy"] for each in found[: place_ + 1]) for place_ in range(len(found))]
    assert len({round(each, 4) for each in heights}) == len(set(so_far))


def test_learning_curves_of_the_best(place: Place) -> None:
    spec, answered = drawing_of(place, sweep_id(), "curves")
    ended = [each for each in place.documents["epochs"] if each["split"] == "val" and "digits" in each["sweeps"]]
    best: dict[str, float] = {}
    for each in ended:
        best[each["config_id"]] = max(best.get(each["config_id"], 0.0), each["metrics"]["accuracy"])
    wanted = sorted(best, key=lambda config: -best[config])[:MOST_CURVES]
    buckets = answered["aggregations"]["split"]["configs"]["buckets"]
    assert [each["best"]["value"] for each in buckets] == pytest.approx([best[config] for config in wanted])
    assert Counter(kind for kind, _ in drawing.all_marks(spec))["line"] == MOST_CURVES * data.EPOCHS
    first = [each for each in ended if each["config_id"] == buckets[0]["key"] and each["epoch"] == 1]
    mean = sum(each["metrics"]["accuracy"] for each in first) / len(first)
    assert buckets[0]["epochs"]["buckets"][0]["value"]["value"] == pytest.approx(mean)


def test_learning_curves_of_one_config(place: Place) -> None:
    config = reached(place)[-1]["config_id"]
    trials = {each["trial_id"] for each in place.documents["epochs"] if each["config_id"] == config}
    for panel in ("curves0", "curves1"):
        where, it = the(place.prefix, "-config", panel)
        assert where.filter is None
        answered = drawing.answer(place.server, it.content, {"term": {"config_id": config}})
        marks = Counter(kind for kind, _ in drawing.all_marks(drawing.filled(it.content, answered)))
        assert marks["line"] == len(trials) * 2 * data.EPOCHS, "train and val of each replicate"


@pytest.mark.parametrize("board", ["-failures", "sweep"])
def test_failures_with_the_newest_message(place: Place, board: str) -> None:
    spec, answered = drawing_of(place, sweep_id() if board == "sweep" else board, "messages")
    failed = rows(place, "trials", "failed")
    groups = Counter(each["error"]["group"] for each in failed)
    buckets = answered["aggregations"]["failed"]["groups"]["buckets"]
    assert {each["key"]: each["doc_count"] for each in buckets} == groups
    shown = texts(spec)
    for group, count in groups.items():
        newest = max((each for each in failed if each["error"]["group"] == group), key=lambda each: each["@timestamp"])
        assert {
            " ".join(newest["error"]["message"].split()),
            newest["host"]["name"],
            newest["name"],
            str(count),
        } <= shown
    assert "nothing has failed" not in shown


def test_busy_slots(place: Place) -> None:
    where, it = the(place.prefix, "-machines", "busy")
    ended = {"bool": {"must_not": [{"term": {"state": "running"}}]}}
    spec = drawing.filled(it.content, drawing.answer(place.server, it.content, ended))
    bars = [mark for kind, mark in drawing.all_marks(spec) if kind == "rect"]
    times = [
        (each["host"]["name"], each["host"]["slot"], milliseconds(each["started"]), milliseconds(each["finished"]))
        for each in place.documents["trials"] if "finished" in each
    ]  # fmt: skip
    first, last = min(each[2] for each in times), max(each[3] for each in times)
    step = max(1000.0, (last - first) / MOMENTS)
    busy = {
        (host, moment)
        for host, _, begun, ended_ in times
        for moment in range(math.ceil((begun - first) / step), math.floor((ended_ - first) / step) + 1)
    }
    assert len(bars) == len(busy)
    assert len({mark["fill"] for mark in bars}) == 3
    assert where.filter is None


@pytest.mark.parametrize(("board", "panel"), panels("vega"))
def test_nothing_throws_where_there_is_nothing(place: Place, board: str, panel: str) -> None:
    """No documents at all, and documents that lack every field."""
    _, it = the(place.prefix, board, panel)
    empty = drawing.answer(place.server, it.content, {"term": {"store": "nobody"}})
    assert (
        drawing.drawn(drawing.filled(it.content, empty)).total()
        == drawing.drawn(drawing.filled(it.content, empty))["text"]
    )
    if "hits" in drawing.asked(it.content)["format"]["property"].split(".")[0]:
        bare = {"hits": {"hits": [{"_id": "a"}, {"_id": "b", "fields": {}}]}}
        assert not {"line", "rect", "symbol"} & set(drawing.drawn(drawing.filled(it.content, bare)))


def drawing_of(place: Place, board: str, panel: str, facts: Facts | None = None) -> tuple[Any, Any]:
    """A panel's spec with the server's answer in it, and the answer."""
    where, it = the(place.prefix, board, panel, facts)
    found = drawing.answer(place.server, it.content, where.filter and where.filter[1])
    return drawing.filled(it.content, found, (it.width * 18, it.height * 20)), found


def texts(spec: Any) -> set[str]:
    return {str(mark.get("text")) for kind, mark in drawing.all_marks(spec) if kind == "text"}


def sweep_id() -> str:
    return dashboard_id("", "digits")


def one(document: dict[str, Any], field: str) -> Any:
    return values(document, field)[0]


def milliseconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp() * 1000
