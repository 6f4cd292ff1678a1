"""256 recurrent networks that differ in numbers: the fused engine and peers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from . import command
from .command import times_best
from .estimate import Timing


def targets(medians: Mapping[str, Timing]) -> list[str]:
    """What should hold."""
    return [
        times_best(medians, ("loop",), 20),
    ]


WORKLOAD = command.Workload(
    "gru",
    "32 gated recurrent units on sequences of 16 x 8; rate, weight decay and seed vary",
    command.PEERS,
    {"train.learning_rate": 0.001, "train.optimizer.adamw.weight_decay": 0.001, "train.epochs": 1, "seeds": 2},
    targets,
)
measure = partial(command.measure, WORKLOAD)

if __name__ == "__main__":
    command.main(WORKLOAD)
