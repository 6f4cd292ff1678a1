"""Who is at work, for `watch` and for ending what a dead scheduler left behind. Only the scheduler calls this."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from ..canonical import digest
from ..clock import iso
from ..messages import Message
from . import measuring, preparations, transitions
from .database import transaction


def started(db: sqlite3.Connection, id: str, slot: str, process: tuple[int, float] | None, now: float) -> None:
    pid, created = process or (None, None)
    db.execute(
        "INSERT OR REPLACE INTO workers (id, slot, pid, created, started) VALUES (?, ?, ?, ?, ?)",
        (id, slot, pid, created, iso(now)),
    )


def ready(db: sqlite3.Connection, id: str, facts: Any) -> None:
    """Notes the environment a worker runs in, once per distinct environment."""
    key = digest(facts)
    db.execute("INSERT OR IGNORE INTO environments VALUES (?, ?)", (key, json.dumps(facts)))
    db.execute("UPDATE workers SET environment = ? WHERE id = ?", (key, id))


def at(db: sqlite3.Connection, id: str, trial: str | None, message: Message | None = None) -> None:
    """What a worker is doing now, for `watch`."""
    epoch = message or {"epoch": None, "epochs": None, "metrics": None}
    db.execute(
        "UPDATE workers SET trial = ?, epoch = ?, epochs = ?, metrics = ? WHERE id = ?",
        (trial, epoch["epoch"], epoch["epochs"], json.dumps(epoch["metrics"]), id),
    )


def ended(db: sqlite3.Connection, id: str) -> None:
    db.execute("DELETE FROM workers WHERE id = ?", (id,))


def recover(db: sqlite3.Connection, now: float) -> int:
    """A new scheduler takes over: whatever an earlier one left running is queued again. Returns how many trials."""
    with transaction(db):
        rows = db.execute("SELECT id, attempt FROM trials WHERE state = 'running'").fetchall()
        for row in rows:
            transitions.release(db, row["id"], row["attempt"], now, "the scheduler that ran it is gone")
        for row in db.execute("SELECT id FROM datasets WHERE state = 'building'").fetchall():
            preparations.release(db, row["id"], now)
        measuring.release(db, None)
        db.execute("DELETE FROM workers")
    return len(rows)
