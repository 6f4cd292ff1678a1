"""A search without workers: its plan submitted to a store in a folder, and its trials done by a function of params."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blueno.planning import Plan
from blueno.planning.describe import about_plan
from blueno.search.proposer import Memory, propose
from blueno.store import engines, searches, transitions
from blueno.store.database import open_store
from blueno.store.submit import submit
from blueno.store.transitions import Binding

Value = Callable[[dict[str, Any]], float | dict[str, float] | None]  # None: it fails
ERROR = {"class": "model", "type": "ValueError", "message": "no", "traceback": "", "group": "g"}


def opened(plan: Plan, folder: Path) -> tuple[sqlite3.Connection, int]:
    """A store with the plan in it, and the number of its sweep."""
    db = open_store(folder, time.time())
    return db, submit(db, plan, about_plan(plan), "python", time.time()).sweep


def do_waiting(db: sqlite3.Connection, sweep: int, value: Value, most: int = 1000) -> int:
    """Does up to `most` trials that wait, as a worker would. Returns how many."""
    row = db.execute(
        "SELECT snapshot, interpreter, resources, metric FROM sweeps WHERE number = ?", (sweep,)
    ).fetchone()
    engines.decide(db, None, row["resources"])
    binding = Binding(row["snapshot"], row["interpreter"], row["resources"])
    claimed = transitions.claim_trials(db, "w", binding, most, time.time())
    for trial in claimed:
        recipe = json.loads(trial.recipe)
        found = value(recipe["model"])
        result = transitions.failed_result(trial.id, trial.attempt, ERROR, time.time())
        if found is not None:
            metrics = found if isinstance(found, dict) else {row["metric"]: found}
            result |= {"state": "succeeded", "metrics": metrics, "error": None}
        transitions.finish(db, result, "w", time.time())
    return len(claimed)


def run(plan: Plan, folder: Path, value: Value, count: int = 4) -> tuple[sqlite3.Connection, int]:
    """Proposes, `count` at a time, and does what was proposed, until nothing is left."""
    db, sweep = opened(plan, folder)
    memories: dict[int, Memory] = {}
    while searches.is_open(db, sweep):
        proposals, why = propose(db, memories, sweep, count)
        searches.record(db, sweep, proposals, time.time())
        if why:
            searches.exhaust(db, sweep, why, time.time())
        do_waiting(db, sweep, value)
    return db, sweep
