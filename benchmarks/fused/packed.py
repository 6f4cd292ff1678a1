"""Packs in this very process, by the engine's own functions: Keras must be on JAX (KERAS_BACKEND=jax)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from blueno.etl.dataset import Dataset
from blueno.ml.job import Job

from ..commands import SPECS
from .clock import CLOCK, Ran, read_clock
from .trials import Recipe, planned, prepare, recipes

if TYPE_CHECKING:
    from blueno.ml.engines.fused.family import Family
    from blueno.ml.engines.fused.ways import Ways

NOTHING_KEPT = {"weights": "none", "predictions": "none"}


def prepared(name: str, overrides: Mapping[str, Any], folder: Path) -> tuple[list[Recipe], dict[str, Dataset]]:
    """The trials of a workload, and their data."""
    plan = planned(SPECS / "fused" / f"{name}.yaml", overrides, folder)
    return recipes(plan), prepare(plan, folder)


def jobs(trials: Sequence[Recipe], datasets: Mapping[str, Dataset], folder: Path) -> list[Job]:
    """What the engine is asked for; nothing of it is kept."""
    objective = {"metric": "val_accuracy", "direction": "maximize"}
    return [
        Job(trial, datasets[trial["dataset"]], objective, [], NOTHING_KEPT, folder / str(number), None, 1)
        for number, trial in enumerate(trials)
    ]


def train(family: Family, lanes: Sequence[Job], ways: Ways) -> list[float]:
    """Trains one pack. The wall time of each of its epochs after the first, in which there is compilation."""
    from blueno.ml.engines.fused.pack import train_pack

    ends: list[float] = []

    def report(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        if len(ends) < epoch:
            ends.append(time.perf_counter())
        return False

    for job in lanes:
        job.folder.mkdir(parents=True, exist_ok=True)
    train_pack(family, [(job, report) for job in lanes], lambda count: [], lambda job, outcome: None, how=ways)
    return [after - before for before, after in pairwise(ends)]


def epochs_in_programs(ran: Sequence[Ran]) -> list[float]:
    """The time of each epoch's programs after the first epoch: training, and scoring of the validation part."""
    trained = [each.seconds for each in ran if each.program == "train"]
    scored = [each.seconds for each in ran if each.program == "score"]
    return [a + b for a, b in zip(trained, scored, strict=False)][1:]


@contextmanager
def clocking() -> Iterator[Path]:
    """Programs of families that are opened meanwhile, or trained in other ways than before, tell of their runs."""
    before = os.environ.get(CLOCK)
    with TemporaryDirectory(prefix="blueno-clock-") as folder:
        os.environ[CLOCK] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ[CLOCK]
            if before is not None:
                os.environ[CLOCK] = before


def told(clock: Path) -> list[Ran]:
    """What programs said since they were asked last."""
    ran = read_clock(clock)
    for path in clock.glob("*.jsonl"):
        path.unlink()
    return ran
