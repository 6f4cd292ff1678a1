"""What a peer would take for all trials, from what it took for a sample of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple


class Timing(NamedTuple):
    """One run of one arm."""

    start_s: float  # until every slot has done its first trial; 0 where nothing is extrapolated
    each_s: float  # for each further trial, by all slots together
    total_s: float  # for all trials of the workload
    cpu_s: float  # a trial, by all cores together; of peers without start-up
    accuracy: float  # on the validation part after the last epoch, the mean over trials; NaN where it is not known
    epochs: float  # that a trial ran, the mean
    in_programs_s: float = math.nan  # of `total_s`, in compiled programs; NaN where it is not known
    waste: float = math.nan  # the share of lanes' epochs that was computed for no trial


class Done(NamedTuple):
    """A line of results.jsonl."""

    time: float  # seconds since 1970
    cpu_s: float  # of its process until then
    process: int
    accuracy: float
    epochs: int


def read_done(folder: Path) -> list[Done]:
    """What a peer said, in order of time."""
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    return sorted(Done(**{name: line[name] for name in Done._fields}) for line in lines)


def extrapolated(begun: float, done: Sequence[Done], slots: int, trials: int) -> Timing:
    """Start-up counted once: it ends when each slot has done a trial; the others' pace holds for all that are left.

    Too few trials to tell start-up from pace are simply multiplied.
    """
    cpu_s, accuracy, epochs = _cpu_s(done), mean(each.accuracy for each in done), mean(each.epochs for each in done)
    if len(done) < 2 * slots + 1:
        total_s = (done[-1].time - begun) * trials / len(done)
        return Timing(0.0, total_s / trials, total_s, cpu_s, accuracy, epochs)
    warm = done[slots - 1].time
    each_s = (done[-1].time - warm) / (len(done) - slots)
    start_s = warm - begun
    return Timing(start_s, each_s, start_s + each_s * (trials - slots), cpu_s, accuracy, epochs)


def _cpu_s(done: Sequence[Done]) -> float:
    """CPU time for each trial that was not its process's first; NaN where each was."""
    processes = {each.process: [other.cpu_s for other in done if other.process == each.process] for each in done}
    further = sum(len(times) - 1 for times in processes.values())
    return sum(times[-1] - times[0] for times in processes.values()) / further if further else math.nan


def middle(timings: Sequence[Timing]) -> Timing:
    """The median of each figure over the rounds."""
    return Timing(*(median(figures) for figures in zip(*timings, strict=True)))
