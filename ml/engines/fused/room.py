"""How many lanes of a family there is room for in the memory of its device, told before they are trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import psutil

from ...job import Job
from .joined import bytes_of
from .program import Epoch
from .streaming import lowered_pass, lowered_training
from .ways import How

if TYPE_CHECKING:
    from .family import Family
    from .lane import Lane
    from .pack import Pack

CPU_SHARE, GPU_SHARE = 0.5, 0.9  # of what is there: the rest is for what is not counted
STATES = 4  # of a lane at a time: before an epoch and after it, that of the epoch that counts, and the one that follows
ORDER_BYTES = 16  # of a training sample: its place in the order of an epoch, and its weight
SCORE_BYTES = 24  # of a number of the model's output, as it is given and as metrics take it


def budget_of(job: Job) -> int:
    """The bytes that a worker may fill: on a GPU of what JAX may take there, on the CPU of what is free, as if so many
    workers shared it as there are threads for.
    """
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"] * GPU_SHARE)
    workers = max(1, (psutil.cpu_count() or 1) // max(1, job.threads))
    return int(psutil.virtual_memory().available * CPU_SHARE / workers)


def by_states(family: Family, lanes: Sequence[Lane], budget: int) -> int:
    """How many of the lanes fit by what each has of its own, beside the samples that they need: at least one."""
    return _most(family, lanes, budget)


def by_program(pack: Pack, how: How) -> int:
    """How many of a pack's lanes fit with what its programs take beside, which are compiled here and run later.

    By `map` that does not grow with the lanes.
    """
    beside = max(map(_bytes_beside, _programs(pack)))
    of_lane, of_all = (0, beside) if how == "map" else (-(-beside // pack.width), 0)
    return _most(pack.family, pack.lanes, pack.budget, of_lane, of_all)


def _most(family: Family, lanes: Sequence[Lane], budget: int, of_lane: int = 0, of_all: int = 0) -> int:
    """How many lanes fit that take so many bytes beside their states and samples; at least one."""
    of_lane += _bytes_of_lane(family, lanes[0])
    for count in range(len(lanes), 1, -1):
        if count * of_lane + of_all + bytes_of(lanes[:count], family, budget) <= budget:
            return count
    return 1


def _bytes_of_lane(family: Family, lane: Lane) -> int:
    setup = family.setup
    trainee, rows = setup.trainee, lane.setup.rows
    variables = [*trainee.trainable_variables, *trainee.non_trainable_variables, *trainee.optimizer.variables]
    state = sum(int(np.prod(each.shape)) * np.dtype(each.dtype).itemsize for each in variables)
    longest = max(map(len, rows.values()))
    return STATES * state + ORDER_BYTES * len(rows["train"]) + SCORE_BYTES * longest * setup.units


def _programs(pack: Pack) -> Iterator[Any]:
    """What each epoch runs, before it is compiled."""
    lane = pack.lanes[0]
    samples = min(len(lane.setup.rows["train"]), lane.steps * lane.train["batch_size"])

    def like(count: int, dtype: Any) -> np.ndarray:
        return np.broadcast_to(np.zeros((), dtype), (pack.width, count))

    weights = like(samples, np.float32) if pack.family.weighted else None
    epoch = Epoch(like(samples, np.int32), weights, like(lane.steps, np.float32), pack.numbers)
    yield lowered_training(pack.programs, pack.state, epoch, pack.data, pack.width)
    for part in lane.setup.monitored.each_epoch:
        rows = like(len(lane.setup.rows[part]), np.int32)
        yield lowered_pass(pack.programs, pack.state, rows, pack.numbers, pack.data, pack.width)


def _bytes_beside(program: Any) -> int:
    """What a program takes for itself while it runs."""
    stats = program.compile().memory_analysis()
    return 0 if stats is None else int(stats.temp_size_in_bytes)
