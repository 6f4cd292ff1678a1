"""How long a worker that is free waits for its next trial, in a search and in a grid: real scheduler, real process that
makes proposals, workers that only let time pass.
"""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from blueno.executors import Slot, WorkerSpec
from blueno.loop import TURN_S
from blueno.messages import Message
from blueno.scheduler import Scheduler, end, step, take_over
from blueno.search.proposer import Memory, propose
from blueno.store import searches

from ..tables import Table, main, met
from .problems import PROBLEMS
from .runs import SPEC, submitted, succeeded, work

MOST_MS = 50.0
AT_ONCE = 16
GRID = """\
version: 1
name: listed
objective: {{minimize: value}}
model: {{function: job.py:train, size: {{range: [1, {configs}, 1]}}}}
keep: {{logs: none}}
"""


@dataclass
class Timers:
    """An executor whose workers let a random time pass for each trial, and note how long they waited for it."""

    value: Callable[[dict[str, Any]], float]
    seconds: tuple[float, float]
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    on: dict[str, tuple[float, float, Message]] = field(default_factory=dict)  # worker -> end, duration, trial
    free: dict[str, float] = field(default_factory=dict)  # since when
    said: list[tuple[str, Message]] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    def start(self, worker: WorkerSpec) -> None:
        self.said.append((worker.id, {"kind": "ready", "pid": 1, "environment": {}}))

    def send(self, worker_id: str, message: Message) -> None:
        if message["kind"] != "train":
            return
        now = time.monotonic()
        if worker_id in self.free:
            self.waited_s.append(now - self.free.pop(worker_id))
        duration_s = self.chance.uniform(*self.seconds)
        self.on[worker_id] = (now + duration_s, duration_s, message)
        self.said.append((worker_id, {key: message[key] for key in ("trial", "attempt")} | {"kind": "started"}))

    def receive(self, timeout_s: float) -> list[tuple[str, Message]]:
        until = min([time.monotonic() + timeout_s, *(each[0] for each in self.on.values())])
        if not self.said:
            time.sleep(max(0.0, until - time.monotonic()))
        for worker_id, (ends, duration_s, message) in list(self.on.items()):
            if ends <= time.monotonic():
                del self.on[worker_id]
                self.free[worker_id] = ends
                value = self.value(message["recipe"]["model"])
                self.said.append((worker_id, succeeded(message["trial"], message["attempt"], value, duration_s)))
        said, self.said = self.said, []
        return said

    def kill(self, worker_id: str) -> None:
        self.on.pop(worker_id, None)

    def process(self, worker_id: str) -> None:
        return None

    def close(self) -> None:
        self.on.clear()


def waits_ms(
    searched: bool, done: int, trials: int, workers: int, seconds: tuple[float, float]
) -> tuple[list[float], float]:
    """How long workers waited for each of as many trials, when as many were done; and the longest wait before these,
    for the first two trials of each worker, while the process that makes proposals starts.
    """
    problem, configs = PROBLEMS[-1], done + trials + 8 * workers
    text = SPEC.format(method="tpe", configs=configs, seed=0, model=problem.model)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        db, sweep = submitted(text if searched else GRID.format(configs=configs), root)
        value = problem.value if searched else _of_size
        memories: dict[int, Memory] = {}
        count = 0
        while count < done:
            if searched:
                proposals, _ = propose(db, memories, sweep, AT_ONCE)
                searches.record(db, sweep, proposals, time.time())
            count += len(work(db, value, done - count))
        memories.clear()  # which a scheduler does not have: its proposals are made in another process
        gc.collect()
        timers = Timers(value, seconds)
        slots = [Slot(f"cpu:{number}", "cpu", 1, "", 1.0) for number in range(workers)]
        s = Scheduler(db, root, timers, lambda _: slots, time.time, lambda text: None)
        take_over(db, root, time.time())
        while len(timers.waited_s) < trials + 2 * workers:
            step(s, TURN_S)
        end(s)
        db.close()
    found = [1000 * each for each in timers.waited_s]
    return found[2 * workers :], max(found[: 2 * workers])


def _of_size(model: dict[str, Any]) -> float:
    return float(model["size"])


def measure(quick: bool) -> Table:
    """64 trials at a time after 1,000."""
    done, trials, workers, seconds = (48, 16, 4, (0.5, 1.0)) if quick else (1000, 600, 64, (3.0, 9.0))
    rows, longest = [], {}
    for title, searched in (("a grid", False), ("a search with TPE", True)):
        found, first_ms = waits_ms(searched, done, trials, workers, seconds)
        longest[searched] = max(found)
        rows.append([title, f"{median(found):.1f} ms", f"{quantiles(found, n=100)[-1]:.1f} ms", f"{max(found):.1f} ms"])
        sys.stderr.write(f"  {title}: {median(found):.1f} ms, at most {max(found):.1f} ms\n")
    more_ms = longest[True] - longest[False]
    remarks = [
        f"{done:,} trials were done, {workers} run at a time for {seconds[0]:g} to {seconds[1]:g} s each, and the waits"
        f" before {trials} are counted: from the end of one trial to the arrival of the next.",
        "The scheduler, the store and the process that makes proposals are real and share the cores; workers only let"
        " time pass, so that what real ones take of the cores is not in it.",
        f"Before these, while the process that makes proposals starts, the longest wait of the search is {first_ms:.0f}"
        " ms; its beginning is not counted.",
    ]
    target = f"no wait is {MOST_MS:.0f} ms longer than in a grid; the longest is {more_ms:+.1f} ms"
    return Table(
        "search.waiting", ["", "median", "99 of 100", "the longest"], rows, remarks,
        [f"{target} ({met(more_ms, MOST_MS)})"],
    )  # fmt: skip


if __name__ == "__main__":
    main(measure)
