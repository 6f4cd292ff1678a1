"""find: a query over the trials of all sweeps; sweep --only: a slice of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import short
from blueno.cli import run
from blueno.commands.find import find, find_text
from blueno.commands.sweep import sliced
from blueno.elastic.documents import Owner, documents
from blueno.errors import BluenoError
from blueno.planning.describe import about_plan
from blueno.query.fields import FIELDS
from blueno.query.planned import LOOKED_UP, slice_of
from blueno.query.tree import QueryError
from blueno.store import find as finding
from blueno.store import outbox
from blueno.store.submit import submit

from .command_line import document, failed_sweep, output, trials
from .plans import good_result, small_plan
from .specs import FUNCTION, NETWORK, compiled
from .test_scheduler import Bench, bad, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def ids(bench: Bench, query: str, sort: str | None = None) -> list[int]:
    """Which trials (counted in the order in which they came to the store) a query finds."""
    order = trials(bench)
    return [order.index(str(record.field("trial")[0])) for record in find(bench.db, query, sort)]


def tagged(bench: Bench, **plan: Any) -> None:
    """Submits with what is kept for people, tags among it."""
    made = small_plan(**plan)
    submit(bench.db, made, about_plan(made), "python", bench.now)


def scored(message: dict[str, Any]) -> dict[str, Any]:
    """A result as good as its x."""
    x = message["recipe"]["model"]["x"]
    return {**good_result(message["trial"], message["attempt"], x / 10), "duration_s": 60.0 * x}


def test_every_field_of_queries_is_one_of_records() -> None:
    assert set(finding.FIELDS) == set(FIELDS)
    assert set(LOOKED_UP) == {name for name, known in FIELDS.items() if known.planned}


def test_trials_of_all_sweeps_are_found(bench: Bench) -> None:
    tagged(bench, values=(1, 2, 3), name="one", tags=["night"])
    bench.submit(values=(3, 4), name="two", seeds=2)
    bench.run(scored)
    assert ids(bench, "score > 0.2") == [5, 4, 3, 2]
    assert ids(bench, "sweep = one and hp.x < 3") == [1, 0]
    assert ids(bench, "sweep = one and sweep = two") == [2]
    assert ids(bench, "tags = night or seed = 1", "hp.x") == [0, 1, 3, 2, 5]  # newest first among equals
    assert ids(bench, "duration >= 3min and seed = 0") == [4, 2]
    assert ids(bench, "objective > 0.35 and metric = val_score and origin = blueno") == [5, 4]
    assert ids(bench, "") == [5, 4, 3, 2, 1, 0]


def test_the_best_stand_first_and_what_lacks_the_field_last(bench: Bench) -> None:
    bench.submit(values=(2, 3, 1))
    bench.run(scored)
    bench.submit(values=(2, 3, 1, 7), name="more")
    assert ids(bench, "", "score") == [1, 0, 2, 3]
    assert ids(bench, "", "-score") == [2, 0, 1, 3]
    assert ids(bench, "", "hp.x") == [2, 0, 1, 3]
    assert ids(bench, "", "-hp.x") == [3, 1, 0, 2]


def test_what_failed_is_found_by_its_cause(bench: Bench) -> None:
    failed_sweep(bench)
    assert ids(bench, "state = failed") == [2, 1]
    assert ids(bench, "error = out_of_memory and error.type = ValueError and error.message ~ n") == [2]
    assert ids(bench, "state in (failed, diverged) and not error exists") == [3]
    assert ids(bench, "objective exists") == [0]


def test_what_failed_has_the_engine_that_it_would_have_succeeded_with(bench: Bench) -> None:
    (bench.root / "run.py").write_text("")
    kinds = "{architecture: mlp}, {estimator: 'sklearn.svm:SVC'}, {function: job.py:train}, {command: python run.py}"
    plan = compiled(f"{NETWORK}seeds: [0]\nmodel:\n  one_of: [{kinds}]\n", bench.root)
    submit(bench.db, plan, {}, "python", bench.now)
    engines = ("fit", "estimator", "function", "command")
    assert [ids(bench, f"engine = {name}") for name in engines] == [[], [1], [2], [3]]  # nobody has decided yet
    bench.run(lambda message: good(message) if message["kind"] == "build" else {**bad(message), "engine": ""})
    assert [ids(bench, f"engine = {name} and state = failed") for name in engines] == [[0], [1], [2], [3]]
    made = documents(outbox.part(bench.db, trials(bench)), Owner("s", "o"), str, {})
    sent = [each.source["engine"] for each in made if each.kind == "trials" and each.source]
    assert sent == list(engines)


def test_what_a_sweep_took_back_is_cancelled_and_nobodys_metrics_are_made_up(bench: Bench) -> None:
    bench.submit(values=(1, 2))
    bench.db.execute("UPDATE sweep_trials SET verdict = 'cancelled'")
    bench.db.execute("UPDATE trials SET state = 'idle'")
    assert ids(bench, "state = cancelled and not started exists") == [1, 0]


def test_a_metric_that_is_not_finite_is_missing(bench: Bench) -> None:
    bench.submit(values=(1,))
    lost = {"metrics": {"val_score": None, "val_f1": 0.5}, "nonfinite": ["val_score"], "state": "diverged"}
    bench.run(lambda message: {**scored(message), **lost})
    with pytest.raises(QueryError, match="no trial has a metric or field val_score"):
        find(bench.db, "val_score > 0")


def test_names_that_nothing_has_are_errors_however_the_query_came_out(bench: Bench) -> None:
    bench.submit(values=(1, 2))
    bench.run(scored)
    for query in ("seed = 7 and hp.y = 1", "hp.y = 1 or seed = 0", "not hp.y exists"):
        with pytest.raises(QueryError, match="no trial has a parameter y"):
            find(bench.db, query)
    assert ids(bench, "seed = 7 and hp.x = 1 and score > 0") == []
    with pytest.raises(QueryError, match="no trial has a metric or field scoer"):
        find(bench.db, "", "scoer")


def test_the_document_and_the_table(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    tagged(bench, values=(1, 2), tags=["night"])
    bench.run(scored)
    found = document(capsys, bench, "find", "val_score >= 0.2")
    assert found["query"] == "val_score >= 0.2" and found["count"] == 1
    [trial] = found["trials"]
    assert (trial["id"], trial["state"], trial["params"], trial["metrics"]) == (
        trials(bench)[1], "succeeded", {"model.x": 2}, {"val_score": 0.2},
    )  # fmt: skip
    assert trial["objective"] == {"metric": "val_score", "value": 0.2} and trial["tags"] == ["night"]
    assert (trial["seed"], trial["fold"], trial["started"]) == (0, None, "2026-01-01T00:00:00.000Z")
    lines = output(capsys, bench, "find", "score exists", "--sort", "score").splitlines()
    assert lines[0] == "2 trials" and lines[1].split() == ["trial", "x", "val_score"]
    assert lines[3].split() == [short(trials(bench)[1]), "2", "0.2000"]
    assert output(capsys, bench, "find", "score > 9") == "no trial is so\n"
    assert "the first 1 are shown" in output(capsys, bench, "find", "--top", "1")


def test_a_wrong_query_is_shown_with_its_place_also_as_json(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    told = document(capsys, bench, "find", "val_score == 1", code=1)["errors"][0]
    assert (told["file"], told["line"], told["column"], told["message"]) == ("query", 1, 11, "there is no ==")
    assert run(["find", "val_score == 1", "--root", str(bench.root)]) == 1
    assert "    |           ^\n" in capsys.readouterr().err


def test_a_query_without_quotes_is_shown_with_them(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for words, quoted in ((["hp.x", "=", "1"], "'hp.x = 1'"), (["sweep", "=", "a b"], """'sweep = "a b"'""")):
        assert run(["find", *words, "--root", str(bench.root)]) == 2
        assert f"QUERY is one argument, not 3: blueno find {quoted}\n" in capsys.readouterr().err


def test_a_narrow_table_leaves_columns_out_and_says_so(bench: Bench) -> None:
    bench.submit(values=(1, 2))
    bench.run(scored)
    text = find_text("", find(bench.db, ""), 9, width=26)
    assert max(map(len, text.splitlines()[:4])) <= 26 and text.endswith("no place for x: use a wider terminal")


# ---- sweep --only


def only(bench: Bench, query: str | None, **plan: Any) -> int:
    made = small_plan(**plan)
    chosen = None if query is None else slice_of(made, query)
    return submit(bench.db, made, {}, "python", bench.now, chosen).sweep


def test_a_slice_runs_and_the_rest_when_it_is_asked_for(bench: Bench) -> None:
    sweep = only(bench, "hp.x >= 2 and seed = 0", values=(1, 2, 3), seeds=2)
    assert bench.counts(sweep) == {"queued": 2, "cancelled": 4}
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 2, "cancelled": 4}
    assert only(bench, "seed = 0", values=(1, 2, 3), seeds=2) == sweep
    assert bench.counts(sweep) == {"queued": 1, "succeeded": 2, "cancelled": 3}
    assert only(bench, None, values=(1, 2, 3), seeds=2) == sweep
    assert bench.counts(sweep) == {"queued": 4, "succeeded": 2}
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 6}


def test_a_slice_takes_back_what_waits_but_not_from_others(bench: Bench) -> None:
    whole = bench.submit(values=(1, 2, 3), name="whole")
    other = bench.submit(values=(2,), name="other")
    assert only(bench, "hp.x = 1", values=(1, 2, 3), name="whole") == whole
    assert bench.counts(whole) == {"queued": 1, "cancelled": 2}
    assert bench.counts(other) == {"queued": 1}
    ran: list[int] = []
    bench.run(lambda message: (ran.append(message["recipe"]["model"]["x"]), good(message))[1])
    assert sorted(ran) == [1, 2]
    assert bench.counts(other) == {"succeeded": 1}


def test_what_is_done_stays_done_and_its_failures_are_not_repeated(bench: Bench) -> None:
    sweep = failed_sweep(bench)
    before = bench.counts(sweep)
    assert only(bench, "hp.x = 0", values=(0, 1, 2, 3)) == sweep
    assert bench.counts(sweep) == before


def test_a_slice_knows_only_what_is_known_before_training() -> None:
    plan = small_plan(values=(1, 2), seeds=2)
    [first] = slice_of(plan, f"trial = {plan.trials[0].id[:12]}")
    assert first == plan.trials[0].id
    assert len(slice_of(plan, f"config = {plan.configs[0].id} or hp.x = 2")) == 4
    for query, name in (("val_score > 1", "val_score"), ("state = failed", "state"), ("sweep = a", "sweep")):
        with pytest.raises(QueryError, match=f"{name} is not known of what is not trained yet"):
            slice_of(plan, query)
    with pytest.raises(QueryError, match="no trial has a parameter y"):
        slice_of(plan, "hp.y = 1")
    with pytest.raises(BluenoError, match="none of the 4 trials is so"):
        slice_of(plan, "hp.x = 3")


SPEC = """
version: 1
name: widths
objective: {maximize: score}
seeds: 2
model: {function: own.py:train, width: {grid: [1, 2, 3]}, depth: 4}
"""
CODE = """
from typing import Any
def train(trial: Any) -> dict[str, float]:
    return {"score": trial.params["width"] / 10 + trial.seed}
"""


def test_the_commands_on_a_real_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text(CODE)
    (tmp_path / "spec.yaml").write_text(SPEC)
    sweep = ["sweep", str(tmp_path / "spec.yaml"), "--root", str(tmp_path), "--executor", "inline", "--json"]
    assert run([*sweep, "--only", "hp.width > 1 and seed = 0"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["planned"], told["succeeded"], told["cancelled"], told["finished"]) == (6, 2, 4, True)
    assert run([*sweep, "--only", "hp.witdh > 1"]) == 1
    assert json.loads(capsys.readouterr().out)["errors"][0]["fix"] == "write hp.width"
    assert run(sweep) == 0
    assert json.loads(capsys.readouterr().out)["succeeded"] == 6
    assert run(["find", "score > 1 and model ~ train", "--sort", "score", "--root", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["trials"]
    assert [trial["metrics"]["score"] for trial in found] == pytest.approx([1.3, 1.2, 1.1])
    assert found[0]["params"]["model.depth"] == 4 and found[0]["engine"] == "function" and found[0]["host"]


def test_of_a_search_there_is_no_slice(tmp_path: Path) -> None:
    text = "search: {method: random, configs: 4}\nmodel: {function: job.py:train, rate: {uniform: [0.0, 1.0]}}\n"
    plan = compiled(FUNCTION + text, tmp_path)
    assert sliced(plan, None) is None
    with pytest.raises(BluenoError, match="a search does not know its own"):
        sliced(plan, "hp.rate > 0.5")
