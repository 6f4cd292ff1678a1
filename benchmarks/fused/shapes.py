"""16 networks of other shapes, 64 trials of each: a compilation for each shape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from . import command
from .command import times_best
from .estimate import Timing


def targets(medians: Mapping[str, Timing]) -> list[str]:
    """What should hold."""
    return [
        times_best(medians, ("peer", "loop"), 15),
    ]


WORKLOAD = command.Workload(
    "shapes",
    "perceptrons of 16 shapes on scikit-learn's digits; shape, rate, dropout and seed vary",
    command.FEW,
    {
        "train.learning_rate": 0.001,
        "train.epochs": 1,
        "seeds": 1,
        "model.dropout": 0.1,
        "model.hidden": {"grid": [[16], [32, 16]]},
    },
    targets,
)
measure = partial(command.measure, WORKLOAD)

if __name__ == "__main__":
    command.main(WORKLOAD)
