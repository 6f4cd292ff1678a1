"""Trials that end early, and what a pruner knows of those that have ended. Only the scheduler writes here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..clock import iso
from .database import transaction
from .transitions import event, history_of, release


class Past(NamedTuple):
    """A trial that has ended, with its objective by epoch."""

    trial: str
    config: str
    seed: int | None
    fold: int | None
    step: int  # its place among the replicates of its config, from 1
    values: list[list[Any]]  # [epoch, value]
    value: float | None  # at last; None for one that did not succeed
    pruned: bool


def rules(db: sqlite3.Connection, trial: str) -> dict[int, dict[str, Any]]:
    """How the sweeps that want a trial prune, by their numbers."""
    found = db.execute(
        "SELECT number, prune FROM sweep_trials JOIN sweeps ON number = sweep"
        " WHERE trial = ? AND verdict = 'open' AND prune IS NOT NULL",
        (trial,),
    )
    return {row["number"]: json.loads(row["prune"]) for row in found.fetchall()}


def monitored(metric: str) -> list[str]:
    """What a pruner looks at, the first that there is: what is measured on the `stop` part, if there is one."""
    return [f"stop_{metric.removeprefix('val_')}", metric] if metric.startswith("val_") else [metric]


def ended(db: sqlite3.Connection, sweep: int, metric: str) -> Iterator[Past]:
    """The trials of a sweep that have ended, in the order in which they did."""
    names = monitored(metric)
    rows = db.execute(
        "SELECT trials.id, trials.config, seed, fold, verdict, trials.state, history, epochs, results.metrics, facts,"
        " coalesce(results.ended, prunings.at) AS at FROM sweep_trials JOIN trials ON id = sweep_trials.trial"
        " LEFT JOIN results ON results.trial = id AND results.attempt = trials.attempt"
        " LEFT JOIN prunings ON prunings.trial = id AND prunings.sweep = sweep_trials.sweep"
        " WHERE sweep_trials.sweep = ? AND (verdict = 'pruned' OR trials.state IN ('succeeded', 'diverged', 'failed'))"
        " ORDER BY at, position",
        (sweep,),
    ).fetchall()
    for row in rows:
        place = step(db, sweep, row["config"], row["id"])
        if row["verdict"] == "pruned":
            facts = json.loads(row["facts"] or "{}")
            yield Past(row["id"], row["config"], row["seed"], row["fold"], place, facts.get("values", []), None, True)
        else:
            history, epochs = history_of(row)
            column: list[float | None] = next((history[name] for name in names if name in history), [])
            values = [[epoch, value] for epoch, value in zip(epochs, column, strict=False)]
            final = json.loads(row["metrics"] or "{}").get(metric) if row["state"] == "succeeded" else None
            yield Past(row["id"], row["config"], row["seed"], row["fold"], place, values, final, False)


def step(db: sqlite3.Connection, sweep: int, config: str, trial: str) -> int:
    """The place of a trial among the replicates of its config, from 1."""
    query = "SELECT trial FROM sweep_trials WHERE sweep = ? AND config = ? AND trial IN"
    query += " (SELECT id FROM trials WHERE config = ?) ORDER BY position"
    ids = [row["trial"] for row in db.execute(query, (sweep, config, config))]
    return ids.index(trial) + 1


def prune(
    db: sqlite3.Connection,
    sweep: int,
    trial: str,
    attempt: int,
    epoch: int,
    why: str,
    facts: dict[str, Any],
    now: float,
) -> bool:
    """A trial ends early for one sweep. Whether nobody else wants it, so that it is over: idle, as if never begun."""
    with transaction(db):
        changed = db.execute(
            "UPDATE sweep_trials SET verdict = 'pruned' WHERE sweep = ? AND trial = ? AND verdict = 'open'",
            (sweep, trial),
        ).rowcount
        if not changed:
            return False
        db.execute(
            "INSERT OR REPLACE INTO prunings VALUES (?, ?, ?, ?, ?, ?)",
            (sweep, trial, epoch, why, json.dumps(facts), iso(now)),
        )
        event(db, now, "pruned", sweep=sweep, trial=trial, attempt=attempt, detail=why)
        other = db.execute(
            "SELECT sweep FROM sweep_trials WHERE trial = ? AND verdict = 'open' ORDER BY sweep LIMIT 1", (trial,)
        ).fetchone()
        if other is not None:
            db.execute("UPDATE trials SET sweep = ? WHERE id = ?", (other["sweep"], trial))
            return False
        row = db.execute("SELECT state FROM trials WHERE id = ?", (trial,)).fetchone()
        if row["state"] == "running":
            release(db, trial, attempt, now, why)
        elif row["state"] == "queued":
            db.execute("UPDATE trials SET state = 'idle', rank = NULL WHERE id = ?", (trial,))
            event(db, now, "state", sweep=sweep, trial=trial, before="queued", after="idle", detail=why)
    return True


def siblings(db: sqlite3.Connection, sweep: int, config: str) -> list[sqlite3.Row]:
    """The replicates of a config that wait or run: `id` and `attempt`."""
    return db.execute(
        "SELECT id, attempt FROM trials JOIN sweep_trials ON trial = id WHERE trials.config = ?"
        " AND sweep_trials.sweep = ? AND verdict = 'open' AND state IN ('queued', 'running')",
        (config, sweep),
    ).fetchall()


def of_trial(db: sqlite3.Connection, trial: str) -> list[dict[str, Any]]:
    """The sweeps that pruned a trial: `sweep` (name), `epoch`, `why`, `facts`."""
    rows = db.execute(
        "SELECT name AS sweep, epoch, why, facts FROM prunings JOIN sweeps ON number = prunings.sweep"
        " WHERE trial = ? ORDER BY number",
        (trial,),
    )
    return [{**dict(row), "facts": json.loads(row["facts"])} for row in rows.fetchall()]
