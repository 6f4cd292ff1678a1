"""find --elastic gives the answers that find gives of the same data, and each trial once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.cli import run
from blueno.commands.find import find, find_document, find_elsewhere, find_text, record_document
from blueno.planning.describe import about_plan
from blueno.query.elastic import PATHS
from blueno.query.fields import FIELDS
from blueno.query.tree import QueryError
from blueno.settings import Settings
from blueno.store.submit import submit

from ..elastic_server import Server
from ..golden.plans import ROOT, compiled
from ..unit.plans import small_plan
from ..unit.test_scheduler import Bench, bad
from .stores import outcome, send_all, set_up, target


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    yield bench
    bench.db.close()


def settings(bench: Bench, server: Server, prefix: str) -> Settings:
    return Settings(bench.root, elastic_url=server.url, elastic_prefix=prefix)


def fill(bench: Bench) -> None:
    """Two sweeps that share trials: what succeeded, diverged, failed, waits and was taken back."""
    for plan in (
        small_plan(name="one", values=(1, 2, 3, 4, 5), seeds=2, tags=["night", "a b"]),
        small_plan(name="two", values=(5, 6)),
    ):
        submit(bench.db, plan, about_plan(plan), "python", bench.now)

    def of_its_x(message: dict[str, Any]) -> dict[str, Any]:
        x, seed = message["recipe"]["model"]["x"], message["recipe"]["seed"]
        if x == 3:
            return bad(message, "out_of_memory" if seed else "user_code")
        more: dict[str, Any] = {"duration_s": 60.0 * x, "epoch": x}
        if x == 4:
            more |= {"state": "diverged", "metrics": {"val_score": None, "val_f1": 0.5}, "nonfinite": ["val_score"]}
        if x == 2:
            more |= {"metrics": {"val_score": 0.25, "val_roc_auc": 0.9}}
        return outcome(message, **more)

    bench.run(of_its_x)
    waiting = small_plan(name="later", values=(7, 8))
    submit(bench.db, waiting, about_plan(waiting), "python", bench.now)
    submit(bench.db, waiting, about_plan(waiting), "python", bench.now, {waiting.trials[0].id})


QUERIES = (
    "", "score > 0.2", "not score > 0.2", "score != 0.25", "score <= 0.25 or score exists", "val_auc >= 0.9",
    "auc = 0.9",
    "not (val_auc exists)", "val_f1 in (0.5, 1) and not val_score exists", "nonfinite = val_score", "hp.x >= 3",
    "hp.x = 3 or hp.x in (7, 9)", "hp.x != 3", "not hp.x = 3", "hp.x = '3'", "hp.x ~ 3", "hp.model.x exists",
    "sweep = one and sweep = two", "sweep != one", "sweep not in (one, two)", "sweep ~ ON*", "not sweep ~ w",
    "tags = 'a b'", "tags exists", "tags != night", "not tags = night", "state = failed",
    "state in (queued, cancelled)",
    "state != succeeded", "error = user_code", "error != user_code", "not error = user_code", "error.type ~ VALUE",
    "error.message ~ N", "error.message ~ x", "not error.message ~ n", "not error.message ~ x",
    "not (error.message ~ n and seed = 1)", "error.message = no", "seed = 0", "seed < 0.5", "seed = 0.5",
    "fold exists", "epoch >= 2",
    "started exists", "started = 2026-01-01", "started < 2026-01-01", "started >= 2026-01-01T00:00",
    "finished > -1h", "duration > 2min", "duration = 60", "objective > 0.2", "metric = val_score", "engine = function",
    "engine != function", "host exists", "owner exists", "origin = blueno", "origin != blueno", "not origin ~ opt",
    "dataset exists", "model exists", "score > 0.2 and seed = 1 or state = queued",
)  # fmt: skip


def test_both_give_the_same_answers(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    fill(bench)
    send_all(bench, target(server, prefix))
    server.count(f"{prefix}-trials")
    where = settings(bench, server, prefix)
    answers: dict[str, int] = {}
    documents = (find_document("", find(bench.db, "")), find_document("", find_elsewhere(where, "")))
    assert json.dumps(documents[1]) == json.dumps(documents[0]), "in the same order, too"
    for query in QUERIES:
        here = [record_document(record) for record in find(bench.db, query)]
        there = [record_document(record) for record in find_elsewhere(where, query)]
        assert there == here, query
        answers[query] = len(here)
    assert answers[""] == 13 and 0 < answers["error != user_code"] < answers["not error = user_code"]
    assert sum(0 < count < 13 for count in answers.values()) > 30, "most of these queries tell trials apart"
    one = find(bench.db, "")[0].field("trial")[0]
    for query in (f"trial = {str(one)[:9]}", f"config = {find(bench.db, '')[0].field('config')[0]}"):
        assert [r.field("trial") for r in find_elsewhere(where, query)] == [
            r.field("trial") for r in find(bench.db, query)
        ]
    for sort in ("score", "-score", "hp.x", "-hp.x", "duration", "seed", "epoch", "val_auc", "state", "error"):
        both = (find(bench.db, "", sort), find_elsewhere(where, "", sort))  # with ties, and with trials that lack it
        order = [[record.field("trial")[0] for record in found] for found in both]
        assert order[0] == order[1] and len(order[0]) == 13, sort


@pytest.mark.parametrize("spec", ["digits", "language/steps", "language/training", "language/estimators"])
def test_parameters_are_those_of_the_spec_with_their_types_and_in_their_order(
    tmp_path: Path, server: Server, prefix: str, spec: str
) -> None:
    bench = Bench(tmp_path)
    plan = compiled(ROOT / f"specs/{spec}.yaml", tmp_path)
    submit(bench.db, plan, about_plan(plan), "python", bench.now)
    set_up(server, prefix)
    send_all(bench, target(server, prefix))
    server.count(f"{prefix}-trials")
    here, there = find(bench.db, ""), find_elsewhere(settings(bench, server, prefix), "")
    for ours, theirs in zip(here, there, strict=True):
        assert json.dumps(list(theirs.written().items())) == json.dumps(list(ours.written().items()))
        assert list(theirs.params()) == list(ours.params())
    assert find_text("", there, 50) == find_text("", here, 50)
    bench.db.close()


def test_a_trial_of_two_stores_is_found_once(tmp_path: Path, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where = None
    for name, done in (("first", True), ("second", False)):
        bench = Bench(tmp_path / name)
        bench.submit(values=(1, 2))
        if done:
            bench.run(outcome)
        send_all(bench, target(server, prefix))
        where = settings(bench, server, prefix)
        bench.db.close()
    assert where is not None
    server.count(f"{prefix}-trials")
    assert [record.field("state") for record in find_elsewhere(where, "")] == [("succeeded",)] * 2
    assert len(find_elsewhere(where, "state = queued")) == 2


def test_the_command_and_its_mistakes(
    bench: Bench, server: Server, prefix: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["find", "score > 0", "--elastic", "--root", str(bench.root)]) == 1
    assert "elastic_url" in capsys.readouterr().err
    set_up(server, prefix)
    fill(bench)
    send_all(bench, target(server, prefix))
    server.count(f"{prefix}-trials")
    monkeypatch.setenv("BLUENO_ELASTIC_URL", server.url)
    monkeypatch.setenv("BLUENO_ELASTIC_PREFIX", prefix)
    assert run(["find", "score > 0.5", "--elastic", "--json", "--root", str(bench.root)]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 1
    with pytest.raises(QueryError, match="no trial has a metric or field scoer"):
        find_elsewhere(settings(bench, server, prefix), "scoer > 1")
    assert run(["find", "hp.y > 1", "--elastic", "--root", str(bench.root)]) == 1
    assert "query:1:1: no trial has a parameter y" in capsys.readouterr().err


def test_every_field_of_queries_stands_in_documents() -> None:
    assert {*PATHS, "origin"} == set(FIELDS)
