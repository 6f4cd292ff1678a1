"""What must always hold in the store, asked of a real one. Problems are sentences; nothing here writes."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ..canonical import digest_text, short
from .transitions import DONE

# The trials of one sweep, or all of them when no number is given.
WANTED = "(:sweep IS NULL OR trials.id IN (SELECT trial FROM sweep_trials WHERE sweep = :sweep))"


class Artefact(NamedTuple):
    """A file that a result says it left under `key` in models/."""

    trial: str
    name: str
    key: str
    sha256: str
    bytes: int


def damage(db: sqlite3.Connection) -> list[str]:
    """What SQLite itself finds wrong with the file; nothing else can be asked of it then."""
    try:
        found = [row[0] for row in db.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    return [f"the store is damaged: {text}" for text in found if text != "ok"]


def dangling(db: sqlite3.Connection) -> list[str]:
    """Rows that refer to rows of another table that are gone."""
    counted = Counter((row[0], row[2]) for row in db.execute("PRAGMA foreign_key_check"))
    return [
        f"{count} rows of the table {table} refer to rows of {other} that are gone"
        for (table, other), count in counted.items()
    ]


def without_result(db: sqlite3.Connection, sweep: int | None) -> list[str]:
    """Trials that are done without a result of their newest attempt, or with one that says something else."""
    marks = ", ".join(f"'{state}'" for state in DONE)
    rows = db.execute(
        "SELECT trials.id, trials.state, trials.attempt, results.state AS said FROM trials LEFT JOIN results"
        " ON results.trial = trials.id AND results.attempt = trials.attempt"
        f" WHERE trials.state IN ({marks}) AND results.state IS NOT trials.state AND {WANTED}",
        {"sweep": sweep},
    )
    return [
        f"trial {short(row['id'])} is {row['state']}, but its attempt {row['attempt']} "
        + (f"left the result {row['said']}" if row["said"] else "left no result")
        for row in rows
    ]


def wrong_ids(db: sqlite3.Connection, sweep: int | None) -> list[str]:
    """Trials and datasets whose id is not the SHA-256 of their recipe."""
    trials = db.execute(f"SELECT id, recipe FROM trials WHERE {WANTED}", {"sweep": sweep})
    used = f"SELECT dataset FROM trials WHERE {WANTED}"
    datasets = db.execute(f"SELECT id, recipe FROM datasets WHERE id IN ({used})", {"sweep": sweep})
    return [
        f"the id of {kind} {short(row['id'])} is not the SHA-256 of its recipe"
        for kind, rows in (("trial", trials), ("dataset", datasets))
        for row in rows
        if digest_text(row["recipe"]) != row["id"]
    ]


def artefacts(db: sqlite3.Connection, sweep: int | None) -> Iterator[Artefact]:
    """What the newest results of trials that are done say they left."""
    rows = db.execute(
        "SELECT trials.id, artefacts FROM trials JOIN results ON results.trial = trials.id"
        f" AND results.attempt = trials.attempt WHERE artefacts != '{{}}' AND {WANTED} ORDER BY trials.number",
        {"sweep": sweep},
    )
    for row in rows:
        for name, told in json.loads(row["artefacts"]).items():
            yield Artefact(row["id"], name, told["key"], told["sha256"], told["bytes"])


def built_datasets(db: sqlite3.Connection, sweep: int | None) -> list[str]:
    """Ids of the datasets that were built."""
    query = f"SELECT id FROM datasets WHERE state = 'built' AND id IN (SELECT dataset FROM trials WHERE {WANTED})"
    return [row["id"] for row in db.execute(query, {"sweep": sweep})]
