"""What has changed in the store, for a view of it elsewhere; and the rows that its documents are made of.

Triggers fill the outbox (`migrations`). A view remembers how far it has come by `seq`; the store does not know who
reads it. Only `live_epoch` writes, and only the scheduler calls it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..clock import iso
from ..messages import Message
from .asked import JOIN_MEASURED, Item, asked, measured, values
from .read import ENGINE, Row


class Change(NamedTuple):
    """A trial or a sweep that was added, changed or removed."""

    seq: int
    kind: str  # trial, sweep
    id: str


class Wish(NamedTuple):
    """A sweep that has a trial."""

    sweep: int
    verdict: str


class SweepFacts(NamedTuple):
    """What documents say of a sweep."""

    number: int
    id: str
    name: str
    revision: int
    metric: str
    direction: str
    asked: dict[str, Item]
    tags: list[str]
    snapshot: str
    submitted: str
    git: dict[str, Any]  # sha and dirty, as it was when the sweep was submitted; empty where that is not known


class TrialFacts(NamedTuple):
    """A trial, what its newest attempt left, and the sweeps that have it (the newest last)."""

    row: dict[str, Any]
    wishes: list[Wish]


class Part(NamedTuple):
    """What a batch of documents is made of, all of one moment; `seq` is the newest change of that moment."""

    seq: int
    trials: list[TrialFacts]
    sweeps: dict[int, SweepFacts]
    configs: dict[tuple[int, str], list[Row]]  # (sweep, config) -> its trials
    params: dict[tuple[int, str], dict[str, Any]]
    positions: dict[tuple[int, str], int]
    durations: dict[tuple[int, str], float]  # what a config's trials took together
    gone: list[str]  # trials that are no more


def newest(db: sqlite3.Connection) -> int:
    """The number of the newest change; 0 when there was none."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return int(row[0]) if row else 0


def changes(db: sqlite3.Connection, after: int, most: int) -> list[Change]:
    """Up to `most` changes after that one, oldest first."""
    rows = db.execute("SELECT seq, kind, id FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (after, most))
    return [Change(*row) for row in rows]


def waiting(db: sqlite3.Connection, after: int) -> tuple[int, str | None]:
    """How many trials and sweeps have changed after that change, and when the first of them did."""
    count, at = db.execute(
        "SELECT count(*), (SELECT at FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT 1) FROM outbox WHERE seq > ?1",
        (after,),
    ).fetchone()
    return int(count), at or None


# ---- epochs of trials that run


def live_epoch(db: sqlite3.Connection, message: Message, now: float) -> None:
    """Notes what a running trial said of an epoch."""
    db.execute(
        "INSERT INTO live_epochs (trial, attempt, epoch, at, metrics) SELECT id, attempt, ?, ?, ? FROM trials"
        " WHERE id = ? AND attempt = ? AND state = 'running'",
        (message["epoch"], iso(now), json.dumps(message["metrics"]), message["trial"], message["attempt"]),
    )


def live_epochs(db: sqlite3.Connection, after: int, most: int) -> list[dict[str, Any]]:
    """Up to `most` such notes after that one, oldest first: number, trial, config, attempt, epoch, at, metrics."""
    rows = db.execute(
        "SELECT live_epochs.*, config FROM live_epochs JOIN trials ON id = trial WHERE live_epochs.number > ?"
        " ORDER BY live_epochs.number LIMIT ?",
        (after, most),
    )
    return [{**dict(row), "metrics": json.loads(row["metrics"])} for row in rows]


# ---- rows that documents are made of

TRIALS = (
    "SELECT trials.id, trials.number, trials.config, trials.dataset, trials.seed, trials.fold, trials.recipe,"
    f" trials.state, trials.attempt, results.state AS outcome, {ENGINE} AS engine, results.epoch,"
    " results.metrics, results.nonfinite, results.notes, results.started, results.ended, results.duration_s,"
    " results.peak_memory_bytes, results.error, results.history, results.epochs, results.log, facts,"
    " measured.metrics AS later, measured.trained, datasets.recipe AS dataset_recipe, datasets.state AS dataset_state,"
    " datasets.bytes AS dataset_bytes, datasets.duration_s AS dataset_duration_s,"
    " (SELECT at FROM events WHERE events.trial = trials.id ORDER BY seq DESC LIMIT 1) AS changed,"
    " (SELECT min(attempt) FROM results AS earlier WHERE earlier.trial = trials.id) AS first_attempt"
    " FROM trials LEFT JOIN results ON results.trial = trials.id AND results.attempt = trials.attempt"
    " LEFT JOIN environments ON environments.id = results.environment"
    " LEFT JOIN datasets ON datasets.id = trials.dataset" + JOIN_MEASURED
)


def part(db: sqlite3.Connection, trials: Iterable[str]) -> Part:
    """What the documents of these trials are made of; to be called inside `reading`."""
    ids = list(trials)
    marks = ", ".join("?" * len(ids))
    rows = {row["id"]: dict(row) for row in db.execute(f"{TRIALS} WHERE trials.id IN ({marks})", ids)}
    wishes: dict[str, list[Wish]] = {id: [] for id in rows}
    query = f"SELECT trial, sweep, verdict FROM sweep_trials WHERE trial IN ({marks}) ORDER BY sweep"
    for trial, sweep, verdict in db.execute(query, ids):
        wishes[trial].append(Wish(sweep, verdict))
    sweeps = _sweeps(db, {wish.sweep for each in wishes.values() for wish in each})
    found = [TrialFacts(rows[id], wishes[id]) for id in ids if id in rows]
    wanted = {(wish.sweep, each.row["config"]) for each in found for wish in each.wishes}
    configs, durations = _configs(db, wanted, sweeps)
    params, positions = _params(db, wanted)
    gone = [id for id in ids if id not in rows]
    return Part(newest(db), found, sweeps, configs, params, positions, durations, gone)


def _sweeps(db: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, SweepFacts]:
    wanted = sorted(numbers)
    rows = db.execute(
        "SELECT number, id, name, revision, metric, direction, metrics, json_extract(plan, '$.tags') AS tags, snapshot,"
        " submitted, json_extract(plan, '$.git') AS git"
        f" FROM sweeps WHERE number IN ({', '.join('?' * len(wanted))})",
        wanted,
    )
    return {
        row["number"]: SweepFacts(
            row["number"], row["id"], row["name"], row["revision"], row["metric"], row["direction"],
            asked(json.loads(row["metrics"]), row["metric"]), json.loads(row["tags"] or "[]"), row["snapshot"],
            row["submitted"], json.loads(row["git"] or "{}"),
        )
        for row in rows
    }  # fmt: skip


Places = set[tuple[int, str]]


def _configs(
    db: sqlite3.Connection, wanted: Places, sweeps: dict[int, SweepFacts]
) -> tuple[dict[tuple[int, str], list[Row]], dict[tuple[int, str], float]]:
    """The trials of configs, each for its sweep, and what they took."""
    found: dict[tuple[int, str], list[Row]] = {place: [] for place in wanted}
    durations: dict[tuple[int, str], float] = dict.fromkeys(wanted, 0.0)
    ids = sorted({config for _, config in wanted})
    rows = db.execute(
        "SELECT trials.id, trials.config, dataset, seed, fold, position, sweep_trials.sweep,"
        " CASE verdict WHEN 'open' THEN trials.state ELSE verdict END AS state, results.metrics, error_class,"
        " error_group, results.engine, measured.metrics AS later, trained, duration_s"
        " FROM trials JOIN sweep_trials ON sweep_trials.trial = trials.id"
        " LEFT JOIN results ON results.trial = trials.id"
        f" AND results.attempt = trials.attempt {JOIN_MEASURED}"
        f" WHERE trials.config IN ({', '.join('?' * len(ids))}) ORDER BY position",
        ids,
    )
    for row in rows:
        place = (row["sweep"], row["config"])
        if place not in found:
            continue
        known = measured(row["later"], row["trained"])
        metrics = values(json.loads(row["metrics"] or "{}"), known, sweeps[row["sweep"]].asked)
        found[place].append(Row._make(metrics if key == "metrics" else row[key] for key in Row._fields))
        durations[place] += row["duration_s"] or 0.0
    return found, durations


def _params(
    db: sqlite3.Connection, wanted: Places
) -> tuple[dict[tuple[int, str], dict[str, Any]], dict[tuple[int, str], int]]:
    """What was written for configs, and their places in the plan."""
    params: dict[tuple[int, str], dict[str, Any]] = {}
    positions: dict[tuple[int, str], int] = {}
    for place in wanted:
        row = db.execute("SELECT params, position FROM sweep_configs WHERE sweep = ? AND config = ?", place).fetchone()
        params[place], positions[place] = json.loads(row["params"]), row["position"]
    return params, positions


def sweep_is_there(db: sqlite3.Connection, id: str) -> bool:
    """Whether the store has the sweep of that full id."""
    return db.execute("SELECT 1 FROM sweeps WHERE id = ?", (id,)).fetchone() is not None
