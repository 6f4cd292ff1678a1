"""Proposals: a function of the spec and the recorded history, each made once, and the same after a crash."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from blueno.commands.sweep import submit_plan
from blueno.errors import MissingLibrary
from blueno.search.proposer import Memory, propose
from blueno.store import measuring, prunings, requests, searches
from blueno.store.ledger import ledger

from . import searched
from .specs import FUNCTION, compiled

MIXED = """\
model:
  function: job.py:train
  rate: {log_uniform: [1e-3, 1]}
  mode: {grid: [fast, slow]}
  one_of: [{a: {uniform: [0, 1]}}, {b: {range: [1, 5, 1]}, as: bee}]
"""
NUMBERS = "model: {function: job.py:train, rate: {uniform: [0.0, 1.0]}, size: {range: [1, 32, 1]}}\n"


def score(model: dict[str, Any]) -> float:
    return -((model["rate"] - 0.3) ** 2) - (model.get("a", 0.0) - 0.5) ** 2


@pytest.mark.parametrize(
    ("method", "where"),
    [("random", ""), ("tpe", ""), ("cmaes", ""), ("qmc", ""), ("nsga2", ""),
     ("tpe", "where: {score: {le: -0.2}}\n"), ("nsga2", "where: {score: {le: -0.2}}\n")],
)  # fmt: skip
def test_the_same_history_makes_the_same_proposals_with_and_without_a_memory(
    method: str, where: str, tmp_path: Path
) -> None:
    numbers = method in ("cmaes", "qmc")
    text = FUNCTION + where + f"search: {{method: {method}, configs: 40, seed: 5}}\n" + (NUMBERS if numbers else MIXED)
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    memories: dict[int, Memory] = {}
    while searches.is_open(db, sweep):
        here, _ = propose(db, memories, sweep, 5)
        again, _ = propose(db, {}, sweep, 5)
        assert here == again
        assert searches.record(db, sweep, here, time.time()) == 5
        assert searches.record(db, sweep, again, time.time()) == 0, "made from another history"
        searched.do_waiting(db, sweep, score, most=3)  # some are still running when the next are proposed
    searched.do_waiting(db, sweep, score)
    found = searches.rows(db, sweep)
    assert [row.number for row in found] == list(range(len(found)))
    assert len({row.config for row in found if row.kind == "new"}) == 40
    counts = ledger(db, sweep)
    assert counts.adds_up
    assert counts.succeeded == counts.planned == 40


def test_what_is_not_proposed_yet_is_queued_and_taken_back_by_a_stop(tmp_path: Path) -> None:
    text = FUNCTION + "seeds: 2\nsearch: {method: random, configs: 10}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    assert (ledger(db, sweep).queued, ledger(db, sweep).planned) == (20, 20)
    searches.record(db, sweep, propose(db, {}, sweep, 3)[0], time.time())
    searched.do_waiting(db, sweep, score)
    counts = ledger(db, sweep)
    assert (counts.queued, counts.succeeded, counts.adds_up) == (14, 6, True)
    searches.stop(db, sweep)
    counts = ledger(db, sweep)
    assert (counts.queued, counts.cancelled, counts.adds_up, counts.finished) == (0, 14, True, True)


def test_a_batch_that_comes_after_a_stop_is_not_recorded(tmp_path: Path) -> None:
    text = FUNCTION + "search: {method: random, configs: 10}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    batch, _ = propose(db, {}, sweep, 3)
    searches.stop(db, sweep)
    assert searches.record(db, sweep, batch, time.time()) == 0
    assert (ledger(db, sweep).queued, ledger(db, sweep).cancelled) == (0, 10)
    searches.resume(db, sweep)
    assert searches.record(db, sweep, batch, time.time()) == 3


@pytest.mark.parametrize("method", ["cmaes", "qmc"])
def test_what_is_asked_at_once_before_any_result_differs(method: str, tmp_path: Path) -> None:
    text = FUNCTION + f"search: {{method: {method}, configs: 16}}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    batch, _ = propose(db, {}, sweep, 8)
    assert [each["kind"] for each in batch] == ["new"] * 8


def test_what_waits_on_behalf_of_another_sweep_waits(tmp_path: Path) -> None:
    grid = FUNCTION + "model: {function: job.py:train, rate: 0.5, size: {range: [1, 8, 1]}}\n"
    db, other = searched.opened(compiled(grid, tmp_path), tmp_path)
    text = FUNCTION.replace("name: x", "name: y") + "search: {method: random, configs: 8}\n" + grid[len(FUNCTION) :]
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    db.execute("UPDATE sweeps SET paused = 'by a test' WHERE number = ?", (other,))
    searches.record(db, sweep, propose(db, {}, sweep, 5)[0], time.time())
    assert searches.waiting(db, sweep, 100) == 5
    assert db.execute("SELECT count(*) FROM trials WHERE sweep = ?", (sweep,)).fetchone()[0] == 5, "it can go on"


def test_first_on_an_axis_that_follows_another(tmp_path: Path) -> None:
    text = FUNCTION + "zip: [[model.a, model.b]]\nsearch: {method: tpe, configs: 2, first: [{model.b: 30}]}\n"
    text += "model: {function: job.py:train, a: {grid: [1, 2, 3]}, b: {grid: [10, 20, 30]}}\n"
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    [first] = propose(db, {}, sweep, 1)[0]
    assert (first["params"]["model"]["a"], first["params"]["model"]["b"]) == (3, 30)


def test_first_is_tried_first_and_in_the_alternatives_it_stands_in(tmp_path: Path) -> None:
    first = "first: [{model.rate: 0.5, model.b: 3}, {model.mode: slow}]"
    text = FUNCTION + f"search: {{method: tpe, configs: 4, {first}}}\n" + MIXED
    db, sweep = searched.run(compiled(text, tmp_path), tmp_path, score)
    one, two, *others = searches.rows(db, sweep)
    assert one.picks == {"model.rate": 0.5, "model": 1, "model.b": 2, "model.mode": one.picks["model.mode"]}
    assert two.picks["model.mode"] == 1
    assert [one.origin, two.origin, *(row.origin for row in others)] == ["first", "first", "startup", "startup"]


def test_a_small_space_is_tried_once_and_the_search_ends(tmp_path: Path) -> None:
    model = "model: {function: job.py:train, rate: {grid: [0.1, 0.2, 0.3]}, size: {range: [1, 4, 1]}}\n"
    text = FUNCTION + "search: {method: tpe, configs: 100}\n" + model + "exclude: [{model.rate: 0.1, model.size: 2}]\n"
    plan = compiled(text, tmp_path)
    assert plan.num_configs == 12  # of 100 that were asked for
    db, sweep = searched.run(plan, tmp_path, score)
    counts = ledger(db, sweep)
    assert (counts.succeeded, counts.cancelled, counts.adds_up) == (11, 1, True)


def test_earlier_trials_of_the_same_space_count(tmp_path: Path) -> None:
    grid = FUNCTION + "model: {function: job.py:train, rate: {linspace: [0.0, 1.0, 11]}, size: {grid: [3, 4]}}\n"
    db, _ = searched.opened(compiled(grid, tmp_path), tmp_path)
    searched.do_waiting(db, 1, score)
    search = "search: {method: tpe, configs: 5, warm_start: true}\n"
    text = FUNCTION.replace("name: x", "name: y") + search + NUMBERS
    db, sweep = searched.run(compiled(text, tmp_path), tmp_path, score)
    found = searches.rows(db, sweep)
    assert [row.origin for row in found] == ["warm_start"] * 22 + ["tpe"] * 5
    memories: dict[int, Memory] = {}
    propose(db, memories, sweep, 1)
    told = [(trial.params["model.rate"], trial.values) for trial in memories[sweep].study.trials[:22]]
    assert all(values == [score({"rate": rate})] for rate, values in told)


def test_a_proposal_that_is_known_is_not_trained_again(tmp_path: Path) -> None:
    grid = FUNCTION + "model: {function: job.py:train, rate: 0.5, size: {grid: [3, 4]}}\n"
    db, _ = searched.opened(compiled(grid, tmp_path), tmp_path)
    searched.do_waiting(db, 1, score)
    first = "first: [{model.rate: 0.5, model.size: 3}]"
    text = FUNCTION + f"search: {{method: random, configs: 3, {first}}}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    searches.record(db, sweep, propose(db, {}, sweep, 3)[0], time.time())
    counts = ledger(db, sweep)
    assert (counts.succeeded, counts.queued) == (1, 2)


def test_replicates_are_one_config_to_the_sampler(tmp_path: Path) -> None:
    text = FUNCTION + "seeds: 3\nsearch: {method: tpe, configs: 6}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    searches.record(db, sweep, propose(db, {}, sweep, 2)[0], time.time())
    searched.do_waiting(db, sweep, score, most=4)
    memories: dict[int, Memory] = {}
    propose(db, memories, sweep, 1)
    values = [trial.values for trial in memories[sweep].study.trials]
    assert values[0] is not None and values[1] is None, "one that is not complete is told"


def test_what_a_sampler_imports_when_it_is_asked_is_named(tmp_path: Path) -> None:
    if find_spec("torch") is not None:
        pytest.skip("PyTorch is installed")
    text = FUNCTION + "search: {method: gp, configs: 3, startup: 0}\n" + NUMBERS
    plan = compiled(text, tmp_path)
    db, sweep = searched.opened(plan, tmp_path)
    with pytest.raises(MissingLibrary, match="needs torch"):
        submit_plan(db, plan, tmp_path)
    searches.record(db, sweep, propose(db, {}, sweep, 1)[0], time.time())
    searched.do_waiting(db, sweep, score)
    with pytest.raises(MissingLibrary, match="needs torch") as caught:
        propose(db, {}, sweep, 2)
    assert caught.value.fix == "pip install torch"


# ---- what was told and is not so any more


@pytest.mark.parametrize("method", ["random", "tpe", "cmaes", "nsga2"])
def test_what_is_tried_again_or_pruned_is_told_as_a_restart_would_tell_it(method: str, tmp_path: Path) -> None:
    text = FUNCTION + f"seeds: 2\nsearch: {{method: {method}, configs: 30, seed: 5}}\nprune: {{method: median}}\n"
    db, sweep = searched.opened(compiled(text + NUMBERS, tmp_path), tmp_path)
    memories: dict[int, Memory] = {}
    retried, attempts = 0, 0
    while searches.is_open(db, sweep):
        here, _ = propose(db, memories, sweep, 3)
        assert here == propose(db, {}, sweep, 3)[0]
        searches.record(db, sweep, here, time.time())
        searched.do_waiting(db, sweep, lambda model: score(model) if model["size"] % 3 else None, most=4)
        row = db.execute("SELECT id, attempt FROM trials WHERE state = 'queued' ORDER BY rank LIMIT 1").fetchone()
        facts = {"epoch": 2, "value": 0.1}
        prunings.prune(db, sweep, row["id"], row["attempt"], 2, "poor", facts, time.time())
        attempts += 1
        if attempts % 3 == 0:
            seq = requests.append(db, "retry", {"sweep": sweep}, time.time())
            [request] = requests.waiting(db)
            retried += requests.work_off(db, request, time.time())["queued"]
            assert requests.answer(db, seq)
    assert retried > 3, "nothing was tried again"


def test_a_trial_that_is_queued_again_runs_to_the_sampler(tmp_path: Path) -> None:
    text = FUNCTION + "search: {method: tpe, configs: 9}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    memories: dict[int, Memory] = {}

    def states(count: int) -> list[str]:
        searches.record(db, sweep, propose(db, memories, sweep, count)[0], time.time())
        return [trial.state.name for trial in memories[sweep].study.trials[:2]]

    states(2)
    searched.do_waiting(db, sweep, lambda model: None)
    assert states(1) == ["FAIL", "FAIL"]
    requests.append(db, "retry", {"sweep": sweep}, time.time())
    requests.work_off(db, requests.waiting(db)[0], time.time())
    assert states(1) == ["RUNNING", "RUNNING"]
    searched.do_waiting(db, sweep, score)
    assert states(1) == ["COMPLETE", "COMPLETE"]


def test_what_is_still_to_be_measured_is_not_told(tmp_path: Path) -> None:
    grid = FUNCTION + "model: {function: job.py:train, rate: 0.5, size: {grid: [3, 4]}}\n"
    db, other = searched.opened(compiled(grid, tmp_path), tmp_path)
    searched.do_waiting(db, other, lambda model: {"score": 1.0})
    kept = '{"predictions": {"key": "k", "sha256": "", "bytes": 1}}'
    db.execute("UPDATE results SET artefacts = ?", (kept,))
    first = "first: [{model.rate: 0.5, model.size: 3}, {model.rate: 0.5, model.size: 4}]"
    text = FUNCTION.replace("name: x", "name: y").replace("score", "val_accuracy")
    text += f"search: {{method: random, configs: 3, {first}}}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    memories: dict[int, Memory] = {}
    searches.record(db, sweep, propose(db, memories, sweep, 2)[0], time.time())
    assert measuring.count(db, sweep) == 2

    def states() -> list[str]:
        propose(db, memories, sweep, 1)
        return [trial.state.name for trial in memories[sweep].study.trials[:2]]

    assert states() == ["RUNNING", "RUNNING"]
    binding = measuring.next_binding(db)
    assert binding is not None
    one, two = measuring.claim(db, "w", binding, 2, time.time())
    measuring.record(db, one, measuring.Found({"val_accuracy": 0.7}, {}, {}), "w", time.time())
    measuring.record(db, two, measuring.Found({"val_accuracy": None}, {"val_accuracy": "no"}, {}), "w", time.time())
    assert sorted(states()) == ["COMPLETE", "FAIL"]


def test_earlier_trials_that_are_removed_are_forgotten(tmp_path: Path) -> None:
    grid = FUNCTION + "model: {function: job.py:train, rate: {linspace: [0.0, 1.0, 4]}, size: 3}\n"
    db, other = searched.opened(compiled(grid, tmp_path), tmp_path)
    searched.do_waiting(db, other, score)
    text = FUNCTION.replace("name: x", "name: y") + "search: {method: tpe, configs: 9, warm_start: true}\n" + NUMBERS
    db, sweep = searched.opened(compiled(text, tmp_path), tmp_path)
    memories: dict[int, Memory] = {}
    searches.record(db, sweep, propose(db, memories, sweep, 1)[0], time.time())
    requests.append(db, "remove", {"sweep": other}, time.time())
    requests.work_off(db, requests.waiting(db)[0], time.time())
    assert propose(db, memories, sweep, 1) == propose(db, {}, sweep, 1)
    assert [trial.state.name for trial in memories[sweep].study.trials[:4]] == ["FAIL"] * 4
