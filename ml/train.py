"""Trains one trial: by the kind of its model, with the engine for that kind."""

from __future__ import annotations

import random
from importlib import import_module

import numpy as np

from .job import Job, Outcome, Report
from .runtime import start_keras

KINDS = {"architecture": "engines.fit", "estimator": "estimator", "function": "function"}  # key of model -> module


def train(job: Job, report: Report) -> Outcome:
    """Trains `job`, calling `report` after each epoch, and leaves its artefacts in the job's folder.

    Raises ModelError when the model cannot be built or trained, MissingLibrary, and whatever user code raises.
    """
    kind = _kind(job)
    if kind == "architecture":
        start_keras(job.threads)
    _seed(job.recipe["seed"])
    outcome: Outcome = import_module(f".{KINDS[kind]}", __package__).train(job, report)
    return outcome


def check(job: Job) -> None:
    """Builds an architecture on its data's shape and trains nothing; other kinds are not looked at.

    Raises ModelError when it cannot be built, or does not fit the task.
    """
    if _kind(job) == "architecture":
        start_keras(job.threads)
        import_module(".engines.fit", __package__).check(job)


def _kind(job: Job) -> str:
    return next(kind for kind in KINDS if kind in job.recipe["model"])


def _seed(seed: int | None) -> None:
    """The same global random state, whatever ran before: libraries and user code may draw from it."""
    random.seed(seed or 0)
    np.random.seed((seed or 0) % 2**32)
