"""Whether a worker's memory stays what it is over thousands of trials."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import NamedTuple

from blueno.store.database import open_store

from .commands import SPECS, blueno, run, temporary_root
from .tables import Table, main, met

FLAT = 1.02  # last tenth of the trials to the second tenth; more than that is growth


class Sweep(NamedTuple):
    """What one worker is to run."""

    title: str
    spec: Path
    size: str  # PATH=VALUE with {} for how many trials
    trials: int


def measure(quick: bool) -> Table:
    """One worker each: trials that do nothing, and small Keras models."""
    sweeps = [
        Sweep("functions", SPECS / "nothing.yaml", "model.x={{range: [1, {}, 1]}}", 50 if quick else 2000),
        Sweep(
            "Keras models",
            SPECS / "tiny.yaml",
            "train.learning_rate={{linspace: [0.001, 0.1, {}]}}",
            8 if quick else 2000,
        ),
    ]
    rows, ratios = [], []
    for sweep in sweeps:
        peaks, workers = peaks_bytes(sweep)
        tenth = max(1, len(peaks) // 10)
        first, last = median(peaks[tenth : 2 * tenth]), median(peaks[-tenth:])
        ratios.append(last / first)
        megabytes = [f"{value / 1e6:.1f} MB" for value in (peaks[0], first, last, max(peaks[tenth:]))]
        rows.append([sweep.title, f"{len(peaks):,}", str(workers), *megabytes, f"{last / first:.3f}"])
    return Table(
        "memory",
        ["trials", "how many", "workers", "the first", "second tenth", "last tenth", "most", "last to second"],
        rows,
        [
            "the most resident memory of the worker's process during a trial, as the kernel counts it; medians over a"
            " tenth of the trials; the first tenth is left out of `most`",
        ],
        [f"flat, which is at most {FLAT} times: {met(max(ratios), FLAT)}"],
    )


def peaks_bytes(sweep: Sweep) -> tuple[list[int], int]:
    """Each trial's resident memory at most, in the order they ended, and how many workers there were in all."""
    with temporary_root() as root:
        size = sweep.size.format(sweep.trials)
        run(blueno("sweep", sweep.spec, "--root", root, "--per-device", "1", "--set", size))
        with closing(open_store(root, time.time(), read_only=True)) as db:
            rows = db.execute("SELECT peak_memory_bytes, worker FROM results ORDER BY rowid").fetchall()
    return [row["peak_memory_bytes"] for row in rows], len({row["worker"] for row in rows})


if __name__ == "__main__":
    main(measure)
