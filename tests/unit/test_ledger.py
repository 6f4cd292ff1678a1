from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from blueno.loop import settled
from blueno.store import engines, ledger, transitions, workers
from blueno.store.database import open_store
from blueno.store.submit import submit

from .plans import good_result, small_plan

NOW = 1_000_000.0


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Connection]:
    db = open_store(tmp_path, NOW)
    yield db
    db.close()


def submitted(db: Connection, **plan: object) -> int:
    sweep = submit(db, small_plan(**plan), {}, "python", NOW).sweep  # type: ignore[arg-type]
    engines.decide(db, None, "{}")
    return sweep


def claim(db: Connection, count: int = 10) -> list[transitions.Claimed]:
    workers.started(db, "w", "cpu:0", None, NOW)
    return transitions.claim_trials(db, "w", transitions.Binding("", "python", "{}"), count, NOW)


def held(db: Connection, sweep: int) -> list[str]:
    return [state for state in ("queued", "running") if ledger.has(db, sweep, state)]  # type: ignore[arg-type]


def test_a_sweep_has_what_its_ledger_counts(db: Connection) -> None:
    sweep = submitted(db, values=(1, 2))
    assert held(db, sweep) == ["queued"] and not settled(db, sweep)
    [first] = claim(db, 1)
    assert held(db, sweep) == ["queued", "running"]
    [second] = claim(db, 1)
    transitions.finish(db, good_result(first.id, first.attempt), "w", NOW)
    assert held(db, sweep) == ["running"] and not settled(db, sweep)
    transitions.finish(db, good_result(second.id, second.attempt), "w", NOW)
    assert held(db, sweep) == [] and settled(db, sweep)
    assert ledger.ledger(db, sweep).finished


def test_what_waits_for_another_sweep_is_not_this_ones(db: Connection) -> None:
    mine = submitted(db, name="mine", values=(1,))
    submitted(db, name="other", values=(1, 2))
    [trial] = claim(db, 1)
    transitions.finish(db, good_result(trial.id, trial.attempt), "w", NOW)
    assert settled(db, mine)


def test_a_paused_sweep_is_settled_when_nothing_runs(db: Connection) -> None:
    sweep = submitted(db, values=(1, 2))
    [trial] = claim(db, 1)
    transitions.pause(db, sweep, "enough", NOW)
    assert not settled(db, sweep)
    transitions.finish(db, good_result(trial.id, trial.attempt), "w", NOW)
    assert settled(db, sweep) and ledger.has(db, sweep, "queued")
