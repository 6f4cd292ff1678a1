"""Whether the memory of a worker that trains packs stays what it is, over thousands of trials of one family, and over
many families that are compiled one after the other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import psutil

from blueno.store.database import open_store

from ..commands import SPECS, blueno, run, temporary_root
from ..memory import FLAT
from ..tables import Table, main, met

SPEC = SPECS / "fused" / "soak.yaml"
ONE_CORE = {"BLUENO_CPUS": "1"}  # one worker on a core of its own, as there is one for each core otherwise


class Look(NamedTuple):
    """What a worker held when it was looked at."""

    time: float
    process: int
    resident: int  # bytes


class Sweep(NamedTuple):
    """What one worker is to train."""

    title: str
    overrides: Mapping[str, Any]
    families: int


def sweeps(quick: bool) -> list[Sweep]:
    """One family of 5,000 trials; 24 shapes, which are as many families, of 20 each."""
    rates = "{{linspace: [0.001, 0.1, {}]}}".format
    units = [[number] for number in range(8, 11 if quick else 32)]
    return [
        Sweep("of one family", {"train.learning_rate": rates(20 if quick else 5000)}, 1),
        Sweep(
            "of many families",
            {"train.learning_rate": rates(4 if quick else 20), "model.hidden": json.dumps({"grid": units})},
            len(units),
        ),
    ]


def measure(quick: bool) -> Table:
    """The memory of the only worker as trial after trial ends."""
    rows, ratios = [], {}
    for sweep in sweeps(quick):
        held, workers = held_bytes(sweep)
        tenth = max(1, len(held) // 10)
        first, last = median(held[tenth : 2 * tenth]), median(held[-tenth:])
        ratios[sweep.title] = last / first
        megabytes = [f"{value / 1e6:.1f} MB" for value in (held[0], first, last, max(held))]
        rows.append([
            sweep.title, f"{len(held):,}", str(sweep.families), str(workers), *megabytes, f"{last / first:.3f}",
        ])  # fmt: skip
    worst = max(ratios, key=ratios.__getitem__)
    return Table(
        "fused.soak",
        ["trials", "how many", "families", "workers", "the first", "second tenth", "last tenth", "most",
         "last to second"],
        rows,
        ["the resident memory of the one worker of the engine fused, looked at every tenth of a second, when each trial"
         " had ended; medians over a tenth of the trials"],
        [f"flat, which is at most {FLAT} times; {worst} it is {ratios[worst]:.3f} ({met(ratios[worst], FLAT)})"],
    )  # fmt: skip


def held_bytes(sweep: Sweep) -> tuple[list[int], int]:
    """What the worker held when each trial ended, in that order, and how many workers there were in all."""
    looks: list[Look] = []
    changes = [word for path, value in sweep.overrides.items() for word in ("--set", f"{path}={value}")]
    with temporary_root() as root:
        command = blueno("sweep", SPEC, "--root", root, "--engine", "fused", "--per-device", "1", *changes)
        run(command, partial(_look, looks), ONE_CORE | {"JAX_COMPILATION_CACHE_DIR": str(root / "compiled")})
        with closing(open_store(root, time.time(), read_only=True)) as db:
            rows = db.execute("SELECT ended, worker, engine FROM results ORDER BY ended, rowid").fetchall()
    assert {row["engine"] for row in rows} == {"fused"}, "these trials are fused"
    ended = [datetime.fromisoformat(row["ended"]).timestamp() for row in rows]
    return at_times(looks, ended), len({row["worker"] for row in rows})


def at_times(looks: Sequence[Look], times: Sequence[float]) -> list[int]:
    """What was held at these times, which are in order: what was seen last before each."""
    found, place = [], 0
    for moment in times:
        while place + 1 < len(looks) and looks[place + 1].time <= moment:
            place += 1
        found.append(looks[place].resident)
    return found


def _look(looks: list[Look], command: psutil.Process) -> None:
    for process in command.children(recursive=True):
        if "blueno.worker.process" in process.cmdline():
            looks.append(Look(time.time(), process.pid, process.memory_info().rss))


if __name__ == "__main__":
    main(measure)
