"""The line of a sweep that runs: what is done, where long trials are, and the command that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.commands.sweep import closing_text
from blueno.progress import progress_line
from blueno.store.ledger import Ledger
from blueno.store.live import waiting_of_others
from blueno.store.read import Sweep

from .test_scheduler import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


COUNTS = {"queued": 4, "running": 1, "succeeded": 3, "diverged": 0, "pruned": 0, "failed": 1, "cancelled": 11}


def ledger(**changes: int) -> Ledger:
    counts = COUNTS | changes
    facts = {"adds_up": True, "measuring": 0, "finished": False, "started": None, "ended": None}
    values = {"planned": sum(counts.values()), **counts, **facts}
    return Ledger(**{name: values.get(name) for name in Ledger._fields})  # type: ignore[arg-type]


def sweep() -> Sweep:
    facts = {"id": "a" * 64, "name": "slow", "paused": None}
    return Sweep(**{name: facts.get(name) for name in Sweep._fields})  # type: ignore[arg-type]


def test_what_was_taken_back_is_not_done() -> None:
    line = progress_line(ledger(), 4, 60.0, "", "")
    assert line.startswith("4/20 done · 1 running · 1 failed · 11 cancelled")
    assert "1 min 15 s left" in line  # five trials at four a minute


def test_long_trials_say_where_they_are() -> None:
    assert "at epoch 7/40" in progress_line(ledger(), 0, 60.0, "at epoch 7/40", "")
    assert "at epoch" not in progress_line(ledger(running=0), 0, 60.0, "at epoch 7/40", "")


def test_the_command_that_goes_on_is_the_one_that_was_given() -> None:
    again = "blueno sweep specs/long.yaml --set model.width=13"
    assert f"Go on with: {again}" in closing_text(ledger(), sweep(), again, None)


def test_what_waits_for_others_is_told(bench: Bench) -> None:
    first = bench.submit(values=(0, 1, 2), name="slow")
    second = bench.submit(values=(2, 3), name="quick")
    assert waiting_of_others(bench.db, second) == {"slow": 2}
    assert waiting_of_others(bench.db, first) == {"quick": 1}
