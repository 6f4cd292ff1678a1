"""Datasets as the scheduler has them built: several at once, few failures where nothing goes without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import canonical, digest_text
from blueno.planning import DatasetNode, Plan
from blueno.scheduler import LONG_BUILD_S
from blueno.store import read
from blueno.store.submit import submit

from .plans import failure, small_plan
from .test_scheduler import Bench, built, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def on_datasets(count: int, each: int = 4, name: str = "small") -> Plan:
    """A plan of `count` datasets with `each` trials, all trials of a dataset together."""
    plan = small_plan(name=name, values=tuple(range(count * each)), data=True)
    recipes = [
        canonical({"columns": {}, "fold": fold, "source": {}, "split": None, "steps": []}) for fold in range(count)
    ]
    datasets = [DatasetNode(digest_text(recipe), recipe) for recipe in recipes]
    trials = [
        trial._replace(dataset_id=datasets[trial.position // each].id, id=digest_text(f"{name} {trial.position}"))
        for trial in plan.trials
    ]
    return plan._replace(datasets=datasets, trials=trials)


def add(bench: Bench, plan: Plan) -> int:
    return submit(bench.db, plan, {}, "python", bench.now).sweep


def fails(*bad: str, error: Any = None) -> Any:
    """Outcomes where these datasets cannot be built; all, if none is named."""

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        wrong = message["kind"] == "build" and (not bad or message["dataset"] in bad)
        return built(message, error or failure("data")) if wrong else good(message)

    return outcome


def test_idle_workers_build_datasets_side_by_side(bench: Bench) -> None:
    add(bench, on_datasets(3))
    bench.steps(2)
    work = bench.executor.waiting()
    assert [message["kind"] for _, message in work] == ["build", "build"]
    assert len({message["dataset"] for _, message in work}) == 2


def test_data_that_nothing_goes_without_fails_few_trials_and_pauses(bench: Bench) -> None:
    plan = on_datasets(1, each=20)
    sweep = add(bench, plan)
    bench.run(fails())
    assert bench.counts(sweep) == {"failed": 3, "queued": 17}
    assert read.sweep_by_number(bench.db, sweep).paused == "its data cannot be prepared: ValueError: no"
    assert [(group["class"], group["count"]) for group in read.failures(bench.db, sweep)] == [("data", 3)]
    add(bench, plan)
    bench.run(good)
    assert bench.counts(sweep) == {"failed": 3, "succeeded": 17}


def test_sweeps_that_share_such_data_are_all_paused(bench: Bench) -> None:
    plan = on_datasets(1, each=20)
    one, two = add(bench, plan), add(bench, plan._replace(name="other", trials=plan.trials[5:]))
    bench.run(fails())
    assert all(read.sweep_by_number(bench.db, sweep).paused for sweep in (one, two))
    add(bench, plan._replace(name="other", trials=plan.trials[5:]))
    bench.run(good)
    assert bench.counts(two) == {"succeeded": 15}


def test_one_bad_dataset_of_several_fails_its_own_trials(bench: Bench) -> None:
    plan = on_datasets(3)
    sweep = add(bench, plan)
    bench.run(fails(plan.datasets[0].id))
    assert bench.counts(sweep) == {"failed": 4, "succeeded": 8}
    assert read.sweep_by_number(bench.db, sweep).paused is None


def test_first_datasets_that_fail_alike_pause_the_sweep(bench: Bench) -> None:
    sweep = add(bench, on_datasets(10))
    bench.run(fails())
    counts = bench.counts(sweep)
    assert 12 <= counts["failed"] <= 16 and counts["queued"] == 40 - counts["failed"]
    assert "datasets failed alike: ValueError: no" in (read.sweep_by_number(bench.db, sweep).paused or "")


def test_a_build_that_takes_long_is_told_once_and_goes_on(bench: Bench) -> None:
    add(bench, on_datasets(1))
    bench.steps(2)
    assert bench.executor.waiting()
    bench.now += LONG_BUILD_S + 1
    bench.steps(3)
    [line] = bench.said
    assert "has been building for 30 min" in line
    assert bench.executor.waiting()
