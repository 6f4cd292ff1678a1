"""The ledger: planned = queued + running + succeeded + diverged + pruned + failed + cancelled, at any moment."""

from __future__ import annotations

import sqlite3
from typing import Any, Literal, NamedTuple

from ..errors import NotFound
from . import searches
from .measuring import count as measuring_count

STATES = ("queued", "running", "succeeded", "diverged", "pruned", "failed", "cancelled")


class Ledger(NamedTuple):
    sweep: str
    name: str
    planned: int
    queued: int
    running: int
    succeeded: int
    diverged: int
    pruned: int
    failed: int
    cancelled: int
    adds_up: bool
    measuring: int  # trials that are done, and of which metrics are still to be measured
    finished: bool
    started: str | None
    ended: str | None

    def counts(self) -> dict[str, int]:
        return {state: getattr(self, state) for state in STATES}

    @property
    def done(self) -> int:
        """Those that came to an end; what was taken back did not."""
        return self.succeeded + self.diverged + self.pruned + self.failed


def ledger(db: sqlite3.Connection, sweep: int) -> Ledger:
    """One sweep's ledger. A trial's state counts unless the sweep has a verdict of its own about it.

    `planned` was written at submission, so that `adds_up` compares two independent numbers. Raises NotFound when the
    sweep was removed.
    """
    head = db.execute("SELECT id, name, planned FROM sweeps WHERE number = ?", (sweep,)).fetchone()
    if head is None:
        raise NotFound("the sweep was removed meanwhile")
    counts = dict(
        db.execute(
            "SELECT CASE verdict WHEN 'open' THEN state ELSE verdict END AS word, count(*)"
            " FROM sweep_trials JOIN trials ON id = trial WHERE sweep_trials.sweep = ? GROUP BY word",
            (sweep,),
        ).fetchall()
    )
    started, ended = _times(db, sweep)
    unproposed, wanted = searches.unproposed(db, sweep)
    if unproposed:
        word = "queued" if wanted else "cancelled"
        counts[word] = counts.get(word, 0) + unproposed
    known: dict[str, Any] = {state: counts.get(state, 0) for state in STATES}
    measuring = measuring_count(db, sweep)
    finished = not known["queued"] and not known["running"] and not measuring
    adds_up = sum(known.values()) == head["planned"] == sum(counts.values())
    return Ledger(
        sweep=head["id"], name=head["name"], planned=head["planned"], **known, adds_up=adds_up,
        measuring=measuring, finished=finished, started=started, ended=ended if finished else None,
    )  # fmt: skip


def has(db: sqlite3.Connection, sweep: int, state: Literal["queued", "running"]) -> bool:
    """Whether any of the sweep's trials waits, or runs. What is done costs it no time, since each step asks."""
    query = (
        f"SELECT EXISTS (SELECT 1 FROM trials WHERE state = '{state}' AND EXISTS (SELECT 1 FROM sweep_trials"
        " WHERE sweep_trials.sweep = ? AND trial = trials.id AND verdict = 'open'))"
    )
    return bool(db.execute(query, (sweep,)).fetchone()[0]) or (state == "queued" and searches.is_open(db, sweep))


def _times(db: sqlite3.Connection, sweep: int) -> tuple[str | None, str | None]:
    """When the first of the sweep's results began and the last one ended."""
    row = db.execute(
        "SELECT min(results.started), max(results.ended) FROM sweep_trials JOIN results"
        " ON results.trial = sweep_trials.trial WHERE sweep_trials.sweep = ?",
        (sweep,),
    ).fetchone()
    return row[0], row[1]
