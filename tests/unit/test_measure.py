"""Metrics that are asked for after their trials were done."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.commands.results import table_of
from blueno.commands.show import show
from blueno.loop import settled
from blueno.scheduler import idle
from blueno.store import ledger, measuring, read, requests
from blueno.store.asked import Measured, asked, item, lacking, values
from blueno.store.migrations import m001_first, m002_kept_and_measured
from blueno.store.submit import submit

from .plans import failure, good_result, small_plan
from .test_scheduler import Bench

LINEAR, QUADRATIC = ({"cohen_kappa": {"weights": weights, "as": "kappa"}} for weights in ("linear", "quadratic"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def works(value: float | None = 0.9, kept: bool = True, error: Any = None) -> Callable[[dict[str, Any]], Any]:
    """Outcomes: trials measure what they are asked for, as `len(name)`, and leave predictions; metrics asked for later
    are `value`, or fail with `error`.
    """

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        if message["kind"] == "measure":
            return measured(message, value, error)
        result = good_result(message["trial"], message["attempt"])
        result["metrics"] |= {item(each).name: float(len(item(each).name)) for each in message["metrics"]}
        if kept:
            key = f"{message['trial'][:2]}/{message['trial']}/1/predictions.npz"
            result["artefacts"] = {"predictions": {"key": key, "sha256": "0" * 64, "bytes": 3}}
        return result

    return outcome


def measured(message: dict[str, Any], value: float | None, error: Any = None) -> dict[str, Any]:
    ids = [each["id"] for each in message["metrics"]]
    answer = {"kind": "measured", **{key: message[key] for key in ("sweep", "trial", "attempt")}}
    if error:
        return {**answer, "metrics": {}, "notes": {}, "errors": dict.fromkeys(ids, error)}
    notes = {id: f"{id} is undefined: no reason" for id in ids if value is None}
    return {**answer, "metrics": dict.fromkeys(ids, value), "notes": notes, "errors": {}}


def run(bench: Bench, outcome: Callable[[dict[str, Any]], dict[str, Any]]) -> list[str]:
    """Runs to the end; the kinds of messages that workers got."""
    kinds: list[str] = []
    bench.run(lambda message: (kinds.append(message["kind"]), outcome(message))[1])
    return kinds


def metrics(bench: Bench, sweep: int) -> list[dict[str, float | None]]:
    return [row.metrics for row in read.rows_of(bench.db, sweep)]


def test_a_metric_added_later_is_measured_without_training(bench: Bench) -> None:
    bench.submit()
    run(bench, works())
    before = bench.db.execute("SELECT id, attempt, starts FROM trials").fetchall()
    sweep = bench.submit(metrics=["val_f1"])
    assert not settled(bench.db, sweep)
    assert (ledger.ledger(bench.db, sweep).measuring, ledger.ledger(bench.db, sweep).finished) == (3, False)
    assert run(bench, works(0.9)) == ["measure"] * 3
    assert metrics(bench, sweep) == [{"val_score": 0.5, "val_f1": 0.9}] * 3
    assert bench.counts(sweep) == {"succeeded": 3}
    assert ledger.ledger(bench.db, sweep).finished and settled(bench.db, sweep)
    assert bench.db.execute("SELECT id, attempt, starts FROM trials").fetchall() == before
    kinds = [row["detail"] for row in bench.db.execute("SELECT detail FROM events WHERE kind = 'measured'")]
    assert kinds == ["val_f1"] * 3


def test_it_is_measured_once(bench: Bench) -> None:
    bench.submit(metrics=["val_f1"])
    run(bench, works())
    for _ in range(2):
        bench.submit(metrics=["val_f1", "val_recall"])
        first = run(bench, works(None))
        bench.submit(metrics=["val_f1", "val_recall"])
        assert run(bench, works()) == []  # undefined is an answer, too
    assert first == []


def test_an_objective_may_be_measured_later(bench: Bench) -> None:
    bench.submit(values=(1, 2))
    run(bench, works())
    sweep = bench.submit(values=(1, 2), objective={"metric": "val_f1", "direction": "maximize"})
    worth = {1: 0.3, 2: 0.8}
    recipes = {row["id"]: json.loads(row["recipe"]) for row in bench.db.execute("SELECT id, recipe FROM trials")}
    run(bench, lambda m: measured(m, worth[recipes[m["trial"]]["model"]["x"]]))
    table = table_of(bench.db, read.sweep_by_number(bench.db, sweep))
    assert [row["mean"] for row in table["rows"]] == [0.8, 0.3]


def test_the_same_name_with_other_parameters_is_another_metric(bench: Bench) -> None:
    first = bench.submit(metrics=[LINEAR])
    run(bench, works())
    second = bench.submit(metrics=[QUADRATIC])
    assert run(bench, works(0.4)) == ["measure"] * 3
    assert [row["val_kappa"] for row in metrics(bench, first)] == [9.0] * 3
    assert [row["val_kappa"] for row in metrics(bench, second)] == [0.4] * 3
    trial = bench.db.execute("SELECT id FROM trials").fetchone()["id"]
    named = show(bench.db, bench.root, trial)["metrics"]
    assert {name.partition("#")[0]: value for name, value in named.items() if "#" in name} == {"val_kappa": 0.4}
    assert named["val_kappa"] == 9.0


def test_a_plain_name_is_not_what_another_sweep_made_of_it(bench: Bench) -> None:
    bench.submit(metrics=[{"f1": {"average": "micro"}}])
    run(bench, works())
    plain, silent = bench.submit(metrics=["val_f1"]), bench.submit(metrics=[])
    run(bench, works(0.25))
    assert [row["val_f1"] for row in metrics(bench, plain)] == [0.25] * 3
    assert ["val_f1" in row for row in metrics(bench, silent)] == [False] * 3


def test_sweeps_that_share_trials_ask_for_all_of_their_metrics_at_once(bench: Bench) -> None:
    bench.submit(name="one", metrics=["val_f1"])
    bench.submit(name="two", metrics=["val_recall", QUADRATIC])
    assert run(bench, works()) == ["train"] * 3


def test_of_two_definitions_one_is_trained_with_and_the_other_measured_afterwards(bench: Bench) -> None:
    one, two = bench.submit(name="one", metrics=[LINEAR]), bench.submit(name="two", metrics=[QUADRATIC])
    assert sorted(run(bench, works(0.1))) == ["measure"] * 3 + ["train"] * 3
    assert [row["val_kappa"] for row in metrics(bench, one)] == [9.0] * 3
    assert [row["val_kappa"] for row in metrics(bench, two)] == [0.1] * 3


def test_a_sweep_that_comes_while_a_trial_runs_gets_its_metrics(bench: Bench) -> None:
    bench.submit(values=(1,))
    bench.steps(2)
    [(worker, message)] = bench.begin_all()
    sweep = bench.submit(values=(1,), metrics=["val_f1"])
    bench.executor.answer(worker, works()(message))
    bench.steps(1)
    assert run(bench, works(0.7)) == ["measure"]
    assert metrics(bench, sweep) == [{"val_score": 0.5, "val_f1": 0.7}]


def test_without_predictions_it_is_noted_once(bench: Bench) -> None:
    bench.submit()
    run(bench, works(kept=False))
    sweep = bench.submit(metrics=["val_f1"])
    assert run(bench, works()) == []
    bench.steps(1)
    assert ledger.ledger(bench.db, sweep).finished
    told = "val_f1 of 3 trials is not measured: its predictions were not kept"
    assert bench.said == [told]
    bench.submit(metrics=["val_f1"])
    bench.steps(1)
    assert bench.said == [told]
    trial = bench.db.execute("SELECT id FROM trials").fetchone()["id"]
    assert show(bench.db, bench.root, trial)["notes"] == ["val_f1 is not measured: its predictions were not kept"]
    assert metrics(bench, sweep) == [{"val_score": 0.5, "val_f1": None}] * 3


def test_what_training_could_not_give_is_not_asked_again(bench: Bench) -> None:
    bench.submit(metrics=["val_log_loss"])
    run(bench, lambda m: {**works()(m), "metrics": {"val_score": 0.5}})
    bench.submit(metrics=["val_log_loss"])
    assert run(bench, works()) == []


def test_a_metric_that_fails_is_told_once_and_asked_again_when_submitted_again(bench: Bench) -> None:
    bench.submit()
    run(bench, works())
    sweep = bench.submit(metrics=["own.py:cost"])
    assert run(bench, works(error=failure())) == ["measure"] * 3
    assert len(bench.said) == 1 and "cannot be measured: ValueError: no" in bench.said[0]
    assert bench.counts(sweep) == {"succeeded": 3}
    trial = bench.db.execute("SELECT id FROM trials").fetchone()["id"]
    assert show(bench.db, bench.root, trial)["notes"] == ["val_cost is not measured: ValueError: no"]
    bench.submit(metrics=["own.py:cost"])
    assert run(bench, works(0.5)) == ["measure"] * 3
    assert show(bench.db, bench.root, trial)["notes"] == []
    assert metrics(bench, sweep) == [{"val_score": 0.5, "val_cost": 0.5}] * 3


def test_a_dead_scheduler_costs_nothing_but_what_it_had_not_recorded(bench: Bench) -> None:
    bench.submit(values=tuple(range(6)))
    run(bench, works())
    sweep = bench.submit(values=tuple(range(6)), metrics=["val_f1"])
    bench.steps(2)
    worker, message = bench.executor.waiting()[0]
    bench.executor.answer(worker, measured(message, 0.9))
    bench.steps(1)
    bench.restart()
    assert measuring.count(bench.db, sweep) == 5
    assert run(bench, works(0.8)) == ["measure"] * 5
    assert sorted(row["val_f1"] for row in metrics(bench, sweep) if row["val_f1"]) == [0.8] * 5 + [0.9]


def test_a_worker_that_dies_over_it_is_not_asked_for_ever(bench: Bench) -> None:
    bench.submit(values=(1, 2))
    run(bench, works())
    sweep = bench.submit(values=(1, 2), metrics=["own.py:crash"])
    for _ in range(20):
        bench.steps(2)
        for worker, _ in bench.executor.waiting():
            bench.executor.die(worker, "killed by SIGSEGV")
        if idle(bench.scheduler):
            break
    assert ledger.ledger(bench.db, sweep).finished
    assert (
        "metrics are not measured, since it ends workers (killed by SIGSEGV); sweep again to try it again" in bench.said
    )
    bench.submit(values=(1, 2), metrics=["own.py:crash"])
    assert run(bench, works()) == ["measure"] * 2


def test_one_that_hangs_ends_with_the_time_of_a_trial(bench: Bench) -> None:
    limits = {"time_s": 60.0}
    bench.submit(values=(1,), resources=limits)
    run(bench, works())
    bench.submit(values=(1,), resources=limits, metrics=["own.py:hang"])
    bench.steps(2)
    assert len(bench.executor.waiting()) == 1
    bench.now += 61
    bench.steps(1)
    assert bench.db.execute("SELECT lost FROM to_measure").fetchone() is not None
    bench.steps(1)
    assert bench.db.execute("SELECT lost FROM to_measure").fetchone()["lost"] == 1


def test_stopping_takes_back_what_is_to_be_measured(bench: Bench) -> None:
    bench.submit()
    run(bench, works())
    sweep = bench.submit(metrics=["val_f1"])
    requests.append(bench.db, "stop", {"sweep": sweep, "now": False}, bench.now)
    bench.steps(1)
    assert run(bench, works()) == []
    assert ledger.ledger(bench.db, sweep).finished


def test_a_removed_sweep_takes_its_wishes_along(bench: Bench) -> None:
    bench.submit()
    run(bench, works())
    sweep = bench.submit(metrics=["val_f1"])
    bench.steps(2)
    requests.append(bench.db, "remove", {"sweep": sweep}, bench.now)
    bench.steps(1)
    run(bench, works())
    assert bench.db.execute("SELECT count(*) FROM measured").fetchone()[0] == 0
    assert bench.db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_what_is_measured_counts_for_what_is_kept(bench: Bench) -> None:
    bench.submit(values=(1, 2, 3), keep={"predictions": "all"})
    run(bench, works())
    objective = {"metric": "val_f1", "direction": "maximize"}
    sweep = bench.submit(values=(1, 2, 3), objective=objective, keep={"predictions": "best 1"})
    requests.append(bench.db, "remove", {"sweep": 1}, bench.now)
    recipes = {row["id"]: json.loads(row["recipe"]) for row in bench.db.execute("SELECT id, recipe FROM trials")}
    run(bench, lambda m: measured(m, recipes[m["trial"]]["model"]["x"] / 10))
    rows = bench.db.execute("SELECT trial FROM let_go WHERE name = 'predictions'").fetchall()
    gone = {recipes[row["trial"]]["model"]["x"] for row in rows}
    assert gone == {1, 2}  # none of them before it was measured
    assert bench.counts(sweep) == {"succeeded": 3}


def test_submission_says_how_many(bench: Bench) -> None:
    bench.submit()
    run(bench, works())
    assert submit(bench.db, small_plan(metrics=["val_f1"]), {}, "python", bench.now).measuring == 3


# ---- names and values


def test_items_are_told_apart_by_what_they_compute() -> None:
    assert item("val_f1") == ("val_f1", "val_f1", "val_f1")
    assert item("f1").id == "val_f1"
    assert item(LINEAR).name == item(QUADRATIC).name == "val_kappa"
    assert item(LINEAR).id != item(QUADRATIC).id
    assert item("own.py:cost").name == "val_cost"
    assert item("own.py:cost").id != item("other.py:cost").id
    assert item({"f1": {"as": "mine"}}).id != item({"recall": {"as": "mine"}}).id
    assert item({"train_f1": {}}).id == "train_f1"


def test_a_value_of_training_wins() -> None:
    wanted = asked(["val_f1"], "val_score")
    later = Measured({"val_f1": 0.1, "val_recall": 0.2}, {})
    assert values({"val_f1": 0.9, "val_score": 1.0}, later, wanted) == {"val_f1": 0.9, "val_score": 1.0}
    assert [each.name for each in lacking({"val_f1": None}, later, wanted)] == ["val_score"]


def test_older_stores_know_by_which_definition_was_measured() -> None:
    db = sqlite3.connect(":memory:")
    m001_first(db)
    db.execute(
        "INSERT INTO sweeps VALUES (1, 's', 'n', 1, 1, 'val_kappa', 'maximize', ?, '{}', '{}', '{}', '', '', '', '',"
        " '{}', '', '', '', NULL)",
        (json.dumps([LINEAR, "val_f1"]),),
    )
    db.execute("INSERT INTO trials (id, config, recipe) VALUES ('t', 'c', '{}')")
    db.execute("INSERT INTO sweep_trials VALUES (1, 't', 'c', 0, 'open')")
    told = json.dumps({"val_kappa": 0.5, "val_f1": 0.6})
    db.execute(
        "INSERT INTO results VALUES ('t', 0, 'succeeded', '', 1, ?, '[]', '{}', '[]', NULL, '', '', '', 1.0, 1, NULL,"
        " NULL, NULL, x'', x'')",
        (told,),
    )
    m002_kept_and_measured(db)
    id = item(LINEAR).id
    assert db.execute("SELECT trial, metrics, trained FROM measured").fetchall() == [
        ("t", json.dumps({id: 0.5}), json.dumps({"val_kappa": id}))
    ]
    db.close()
