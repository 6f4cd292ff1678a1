"""What the store knows of who uses datasets: which trials need them now, and when one was last trained on. Nothing here
writes.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from ..clock import seconds


class Use(NamedTuple):
    """What the store says of a dataset."""

    state: str  # to_build, building, built, failed
    trials: int
    waiting: int  # of these, those that are queued or running
    used_s: float | None  # when a trial on it last ended, in seconds since 1970


def uses_of(db: sqlite3.Connection) -> dict[str, Use]:
    """Every dataset that the store knows, with what uses it."""
    rows = db.execute(
        "SELECT datasets.id, datasets.state, count(trials.id) AS trials,"
        " sum(trials.state IN ('queued', 'running')) AS waiting,"
        " max((SELECT ended FROM results WHERE trial = trials.id ORDER BY attempt DESC LIMIT 1)) AS ended"
        " FROM datasets LEFT JOIN trials ON trials.dataset = datasets.id GROUP BY datasets.id"
    )
    return {
        row["id"]: Use(
            row["state"], row["trials"], row["waiting"] or 0, seconds(row["ended"]) if row["ended"] else None
        )
        for row in rows
    }


def needed(db: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """The datasets that trials need which are queued or running -> their recipes."""
    rows = db.execute(
        "SELECT id, recipe FROM datasets WHERE id IN"
        " (SELECT dataset FROM trials WHERE state IN ('queued', 'running') AND dataset IS NOT NULL)"
    )
    return {row["id"]: json.loads(row["recipe"]) for row in rows}


def needing(db: sqlite3.Connection, dataset: str) -> list[str]:
    """Names of the sweeps whose trials, queued or running, need a dataset."""
    rows = db.execute(
        "SELECT DISTINCT name FROM trials JOIN sweep_trials ON trial = trials.id"
        " JOIN sweeps ON sweeps.number = sweep_trials.sweep"
        " WHERE dataset = ? AND trials.state IN ('queued', 'running') AND verdict = 'open' ORDER BY sweeps.number",
        (dataset,),
    )
    return [row["name"] for row in rows]


def snapshots(db: sqlite3.Connection) -> set[str]:
    """Keys of the code that sweeps run."""
    return {row["snapshot"] for row in db.execute("SELECT DISTINCT snapshot FROM sweeps WHERE snapshot != ''")}


def file_names(db: sqlite3.Connection) -> dict[str, str]:
    """SHA-256 of each data file of a sweep -> its path."""
    return {
        sha: path for row in db.execute("SELECT files FROM sweeps") for sha, path in json.loads(row["files"]).items()
    }


def recipes(db: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """The recipe of every dataset."""
    return {row["id"]: json.loads(row["recipe"]) for row in db.execute("SELECT id, recipe FROM datasets")}
