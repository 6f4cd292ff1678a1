"""What Blueno itself takes for a trial: sweeps of trials that do nothing."""

from __future__ import annotations

from statistics import median

import psutil

from .commands import SPECS, Run, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from .tables import Table, main, met

TARGET_MS = 2.0


def measure(quick: bool) -> Table:
    """Sweeps as whole processes: compiled, submitted, run by workers, recorded, tabulated."""
    rounds, trials = (1, 50) if quick else (3, 10_000)
    held_bytes: list[int] = []  # by the scheduler, at the end of each sweep on local workers
    arms = {
        "local workers": lambda: sweep(trials, "local", held_bytes),
        "inline": lambda: sweep(trials, "inline", []),
    }
    runs = interleaved(arms, rounds)
    each_ms = {name: median_wall_s(found) / trials * 1e3 for name, found in runs.items()}
    rows = [
        [
            name,
            f"{median_wall_s(found):.1f} s",
            f"{each_ms[name]:.2f} ms",
            f"{median_cpu_s(found) / trials * 1e3:.2f} ms",
        ]
        for name, found in runs.items()
    ]
    local_ms = each_ms["local workers"]
    return Table(
        "overhead",
        ["executor", "the sweep", "wall a trial", "CPU a trial"],
        rows,
        [
            f"{trials:,} trials whose function returns at once, start and end of all processes included; one local"
            f" worker a core; medians of {rounds}, interleaved",
            f"the scheduler's process holds {median(held_bytes) / 1e6:.0f} MB at the end",
        ],
        [
            f"at most {TARGET_MS:.0f} ms a trial on local workers; it is {local_ms:.2f} ms"
            f" ({met(local_ms, TARGET_MS)})",
        ],
    )


def sweep(trials: int, executor: str, held_bytes: list[int]) -> Run:
    """Runs a sweep in a fresh project; appends what its main process held when it was last looked at."""
    last = [0]

    def watch(process: psutil.Process) -> None:
        last[0] = process.memory_info().rss

    size = f"model.x={{range: [1, {trials}, 1]}}"
    with temporary_root() as root:
        command = blueno("sweep", SPECS / "nothing.yaml", "--root", root, "--executor", executor, "--set", size)
        found = run(command, watch)
    held_bytes.append(last[0])
    return found


if __name__ == "__main__":
    main(measure)
