"""64 small networks: a process for each, a loop by hand, and a sweep. Same data, parts, epochs and batches; each saves
weights, history and predictions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import numpy as np

from .commands import SPECS, Run, blueno, interleaved, median_cpu_s, median_wall_s, python, run, temporary_root
from .tables import Table, main, met

SPEC = SPECS / "small_mlps.yaml"
TIMES_QUICKER = 3.0  # than a process for each
SAMPLE = 4  # one in so many trials is trained in a process of its own, since each costs the same


class Size(NamedTuple):
    """How much is trained: learning rates (from 1e-4 to 1e-2) x seeds."""

    rates: int
    seeds: int
    epochs: int
    sample: int

    @property
    def trials(self) -> int:
        return self.rates * self.seeds

    def pairs(self) -> list[str]:
        """Each trial as `RATE:SEED`, the rates spaced as `logspace` does it."""
        rates = [1e-4 * 100 ** (i / (self.rates - 1)) for i in range(self.rates)]
        return [f"{rate:.12g}:{seed}" for rate in rates for seed in range(self.seeds)]


class Arm(NamedTuple):
    title: str
    runs: list[Run]
    accuracies: list[float]  # validation, after the last epoch


def measure(quick: bool) -> Table:
    """The arms, interleaved, and what accuracies they reach."""
    size = Size(2, 1, 1, 2) if quick else Size(16, 4, 10, SAMPLE)
    rounds, cores = (1 if quick else 3), os.cpu_count() or 1
    arms = {
        f"a process for each, {cores} at a time": partial(process_each, size, cores),
        "a loop around fit, one process": partial(loops, size, 1),
        f"a loop around fit in each of {cores} processes": partial(loops, size, cores),
        "blueno sweep": partial(sweep, size),
    }
    accuracies: dict[str, list[float]] = {name: [] for name in arms}
    runs = interleaved({name: partial(arm, accuracies[name]) for name, arm in arms.items()}, rounds)
    return _table([Arm(name, runs[name], accuracies[name]) for name in arms], size, rounds)


def _table(arms: Sequence[Arm], size: Size, rounds: int) -> Table:
    each, *_, ours = (median_wall_s(arm.runs) for arm in arms)
    loop = min(median_wall_s(arm.runs) for arm in arms[1:-1])
    rows = [_row(arm, ours) for arm in arms]
    remarks = [
        f"{size.trials} networks of one hidden layer of 64 on scikit-learn's digits, {size.epochs} epochs of batches of"
        f" 32, {size.rates} learning rates x {size.seeds} seeds; whole processes; medians of {rounds}, interleaved",
        f"the first arm is measured on one trial in {size.sample} and multiplied",
        "accuracies: of the validation part after the last epoch, from the saved predictions, mean ± deviation over"
        " trials; the arms draw different batches, so that they agree but for chance",
    ]
    targets = [
        f"{TIMES_QUICKER:.0f} times quicker than a process for each; it is {each / ours:.1f} times"
        f" ({met(TIMES_QUICKER, each / ours)})",
        f"no slower than a loop by hand; the quicker loop takes {loop / ours:.2f} times as long ({met(ours, loop)})",
    ]
    return Table("small_mlps", ["arm", "wall", "CPU", "time, to ours", "accuracy"], rows, remarks, targets)


def _row(arm: Arm, ours_s: float) -> list[str]:
    wall_s = median_wall_s(arm.runs)
    spread = stdev(arm.accuracies) if len(arm.accuracies) > 1 else 0.0
    return [
        arm.title, f"{wall_s:.0f} s", f"{median_cpu_s(arm.runs):.0f} s", f"{wall_s / ours_s:.2f}",
        f"{mean(arm.accuracies):.3f} ± {spread:.3f}",
    ]  # fmt: skip


# ---- the arms


def process_each(size: Size, at_a_time: int, accuracies: list[float]) -> Run:
    """A process for each trial of a sample, so many at a time, each with its share of the cores. The time for all."""
    pairs = size.pairs()[:: size.sample]
    with temporary_root() as folder:
        found = _side_by_side([_by_hand(folder, size, at_a_time, [pair]) for pair in pairs], at_a_time)
        accuracies += _accuracies(folder)
    factor = size.trials / len(pairs)
    return Run(found.wall_s * factor, found.cpu_s * factor, found.output)


def loops(size: Size, processes: int, accuracies: list[float]) -> Run:
    """A loop over all trials, or one over its share of them in each of several processes side by side."""
    pairs = size.pairs()
    with temporary_root() as folder:
        commands = [_by_hand(folder, size, processes, pairs[i::processes]) for i in range(processes)]
        found = _side_by_side(commands, processes)
        accuracies += _accuracies(folder)
    return found


def sweep(size: Size, accuracies: list[float]) -> Run:
    """The same trials with `blueno sweep`, in a fresh project."""
    overrides = (
        f"train.learning_rate={{logspace: [1e-4, 1e-2, {size.rates}]}}", f"seeds={size.seeds}",
        f"train.epochs={size.epochs}",
    )  # fmt: skip
    flags = [word for override in overrides for word in ("--set", override)]
    with temporary_root() as root:
        found = run(blueno("sweep", SPEC, "--root", root, *flags))
        accuracies += _accuracies(root)
    return found


def _by_hand(folder: Path, size: Size, side_by_side: int, pairs: list[str]) -> list[str | Path]:
    threads = max(1, (os.cpu_count() or 1) // side_by_side)
    return python("-m", "benchmarks.by_hand", folder, str(threads), str(size.epochs), *pairs)


def _side_by_side(commands: list[list[str | Path]], at_a_time: int) -> Run:
    begun = time.perf_counter()
    with ThreadPoolExecutor(at_a_time) as pool:
        runs = list(pool.map(run, commands))
    return Run(time.perf_counter() - begun, sum(each.cpu_s for each in runs), "")


def _accuracies(folder: Path) -> list[float]:
    """The accuracy of each model, from the predictions that every arm saves."""
    found = []
    for path in sorted(folder.rglob("predictions.npz")):
        with np.load(path) as saved:
            found.append(float((saved["scores"].argmax(axis=1) == saved["target"]).mean()))
    return found


if __name__ == "__main__":
    main(measure)
