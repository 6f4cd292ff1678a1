"""How many lanes of a family there is room for in the memory of its device, told before they are trained."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import psutil

from blueno.devices import memory_left

from ...job import Job
from .family import Family, programs_of
from .joined import bytes_of, shapes_of
from .numbers import pairs
from .program import Epoch
from .streaming import lowered_pass, lowered_training
from .ways import Ways

if TYPE_CHECKING:
    from .lane import Lane

CPU_SHARE, GPU_SHARE = 0.5, 0.9  # of what is there: the rest is for what is not counted
PLACES = {"map": 16, "vmap": 2}  # for each lane at most: by map those without one are copied, by vmap computed as well
STATES = 4  # of a lane at a time: before an epoch and after it, that of the epoch that counts, and the one that follows
ORDER_BYTES = 16  # of a training sample: its place in the order of an epoch, and its weight
SCORE_BYTES = 24  # of a number of the model's output, as it is given and as metrics take it


def budget_of(job: Job) -> int:
    """The bytes that a worker may fill: on a GPU of what JAX may take there, on the CPU of what is free (of what its
    limit leaves in a container), as if so many workers shared it as there are threads for.
    """
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"] * GPU_SHARE)
    workers = max(1, (psutil.cpu_count() or 1) // max(1, job.threads))
    return int(min(psutil.virtual_memory().available, memory_left()) * CPU_SHARE / workers)


def places_for(family: Family, lanes: Sequence[Lane], ways: Ways, budget: int) -> int:
    """How many places a pack of these lanes gets: as many as an earlier one had whose programs will do, since it takes
    seconds to compile others; else one a lane.
    """
    places = _known(family, lanes, ways, budget) or len(lanes)
    family.widths.setdefault(ways, set()).add(places)
    return places


def width_of(family: Family, lanes: Sequence[Lane], ways: Ways, budget: int) -> int:
    """How many of the lanes fit in every stage, at least one: by what each has of its own, beside the samples that they
    need, and then with what the programs take beside, which are compiled here and run later, unless they have run.
    """
    width = min(_most(stage, lanes, budget) for stage in family.stages)
    if _known(family, lanes[:width], ways, budget):
        return width
    while (fewer := min(_by_programs(stage, lanes[:width], ways, budget) for stage in family.stages)) < width:
        width = fewer
    return width


def _known(family: Family, lanes: Sequence[Lane], ways: Ways, budget: int) -> int | None:
    """The least number of places that an earlier pack had and that is enough, not too many, and fits."""
    most = min(PLACES[ways.how] * len(lanes), family.most.get(ways, sys.maxsize))

    def fits(width: int, stage: Family) -> bool:
        return width * _bytes_of_lane(stage, lanes[0]) + bytes_of(lanes, stage, budget) <= budget

    known = sorted(width for width in family.widths.get(ways, ()) if len(lanes) <= width <= most)
    return next((width for width in known if all(fits(width, stage) for stage in family.stages)), None)


def _by_programs(family: Family, lanes: Sequence[Lane], ways: Ways, budget: int) -> int:
    """How many of the lanes fit with what a stage's programs take beside.

    By `map` that does not grow with the lanes.
    """
    beside = max(map(_bytes_beside, _programs(family, lanes, ways, budget)))
    of_lane, of_all = (0, beside) if ways.how == "map" else (-(-beside // len(lanes)), 0)
    return _most(family, lanes, budget, of_lane, of_all)


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


def _programs(family: Family, lanes: Sequence[Lane], ways: Ways, budget: int) -> Iterator[Any]:
    """What each epoch of a stage runs, before it is compiled; only shapes are given."""
    setup, terms, width = lanes[0].setup, lanes[0].stages[family.stage.number], len(lanes)
    samples = min(len(setup.rows["train"]), terms.steps * terms.train["batch_size"])

    def like(count: int, dtype: Any) -> np.ndarray:
        return np.broadcast_to(np.zeros((), dtype), (width, count))

    programs, data = programs_of(family, ways), shapes_of(lanes, family, budget)
    state = programs.draw.eval_shape(like(family.template.slots, np.uint32), None, width)
    numbers = {name: pairs(np.zeros(width)) for name in family.places}
    weights = like(samples, np.float32) if family.weighted else None
    epoch = Epoch(like(samples, np.int32), weights, like(terms.steps, np.float32), numbers)
    yield lowered_training(programs, state, epoch, data, width)
    for part in setup.monitored.each_epoch:
        yield lowered_pass(programs, state, like(len(setup.rows[part]), np.int32), numbers, data, width)


def _bytes_beside(program: Any) -> int:
    """What a program takes for itself while it runs."""
    stats = program.compile().memory_analysis()
    return 0 if stats is None else int(stats.temp_size_in_bytes)
