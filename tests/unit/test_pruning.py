"""Trials that end early: what pruners decide, what is recorded of it, and how a trial hears of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from blueno.messages import Message
from blueno.scheduler import pruning
from blueno.search.judging import Judge, complete, ended, open_judge, reported
from blueno.store import engines, prunings, read, transitions
from blueno.store.ledger import ledger
from blueno.store.transitions import pack
from blueno.worker.epochs import EpochReport, is_due
from blueno.worker.inbox import Inbox

from . import searched
from .specs import FUNCTION, compiled

MODEL = "model: {function: job.py:train, rate: {grid: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}}\n"
SEED = (0, None)


def judge_of(prune: str, folder: Path, seeds: int = 1) -> tuple[Any, int, Judge]:
    plan = compiled(FUNCTION + f"seeds: {seeds}\nprune: {prune}\n" + MODEL, folder)
    db, sweep = searched.opened(plan, folder)
    return db, sweep, open_judge(db, sweep, plan.prune or {})


def curve(level: float, epochs: int = 10) -> list[list[Any]]:
    return [[epoch, level * epoch / epochs] for epoch in range(1, epochs + 1)]


def test_the_median_of_others_decides_from_the_epoch_that_is_said(tmp_path: Path) -> None:
    _, _, judge = judge_of("{method: median, after: 4, startup: 2}", tmp_path)
    for number, level in enumerate([0.8, 0.9, 1.0]):
        assert reported(judge, f"good{number}", SEED, curve(level)) is None
        ended(judge, f"good{number}", level, False)
    poor = reported(judge, "poor", SEED, curve(0.2))
    assert poor is not None
    assert poor.epoch >= 4
    assert poor.facts["others"] == 3
    assert "median" in poor.why
    assert reported(judge, "other", (1, None), curve(0.2)) is None, "replicates of another seed are no comparison"


def test_halving_keeps_the_best_at_each_rung_and_none_ends_after_the_last_epoch_that_is_said(tmp_path: Path) -> None:
    _, _, judge = judge_of("{method: asha, after: 2, factor: 2, epochs: 4}", tmp_path)
    assert reported(judge, "good", SEED, curve(1.0, 2)) is None
    poor = reported(judge, "poor", SEED, curve(0.5, 2))
    assert poor is not None and poor.epoch == 2
    late = [[epoch, 2.0 if epoch < 5 else 0.0] for epoch in range(1, 20)]
    assert reported(judge, "late", SEED, late) is None


@pytest.mark.parametrize(
    "prune",
    [
        "{method: percentile, percentile: 25.0, startup: 2}", "{method: hyperband, after: 1, epochs: 9}",
        "{method: patient, patience: 3, of: {method: median, startup: 2}}", "{method: patient, patience: 2}",
    ],
)  # fmt: skip
def test_each_pruner_of_optuna_judges(prune: str, tmp_path: Path) -> None:
    _, _, judge = judge_of(prune, tmp_path)
    ends = []
    for number in range(12):
        falling = [[epoch, 1.0 - number - 0.05 * number * epoch] for epoch in range(1, 10)]
        poor = reported(judge, f"t{number}", SEED, falling)
        ended(judge, f"t{number}", None if poor else falling[-1][1], poor is not None)
        ends.append(poor)
    assert ends[0] is None or "patient" in prune
    assert any(ends)


def test_configs_that_are_worse_fold_by_fold_are_left(tmp_path: Path) -> None:
    _, _, judge = judge_of("{method: wilcoxon, p_threshold: 0.2, startup: 3}", tmp_path, seeds=8)
    for step in range(1, 9):
        assert reported(judge, "good", (None, None), [[step, 1.0 + 0.01 * step]]) is None
    complete(judge, "good")
    found = [reported(judge, "poor", (None, None), [[step, 0.5 + 0.01 * step]]) for step in range(1, 9)]
    assert any(found)


def test_replicates_of_a_worse_config_end_and_a_new_judge_agrees(tmp_path: Path) -> None:
    db, sweep, judge = judge_of("{method: wilcoxon, p_threshold: 0.2, startup: 3}", tmp_path, seeds=8)
    row = db.execute("SELECT snapshot, interpreter, resources FROM sweeps").fetchone()
    engines.decide(db, None, row["resources"])
    trials = transitions.claim_trials(db, "w", transitions.Binding(*row), 100, time.time())
    assert len(trials) == 48
    scheduler: Any = SimpleNamespace(db=db, judges={}, reported={}, workers={}, tell=str)
    levels = {config: -number for number, config in enumerate(dict.fromkeys(each.config for each in trials))}
    for number, trial in enumerate(sorted(trials, key=lambda each: -levels[each.config])):
        if db.execute("SELECT state FROM trials WHERE id = ?", (trial.id,)).fetchone()[0] != "running":
            continue  # pruned meanwhile
        result = transitions.failed_result(trial.id, trial.attempt, {}, time.time()) | {
            "state": "succeeded", "error": None, "metrics": {judge.metric: levels[trial.config] + 0.01 * (number % 8)},
        }  # fmt: skip
        assert transitions.finish(db, result, "w", time.time())
        pruning.over(scheduler, trial, result, time.time())
    counts = ledger(db, sweep)
    assert counts.adds_up and counts.queued == counts.running == 0
    assert counts.succeeded >= 8 and counts.pruned >= 10
    again, live = open_judge(db, sweep, judge.prune), scheduler.judges[sweep]
    assert again.over == live.over == set(levels)


def test_a_trial_that_failed_and_is_tried_again_is_judged_anew(tmp_path: Path) -> None:
    _, _, judge = judge_of("{method: median, after: 1, startup: 1}", tmp_path)
    assert reported(judge, "t", SEED, curve(0.2, 2)) is None
    ended(judge, "t", None, False)
    assert reported(judge, "t", SEED, curve(0.9, 3)) is None
    ended(judge, "t", 0.9, False)
    assert judge.over == {"t"}


def test_a_new_judge_knows_the_whole_curves_of_those_that_went_on(tmp_path: Path) -> None:
    db, sweep, judge = judge_of("{method: median, after: 1, startup: 1}", tmp_path)
    searched.do_waiting(db, sweep, lambda model: model["rate"])
    name = prunings.monitored(judge.metric)[-1]
    for number, row in enumerate(db.execute("SELECT trial FROM results ORDER BY trial").fetchall()):
        history = pack(json.dumps({name: [1.0 - 0.1 * number] * 10}))
        db.execute("UPDATE results SET history = ? WHERE trial = ?", (history, row["trial"]))
    [study] = open_judge(db, sweep, judge.prune).studies.values()
    assert [len(each.intermediate_values) for each in study.trials] == [10] * 6


def test_a_pruned_trial_is_recorded_and_not_ranked_and_a_new_judge_knows_it(tmp_path: Path) -> None:
    db, sweep, judge = judge_of("{method: median, after: 4, startup: 2}", tmp_path)
    searched.do_waiting(db, sweep, lambda model: 1.0, most=3)
    row = db.execute("SELECT id, attempt FROM trials WHERE state = 'queued' ORDER BY rank LIMIT 1").fetchone()
    facts = {"epoch": 4, "value": 0.1, "values": curve(0.2, 4)}
    assert prunings.prune(db, sweep, row["id"], row["attempt"], 4, "median: too low", facts, time.time())
    counts = ledger(db, sweep)
    assert (counts.succeeded, counts.pruned, counts.queued, counts.adds_up) == (3, 1, 2, True)
    found = {each.id: each for each in read.rows_of(db, sweep)}
    assert (found[row["id"]].state, found[row["id"]].metrics) == ("pruned", {})
    assert [each["why"] for each in prunings.of_trial(db, row["id"])] == ["median: too low"]
    again = open_judge(db, sweep, judge.prune)
    assert row["id"] in again.over
    assert len(again.over) == 4


def test_what_another_sweep_wants_goes_on_for_it(tmp_path: Path) -> None:
    db, sweep, _ = judge_of("{method: median}", tmp_path)
    other = compiled(FUNCTION.replace("name: x", "name: y") + MODEL, tmp_path)
    from blueno.planning.describe import about_plan
    from blueno.store.submit import submit

    second = submit(db, other, about_plan(other), "python", time.time()).sweep
    row = db.execute("SELECT id, attempt FROM trials ORDER BY rank LIMIT 1").fetchone()
    assert not prunings.prune(db, sweep, row["id"], row["attempt"], 1, "poor", {}, time.time())
    assert db.execute("SELECT state, sweep FROM trials WHERE id = ?", (row["id"],)).fetchone()[:] == ("queued", second)
    assert (ledger(db, sweep).pruned, ledger(db, second).pruned) == (1, 0)
    assert transitions.queued(db, 10) == 6


# ---- what a worker says and hears

RULE = {"method": "median", "after": 2, "epochs": None, "interval": 2, "options": {}}
PRUNE: Message = {"metrics": ["stop_accuracy", "val_accuracy"], "at": [RULE]}


def test_a_trial_tells_each_epoch_and_asks_where_a_pruner_may_decide() -> None:
    said: list[Message] = []
    waits: list[float] = []

    def answer(timeout_s: float) -> str:
        waits.append(timeout_s)
        return "stop" if len(said) == 3 else "go"

    report = EpochReport({"trial": "t", "attempt": 1}, said.append, lambda: 0.0, prune=PRUNE, answer=answer)
    stops = [report(epoch, 9, {"val_accuracy": epoch / 10, "loss": 1.0}) for epoch in range(1, 5)]
    assert stops == [False, False, False, True]
    assert report.stopped
    assert [(message["since"], message["asks"]) for message in said] == [
        ([[1, 0.1]], False), ([[2, 0.2]], True), ([[3, 0.3], [4, 0.4]], True),
    ]  # fmt: skip
    assert [wait > 0 for wait in waits] == [False, True, False, True]


def test_the_stop_part_decides_if_there_is_one() -> None:
    said: list[Message] = []
    EpochReport({}, said.append, prune=PRUNE)(1, 9, {"val_accuracy": 0.5, "stop_accuracy": 0.7})
    assert said[0]["since"] == [[1, 0.7]]


def test_rungs_are_where_halving_decides() -> None:
    rule = {"method": "asha", "after": 3, "epochs": 30, "interval": 1, "options": {"min_resource": 3}}
    assert [epoch for epoch in range(1, 60) if is_due(rule, epoch)] == [3, 12]


def test_an_answer_is_heard_among_other_messages() -> None:
    inbox = Inbox()
    train: Message = {"kind": "train", "trial": "u", "attempt": 1}
    for message in (
        train,
        {"kind": "stop", "trial": "old", "attempt": 1},
        {"kind": "stop", "trial": "t", "attempt": 2},
    ):
        inbox.put(message)
    assert inbox.answer("t", 1, 0.0) == ""
    assert inbox.answer("t", 2, 1.0) == "stop"
    assert inbox.get() == train


def test_a_stop_for_a_trial_that_has_not_begun_is_not_lost() -> None:
    inbox = Inbox()
    running: Message = {"kind": "train", "trial": "t", "attempt": 1}
    waiting: Message = {"kind": "train", "trial": "u", "attempt": 1}
    again: Message = {"kind": "train", "trial": "u", "attempt": 2}
    for message in (running, waiting, {"kind": "stop", "trial": "u", "attempt": 1}, again):
        inbox.put(message)
    assert inbox.answer("t", 1, 0.0) == "", "the stop is not for the one that asks"
    assert [inbox.is_stopped(message) for message in (running, waiting, again)] == [False, True, False]


def test_a_search_learns_from_what_was_pruned(tmp_path: Path) -> None:
    text = FUNCTION + "search: {method: tpe, configs: 4}\nprune: {method: median}\n"
    text += "model: {function: job.py:train, rate: {uniform: [0.0, 1.0]}}\n"
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    from blueno.search.proposer import Memory, propose
    from blueno.store import searches

    searches.record(db, sweep, propose(db, {}, sweep, 2)[0], time.time())
    row = db.execute("SELECT id, attempt FROM trials ORDER BY rank LIMIT 1").fetchone()
    prunings.prune(db, sweep, row["id"], row["attempt"], 3, "poor", {"epoch": 3, "value": 0.25}, time.time())
    memories: dict[int, Memory] = {}
    propose(db, memories, sweep, 1)
    first = memories[sweep].study.trials[0]
    assert (first.state.name, first.intermediate_values) == ("PRUNED", {3: 0.25})
    assert json.dumps(searches.rows(db, sweep)[0].picks)
