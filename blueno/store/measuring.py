"""Metrics that were asked for after their trials were done: which are lacking, who measures them, what came of it.

They are computed from kept predictions; no trial runs again or changes its state for it. A submission says what is
wanted; only the scheduler calls the rest.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..messages import NOT_MEASURED, Message
from .asked import JOIN_MEASURED, Item, asked_by, item, lacking, lacking_sql, measured
from .database import transaction
from .transitions import BOUND, MOST_LOST, Binding, event

NO_PREDICTIONS = "its predictions were not kept"
FREE = "to_measure.worker IS NULL AND predictions = 1 AND paused IS NULL"
WISHES = (
    "SELECT to_measure.sweep, to_measure.trial, to_measure.lost, folder, results.attempt, results.metrics AS result,"
    " measured.metrics, measured.trained, json_extract(artefacts, '$.predictions.key') AS key FROM to_measure"
    " JOIN sweeps ON sweeps.number = to_measure.sweep JOIN trials ON trials.id = to_measure.trial"
    " JOIN results ON results.trial = trials.id AND results.attempt = trials.attempt" + JOIN_MEASURED
)


class Wish(NamedTuple):
    """Metrics of a trial that are now this worker's to measure, on behalf of a sweep."""

    sweep: int
    trial: str
    attempt: int
    key: str  # of the predictions, in the models folder
    folder: str  # the spec's, in the snapshot
    items: list[Item]


class Found(NamedTuple):
    """What came of measuring, each by the metric's id."""

    metrics: dict[str, float | None]  # None where it is undefined, or cannot be had
    notes: dict[str, str]  # why not
    errors: dict[str, Any]  # the user's function raised; asked again when the sweep is submitted again


# ---- what is wanted


def want(db: sqlite3.Connection, sweep: int, trial: str | None = None) -> int:
    """Wishes for every metric that a sweep asks for and its trials that succeeded (or that one) lack. Returns of how
    many trials.
    """
    condition = " OR ".join(f"({lacking_sql(each)})" for each in asked_by(db, sweep).values())
    return db.execute(
        "INSERT OR IGNORE INTO to_measure (sweep, trial, predictions) SELECT sweep_trials.sweep, trials.id,"
        " json_type(artefacts, '$.predictions') IS NOT NULL FROM sweep_trials JOIN trials ON id = sweep_trials.trial"
        f" JOIN results ON results.trial = id AND results.attempt = trials.attempt{JOIN_MEASURED}"
        " WHERE sweep_trials.sweep = ?1 AND verdict = 'open' AND trials.state = 'succeeded'"
        f" AND (?2 IS NULL OR trials.id = ?2) AND ({condition})",
        (sweep, trial),
    ).rowcount


def note_trained(db: sqlite3.Connection, result: Message, items: Iterable[Any]) -> None:
    """Keeps, beside a new result, by which definitions its metrics were measured, and what training could not give.
    A metric that raised is lacking: it is measured when it is mended.
    """
    metrics: dict[str, float | None] = {}
    own: dict[str, str] = {}
    raised = {note.partition(NOT_MEASURED)[0] for note in result["notes"] if NOT_MEASURED in note}
    for each in map(item, items):
        value = result["metrics"].get(each.name)
        if each.name in raised:
            continue
        if each.name not in result["metrics"]:
            metrics[each.id] = None
        elif not each.plain:
            metrics[each.id], own[each.name] = value, each.id
    if metrics:
        _write(db, result["trial"], result["attempt"], Found(metrics, {}, {}), own)


def drop(db: sqlite3.Connection, sweep: int) -> int:
    """Takes back what a sweep still wants measured. Returns of how many trials."""
    return db.execute("DELETE FROM to_measure WHERE sweep = ?", (sweep,)).rowcount


# ---- the work


def count(db: sqlite3.Connection, sweep: int) -> int:
    """Of how many of a sweep's trials metrics are still to be measured."""
    return int(db.execute("SELECT count(*) FROM to_measure WHERE sweep = ?", (sweep,)).fetchone()[0])


def waiting(db: sqlite3.Connection, most: int) -> int:
    """How many wishes wait for a worker, counted up to `most`."""
    query = f"SELECT count(*) FROM (SELECT 1 FROM to_measure JOIN sweeps ON number = sweep WHERE {FREE} LIMIT ?)"
    return int(db.execute(query, (most,)).fetchone()[0])


def next_binding(db: sqlite3.Connection) -> Binding | None:
    """The worker that the next wish needs; None when none waits."""
    row = db.execute(
        f"SELECT snapshot, interpreter, resources FROM to_measure JOIN sweeps ON number = sweep WHERE {FREE} LIMIT 1"
    ).fetchone()
    return Binding(*row) if row else None


def settle(db: sqlite3.Connection, now: float) -> Counter[str]:
    """Notes of trials without predictions that their metrics cannot be had. Returns of how many, by metric."""
    query = "FROM to_measure WHERE worker IS NULL AND predictions = 0"
    told: Counter[str] = Counter()
    if db.execute(f"SELECT 1 {query} LIMIT 1").fetchone() is None:  # asked in each step
        return told
    with transaction(db):
        for row in db.execute(f"{WISHES} WHERE to_measure.worker IS NULL AND predictions = 0").fetchall():
            told.update(each.name for each in _cannot(db, row, now))
    return told


def claim(db: sqlite3.Connection, worker: str, binding: Binding, most: int, now: float) -> list[Wish]:
    """Gives up to `most` wishes to `worker`; one over which a worker died, alone."""
    wishes: list[Wish] = []
    with transaction(db):
        while not wishes:
            rows = db.execute(f"{WISHES} WHERE {FREE}{BOUND} LIMIT ?", (*binding, most)).fetchall()
            if not rows:
                break
            fragile = [row for row in rows if row["lost"]][:1]
            wishes = [wish for row in fragile or rows if (wish := _wish(db, row, now))]
        db.executemany(
            "UPDATE to_measure SET worker = ? WHERE sweep = ? AND trial = ?",
            ((worker, wish.sweep, wish.trial) for wish in wishes),
        )
    return wishes


def _lacks(db: sqlite3.Connection, row: sqlite3.Row) -> list[Item]:
    known = measured(row["metrics"], row["trained"])
    return lacking(json.loads(row["result"]), known, asked_by(db, row["sweep"]))


def _wish(db: sqlite3.Connection, row: sqlite3.Row, now: float) -> Wish | None:
    """What is to be measured for a row of `to_measure`; None, and the row is gone, when nothing is or can be."""
    items = _lacks(db, row)
    if not items:
        _done(db, row["sweep"], row["trial"])
    elif row["key"] is None:
        _cannot(db, row, now)
    else:
        return Wish(row["sweep"], row["trial"], row["attempt"], row["key"], row["folder"], items)
    return None


def _cannot(db: sqlite3.Connection, row: sqlite3.Row, now: float) -> list[Item]:
    items = _lacks(db, row)
    notes = {each.id: f"{each.name} is not measured: {NO_PREDICTIONS}" for each in items}
    _write(db, row["trial"], row["attempt"], Found(dict.fromkeys(notes), notes, {}), {})
    _done(db, row["sweep"], row["trial"])
    event(db, now, "measured", sweep=row["sweep"], trial=row["trial"], attempt=row["attempt"], detail=NO_PREDICTIONS)
    return items


def _done(db: sqlite3.Connection, sweep: int, trial: str) -> None:
    db.execute("DELETE FROM to_measure WHERE sweep = ? AND trial = ?", (sweep, trial))


# ---- what came of it


def record(db: sqlite3.Connection, wish: Wish, found: Found, worker: str, now: float) -> bool:
    """Records what was measured. False, and nothing changed, when the wish is not this worker's any more, or the trial
    has been queued again meanwhile.
    """
    with transaction(db):
        held = db.execute(
            "DELETE FROM to_measure WHERE sweep = ? AND trial = ? AND worker = ?", (wish.sweep, wish.trial, worker)
        ).rowcount
        newest = db.execute(
            "SELECT 1 FROM trials WHERE id = ? AND attempt = ? AND state = 'succeeded'", (wish.trial, wish.attempt)
        ).fetchone()
        if not held or newest is None:
            return False
        _write(db, wish.trial, wish.attempt, found, {})
        names = ", ".join(each.name for each in wish.items)
        event(
            db, now, "measured", sweep=wish.sweep, trial=wish.trial, attempt=wish.attempt, worker=worker, detail=names
        )
    return True


def _write(db: sqlite3.Connection, trial: str, attempt: int, found: Found, own: Mapping[str, str]) -> None:
    """Adds to what is known of a result's metrics."""
    row = db.execute(
        "SELECT metrics, trained, notes, errors FROM measured WHERE trial = ? AND attempt = ?", (trial, attempt)
    ).fetchone()
    before = [json.loads(column) for column in row] if row else [{}, {}, {}, {}]
    errors = {id: error for id, error in before[3].items() if id not in found.metrics}
    merged = (before[0] | found.metrics, before[1] | own, before[2] | found.notes, errors | found.errors)
    db.execute("INSERT OR REPLACE INTO measured VALUES (?, ?, ?, ?, ?, ?)", (trial, attempt, *map(json.dumps, merged)))


def lost(db: sqlite3.Connection, wish: Wish, why: str, now: float) -> bool:
    """A worker died over a wish: it waits again. The third time its sweep's wishes are given up until it is submitted
    again, since all others would end so, too. Whether they are.
    """
    with transaction(db):
        row = db.execute(
            "UPDATE to_measure SET lost = lost + 1, worker = NULL WHERE sweep = ? AND trial = ? RETURNING lost",
            (wish.sweep, wish.trial),
        ).fetchone()
        if row is None or row["lost"] < MOST_LOST:
            return False
        count = drop(db, wish.sweep)
        event(db, now, "measured", sweep=wish.sweep, trial=wish.trial, detail=f"{count} given up: {why}")
    return True


def release(db: sqlite3.Connection, worker: str | None) -> None:
    """What a worker held (None: any worker) waits again."""
    held = "worker IS NOT NULL AND (worker = ?1 OR ?1 IS NULL)"
    db.execute(f"UPDATE to_measure SET worker = NULL WHERE {held}", (worker,))
