"""256 small networks that stop early, from 5 to 100 epochs: lanes that are done make room."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from . import command
from .command import times_best, waste_below
from .estimate import Timing


def targets(medians: Mapping[str, Timing]) -> list[str]:
    """What should hold."""
    return [
        times_best(medians, ("peer", "loop"), 15),
        waste_below(medians, 0.20),
    ]


WORKLOAD = command.Workload(
    "ragged",
    "perceptrons 64-64 on scikit-learn's digits that stop early, within 100 epochs; rate and seed vary",
    command.FEW,
    {"train.learning_rate": 0.001, "train.epochs": 6, "seeds": 2},
    targets,
)
measure = partial(command.measure, WORKLOAD)

if __name__ == "__main__":
    command.main(WORKLOAD)
