"""What happened, recorded: claims, starts, results, losses. Only the scheduler calls this.

A claim raises the trial's `attempt`, which is its fencing token: whoever comes back with an older one changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..clock import iso
from ..messages import Message
from .database import transaction

MOST_LOST = 3  # a trial over which so many workers died has failed
DONE = ("succeeded", "diverged", "failed")


class Binding(NamedTuple):
    """What a worker is started for; it can only work on trials of the same binding."""

    snapshot: str
    interpreter: str
    resources: str  # JSON


class Claimed(NamedTuple):
    """A trial that is now this worker's."""

    id: str
    attempt: int
    recipe: str
    config: str
    fold: int | None
    sweep: int


def event(db: sqlite3.Connection, now: float, kind: str, **facts: Any) -> None:
    """Appends one row to `events`."""
    names = ["at", "kind", *facts]
    marks = ", ".join("?" * len(names))
    db.execute(f"INSERT INTO events ({', '.join(names)}) VALUES ({marks})", (iso(now), kind, *facts.values()))


def moved(db: sqlite3.Connection, now: float, before: str, after: str, rows: Iterable[sqlite3.Row]) -> None:
    db.executemany(
        "INSERT INTO events (at, kind, sweep, trial, before, after, attempt, worker)"
        " VALUES (?, 'state', ?, ?, ?, ?, ?, ?)",
        ((iso(now), row["sweep"], row["id"], before, after, row["attempt"], row["worker"]) for row in rows),
    )


# ---- claims

READY = (
    "SELECT trials.number FROM trials JOIN sweeps ON sweeps.number = trials.sweep"
    " LEFT JOIN datasets ON datasets.id = trials.dataset"
    " WHERE trials.state = 'queued' AND sweeps.paused IS NULL"
    " AND (trials.dataset IS NULL OR datasets.state = 'built')"
)
BOUND = " AND snapshot = ? AND interpreter = ? AND resources = ?"


def next_binding(db: sqlite3.Connection) -> Binding | None:
    """What the next piece of work (a dataset or a trial) needs; None when nothing can be done now."""
    row = db.execute(
        "SELECT snapshot, interpreter, resources FROM trials JOIN sweeps ON sweeps.number = trials.sweep"
        " LEFT JOIN datasets ON datasets.id = trials.dataset WHERE trials.state = 'queued' AND sweeps.paused IS NULL"
        " AND (trials.dataset IS NULL OR datasets.state IN ('built', 'to_build')) ORDER BY rank LIMIT 1"
    ).fetchone()
    return Binding(*row) if row else None


def queued(db: sqlite3.Connection, most: int) -> int:
    """How many trials of sweeps that are not paused wait, counted up to `most`."""
    query = (
        "SELECT count(*) FROM (SELECT 1 FROM trials JOIN sweeps ON sweeps.number = trials.sweep"
        " WHERE trials.state = 'queued' AND sweeps.paused IS NULL LIMIT ?)"
    )
    return db.execute(query, (most,)).fetchone()[0]


def next_sweep(db: sqlite3.Connection, binding: Binding | None = None) -> int | None:
    """A sweep that is not paused and has trials that wait (for workers of `binding`); None when there is none."""
    row = db.execute(
        "SELECT trials.sweep FROM trials JOIN sweeps ON sweeps.number = trials.sweep WHERE trials.state = 'queued'"
        f" AND sweeps.paused IS NULL {BOUND if binding else ''} LIMIT 1",
        binding or (),
    ).fetchone()
    return row["sweep"] if row else None


def has_done(db: sqlite3.Connection, sweep: int) -> bool:
    """Whether a trial that ran on behalf of the sweep has been done without failing."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM sweep_trials JOIN trials ON id = trial WHERE sweep_trials.sweep = ?1"
        " AND trials.sweep = ?1 AND state IN ('succeeded', 'diverged'))"
    )
    return bool(db.execute(query, (sweep,)).fetchone()[0])


ONE_BY_ONE = " AND trials.engine = 'fit'"
OF_A_PACK = " AND trials.engine = 'fused' AND family = ? AND trials.lost = ?"


def claim_trials(
    db: sqlite3.Connection, worker: str, binding: Binding, count: int, now: float, pack: tuple[str, int] | None = None
) -> list[Claimed]:
    """Gives up to `count` ready trials to `worker`, first come first served in the order of `rank`: those that are
    trained one at a time, or those of a `pack` (a family, and how many workers have died over them).
    """
    among = OF_A_PACK if pack else ONE_BY_ONE
    with transaction(db):
        rows = db.execute(
            "UPDATE trials SET state = 'running', attempt = attempt + 1, worker = ?"
            f" WHERE number IN ({READY}{BOUND}{among} ORDER BY rank LIMIT ?)"
            " RETURNING id, attempt, recipe, config, fold, sweep, worker, rank",
            (worker, *binding, *(pack or ()), count),
        ).fetchall()
        moved(db, now, "queued", "running", rows)
    rows.sort(key=lambda row: row["rank"])
    return [Claimed(*row[:6]) for row in rows]


# ---- what workers say


def started(db: sqlite3.Connection, trial: str, attempt: int, worker: str) -> bool:
    """A worker began the trial. False when it is not this worker's any more."""
    changed = db.execute(
        "UPDATE trials SET starts = starts + 1 WHERE id = ? AND attempt = ? AND worker = ? AND state = 'running'",
        (trial, attempt, worker),
    ).rowcount
    return changed == 1


def finish(db: sqlite3.Connection, result: Message, worker: str, now: float) -> bool:
    """Records a result. False, and nothing changed, when the attempt is not the one that was last claimed."""
    trial, attempt, state = result["trial"], result["attempt"], result["state"]
    with transaction(db):
        rows = db.execute(
            "UPDATE trials SET state = ?, worker = NULL, rank = NULL"
            " WHERE id = ? AND attempt = ? AND worker = ? AND state = 'running' RETURNING id, sweep, attempt, worker",
            (state, trial, attempt, worker),
        ).fetchall()
        if not rows:
            return False
        moved(db, now, "running", state, rows)
        insert_result(db, {**result, "notes": [*result["notes"], *_unfused(db, trial)]}, worker, now)
    return True


def _unfused(db: sqlite3.Connection, trial: str) -> list[str]:
    """Why a trial that was to be trained in a pack was not."""
    why = db.execute("SELECT unfused FROM trials WHERE id = ?", (trial,)).fetchone()["unfused"]
    return [f"trained by itself: {why}"] if why else []


def insert_result(db: sqlite3.Connection, result: Message, worker: str, now: float) -> None:
    error = result["error"]
    environment = db.execute("SELECT environment FROM workers WHERE id = ?", (worker,)).fetchone()
    db.execute(
        "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            result["trial"], result["attempt"], result["state"], result["engine"], result["epoch"],
            json.dumps(result["metrics"]), json.dumps(result["nonfinite"]), json.dumps(result["artefacts"]),
            json.dumps(result["notes"]),
            environment["environment"] if environment else None, worker, result["started"], iso(now),
            result["duration_s"], result["peak_memory_bytes"],
            error and error["class"], error and error["group"], json.dumps(error) if error else None,
            pack(json.dumps(result["history"])), pack(result["log"]), _epochs(result),
        ),
    )  # fmt: skip


def _epochs(result: Message) -> str | None:
    """The epochs of a result's history as they are kept: NULL where they are 1, 2, 3 and so on."""
    epochs = result.get("epochs", [])
    return json.dumps(epochs) if epochs != [*range(1, len(epochs) + 1)] else None


def history_of(row: Any) -> tuple[dict[str, list[float | None]], list[int]]:
    """The history that a row of `results` has packed, metric by metric, and the epochs that its values belong to."""
    history = json.loads(unpack(row["history"])) if row["history"] else {}
    count = max(map(len, history.values()), default=0)
    return history, json.loads(row["epochs"]) if row["epochs"] else [*range(1, count + 1)]


def pack(text: str) -> bytes:
    """A text as it is kept: UTF-8, compressed."""
    return zlib.compress(text.encode("utf-8", "replace"), 6)


def unpack(data: bytes) -> str:
    """The inverse of `pack`."""
    return zlib.decompress(data).decode()


def failed_result(
    trial: str, attempt: int, error: dict[str, Any], now: float, duration_s: float = 0.0, log: str = ""
) -> Message:
    """The result of a trial that could not speak for itself."""
    return {
        "kind": "result", "trial": trial, "attempt": attempt, "state": "failed", "metrics": {}, "nonfinite": [],
        "history": {}, "artefacts": {}, "notes": [], "engine": "", "epoch": None, "started": iso(now - duration_s),
        "duration_s": duration_s, "peak_memory_bytes": 0, "log": log, "error": error,
    }  # fmt: skip


def release(db: sqlite3.Connection, trial: str, attempt: int, now: float, why: str) -> bool:
    """Puts a claimed trial back; it counts as no attempt (the scheduler died, the sweep was interrupted, ...)."""
    with transaction(db):
        rows = db.execute(  # for the sweep that it ran for, or another one that wants it by now
            "UPDATE trials SET state = iif(wish.sweep IS NULL, 'idle', 'queued'),"
            " sweep = coalesce(wish.sweep, trials.sweep), worker = NULL FROM"
            " (SELECT (SELECT mine.sweep FROM sweep_trials AS mine JOIN trials ON id = trial WHERE trial = ?1"
            " AND verdict = 'open' ORDER BY mine.sweep = trials.sweep DESC, mine.sweep LIMIT 1) AS sweep) AS wish"
            " WHERE id = ?1 AND attempt = ?2 AND state = 'running' RETURNING id, trials.sweep, attempt, worker, state",
            (trial, attempt),
        ).fetchall()
        for row in rows:
            event(
                db, now, "state", sweep=row["sweep"], trial=row["id"], before="running", after=row["state"],
                attempt=attempt, detail=why,
            )  # fmt: skip
    return bool(rows)


def lost(db: sqlite3.Connection, trial: str, attempt: int, worker: str, result: Message, now: float) -> str:
    """A worker died over the trial: it is queued again; the third time it has failed with `result`. Says which."""
    with transaction(db):
        row = db.execute(
            "UPDATE trials SET lost = lost + 1 WHERE id = ? AND attempt = ? AND worker = ? AND state = 'running'"
            " RETURNING lost",
            (trial, attempt, worker),
        ).fetchone()
        if row is None:
            return "fenced"
        if row["lost"] >= MOST_LOST:
            finish(db, result, worker, now)
            return "failed"
        release(db, trial, attempt, now, result["error"]["message"])
    return "queued"


def pause(db: sqlite3.Connection, sweep: int, why: str, now: float) -> None:
    """Nothing more of this sweep is started until it is submitted or retried; what others want too, goes on."""
    with transaction(db):
        db.execute("UPDATE sweeps SET paused = ? WHERE number = ?", (why, sweep))
        hand_over(db, sweep)
        event(db, now, "paused", sweep=sweep, detail=why)


def hand_over(db: sqlite3.Connection, sweep: int, trials: Iterable[str] | None = None) -> None:
    """What waits or runs on behalf of a sweep (of it, `trials`) now does so for another that wants it, if there is one:
    the oldest that is not paused, else the oldest.
    """
    query = (
        "UPDATE trials SET sweep = coalesce((SELECT number FROM sweep_trials JOIN sweeps ON number = sweep_trials.sweep"
        " WHERE sweep_trials.trial = trials.id AND verdict = 'open' AND number != ?1"
        " ORDER BY paused IS NOT NULL, number LIMIT 1), sweep) WHERE sweep = ?1 AND state IN ('queued', 'running')"
    )
    if trials is None:
        db.execute(query, (sweep,))
    else:
        db.executemany(f"{query} AND id = ?2", ((sweep, trial) for trial in trials))
