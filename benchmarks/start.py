"""How long the command line takes to start, beside bare Python."""

from __future__ import annotations

from functools import partial

from .commands import blueno, interleaved, median_cpu_s, median_wall_s, python, run
from .tables import Table, main, met

TARGET_S = 0.150


def measure(quick: bool) -> Table:
    """`blueno --help` against `python -c pass`, whole processes."""
    rounds = 2 if quick else 21
    commands = {"python -c pass": python("-c", "pass"), "blueno --help": blueno("--help")}
    runs = interleaved({name: partial(run, command) for name, command in commands.items()}, rounds)
    walls_s = {name: median_wall_s(found) for name, found in runs.items()}
    bare_s, help_s = walls_s.values()
    rows = [
        [name, f"{walls_s[name] * 1e3:.0f} ms", f"{median_cpu_s(found) * 1e3:.0f} ms", f"{walls_s[name] / bare_s:.1f}"]
        for name, found in runs.items()
    ]
    return Table(
        "start",
        ["process", "wall", "CPU", "ratio"],
        rows,
        [
            f"medians of {rounds}, interleaved",
        ],
        [
            f"at most {TARGET_S * 1e3:.0f} ms more than bare Python; it is {(help_s - bare_s) * 1e3:.0f} ms"
            f" ({met(help_s - bare_s, TARGET_S)})",
        ],
    )


if __name__ == "__main__":
    main(measure)
