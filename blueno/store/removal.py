"""What goes with a sweep when it is removed, and the files of trials that are gone. Nothing here writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from .requests import only_of


def share(db: sqlite3.Connection, sweep: int) -> dict[str, int]:
    """What a sweep has that no other has: trials, models and bytes (of files), datasets; `shared` trials stay."""
    own = set(only_of(db, sweep))
    total = db.execute("SELECT count(*) FROM sweep_trials WHERE sweep = ?", (sweep,)).fetchone()[0]
    sizes = list(_sizes(db, sweep, own))
    return {
        "trials": len(own),
        "shared": total - len(own),
        "models": len(sizes),
        "bytes": sum(sizes),
        "datasets": _datasets(db, sweep, own),
    }


def _sizes(db: sqlite3.Connection, sweep: int, own: set[str]) -> Iterator[int]:
    rows = db.execute(
        "SELECT results.trial, artefacts FROM sweep_trials JOIN results ON results.trial = sweep_trials.trial"
        " WHERE sweep_trials.sweep = ?",
        (sweep,),
    )
    for row in rows:
        if row["trial"] in own:
            yield from (artefact["bytes"] for artefact in json.loads(row["artefacts"]).values())


def _datasets(db: sqlite3.Connection, sweep: int, own: set[str]) -> int:
    """How many datasets only the sweep's own trials are on."""
    rows = db.execute(
        "SELECT trials.id, dataset FROM trials WHERE dataset IN (SELECT dataset FROM trials JOIN sweep_trials"
        " ON trial = trials.id WHERE sweep_trials.sweep = ?)",
        (sweep,),
    ).fetchall()
    return len({row["dataset"] for row in rows} - {row["dataset"] for row in rows if row["id"] not in own})


def orphans(db: sqlite3.Connection) -> list[str]:
    """Keys in models/ (ab/<trial>/<attempt>/<file>) that removed trials left, of all removals so far. A trial that came
    back keeps its own.
    """
    answers = db.execute("SELECT answer FROM requests WHERE kind = 'remove' AND done IS NOT NULL")
    keys = [key for row in answers for key in json.loads(row["answer"]).get("artefacts", [])]
    back = {row["id"] for row in db.execute("SELECT id FROM trials")} if keys else set()
    return [key for key in keys if key.split("/")[1] not in back]


def is_trial(db: sqlite3.Connection, id: str) -> bool:
    """Whether the store has a trial of that id."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM trials WHERE id = ?)", (id,)).fetchone()[0])
