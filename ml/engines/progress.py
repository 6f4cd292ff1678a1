"""What changes from epoch to epoch while a trial trains."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from .. import stopping
from ..job import Outcome

MISSING = float("nan")


class Kept(NamedTuple):
    """The epoch that counts, as far as is known."""

    epoch: int
    stage: int
    weights: list[np.ndarray] | None  # None where the model has them at the end
    scores: np.ndarray | None  # of the validation part; None where there is none
    loss: float  # of the validation part


@dataclass
class Progress:
    """How far a trial is."""

    epoch: int = 0  # those that are through
    stage: int = 0  # the one that runs, from 0
    begun: int = 0  # epochs that were through when it began
    history: dict[str, list[float]] = field(default_factory=dict)  # one value an epoch
    state: stopping.State = field(default_factory=stopping.State)
    kept: Kept | None = None
    diverged: bool = False
    nonfinite: tuple[str, ...] = ()  # what of the last epoch was not finite
    over: bool = False  # nothing more is trained
    notes: list[str] = field(default_factory=list)


def record(progress: Progress, values: dict[str, float]) -> None:
    """Adds the values of the next epoch. What an earlier or later attempt did not measure is NaN there."""
    for name in dict.fromkeys([*progress.history, *values]):
        column = progress.history.setdefault(name, [MISSING] * progress.epoch)
        column.append(values.get(name, MISSING))
    progress.nonfinite = tuple(name for name, value in values.items() if not math.isfinite(value))
    progress.epoch += 1


def diverged(
    metrics: dict[str, float], progress: Progress, engine: Literal["fit", "fused"], notes: list[str]
) -> Outcome:
    """What a trial leaves that has come to its end because something was not finite; metrics are of what counts."""
    assert progress.kept is not None, "BUG: no epoch counts"
    epoch, nonfinite = progress.kept.epoch, progress.nonfinite
    return Outcome("diverged", metrics, progress.history, {}, engine, epoch, tuple(notes), nonfinite=nonfinite)


def next_stage(progress: Progress) -> None:
    """What follows the end of a stage: stopping and plateaus begin anew, which epoch counts goes on."""
    progress.stage += 1
    progress.begun = progress.epoch
    progress.state = stopping.State(select=progress.state.select)
