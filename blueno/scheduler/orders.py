"""What the scheduler tells workers: a trial to train, a dataset to build."""

from __future__ import annotations

import json
import sqlite3

from ..messages import Message
from ..store.preparations import Preparation
from ..store.transitions import Binding, Claimed


def train_message(db: sqlite3.Connection, trial: Claimed) -> Message:
    """What a worker is told about a trial. Metrics are those of every sweep that wants it."""
    rows = db.execute(
        "SELECT number, snapshot, folder, files, metric, direction, metrics, keep FROM sweep_trials"
        " JOIN sweeps ON number = sweep WHERE trial = ? AND verdict = 'open'",
        (trial.id,),
    ).fetchall()
    own = next((row for row in rows if row["number"] == trial.sweep), rows[0])
    others = [row["metric"] for row in rows if row["metric"] != own["metric"]]
    wanted = [metric for row in rows for metric in json.loads(row["metrics"])] + others
    return {
        "kind": "train",
        "trial": trial.id,
        "attempt": trial.attempt,
        "recipe": json.loads(trial.recipe),
        "config": trial.config,
        "fold": trial.fold,
        "code": {"snapshot": own["snapshot"], "folder": own["folder"]},
        "files": files_of(trial.recipe, own["files"]),
        "objective": {"metric": own["metric"], "direction": own["direction"]},
        "metrics": [metric for i, metric in enumerate(wanted) if metric not in wanted[:i]],
        "keep": json.loads(own["keep"]),
    }


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


def files_of(recipe: str, files: str) -> dict[str, str]:
    """Where the data files are that a recipe names; `files` is the sweep's table of all of them, as JSON."""
    return {sha: path for sha, path in json.loads(files).items() if sha in recipe}
