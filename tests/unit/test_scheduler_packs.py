"""Families of trials on workers that train many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import canonical, digest_text
from blueno.planning import Plan
from blueno.store import read, requests
from blueno.store.submit import submit

from .plans import failure, good_result, small_plan
from .test_scheduler import Bench, good

TRAIN = {"optimizer": {"adam": {}}, "learning_rate": 0.1, "epochs": 1, "batch_size": 8}


def networks(count: int, name: str = "packs", alone: int = 0, hidden: int = 1, **changes: Any) -> Plan:
    """A plan of so many trials of one family, and of some that are in none."""
    plan = small_plan(name=name, values=tuple(range(count + alone)), **changes)
    trials = []
    for number, trial in enumerate(plan.trials):
        own = {"stages": [{}]} if number >= count else {}
        model = {"architecture": "mlp", "hidden": hidden, "x": number + 0.5}
        facts = {"augment": [], "code": {}, "dataset": None, "model": model, "recipe": 1}
        text = canonical({**facts, "seed": 0, "train": TRAIN | own})
        trials.append(trial._replace(id=digest_text(text), recipe=text))
    return plan._replace(trials=trials)


class PackBench(Bench):
    """Its sweeps are of families, and the setting is `auto`."""

    def restart(self, ready: bool = True) -> None:
        super().restart(ready)
        self.scheduler.engine = "auto"

    def add(self, count: int, **plan: Any) -> int:
        return submit(self.db, networks(count, **plan), {}, "python", self.now).sweep

    def engines(self) -> dict[str, str]:
        return {id: spec.engine for id, spec in self.executor.alive.items()}

    def fused(self) -> list[str]:
        return [id for id, engine in self.engines().items() if engine == "fused"]

    def begin(self, worker: str, count: int) -> list[dict[str, Any]]:
        """A worker begins its next trials."""
        begun = self.scheduler.workers[worker].begun
        work = [message for message in self.held(worker) if message["trial"] not in begun][:count]
        for message in work:
            self.executor.say(worker, {"kind": "started", "trial": message["trial"], "attempt": message["attempt"]})
        self.steps(1)
        return work

    def held(self, worker: str) -> list[dict[str, Any]]:
        return [message for message in self.executor.sent[worker] if message["kind"] == "train"]

    def losses(self) -> list[int]:
        return sorted(row["lost"] for row in self.db.execute("SELECT lost FROM trials"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[PackBench]:
    bench = PackBench(tmp_path)
    yield bench
    bench.db.close()


def test_a_family_is_shared_fairly_and_runs_to_its_end(bench: PackBench) -> None:
    sweep = bench.add(40)
    bench.steps(3)
    assert [len(bench.held(worker)) for worker in bench.fused()] == [20, 20]
    message = bench.held(bench.fused()[0])[0]
    assert message["pack"]["lanes"] == 20
    assert [each["model"]["x"] for each in message["pack"]["ends"]] == [0.5, 39.5]
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 40}


def test_trials_that_are_added_to_a_family_are_trained_as_it_was(bench: PackBench) -> None:
    bench.add(8)
    bench.run(good)
    more = bench.add(9)  # one more than there are
    bench.run(lambda message: {**good(message), "engine": "fused" if "pack" in message else "fit"})
    assert bench.counts(more) == {"succeeded": 9}
    assert [row["engine"] for row in bench.db.execute("SELECT engine FROM trials")] == ["fused"] * 9


def test_what_is_left_of_a_family_after_an_interruption_goes_on_in_packs(bench: PackBench) -> None:
    sweep = bench.add(10)
    bench.steps(3)
    worker = bench.fused()[0]
    for message in bench.begin(worker, 3):
        bench.executor.answer(worker, good(message))
    bench.steps(1)
    bench.restart()
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 10}
    assert {row["engine"] for row in bench.db.execute("SELECT engine FROM trials")} == {"fused"}


def test_as_many_wait_beside_a_pack_as_may_take_places(bench: PackBench) -> None:
    bench.add(1000)
    bench.steps(3)
    assert [len(bench.held(worker)) for worker in bench.fused()] == [128, 128]
    assert {message["pack"]["lanes"] for worker in bench.fused() for message in bench.held(worker)} == {64}
    worker = bench.fused()[0]
    for message in bench.begin(worker, 64):
        bench.executor.answer(worker, good(message))
    bench.steps(1)
    assert len(bench.held(worker)) == 128


def test_each_worker_has_a_family_of_its_own_while_there_are_enough(bench: PackBench) -> None:
    sweep = submit(bench.db, _two_families(), {}, "python", bench.now).sweep
    bench.steps(3)
    held = [{message["pack"]["family"] for message in bench.held(worker)} for worker in bench.fused()]
    assert [len(each) for each in held] == [1, 1] and held[0] != held[1]
    assert {len(bench.held(worker)) for worker in bench.fused()} == {10}
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 20}


def _two_families() -> Plan:
    one, two = networks(10), networks(10, hidden=2)
    moved = [trial._replace(position=trial.position + 10) for trial in two.trials]
    return one._replace(trials=[*one.trials, *moved])


def test_what_is_in_no_family_is_trained_by_fit_in_the_same_sweep(bench: PackBench) -> None:
    sweep = bench.add(16, alone=3)
    engines: set[tuple[bool, str]] = set()

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        worker = next(id for id, work in bench.executor.sent.items() if message in work)
        engines.add(("pack" in message, bench.engines()[worker]))
        return good(message)

    bench.run(outcome)
    assert engines == {(True, "fused"), (False, "fit")}
    assert bench.counts(sweep) == {"succeeded": 19}


def test_a_small_family_is_not_worth_a_program(bench: PackBench) -> None:
    bench.add(7)
    bench.steps(3)
    assert set(bench.engines().values()) == {"fit"}


def test_what_cannot_be_fused_is_trained_by_itself_and_says_why(bench: PackBench) -> None:
    sweep = bench.add(8)
    bench.steps(3)
    for worker in bench.fused():
        for message in bench.held(worker):
            key = {"trial": message["trial"], "attempt": message["attempt"]}
            bench.executor.answer(worker, {"kind": "unfused", **key, "why": "it draws random numbers"})
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 8}
    notes = {row["notes"] for row in bench.db.execute("SELECT notes FROM results")}
    assert notes == {'["trained by itself: it draws random numbers"]'}
    assert [line for line in bench.said if "random" in line] == [
        "trials of a family are trained one at a time: it draws random numbers"
    ]


def test_a_death_over_a_pack_is_each_ones_loss_and_later_packs_are_smaller(bench: PackBench) -> None:
    bench.add(128)
    bench.steps(3)
    first = bench.fused()[0]
    bench.begin(first, 64)
    for expected in ([0] * 64 + [1] * 64, [0] * 64 + [1] * 56 + [2] * 8, [0] * 64 + [1] * 56 + [2] * 7):
        victim = next(id for id in bench.fused() if bench.held(id) and bench.scheduler.workers[id].begun)
        bench.executor.die(victim)
        bench.steps(3)
        states = dict(bench.db.execute("SELECT id, lost FROM trials WHERE state != 'failed'").fetchall())
        assert sorted(states.values()) == expected
        _lead(bench, max(expected))
    [group] = read.failures(bench.db, 1)
    assert (group["class"], group["count"]) == ("lost", 1)


def _lead(bench: PackBench, lost: int) -> None:
    """Until a worker is on trials over which so many have died, the other one does what it has."""
    for _ in range(20):
        for worker in bench.fused():
            pack = bench.scheduler.workers[worker].pack
            if pack is not None and pack.lost == lost and bench.held(worker):
                bench.begin(worker, pack.lanes)
                return
        bench.steps(2)
    raise AssertionError(f"no worker takes up what {lost} died over")


def test_time_is_shared_by_the_lanes_of_a_pack(bench: PackBench) -> None:
    sweep = bench.add(20, resources={"time_s": 60.0})
    bench.steps(3)
    worker, other = bench.fused()
    early = bench.begin(worker, 2)
    bench.now += 100.0  # 50 s each
    bench.begin(worker, 8)
    bench.now += 90.0  # 9 s each: the first two have had 59
    bench.steps(1)
    assert "failed" not in bench.counts(sweep)
    bench.now += 20.0
    bench.steps(1)
    assert bench.counts(sweep)["failed"] == 2
    assert bench.executor.stopped == [(worker, message["trial"]) for message in early]
    bench.now += 600.0  # now all are late, and the worker with them
    bench.steps(2)
    assert worker not in bench.executor.alive and other in bench.executor.alive
    assert bench.counts(sweep)["failed"] == 10
    assert read.failures(bench.db, sweep)[0]["class"] == "timeout"


def test_stop_now_ends_the_lanes_that_nobody_else_wants(bench: PackBench) -> None:
    first, second = bench.add(20, name="first"), bench.add(16, name="second")
    bench.steps(3)
    workers = bench.fused()
    for worker in workers:
        bench.begin(worker, 10)
    requests.append(bench.db, "stop", {"sweep": first, "now": True}, bench.now)
    bench.steps(2)
    assert bench.counts(first) == {"cancelled": 20}
    assert bench.counts(second) == {"running": 16}
    assert len(bench.executor.stopped) == 4
    assert set(bench.executor.alive) == set(workers)
    requests.append(bench.db, "stop", {"sweep": second, "now": True}, bench.now)
    bench.steps(3)
    assert bench.counts(second) == {"cancelled": 16}
    assert not set(bench.executor.alive) & set(workers)


def test_a_new_scheduler_with_another_setting_decides_anew(bench: PackBench) -> None:
    sweep = bench.add(20)
    bench.steps(3)
    bench.begin(bench.fused()[0], 10)
    bench.restart()
    bench.scheduler.engine = "fit"
    bench.steps(3)
    assert set(bench.engines().values()) == {"fit"}
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 20}
    assert set(bench.losses()) == {0}


def test_a_late_result_of_a_stopped_lane_changes_nothing(bench: PackBench) -> None:
    sweep = bench.add(16)
    bench.steps(3)
    worker = bench.fused()[0]
    [message] = bench.begin(worker, 1)
    result = good_result(message["trial"], message["attempt"])
    bench.executor.say(worker, {**result, "state": "failed", "error": failure()})
    bench.executor.say(worker, result)
    bench.steps(1)
    assert bench.counts(sweep)["failed"] == 1 and "succeeded" not in bench.counts(sweep)


ASHA = {"method": "asha", "options": {"min_resource": 1, "reduction_factor": 2}, "after": 1, "epochs": None,
        "interval": 1, "of": None}  # fmt: skip


def test_poor_trials_of_a_pack_are_stopped_and_their_lanes_filled(bench: PackBench) -> None:
    sweep = bench.add(12, prune=ASHA)
    bench.steps(3)
    worker = bench.fused()[0]
    first, *others = bench.begin(worker, 4)
    assert first["prune"]["metrics"] == ["stop_score", "val_score"]
    base = {"kind": "epoch", "epoch": 1, "epochs": 9, "metrics": {}}
    for message, value in zip([first, *others], [0.9, 0.1, 0.2, 0.95], strict=True):
        said = {"trial": message["trial"], "attempt": message["attempt"], "since": [[1, value]], "asks": True}
        bench.executor.say(worker, {**base, **said, "of": "val_score"})
        bench.steps(1)
    stopped = {trial for _, trial in bench.executor.stopped}
    assert stopped == {message["trial"] for message in others[:2]}
    assert {trial for _, trial in bench.executor.went_on} == {first["trial"], others[2]["trial"]}
    late = good_result(others[0]["trial"], others[0]["attempt"])
    bench.executor.say(worker, late)
    bench.steps(1)
    counts = bench.counts(sweep)
    assert counts["pruned"] == 2, "a result that comes late changes nothing"
    bench.run(good)
    assert bench.counts(sweep) == {"pruned": 2, "succeeded": 10}


def test_what_a_trial_reports_for_another_sweep_s_objective_ends_nothing(bench: PackBench) -> None:
    sweep = bench.add(12, prune=ASHA)
    bench.steps(3)
    worker = bench.fused()[0]
    for message, value in zip(bench.begin(worker, 4), [0.9, 0.1, 0.2, 0.95], strict=True):
        said = {"trial": message["trial"], "attempt": message["attempt"], "since": [[1, value]], "asks": True}
        bench.executor.say(worker, {"kind": "epoch", "epoch": 1, "epochs": 9, "metrics": {}, **said, "of": "val_loss"})
        bench.steps(1)
    assert not bench.executor.stopped
    assert "pruned" not in bench.counts(sweep)
