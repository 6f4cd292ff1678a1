"""A store as a night leaves it: trials that are done, each with a history, a log and a config of its own."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from blueno.canonical import canonical, digest_text
from blueno.planning import Config, Plan, Snapshot, Trial
from blueno.store import engines, transitions, workers
from blueno.store.database import open_store, transaction
from blueno.store.submit import submit

EPOCHS = 10  # of two splits: 20 documents a trial
LOG = "".join(f"epoch {epoch}: loss 0.{epoch}, accuracy 0.{epoch}\n" for epoch in range(40))


def filled(root: Path, trials: int) -> sqlite3.Connection:
    """A store in which so many trials have succeeded, all in the outbox."""
    now = time.time()
    db = open_store(root, now)
    submit(db, _plan(trials), {"tags": ["night"]}, "python", now)
    engines.decide(db, None, "{}")
    workers.started(db, "w", "cpu:0", None, now)
    workers.ready(db, "w", {"host": "here", "blueno": "0", "python": "3", "libraries": {"numpy": "2"}, "threads": 1})
    claimed = transitions.claim_trials(db, "w", transitions.Binding("", "python", "{}"), trials, now)
    with transaction(db):
        for number, each in enumerate(claimed):
            transitions.finish(db, _result(each, number), "w", now)
    return db


def _plan(count: int) -> Plan:
    configs, trials = [], []
    for number in range(count):
        params: dict[str, Any] = {
            "model": {"function": "job.py:train", "hidden": [64, 64], "dropout": number / count, "units": number},
            "train": {"optimizer": {"adam": {"beta_1": 0.9}}, "learning_rate": 1e-3, "epochs": EPOCHS},
        }
        config = digest_text(canonical(params))
        recipe = canonical({**params, "augment": [], "code": {}, "dataset": None, "seed": 0})
        configs.append(Config(config, params, number))
        trials.append(Trial(digest_text(recipe), config, None, 0, None, recipe, number))
    return Plan(
        name="night", objective={"metric": "val_accuracy", "direction": "maximize"}, configs=configs, trials=trials,
        datasets=[], axes=[], excluded=0, duplicates=0, warnings=[], snapshot=Snapshot("", (), ""), files={},
        spec_text="", spec_file="night.yaml", tags=["night"], notes="", metrics=[], resources={}, keep={},
        baseline=None, seeds=[0],
    )  # fmt: skip


def _result(trial: transitions.Claimed, number: int) -> dict[str, Any]:
    history = {
        name: [(number % 97 + epoch) / 107 for epoch in range(EPOCHS)]
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    }
    return {
        "kind": "result", "trial": trial.id, "attempt": trial.attempt, "state": "succeeded", "engine": "fit",
        "metrics": {name: column[-1] for name, column in history.items()}, "nonfinite": [], "history": history,
        "artefacts": {}, "notes": [], "epoch": EPOCHS, "started": "2026-01-01T00:00:00.000Z", "duration_s": 1.0,
        "peak_memory_bytes": 10**8, "log": LOG, "error": None,
    }  # fmt: skip
