"""How far the index has come: a small file of its own for each place that is sent to, written by the sender alone.

The store is only read. Whoever deletes this file has everything sent again, which changes nothing in the index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..cache.locks import tried
from .access import Target

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
    kind TEXT NOT NULL, id TEXT NOT NULL, trial TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refused_trial ON refused (trial);
"""


class Refused(NamedTuple):
    """A document that the index can never take as it is, set aside."""

    kind: str
    id: str
    trial: str
    reason: str
    at: str


def state_path(root: Path, target: Target) -> Path:
    return root / "data" / "elastic" / f"{target.digest}.db"


def open_state(root: Path, target: Target, store: str, newest: int) -> sqlite3.Connection:
    """The file, made when there is none. One that belongs to another store, or has seen more changes than there are
    (the store is an older copy), begins anew.
    """
    path = state_path(root, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(SCHEMA)
    if fact(db, "store") != store or position(db) > newest:
        reset(db)
        note(db, store=store)
    return db


def read_state(root: Path, target: Target) -> sqlite3.Connection | None:
    """The file, to be read only; None when nothing was ever sent there."""
    path = state_path(root, target)
    if not path.exists():
        return None
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def reset(db: sqlite3.Connection) -> None:
    """Everything is to be sent again."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("DELETE FROM facts")
    db.execute("DELETE FROM refused")
    db.execute("COMMIT")


def fact(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return row["value"] if row else None


def note(db: sqlite3.Connection, **facts: str | None) -> None:
    db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())


def position(db: sqlite3.Connection) -> int:
    """The newest change that has been sent, with all before it."""
    return int(fact(db, "position") or 0)


def advance(db: sqlite3.Connection, seq: int, trials: Iterable[str], refused: Iterable[Refused], at: str) -> None:
    """What belongs to changes up to `seq` was sent, or refused; `trials` are those that were tried."""
    db.execute("BEGIN IMMEDIATE")
    db.executemany("DELETE FROM refused WHERE trial = ?", ((trial,) for trial in trials))
    db.executemany("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?)", refused)
    note(db, position=str(seq), sent=at)
    db.execute("COMMIT")


def refused(db: sqlite3.Connection) -> list[Refused]:
    """What was set aside."""
    return [Refused(*row) for row in db.execute("SELECT kind, id, trial, reason, at FROM refused ORDER BY at, id")]


@contextmanager
def sender_lock(root: Path) -> Iterator[bool]:
    """Whether this process is now the one that sends for the project; two at a time could overtake each other."""
    with tried(root / "data" / "elastic" / "sender.lock") as held:
        yield held is not None
