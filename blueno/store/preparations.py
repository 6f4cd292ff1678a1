"""Datasets: which is to be built, by whom, and what came of it. Only the scheduler calls this."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from ..messages import Message
from .database import transaction
from .transitions import BOUND, MOST_LOST, Binding, event, failed_result, insert_result, moved

MOST_MODELS = 256  # distinct architectures that are tried on a dataset before its trials start


class Preparation(NamedTuple):
    """A dataset that is now this worker's to build, and the architectures to try on its shape."""

    dataset: str
    recipe: str
    folder: str  # the spec's, in the snapshot
    files: str  # JSON
    models: list[str]  # JSON of [code, model], as they stand in the recipes of the trials that wait


def claim(db: sqlite3.Connection, worker: str, binding: Binding, now: float) -> Preparation | None:
    """Gives the dataset that the most urgent trial waits for to `worker`."""
    with transaction(db):
        row = db.execute(
            "SELECT datasets.id, datasets.recipe, folder, files FROM trials JOIN sweeps ON sweeps.number = trials.sweep"
            " JOIN datasets ON datasets.id = trials.dataset WHERE trials.state = 'queued' AND sweeps.paused IS NULL"
            f" AND datasets.state = 'to_build' {BOUND} ORDER BY rank LIMIT 1",
            binding,
        ).fetchone()
        if row is None:
            return None
        db.execute(
            "UPDATE datasets SET state = 'building', worker = ?, attempt = attempt + 1 WHERE id = ?",
            (worker, row["id"]),
        )
        event(db, now, "dataset", before="to_build", after="building", worker=worker, detail=row["id"])
        models = db.execute(  # those of this binding only: the code of others is not in its snapshot
            "SELECT DISTINCT json_extract(recipe, '$.code', '$.model') FROM trials"
            " JOIN sweeps ON sweeps.number = trials.sweep"
            f" WHERE dataset = ? AND state = 'queued' {BOUND}"
            " AND json_extract(recipe, '$.model.architecture') IS NOT NULL ORDER BY rank LIMIT ?",
            (row["id"], *binding, MOST_MODELS),
        )
        return Preparation(row["id"], row["recipe"], row["folder"], row["files"], [model for (model,) in models])


def built(db: sqlite3.Connection, message: Message, worker: str, now: float, most: int = -1) -> bool:
    """Records that a dataset was built, or why it could not be; then its waiting trials have failed with it (the first
    `most` of them, if it is not negative), and so have those whose architecture cannot be built on its shape.
    """
    error = message["error"]
    after = "failed" if error else "built"
    with transaction(db):
        changed = db.execute(
            "UPDATE datasets SET state = ?, worker = NULL, duration_s = ?, bytes = ?, summary = ?, error = ?"
            " WHERE id = ? AND worker = ? AND state = 'building'",
            (
                after, message["duration_s"], message["bytes"], json.dumps(message["summary"]),
                json.dumps(error) if error else None, message["dataset"], worker,
            ),
        ).rowcount  # fmt: skip
        if not changed:
            return False
        event(db, now, "dataset", before="building", after=after, worker=worker, detail=message["dataset"])
        if error:
            _fail_waiting(db, message["dataset"], None, error, worker, now, most)
        for model, model_error in message["model_errors"].items():
            _fail_waiting(db, message["dataset"], model, model_error, worker, now)
    return True


def _fail_waiting(
    db: sqlite3.Connection,
    dataset: str,
    model: str | None,
    error: dict[str, Any],
    worker: str,
    now: float,
    most: int = -1,
) -> None:
    """Fails the trials that wait for a dataset; with `model`, those of this code and model."""
    rows = db.execute(
        "UPDATE trials SET state = 'failed', attempt = attempt + 1, rank = NULL WHERE number IN (SELECT number"
        " FROM trials WHERE dataset = ?1 AND state = 'queued'"
        " AND (?2 IS NULL OR json_extract(recipe, '$.code', '$.model') = ?2) ORDER BY rank LIMIT ?3)"
        " RETURNING id, sweep, attempt, worker",
        (dataset, model, most),
    ).fetchall()
    moved(db, now, "queued", "failed", rows)
    for row in rows:
        insert_result(db, failed_result(row["id"], row["attempt"], error, now), worker, now)


def waiting_for(db: sqlite3.Connection, dataset: str) -> dict[int, bool]:
    """The sweeps that wait for a dataset -> whether they have done anything, or can do anything, without it."""
    rows = db.execute(
        "SELECT DISTINCT sweep_trials.sweep, EXISTS (SELECT 1 FROM sweep_trials AS other JOIN trials AS one"
        " ON one.id = other.trial WHERE other.sweep = sweep_trials.sweep AND other.verdict = 'open'"
        " AND (one.state IN ('succeeded', 'diverged', 'running') OR one.state = 'queued' AND one.dataset IS NOT ?1))"
        " FROM trials JOIN sweep_trials ON trial = trials.id"
        " WHERE dataset = ?1 AND state = 'queued' AND verdict = 'open'",
        (dataset,),
    )
    return {sweep: bool(others) for sweep, others in rows}


def lost(db: sqlite3.Connection, dataset: str, worker: str, error: dict[str, Any], now: float) -> None:
    """A worker died while it built the dataset: it is built again, the third time it has failed."""
    with transaction(db):
        row = db.execute(
            "UPDATE datasets SET lost = lost + 1 WHERE id = ? AND worker = ? AND state = 'building' RETURNING lost",
            (dataset, worker),
        ).fetchone()
        if row and row["lost"] >= MOST_LOST:
            built(
                db,
                {"dataset": dataset, "duration_s": 0.0, "bytes": 0, "summary": {}, "model_errors": {}, "error": error},
                worker,
                now,
            )
        elif row:
            release(db, dataset, now)


def wanted(db: sqlite3.Connection, dataset: str) -> bool:
    """Whether trials wait for the dataset."""
    query = "SELECT EXISTS (SELECT 1 FROM trials WHERE dataset = ? AND state = 'queued')"
    return bool(db.execute(query, (dataset,)).fetchone()[0])


def release(db: sqlite3.Connection, dataset: str, now: float) -> None:
    db.execute("UPDATE datasets SET state = 'to_build', worker = NULL WHERE id = ? AND state = 'building'", (dataset,))
    event(db, now, "dataset", before="building", after="to_build", detail=dataset)


def forget(db: sqlite3.Connection, dataset: str, now: float) -> None:
    """The cache has lost a dataset that was built: it is built again."""
    db.execute("UPDATE datasets SET state = 'to_build', worker = NULL WHERE id = ? AND state = 'built'", (dataset,))
    event(db, now, "dataset", before="built", after="to_build", detail=dataset)
