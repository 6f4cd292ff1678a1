"""What the scheduler tells workers: a trial to train, a dataset to build, metrics to measure."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from ..messages import Message
from ..store import prunings
from ..store.asked import Item, asked
from ..store.engines import Pack
from ..store.keeping import larger
from ..store.measuring import Wish
from ..store.preparations import Preparation
from ..store.transitions import Binding, Claimed


class Asked(NamedTuple):
    """What a worker was asked for with a trial, and the sweeps that this is all for."""

    metrics: list[Any]
    sweeps: set[int]


def train_message(
    db: sqlite3.Connection, trial: Claimed, pack: Pack | None = None, must: bool = False
) -> tuple[Message, Asked]:
    """What a worker is told about a trial: metrics and files are those that any sweep which wants it asks for."""
    rows = db.execute(
        "SELECT number, snapshot, folder, files, metric, direction, metrics, keep FROM sweep_trials"
        " JOIN sweeps ON number = sweep WHERE trial = ?1 AND (verdict = 'open' OR number = ?2)"
        " ORDER BY number != ?2, number",
        (trial.id, trial.sweep),
    ).fetchall()
    own = rows[0]
    wanted = {row["number"]: asked(json.loads(row["metrics"]), row["metric"]) for row in rows}
    items: dict[str, Item] = {}
    for each in wanted.values():
        items |= {name: it for name, it in each.items() if name not in items}  # a name means one thing at a time
    listed = [each.written for each in items.values() if each.written != own["metric"]]
    message: Message = {
        "kind": "train",
        "trial": trial.id,
        "attempt": trial.attempt,
        "recipe": json.loads(trial.recipe),
        "config": trial.config,
        "fold": trial.fold,
        "code": {"snapshot": own["snapshot"], "folder": own["folder"]},
        "files": files_of(trial.recipe, own["files"]),
        "objective": {"metric": own["metric"], "direction": own["direction"]},
        "metrics": listed,
        "keep": _kept(rows),
    }
    if rules := prunings.rules(db, trial.id):
        message["prune"] = {
            "metrics": prunings.monitored(own["metric"]),
            "at": [
                {key: rule[key] for key in ("method", "after", "epochs", "interval", "options")}
                for rule in rules.values()
            ],
        }
    if pack is not None:
        message["pack"] = {"family": pack.family, "lanes": pack.lanes, "ends": pack.ends, "must": must}
    served = {sweep for sweep, each in wanted.items() if all(items[name].id == it.id for name, it in each.items())}
    return message, Asked(listed, served)


def stop_message(trial: Claimed) -> Message:
    """What a worker that trains packs is told about a trial that it need not go on with."""
    return {"kind": "stop", "trial": trial.id, "attempt": trial.attempt}


def _kept(rows: list[sqlite3.Row]) -> dict[str, str]:
    """The larger wish of all sweeps. Where they rank trials by different objectives, a worker cannot tell which files
    nobody will keep: it leaves them all.
    """
    objectives = {(row["metric"], row["direction"]) for row in rows}
    wishes = [json.loads(row["keep"]) for row in rows]
    return larger(wishes if len(objectives) == 1 else [*wishes, {"weights": "all"}])


def build_message(preparation: Preparation, binding: Binding) -> Message:
    """What a worker is told about a dataset."""
    return {
        "kind": "build",
        "dataset": preparation.dataset,
        "recipe": json.loads(preparation.recipe),
        "code": {"snapshot": binding.snapshot, "folder": preparation.folder},
        "files": files_of(preparation.recipe, preparation.files),
        "models": preparation.models,
    }


def measure_message(wish: Wish, binding: Binding) -> Message:
    """What a worker is told about metrics that a trial lacks."""
    return {
        "kind": "measure",
        "sweep": wish.sweep,
        "trial": wish.trial,
        "attempt": wish.attempt,
        "predictions": wish.key,
        "metrics": [{"id": each.id, "name": each.name, "metric": each.written} for each in wish.items],
        "code": {"snapshot": binding.snapshot, "folder": wish.folder},
    }


def files_of(recipe: str, files: str) -> dict[str, str]:
    """Where the data files are that a recipe names; `files` is the sweep's table of all of them, as JSON."""
    return {sha: path for sha, path in json.loads(files).items() if sha in recipe}
