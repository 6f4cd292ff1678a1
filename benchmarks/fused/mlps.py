"""1,024 small networks that differ in numbers: the fused engine, peers, and both ceilings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from . import command
from .command import times_best
from .estimate import Timing


def targets(medians: Mapping[str, Timing]) -> list[str]:
    """What should hold."""
    return [
        times_best(medians, ("peer",), 100, 150),
        times_best(medians, ("process",), 400),
    ]


WORKLOAD = command.Workload(
    "mlps",
    "perceptrons 64-64 on scikit-learn's digits; rate, weight decay, dropout and seed vary",
    command.PEERS + command.PROCESSES + ("by-hand-threefry", "by-hand-hashed", "ours-warm"),
    {
        "train.learning_rate": 0.001,
        "train.optimizer.adamw.weight_decay": 0.001,
        "train.epochs": 1,
        "seeds": 2,
        "model.dropout": 0.1,
    },
    targets,
)
measure = partial(command.measure, WORKLOAD)

if __name__ == "__main__":
    command.main(WORKLOAD)
