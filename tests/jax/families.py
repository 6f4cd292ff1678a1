"""Packs for tests, and what `fit` makes of the same trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.ml.engines import fit
from blueno.ml.engines.fused.family import Family, open_family
from blueno.ml.engines.fused.pack import Task, train_pack
from blueno.ml.job import Job, Outcome
from tests.unit import ml_jobs

LESS = {"weights": "none", "predictions": "none"}


def packed(jobs: Sequence[Job], width: int = 0, family: Family | None = None, **options: Any) -> list[Outcome]:
    """The outcome of each job; `width` of them at once or as many as there is room for, the others as places come
    free.
    """
    width = width or len(jobs)
    waiting = [(job, ml_jobs.quiet) for job in jobs[width:]]
    found: dict[Path, Outcome] = {}

    def more(count: int) -> list[Task]:
        taken, waiting[:] = waiting[:count], waiting[count:]
        return taken

    def done(job: Job, outcome: Outcome) -> None:
        found[job.folder] = outcome

    def waits(job: Job) -> None:
        waiting.insert(0, (job, ml_jobs.quiet))

    tasks = [(job, ml_jobs.quiet) for job in jobs[:width]]
    train_pack(family or open_family(jobs), tasks, more, done, **{"how": "map", "waits": waits} | options)
    return [found[job.folder] for job in jobs]


def same_as_fit(
    jobs: Sequence[Job], atol: float = 1e-5, width: int = 0, how: Any = "map"
) -> list[Outcome]:  # fmt: skip
    """The outcomes of a pack, after a comparison of each with what `fit` makes of it."""
    together = packed([job._replace(folder=_other(job.folder)) for job in jobs], width, how=how)
    for job, one in zip(jobs, together, strict=True):
        alone = fit.train(job, ml_jobs.quiet)
        assert (one.state, one.epoch, one.engine) == (alone.state, alone.epoch, "fused")
        assert one.history.keys() == alone.history.keys()
        for name, values in alone.history.items():
            np.testing.assert_allclose(one.history[name], values, rtol=atol, atol=atol, err_msg=name)
        assert one.metrics == pytest.approx(alone.metrics, abs=10 * atol, nan_ok=True)
    return together


def trials(folder: Path, count: int, make: Callable[[Path, int], Job]) -> list[Job]:
    """So many jobs, each with its number and its own folder; they leave no files."""
    return [make(folder / str(number), number)._replace(keep=LESS) for number in range(count)]


def _other(folder: Path) -> Path:
    other = folder.with_name(folder.name + "-packed")
    other.mkdir()
    return other
