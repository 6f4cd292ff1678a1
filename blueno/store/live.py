"""What a sweep looks like while it runs, and what went wrong in it. Nothing here writes."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from .asked import JOIN_MEASURED, asked, value_sql
from .read import Sweep
from .transitions import history_of

# The trials of a sweep with the results of their newest attempts.
RESULTS = (
    " FROM sweep_trials JOIN trials ON id = sweep_trials.trial"
    " JOIN results ON results.trial = id AND results.attempt = trials.attempt"
)
NEWEST = f"{RESULTS} WHERE sweep_trials.sweep = ?"


def best_trial(db: sqlite3.Connection, sweep: Sweep) -> dict[str, Any] | None:
    """The trial with the best objective so far: trial, value."""
    order = "DESC" if sweep.direction == "maximize" else "ASC"
    value = value_sql(asked(sweep.metrics, sweep.metric)[sweep.metric])
    row = db.execute(
        f"SELECT id AS trial, {value} AS value {RESULTS}{JOIN_MEASURED} WHERE sweep_trials.sweep = ?"
        f" AND trials.state = 'succeeded' AND value IS NOT NULL ORDER BY value {order}, position LIMIT 1",
        (sweep.number,),
    ).fetchone()
    return dict(row) if row else None


def waiting_of_others(db: sqlite3.Connection, sweep: int) -> dict[str, int]:
    """How many trials wait on behalf of each other sweep that is not paused, and not of this one: they run as well."""
    rows = db.execute(
        "SELECT name, count(*) AS count FROM trials JOIN sweeps ON sweeps.number = trials.sweep WHERE state = 'queued'"
        " AND paused IS NULL AND trials.sweep != ?1 AND NOT EXISTS"
        " (SELECT 1 FROM sweep_trials WHERE sweep_trials.sweep = ?1 AND trial = trials.id) GROUP BY sweeps.number",
        (sweep,),
    )
    return {row["name"]: row["count"] for row in rows}


def last_failures(db: sqlite3.Connection, sweep: int, count: int) -> list[dict[str, Any]]:
    """The newest failures of a sweep: trial, class, type, message, ended."""
    rows = db.execute(
        "SELECT id AS trial, error_class AS class, json_extract(error, '$.type') AS type,"
        f" json_extract(error, '$.message') AS message, ended {NEWEST} AND trials.state = 'failed'"
        " ORDER BY ended DESC, position LIMIT ?",
        (sweep, count),
    )
    return [dict(row) for row in rows]


def diverged(db: sqlite3.Connection, sweep: int) -> list[dict[str, Any]]:
    """The trials of a sweep that diverged, in its order: trial, nonfinite (names of metrics), history, epochs."""
    query = f"SELECT id, nonfinite, history, epochs {NEWEST} AND trials.state = 'diverged' ORDER BY position"
    found = []
    for row in db.execute(query, (sweep,)):
        history, epochs = history_of(row)
        about = {"trial": row["id"], "nonfinite": json.loads(row["nonfinite"])}
        found.append({**about, "history": history, "epochs": epochs})
    return found


def workers(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Who is at work: id, slot, started, trial, epoch, epochs, metrics (of that epoch), dataset (that it builds),
    measuring (of how many trials it measures metrics).
    """
    rows = db.execute(
        "SELECT workers.id, slot, started, trial, epoch, epochs, metrics, datasets.id AS dataset,"
        " (SELECT count(*) FROM to_measure WHERE to_measure.worker = workers.id) AS measuring FROM workers"
        " LEFT JOIN datasets ON datasets.worker = workers.id AND datasets.state = 'building' ORDER BY slot"
    )
    return [{**dict(row), "metrics": json.loads(row["metrics"] or "null") or {}} for row in rows]
