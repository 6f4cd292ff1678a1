from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import canonical, digest_text
from blueno.errors import NotFound
from blueno.loop import settled
from blueno.planning import Snapshot
from blueno.scheduler import Scheduler, end, idle, step, take_over
from blueno.store import ledger, read, requests, transitions
from blueno.store.database import open_store
from blueno.store.submit import submit

from .plans import failure, good_result, small_plan
from .scripted import ScriptedExecutor, two_slots


class Bench:
    """A scheduler on a real store, with an executor that does what the test says and a clock that it sets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = 1_000_000.0
        self.db = open_store(root, self.now)
        self.said: list[str] = []
        self.restart()

    def restart(self, ready: bool = True) -> None:
        self.executor = ScriptedExecutor(ready)
        self.scheduler = Scheduler(self.db, self.root, self.executor, two_slots, self.time, self.said.append, self.time)
        take_over(self.db, self.root, self.now)

    def time(self) -> float:
        return self.now

    def submit(self, interpreter: str = "python", **plan: Any) -> int:
        return submit(self.db, small_plan(**plan), {}, interpreter, self.now).sweep

    def steps(self, count: int = 2) -> None:
        for _ in range(count):
            step(self.scheduler, 0.0)

    def begin_all(self) -> list[tuple[str, dict[str, Any]]]:
        """Workers say that they began what they hold first."""
        work = self.executor.waiting()
        for worker, message in work:
            if message["kind"] == "train":
                started = {"kind": "started", "trial": message["trial"], "attempt": message["attempt"]}
                self.executor.say(worker, started)
        self.steps(1)
        return work

    def run(self, outcome: Callable[[dict[str, Any]], dict[str, Any]], most: int = 100) -> None:
        """Steps until idle; each trial's result is `outcome(train message)`."""
        for _ in range(most):
            if idle(self.scheduler):
                return
            self.steps(1)
            for worker, message in self.begin_all():
                self.executor.answer(worker, outcome(message))
        raise AssertionError("the scheduler does not come to an end")

    def counts(self, sweep: int) -> dict[str, int]:
        found = ledger.ledger(self.db, sweep)
        assert found.adds_up
        return {state: count for state, count in found.counts().items() if count}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def good(message: dict[str, Any]) -> dict[str, Any]:
    if message["kind"] == "build":
        return built(message)
    return good_result(message["trial"], message["attempt"])


def built(message: dict[str, Any], error: Any = None) -> dict[str, Any]:
    return {
        "kind": "built", "dataset": message["dataset"], "duration_s": 1.0, "bytes": 10, "computed": [],
        "summary": {}, "model_errors": {}, "error": error,
    }  # fmt: skip


def bad(message: dict[str, Any], kind: str = "user_code", group: str = "g1") -> dict[str, Any]:
    return {**good_result(message["trial"], message["attempt"], state="failed"), "error": failure(kind, group)}


def test_a_sweep_runs_to_its_end(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2, 3, 4), seeds=2)
    assert bench.counts(sweep) == {"queued": 8}
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 8}
    assert ledger.ledger(bench.db, sweep).finished


def test_trials_are_claimed_in_the_order_of_the_plan(bench: Bench) -> None:
    bench.submit(values=(5, 3, 9, 1))
    order: list[int] = []

    def note(message: dict[str, Any]) -> dict[str, Any]:
        order.append(message["recipe"]["model"]["x"])
        return good(message)

    bench.run(note)
    assert order == [5, 3, 9, 1]


def test_submitting_again_runs_only_what_is_new(bench: Bench) -> None:
    bench.submit(values=(1, 2))
    bench.run(good)
    ran: list[int] = []
    sweep = bench.submit(values=(1, 2, 3))
    bench.run(lambda m: (ran.append(m["recipe"]["model"]["x"]), good(m))[1])
    assert ran == [3]
    assert bench.counts(sweep) == {"succeeded": 3}
    assert read.sweep_by_number(bench.db, sweep).revision == 2


def test_the_same_plan_is_the_same_sweep(bench: Bench) -> None:
    assert bench.submit() == bench.submit(tags=["other"])
    assert bench.submit() != bench.submit(metrics=["val_accuracy"])


def test_the_dataset_is_built_once_and_first(bench: Bench) -> None:
    bench.submit(values=(1, 2, 3, 4), data=True)
    kinds: list[str] = []
    bench.run(lambda m: (kinds.append(m["kind"]), good(m))[1])
    assert kinds == ["build", "train", "train", "train", "train"]


def test_architectures_are_tried_on_the_dataset_before_its_trials_start(bench: Bench) -> None:
    plan = small_plan(data=True)
    trials = [trial._replace(recipe=trial.recipe.replace('{"x"', '{"architecture":"cnn","x"')) for trial in plan.trials]
    sweep = submit(bench.db, small_plan(data=True, trials=trials), {}, "python", bench.now).sweep
    seen: list[str] = []

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        seen.append(message["kind"])
        if message["kind"] == "train":
            return good(message)
        assert len(message["models"]) == 3
        bad_model = next(model for model in message["models"] if '"x":2' in model)
        assert json.loads(bad_model) == [{}, {"architecture": "cnn", "x": 2}]
        return {**built(message), "model_errors": {bad_model: failure("model")}}

    bench.run(outcome)
    assert seen == ["build", "train", "train"]
    assert bench.counts(sweep) == {"succeeded": 2, "failed": 1}
    assert read.failures(bench.db, sweep)[0]["class"] == "model"


def test_an_architecture_is_tried_with_the_code_of_its_own_sweep(bench: Bench) -> None:
    def submit_with(code: str) -> int:
        plan = small_plan(name=code, values=(1,), data=True)
        recipe = {
            **json.loads(plan.trials[0].recipe),
            "code": {"model": code},
            "model": {"architecture": "net.py:build"},
        }
        text = canonical(recipe)
        trials = [plan.trials[0]._replace(id=digest_text(text), recipe=text)]
        snapshot = Snapshot(f"snapshots/{code}.zip", (), "")
        return submit(bench.db, plan._replace(trials=trials, snapshot=snapshot), {}, "python", bench.now).sweep

    first, second = submit_with("old"), submit_with("new")
    seen = []

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        if message["kind"] == "train":
            return good(message)
        seen.append([json.loads(model)[0]["model"] for model in message["models"]])
        return {**built(message), "model_errors": dict.fromkeys(message["models"], failure("model"))}

    bench.steps(3)
    worker, message = next((worker, m) for worker, m in bench.executor.waiting() if m["kind"] == "build")
    bench.executor.answer(worker, outcome(message))
    bench.steps(1)
    assert seen == [["old"]]
    assert bench.counts(first) == {"failed": 1}
    assert "failed" not in bench.counts(second)


def test_what_was_left_out_of_and_noticed_in_the_data_is_told_once(bench: Bench) -> None:
    bench.submit(data=True)
    bench.submit(name="other", data=True)
    summary = {"dropped": {"the target is missing": 45}, "remarks": ["one class has a single sample: seal"]}
    bench.run(lambda m: {**built(m), "summary": summary} if m["kind"] == "build" else good(m))
    assert sorted(bench.said) == [
        "45 samples are left out: the target is missing",
        "one class has a single sample: seal",
    ]


def test_trials_of_a_dataset_that_fails_have_failed_with_its_error(bench: Bench) -> None:
    sweep = bench.submit(data=True)
    bench.run(lambda m: built(m, failure("data")))
    assert bench.counts(sweep) == {"failed": 3}
    groups = read.failures(bench.db, sweep)
    assert [(group["class"], group["count"]) for group in groups] == [("data", 3)]


def test_a_worker_that_dies_costs_no_trial_until_the_third_time(bench: Bench) -> None:
    sweep = bench.submit(values=(1,))
    for death in (1, 2, 3):
        bench.steps(3)
        [(worker, _)] = bench.begin_all()
        bench.executor.die(worker, "killed by SIGSEGV")
        bench.steps(1)
        assert bench.db.execute("SELECT lost FROM trials").fetchone()[0] == death
    assert bench.counts(sweep) == {"failed": 1}
    [group] = read.failures(bench.db, sweep)
    assert group["class"] == "lost"
    assert "SIGSEGV" in group["error"]["message"]
    assert bench.db.execute("SELECT starts FROM trials").fetchone()[0] == 3


def test_what_a_dead_worker_had_not_begun_loses_nothing(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(40)))
    bench.scheduler.mean_s = 0.01
    bench.steps(2)
    worker = next(id for id, work in bench.executor.sent.items() if len(work) > 3)
    held = [message["trial"] for message in bench.executor.sent[worker]]
    message = bench.executor.sent[worker][0]
    bench.executor.say(worker, {"kind": "started", "trial": message["trial"], "attempt": message["attempt"]})
    bench.executor.die(worker)
    bench.scheduler.draining = True
    bench.steps(1)
    lost = dict(bench.db.execute("SELECT id, lost FROM trials").fetchall())
    assert [lost[trial] for trial in held] == [1] + [0] * (len(held) - 1)
    assert bench.counts(sweep)["running"] == sum(len(work) for work in bench.executor.sent.values())


def test_a_result_of_an_older_attempt_changes_nothing(bench: Bench) -> None:
    sweep = bench.submit(values=(1,))
    bench.steps(2)
    [(worker, message)] = bench.begin_all()
    late = good_result(message["trial"], message["attempt"], value=0.9)
    bench.restart()
    bench.steps(2)
    [(worker, message)] = bench.begin_all()
    assert message["attempt"] == late["attempt"] + 1
    bench.executor.say(worker, late)
    bench.steps(1)
    assert bench.counts(sweep) == {"running": 1}
    bench.executor.answer(worker, good_result(message["trial"], message["attempt"], value=0.1))
    bench.steps(1)
    assert bench.counts(sweep) == {"succeeded": 1}
    [row] = read.rows_of(bench.db, sweep)
    assert row.metrics == {"val_score": 0.1}


def test_a_trial_past_its_time_has_failed_and_the_others_go_on(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2, 3), resources={"time_s": 60.0})
    bench.steps(2)
    work = bench.begin_all()
    bench.now += 61
    bench.executor.answer(work[1][0], good(work[1][1]))
    bench.steps(3)
    assert bench.counts(sweep)["failed"] == 1
    bench.run(good)
    assert bench.counts(sweep) == {"failed": 1, "succeeded": 2}
    [group] = read.failures(bench.db, sweep)
    assert group["class"] == "timeout"


def test_first_trials_that_fail_alike_pause_the_sweep(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(20)))
    bench.run(bad)
    counts = bench.counts(sweep)
    assert counts["failed"] in (3, 4)  # the third decides; a fourth may have run beside it
    assert counts["queued"] == 20 - counts["failed"]
    assert "failed alike" in (read.sweep_by_number(bench.db, sweep).paused or "")
    assert any("paused" in line for line in bench.said)
    # Submitting again goes on; what failed waits for `retry`.
    bench.submit(values=tuple(range(20)))
    bench.restart()
    bench.run(good)
    assert bench.counts(sweep) == {"failed": counts["failed"], "succeeded": 20 - counts["failed"]}


def test_why_it_is_paused_is_one_line(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(6)))
    bench.run(lambda m: {**bad(m), "error": {**failure(), "message": "Input X contains NaN.\nA page of advice."}})
    paused = read.sweep_by_number(bench.db, sweep).paused
    assert paused == "its first 3 trials failed alike: ValueError: Input X contains NaN."


def test_a_point_that_its_code_calls_bad_pauses_nothing(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(6)))
    bench.run(lambda m: {**bad(m), "error": {**failure(), "type": "TrialFailed"}})
    assert bench.counts(sweep) == {"failed": 6}


def test_failures_of_different_kinds_pause_nothing(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(6)))
    bench.run(lambda m: bad(m, group=str(m["recipe"]["model"]["x"])))
    assert bench.counts(sweep) == {"failed": 6}


def test_later_failures_pause_nothing(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(9)))
    bench.run(lambda m: good(m) if m["recipe"]["model"]["x"] == 0 else bad(m))
    assert bench.counts(sweep) == {"succeeded": 1, "failed": 8}


def test_a_full_disk_pauses_and_loses_nothing(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2, 3))
    bench.run(lambda m: bad(m, "disk_full"))
    assert bench.counts(sweep) == {"queued": 3}
    assert read.sweep_by_number(bench.db, sweep).paused == "the disk is full"


def test_machine_failures_are_queued_again_by_submitting_others_wait_for_retry(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2))
    kinds = {1: "out_of_memory", 2: "user_code"}
    bench.run(lambda m: bad(m, kinds[m["recipe"]["model"]["x"]], str(m["recipe"]["model"]["x"])))
    bench.submit(values=(1, 2))
    assert bench.counts(sweep) == {"queued": 1, "failed": 1}
    bench.run(good)
    requests.append(bench.db, "retry", {"sweep": sweep}, bench.now)
    bench.steps(1)
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 2}


def test_stop_takes_back_what_waits_and_lets_run_what_runs(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(6)))
    bench.steps(2)
    work = bench.begin_all()
    requests.append(bench.db, "stop", {"sweep": sweep, "now": False}, bench.now)
    bench.steps(1)
    assert bench.counts(sweep) == {"running": 2, "cancelled": 4}
    for worker, message in work:
        bench.executor.answer(worker, good(message))
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 2, "cancelled": 4}
    bench.submit(values=tuple(range(6)))
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 6}


def test_stop_now_ends_what_runs(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(6)))
    bench.steps(2)
    bench.begin_all()
    requests.append(bench.db, "stop", {"sweep": sweep, "now": True}, bench.now)
    bench.steps(3)
    assert bench.counts(sweep) == {"cancelled": 6}
    assert bench.db.execute("SELECT DISTINCT state FROM trials").fetchall()[0][0] == "idle"


def stopped_while_they_hold_several(bench: Bench) -> tuple[int, set[str], set[str]]:
    """A sweep that another one is stopped beside, and trials: those that workers are on, which it wants, and the others
    that they held, which nobody does.
    """
    first = bench.submit(name="first", values=tuple(range(12)))
    bench.scheduler.mean_s = 0.001  # so that workers hold several
    bench.scheduler.first = {first: None}
    bench.steps(2)
    on = {message["trial"] for _, message in bench.begin_all()}
    held = {trial.id for worker in bench.scheduler.workers.values() for trial in worker.trials}
    recipes = {row["id"]: json.loads(row["recipe"]) for row in bench.db.execute("SELECT id, recipe FROM trials")}
    second = bench.submit(name="second", values=tuple(recipes[id]["model"]["x"] for id in on))
    requests.append(bench.db, "stop", {"sweep": first, "now": True}, bench.now)
    bench.steps(1)
    return second, on, held - on


def test_of_what_a_worker_holds_only_what_nobody_wants_is_stopped(bench: Bench) -> None:
    _, on, others = stopped_while_they_hold_several(bench)
    assert others
    assert len(bench.scheduler.workers) == 2, "what is wanted goes on"
    assert {trial.id for worker in bench.scheduler.workers.values() for trial in worker.trials} == on
    assert {trial for _, trial in bench.executor.stopped} == others


def test_a_worker_that_has_begun_what_nobody_wants_is_ended(bench: Bench) -> None:
    """It heard too late, would train for nobody, and might never end; what it was on comes again."""
    second, _, _ = stopped_while_they_hold_several(bench)
    worker, trial = bench.executor.stopped[0]
    bench.executor.say(worker, {"kind": "started", "trial": trial, "attempt": 1})
    bench.steps(1)
    assert worker not in bench.executor.alive
    bench.run(good)
    assert bench.counts(second) == {"succeeded": 2}
    assert not bench.db.execute("SELECT 1 FROM results WHERE state = 'failed'").fetchall(), "nobody is to blame"


def test_a_trial_that_another_sweep_wants_goes_on(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1, 2))
    second = bench.submit(name="second", values=(2, 3))
    requests.append(bench.db, "stop", {"sweep": first, "now": True}, bench.now)
    bench.run(good)
    assert bench.counts(first) == {"cancelled": 2}
    assert bench.counts(second) == {"succeeded": 2}


def test_trials_are_shared_and_trained_once(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1, 2))
    second = bench.submit(name="second", values=(2, 3))
    ran: list[int] = []
    bench.run(lambda m: (ran.append(m["recipe"]["model"]["x"]), good(m))[1])
    assert sorted(ran) == [1, 2, 3]
    assert bench.counts(first) == bench.counts(second) == {"succeeded": 2}


def test_removing_a_sweep_keeps_what_another_one_has(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1, 2))
    second = bench.submit(name="second", values=(2, 3))
    bench.run(good)
    requests.append(bench.db, "remove", {"sweep": first}, bench.now)
    bench.steps(1)
    assert [sweep.number for sweep in read.sweeps(bench.db)] == [second]
    assert bench.counts(second) == {"succeeded": 2}
    assert bench.db.execute("SELECT count(*) FROM trials").fetchone()[0] == 2
    assert bench.db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_workers_of_another_interpreter_are_replaced(bench: Bench) -> None:
    bench.submit(name="first", values=(1, 2), interpreter="python-a")
    second = bench.submit(name="second", values=(3, 4), interpreter="python-b")
    seen: dict[int, str] = {}

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        worker = next(id for id, work in bench.executor.sent.items() if message in work)
        seen[message["recipe"]["model"]["x"]] = bench.executor.alive[worker].interpreter
        return good(message)

    for _ in range(50):
        if idle(bench.scheduler):
            break
        bench.steps(1)
        for worker, message in bench.begin_all():
            bench.executor.answer(worker, outcome(message))
        for worker, work in list(bench.executor.sent.items()):
            if work and work[0]["kind"] == "finish":
                bench.executor.die(worker, "exited 0")
    assert seen == {1: "python-a", 2: "python-a", 3: "python-b", 4: "python-b"}
    assert bench.counts(second) == {"succeeded": 2}


def test_workers_that_never_get_ready_pause_the_sweeps_they_were_started_for(bench: Bench) -> None:
    broken = bench.submit(name="broken", values=(1, 2), interpreter="python-gone")
    other = bench.submit(name="other", values=(3, 4), interpreter="python-b")
    bench.restart(ready=False)
    for _ in range(5):
        bench.steps(1)
        for worker, spec in list(bench.executor.alive.items()):
            if spec.interpreter == "python-gone":
                bench.executor.die(worker, "could not start: exited 1")
    assert "exited 1" in (read.sweep_by_number(bench.db, broken).paused or "")
    assert any("exited 1" in line for line in bench.said)
    bench.executor.ready = True
    for worker in bench.executor.alive:
        bench.executor.say(worker, {"kind": "ready", "pid": 1, "environment": {}})
    bench.run(good)
    assert bench.counts(other) == {"succeeded": 2}
    assert bench.counts(broken) == {"queued": 2}


def test_ending_queues_again_what_ran(bench: Bench) -> None:
    sweep = bench.submit()
    bench.steps(2)
    bench.begin_all()
    end(bench.scheduler)
    assert bench.counts(sweep) == {"queued": 3}
    assert bench.db.execute("SELECT max(lost) FROM trials").fetchone()[0] == 0


def test_a_worker_that_dies_before_it_can_begin_a_trial_costs_that_one(bench: Bench) -> None:
    """Libraries are imported then: on a processor that they do not know, that would go on for ever."""
    sweep = bench.submit(values=(1,))
    for _ in range(9):
        bench.steps(1)
        for worker in [id for id, work in bench.executor.sent.items() if work]:
            bench.executor.die(worker, "killed by SIGILL")
    assert bench.counts(sweep) == {"failed": 1}
    [group] = read.failures(bench.db, sweep)
    assert group["class"] == "lost"
    assert "SIGILL" in group["error"]["message"]


def test_a_recycled_worker_costs_no_trial(bench: Bench) -> None:
    sweep = bench.submit(values=(1,))
    bench.steps(2)
    [(worker, _)] = bench.executor.waiting()
    bench.executor.die(worker, "recycled")
    bench.scheduler.draining = True
    bench.steps(1)
    assert bench.counts(sweep) == {"queued": 1}
    assert bench.db.execute("SELECT lost FROM trials").fetchone()[0] == 0


def test_stop_now_ends_what_is_about_to_begin(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2))
    bench.steps(2)  # sent, but nobody has said yet that it began
    requests.append(bench.db, "stop", {"sweep": sweep, "now": True}, bench.now)
    bench.steps(2)
    assert not bench.executor.alive
    assert bench.counts(sweep) == {"cancelled": 2}
    assert idle(bench.scheduler)


def test_a_dataset_that_nobody_waits_for_any_more_is_not_built_to_its_end(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2), data=True)
    bench.steps(2)
    requests.append(bench.db, "stop", {"sweep": sweep, "now": False}, bench.now)
    bench.steps(2)
    assert idle(bench.scheduler)
    assert bench.db.execute("SELECT state FROM datasets").fetchone()[0] == "to_build"
    bench.submit(values=(1, 2), data=True)
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 2}


def test_a_trial_that_began_while_its_worker_was_ended_is_not_to_blame(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2, 3, 4, 5, 6), resources={"time_s": 60.0})
    bench.scheduler.mean_s, bench.scheduler.first[sweep] = 0.01, None
    bench.steps(2)
    worker, work = next((id, list(work)) for id, work in bench.executor.sent.items() if len(work) > 1)
    bench.executor.say(worker, {"kind": "started", "trial": work[0]["trial"], "attempt": 1})
    bench.steps(1)
    bench.now += 61
    bench.scheduler.workers[worker].killed = "timeout"
    bench.executor.say(worker, good(work[0]))  # it came while the worker was being ended, and then the next began
    bench.executor.say(worker, {"kind": "started", "trial": work[1]["trial"], "attempt": 1})
    bench.executor.die(worker)
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 6}


def test_a_clock_that_somebody_sets_ends_no_trial(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2), resources={"time_s": 60.0})
    bench.scheduler.stopwatch = lambda: 0.0
    bench.steps(2)
    bench.begin_all()
    bench.now += 3600
    bench.steps(2)
    assert bench.counts(sweep) == {"running": 2}


def test_what_a_paused_sweep_shares_goes_on_for_the_other(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1, 2, 3))
    second = bench.submit(name="second", values=(2, 3))
    transitions.pause(bench.db, first, "because", bench.now)
    bench.run(good)
    assert bench.counts(second) == {"succeeded": 2}
    assert bench.counts(first) == {"succeeded": 2, "queued": 1}


def test_a_trial_taken_back_by_a_removed_sweep_goes_on_for_the_one_that_came_meanwhile(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1,))
    bench.steps(2)
    bench.begin_all()
    bench.executor.kill = lambda worker: None  # it takes its time
    requests.append(bench.db, "stop", {"sweep": first, "now": True}, bench.now)
    bench.steps(1)
    second = bench.submit(name="second", values=(1,))
    requests.append(bench.db, "remove", {"sweep": first}, bench.now)
    bench.steps(1)
    bench.restart()
    bench.run(good)
    assert bench.counts(second) == {"succeeded": 1}


def test_a_request_does_not_make_first_trials_of_later_ones(bench: Bench) -> None:
    sweep = bench.submit(values=tuple(range(9)))
    other = bench.submit(name="other", values=(20,))

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        if message["recipe"]["model"]["x"] == 4:
            requests.append(bench.db, "stop", {"sweep": other, "now": False}, bench.now)
        return good(message) if message["recipe"]["model"]["x"] < 4 else bad(message)

    bench.run(outcome)
    assert bench.counts(sweep) == {"succeeded": 4, "failed": 5}


def test_code_that_the_cache_has_lost_pauses_the_sweep_and_fails_nothing(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2, 3))
    bench.run(lambda m: bad(m, "snapshot_missing"))
    assert bench.counts(sweep) == {"queued": 3}
    assert read.sweep_by_number(bench.db, sweep).paused
    other = bench.submit(name="other", values=(4,), data=True)
    bench.run(lambda m: built(m, failure("snapshot_missing")))
    assert bench.counts(other) == {"queued": 1}
    bench.submit(values=(1, 2, 3))
    bench.submit(name="other", values=(4,), data=True)
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 3}
    assert bench.counts(other) == {"succeeded": 1}


def test_a_sweep_that_was_removed_has_settled(bench: Bench) -> None:
    sweep = bench.submit(values=(1,))
    assert not settled(bench.db, sweep)
    requests.append(bench.db, "remove", {"sweep": sweep}, bench.now)
    bench.steps(1)
    assert settled(bench.db, sweep)
    with pytest.raises(NotFound, match="removed"):
        ledger.ledger(bench.db, sweep)
    with pytest.raises(NotFound, match="removed"):
        read.sweep_by_number(bench.db, sweep)
