"""A walk through everything that can happen to a store, in any order: the ledger adds up after every step, no trial
is held twice, and every move is a legal one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from blueno.store import ledger, read, requests
from blueno.store.submit import submit

from .plans import failure, good_result
from .test_measure import measured
from .test_scheduler import built
from .test_scheduler_packs import PackBench, networks

LEGAL = {
    ("idle", "queued"), ("failed", "queued"), ("diverged", "queued"), ("queued", "running"), ("queued", "failed"),
    ("queued", "idle"), ("running", "succeeded"), ("running", "diverged"), ("running", "failed"),
    ("running", "queued"), ("running", "idle"),
}  # fmt: skip


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.bench = PackBench(self.folder)
        self.late: list[dict[str, Any]] = []

    def teardown(self) -> None:
        self.bench.db.close()
        shutil.rmtree(self.folder)

    @rule(
        name=st.sampled_from("ab"),
        values=st.sets(st.integers(1, 6), min_size=1),
        data=st.booleans(),
        metrics=st.sampled_from([[], ["val_f1"], ["own.py:cost"]]),
        keep=st.sampled_from(["all", "best 1", "none"]),
    )
    def submit(self, name: str, values: set[int], data: bool, metrics: list[str], keep: str) -> None:
        words = {"metrics": metrics, "keep": {"predictions": keep}, "resources": {"time_s": 100.0}}
        self.bench.submit(name=name, values=tuple(sorted(values)), data=data, **words)

    @rule(name=st.sampled_from("cd"), count=st.integers(6, 12), alone=st.integers(0, 2), hidden=st.integers(1, 2))
    def submit_networks(self, name: str, count: int, alone: int, hidden: int) -> None:
        words = {"keep": {"predictions": "none"}, "resources": {"time_s": 100.0}}
        plan = networks(count, name=name, alone=alone, hidden=hidden, **words)
        submit(self.bench.db, plan, {}, "python", self.bench.now)

    @rule(pick=st.integers(0, 5), count=st.integers(1, 12))
    def begin_a_pack(self, pick: int, count: int) -> None:
        fused = self.bench.fused()
        if fused:
            self.bench.begin(fused[pick % len(fused)], count)

    @rule(pick=st.integers(0, 5), why=st.sampled_from(["it cannot", "it will not"]))
    def give_back(self, pick: int, why: str) -> None:
        fused = [worker for worker in self.bench.fused() if self.bench.held(worker)]
        if fused:
            worker = fused[pick % len(fused)]
            first = self.bench.held(worker)[0]
            unfused = {"kind": "unfused", "trial": first["trial"], "attempt": first["attempt"], "why": why}
            self.bench.executor.answer(worker, unfused)

    @rule(count=st.integers(1, 3))
    def step(self, count: int) -> None:
        self.bench.steps(count)

    @rule(pick=st.integers(0, 5), outcome=st.sampled_from(["succeeded", "diverged", "user_code", "disk_full", "data"]))
    def work(self, pick: int, outcome: str) -> None:
        """A worker begins what it holds first, and says what came of it."""
        waiting = self.bench.executor.waiting()
        if not waiting:
            return
        worker, message = waiting[pick % len(waiting)]
        good = outcome in ("succeeded", "diverged")
        if message["kind"] == "build":
            self.bench.executor.answer(worker, built(message, None if good else failure(outcome)))
            return
        trial, attempt = message["trial"], message["attempt"]
        if message["kind"] == "measure":
            self.bench.executor.answer(worker, measured(message, 0.5, None if good else failure(outcome)))
            return
        self.bench.executor.say(worker, {"kind": "started", "trial": trial, "attempt": attempt})
        result = good_result(trial, attempt, state=outcome if good else "failed")
        if good and message["keep"]["predictions"] != "none":
            key = f"{trial[:2]}/{trial}/{attempt}/predictions.npz"
            result["artefacts"] = {"predictions": {"key": key, "sha256": "", "bytes": 1}}
        if not good:
            result["error"] = failure(outcome)
        self.late.append(result)
        self.bench.executor.answer(worker, result)

    @rule(pick=st.integers(0, 5), began=st.booleans())
    def die(self, pick: int, began: bool) -> None:
        alive = list(self.bench.executor.alive)
        if not alive:
            return
        worker = alive[pick % len(alive)]
        first = next((m for m in self.bench.executor.sent[worker] if m["kind"] == "train"), None)
        if began and first:
            started = {"kind": "started", "trial": first["trial"], "attempt": first["attempt"]}
            self.bench.executor.say(worker, started)
        self.bench.executor.die(worker)

    @precondition(lambda self: self.late)
    @rule(pick=st.integers(0, 50))
    def speak_late(self, pick: int) -> None:
        """A result that was said before is said again, by whoever is there."""
        for worker in self.bench.executor.alive:
            self.bench.executor.say(worker, self.late[pick % len(self.late)])

    @rule()
    def kill_the_scheduler(self) -> None:
        self.bench.restart()

    @rule(seconds=st.sampled_from([1.0, 101.0]))
    def wait(self, seconds: float) -> None:
        self.bench.now += seconds
        self.bench.steps(1)

    @rule(kind=st.sampled_from(["stop", "retry", "remove"]), pick=st.integers(0, 5), now=st.booleans())
    def request(self, kind: str, pick: int, now: bool) -> None:
        sweeps = read.sweeps(self.bench.db)
        if sweeps:
            requests.append(
                self.bench.db, kind, {"sweep": sweeps[pick % len(sweeps)].number, "now": now}, self.bench.now
            )

    @invariant()
    def the_ledger_adds_up(self) -> None:
        for sweep in read.sweeps(self.bench.db):
            assert ledger.ledger(self.bench.db, sweep.number).adds_up

    @invariant()
    def every_running_trial_is_held_once(self) -> None:
        held = [trial.id for worker in self.bench.scheduler.workers.values() for trial in worker.trials]
        running = [row["id"] for row in self.bench.db.execute("SELECT id FROM trials WHERE state = 'running'")]
        assert len(held) == len(set(held))
        assert set(running) == set(held)

    @invariant()
    def a_worker_is_on_one_family_of_its_engine(self) -> None:
        for worker in self.bench.scheduler.workers.values():
            ids = [trial.id for trial in worker.trials]
            rows = [
                tuple(self.bench.db.execute("SELECT engine, family FROM trials WHERE id = ?", (id,)).fetchone())
                for id in ids
            ]
            assert {engine for engine, _ in rows} <= {worker.engine}
            assert worker.engine == "fit" or len({family for _, family in rows}) <= 1
            assert set(worker.begun) <= set(ids)

    @invariant()
    def every_wish_is_held_by_the_worker_that_has_it(self) -> None:
        workers = self.bench.scheduler.workers.values()
        held = {(wish.sweep, wish.trial, worker.id) for worker in workers for wish in worker.wishes}
        rows = self.bench.db.execute("SELECT sweep, trial, worker FROM to_measure WHERE worker IS NOT NULL")
        assert {tuple(row) for row in rows} <= held

    @invariant()
    def what_is_let_go_is_no_artefact_any_more(self) -> None:
        both = self.bench.db.execute(
            "SELECT count(*) FROM let_go JOIN results USING (trial, attempt)"
            " WHERE json_type(artefacts, '$.' || name) IS NOT NULL"
        ).fetchone()[0]
        assert both == 0

    @invariant()
    def what_waits_is_wanted(self) -> None:
        orphans = self.bench.db.execute(
            "SELECT count(*) FROM trials WHERE state IN ('queued', 'running') AND NOT EXISTS (SELECT 1 FROM"
            " sweep_trials WHERE trial = id AND sweep_trials.sweep = trials.sweep AND verdict = 'open')"
            " AND state = 'queued'"
        ).fetchone()[0]
        assert orphans == 0

    @invariant()
    def every_move_is_legal_and_follows_the_one_before(self) -> None:
        last: dict[str, str] = {}
        rows = self.bench.db.execute(
            "SELECT trial, before, after FROM events WHERE kind = 'state' AND trial IN (SELECT id FROM trials)"
            " AND seq > (SELECT coalesce(max(seq), 0) FROM events WHERE kind = 'removed') ORDER BY seq"
        )
        for row in rows:
            assert (row["before"], row["after"]) in LEGAL
            assert last.get(row["trial"], row["before"]) == row["before"]
            last[row["trial"]] = row["after"]

    @invariant()
    def finished_trials_have_a_result_of_their_newest_attempt(self) -> None:
        missing = self.bench.db.execute(
            "SELECT count(*) FROM trials WHERE state IN ('succeeded', 'diverged', 'failed') AND NOT EXISTS"
            " (SELECT 1 FROM results WHERE trial = id AND results.attempt = trials.attempt)"
        ).fetchone()[0]
        assert missing == 0


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
