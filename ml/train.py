"""Trains one trial: by the kind of its model, with the engine for that kind."""

from __future__ import annotations

import random
from importlib import import_module
from typing import Any

import numpy as np

from .job import Job, Outcome, Report
from .runtime import start_keras

KINDS = {  # key of model -> module
    "architecture": "engines.fit", "estimator": "estimator", "function": "function", "command": "command",
}  # fmt: skip


def train(job: Job, report: Report) -> Outcome:
    """Trains `job`, calling `report` after each epoch, and leaves its artefacts in the job's folder.

    Raises ModelError when the model cannot be built or trained, MissingLibrary, and whatever user code raises.
    """
    engine = start(job.recipe["model"], job.threads)
    if job.batches is not None and (job.recipe["train"] or {}).get("stages"):
        engine.check(job)  # what is tried ends in its first stage: here the others fail, if they must
    _seed(job.recipe["seed"])
    outcome: Outcome = engine.train(job, report)
    return outcome


def start(model: dict[str, Any], threads: int) -> Any:
    """The engine's module for a model, with the libraries that it needs imported: seconds, once in a process."""
    kind = kind_of(model)
    if kind == "architecture":
        start_keras(threads)
    return import_module(f".{KINDS[kind]}", __package__)


def check(job: Job) -> None:
    """Builds an architecture on its data's shape and trains nothing; other kinds are not looked at.

    Raises ModelError when it cannot be built, or does not fit the task.
    """
    model = job.recipe["model"]
    if kind_of(model) == "architecture":
        start(model, job.threads).check(job)


def kind_of(model: dict[str, Any]) -> str:
    """Which of the kinds a recipe's model is."""
    return next(kind for kind in KINDS if kind in model)


def _seed(seed: int | None) -> None:
    """The same global random state, whatever ran before: libraries and user code may draw from it."""
    random.seed(seed or 0)
    np.random.seed((seed or 0) % 2**32)
