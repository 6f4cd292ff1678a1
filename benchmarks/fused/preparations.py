"""8 preparations of the same data, 128 networks on each: trials on other datasets of one shape."""

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
    "preparations",
    "perceptrons 64-64 on scikit-learn's digits in 8 preparations; rate, weight decay and seed vary",
    command.FEW,
    {"train.learning_rate": 0.001, "train.optimizer.adamw.weight_decay": 0.001, "train.epochs": 1, "seeds": 2},
    targets,
)
measure = partial(command.measure, WORKLOAD)

if __name__ == "__main__":
    command.main(WORKLOAD)
