"""How long it takes to run a sweep again that has finished: all of its trials are there."""

from __future__ import annotations

from functools import partial

from .commands import SPECS, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from .tables import Table, main, met

TARGET_S = 3.0


def measure(quick: bool) -> Table:
    """`blueno sweep` on a finished sweep of 10,000 trials, as a whole process, and `blueno plan` beside it."""
    rounds, trials = (1, 50) if quick else (5, 10_000)
    with temporary_root() as root:
        size = ("--root", root, "--set", f"model.x={{range: [1, {trials}, 1]}}")
        run(blueno("sweep", SPECS / "nothing.yaml", *size))
        commands = {f"blueno {verb}": blueno(verb, SPECS / "nothing.yaml", *size) for verb in ("plan", "sweep")}
        runs = interleaved({name: partial(run, command) for name, command in commands.items()}, rounds)
    rows = [[name, f"{median_wall_s(each):.2f} s", f"{median_cpu_s(each):.2f} s"] for name, each in runs.items()]
    wall_s = median_wall_s(runs["blueno sweep"])
    return Table(
        "again",
        ["again", "wall", "CPU"],
        rows,
        [f"a finished sweep of {trials:,} trials; medians of {rounds}, interleaved"],
        [
            f"`blueno sweep` of 10,000 in {TARGET_S:.0f} s; it is {wall_s:.2f} s ({met(wall_s, TARGET_S)})",
        ],
    )


if __name__ == "__main__":
    main(measure)
