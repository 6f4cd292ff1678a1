"""Wishes of other commands. They are appended by anybody and worked off by whoever is the scheduler."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from ..clock import iso
from . import keeping, measuring, searches
from .database import transaction
from .submit import requeue, taken_back
from .transitions import event, hand_over


class Request(NamedTuple):
    seq: int
    kind: str  # stop, retry, remove
    arguments: dict[str, Any]


def append(db: sqlite3.Connection, kind: str, arguments: dict[str, Any], now: float) -> int:
    """Adds a request and returns its number."""
    with transaction(db):
        seq = db.execute(
            "INSERT INTO requests (at, kind, arguments) VALUES (?, ?, ?)", (iso(now), kind, json.dumps(arguments))
        ).lastrowid
    assert seq is not None, "BUG: an insert without a row id"
    return seq


def waiting(db: sqlite3.Connection) -> list[Request]:
    """Requests that nobody has worked off yet, oldest first."""
    rows = db.execute("SELECT seq, kind, arguments FROM requests WHERE done IS NULL ORDER BY seq")
    return [Request(row["seq"], row["kind"], json.loads(row["arguments"])) for row in rows]


def answer(db: sqlite3.Connection, seq: int) -> dict[str, Any] | None:
    """What was done about a request; None while it waits."""
    row = db.execute("SELECT answer FROM requests WHERE seq = ? AND done IS NOT NULL", (seq,)).fetchone()
    return json.loads(row["answer"]) if row else None


def work_off(db: sqlite3.Connection, request: Request, now: float) -> dict[str, Any]:
    """Does what a request asks, as far as the store goes, and notes the answer. Ending workers is the scheduler's."""
    with transaction(db):
        result = ACTIONS[request.kind](db, request.arguments, now)
        db.execute(
            "UPDATE requests SET done = ?, answer = ? WHERE seq = ?", (iso(now), json.dumps(result), request.seq)
        )
    return result


def _stop(db: sqlite3.Connection, arguments: dict[str, Any], now: float) -> dict[str, Any]:
    """Takes back what a sweep still waits for; with `now`, what runs for nobody else too (`ended` names it)."""
    sweep = arguments["sweep"]
    states = ("queued", "running") if arguments["now"] else ("queued",)
    marks = ", ".join("?" * len(states))
    rows = db.execute(
        "SELECT id, state FROM sweep_trials JOIN trials ON id = trial"
        f" WHERE sweep_trials.sweep = ? AND verdict = 'open' AND state IN ({marks})",
        (sweep, *states),
    ).fetchall()
    unproposed = searches.stop(db, sweep)
    measuring.drop(db, sweep)
    hand_over(db, sweep)
    alone = taken_back(db, sweep, rows, now, "stopped")
    taken = len(rows) + unproposed
    event(db, now, "stopped", sweep=sweep, detail=f"{taken} trials")
    ended = [row["id"] for row in alone if row["state"] == "running"]
    return {"cancelled": taken, "ended": ended}


def _retry(db: sqlite3.Connection, arguments: dict[str, Any], now: float) -> dict[str, Any]:
    """Queues again what failed or diverged: `sweep`, and of it `trials` (ids) or those whose error class is `cause`."""
    sweep, trials, cause = arguments["sweep"], arguments.get("trials"), arguments.get("cause")
    rows = db.execute(
        "SELECT id, trials.state, dataset, error_class FROM sweep_trials JOIN trials ON id = sweep_trials.trial"
        " LEFT JOIN results ON results.trial = id AND results.attempt = trials.attempt"
        " WHERE sweep_trials.sweep = ? AND trials.state IN ('failed', 'diverged')",
        (sweep,),
    ).fetchall()
    chosen = [
        row
        for row in rows
        if (trials is None or row["id"] in trials) and (cause is None or cause == (row["error_class"] or row["state"]))
    ]
    db.executemany(
        "UPDATE sweep_trials SET verdict = 'open' WHERE sweep = ? AND trial = ?", ((sweep, row["id"]) for row in chosen)
    )
    requeue(db, sweep, [(row["id"], row["state"]) for row in chosen], now)
    db.executemany(
        "UPDATE datasets SET state = 'to_build', lost = 0, error = NULL WHERE id = ? AND state = 'failed'",
        {(row["dataset"],) for row in chosen},
    )
    db.execute("UPDATE sweeps SET paused = NULL, resumed = ? WHERE number = ?", (iso(now), sweep))
    event(db, now, "resumed", sweep=sweep, detail=f"{len(chosen)} trials queued again")
    return {"queued": len(chosen)}


def _remove(db: sqlite3.Connection, arguments: dict[str, Any], now: float) -> dict[str, Any]:
    """Forgets a sweep and the trials that no other sweep has; `artefacts` are keys that may be deleted now."""
    sweep = arguments["sweep"]
    running = db.execute(
        "SELECT id FROM sweep_trials AS mine JOIN trials ON id = trial WHERE mine.sweep = ? AND state = 'running'"
        " AND NOT EXISTS (SELECT 1 FROM sweep_trials AS other WHERE other.trial = mine.trial"
        " AND other.sweep != mine.sweep AND other.verdict = 'open')",
        (sweep,),
    ).fetchall()
    if running:
        return {"removed": False, "why": f"{len(running)} of its trials are running"}
    _stop(db, {"sweep": sweep, "now": True}, now)
    own = only_of(db, sweep)
    artefacts, sharing = [key for id in own for key in _keys(db, id)], _sharing(db, sweep)
    db.execute("DELETE FROM sweep_trials WHERE sweep = ?", (sweep,))
    db.execute("UPDATE trials SET sweep = NULL WHERE sweep = ?", (sweep,))
    db.executemany("DELETE FROM trials WHERE id = ?", ((id,) for id in own))
    db.execute("DELETE FROM sweeps WHERE number = ?", (sweep,))
    db.execute("DELETE FROM datasets WHERE id NOT IN (SELECT dataset FROM trials WHERE dataset IS NOT NULL)")
    event(db, now, "removed", sweep=sweep, detail=f"{len(own)} trials")
    rankings: keeping.Rankings = {}
    for other in sharing:
        keeping.ranked(db, rankings, other, now)  # what only this sweep kept is let go of
    return {"removed": True, "trials": len(own), "artefacts": artefacts}


def _keys(db: sqlite3.Connection, trial: str) -> list[str]:
    """The keys of all files that a trial left, whatever was let go of and not deleted yet among them."""
    left = db.execute("SELECT artefacts FROM results WHERE trial = ?", (trial,)).fetchall()
    pending = db.execute("SELECT key FROM let_go WHERE trial = ? AND pending", (trial,)).fetchall()
    told = [artefact for row in left for artefact in json.loads(row["artefacts"]).values()]
    return [artefact["key"] for artefact in told] + [row["key"] for row in pending]


def _sharing(db: sqlite3.Connection, sweep: int) -> list[int]:
    """The other sweeps that have trials of a sweep."""
    rows = db.execute(
        "SELECT DISTINCT other.sweep FROM sweep_trials AS mine JOIN sweep_trials AS other ON other.trial = mine.trial"
        " WHERE mine.sweep = ?1 AND other.sweep != ?1",
        (sweep,),
    )
    return [row["sweep"] for row in rows]


def only_of(db: sqlite3.Connection, sweep: int) -> list[str]:
    """Ids of the trials that no other sweep has."""
    rows = db.execute(
        "SELECT trial FROM sweep_trials AS mine WHERE sweep = ? AND NOT EXISTS"
        " (SELECT 1 FROM sweep_trials AS other WHERE other.trial = mine.trial AND other.sweep != mine.sweep)",
        (sweep,),
    )
    return [row["trial"] for row in rows]


ACTIONS = {"stop": _stop, "retry": _retry, "remove": _remove}
