"""How long it takes to print the table of a sweep of 10,000 trials."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from .commands import SPECS, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from .tables import Table, main, met

TARGET_S = 1.0
SEEDS = 3


def measure(quick: bool) -> Table:
    """`blueno results` as a whole process: as many configs as trials, a third with three seeds, a row a trial."""
    rounds, trials = (1, 60) if quick else (5, 10_000)
    with temporary_root() as single, temporary_root() as seeded:
        _sweep(single, trials, 1)
        _sweep(seeded, trials // SEEDS, SEEDS)
        commands = {
            f"{trials:,} configs": blueno("results", "--root", single),
            f"{trials // SEEDS:,} configs of {SEEDS} seeds": blueno("results", "--root", seeded),
            f"{trials:,} trials, `--by trial`": blueno("results", "--root", single, "--by", "trial"),
        }
        runs = interleaved({name: partial(run, command) for name, command in commands.items()}, rounds)
    rows = [[name, f"{median_wall_s(each):.2f} s", f"{median_cpu_s(each):.2f} s"] for name, each in runs.items()]
    slowest_s = max(median_wall_s(each) for each in runs.values())
    target = f"a table of 10,000 trials in {TARGET_S:.0f} s; the slowest takes {slowest_s:.2f} s"
    return Table(
        "table",
        ["`blueno results`", "wall", "CPU"],
        rows,
        [f"finished sweeps of {trials:,} trials, every row printed; medians of {rounds}, interleaved"],
        [f"{target} ({met(slowest_s, TARGET_S)})"],
    )


def _sweep(root: Path, configs: int, seeds: int) -> None:
    """A finished sweep of trials that do nothing."""
    size = ("--set", f"model.x={{range: [1, {configs}, 1]}}", "--set", f"seeds={seeds}")
    run(blueno("sweep", SPECS / "nothing.yaml", "--root", root, *size))


if __name__ == "__main__":
    main(measure)
