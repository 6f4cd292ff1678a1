"""How long `blueno plan` takes for large grids, as a whole process."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from .commands import SPECS, Run, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from .tables import Table, main, met

TARGET_S = 2.0
RATES = 100  # as the spec is written: 100,000 configs
CONFIGS_PER_RATE = 1000


def measure(quick: bool) -> Table:
    """A spec of 10,000 and one of 100,000 configs."""
    rounds, sizes = (1, [1, 2]) if quick else (5, [RATES // 10, RATES])
    with temporary_root() as root:
        runs = interleaved({str(size): partial(plan, size, root) for size in sizes}, rounds)
    rows = []
    for size in sizes:
        configs, wall_s = size * CONFIGS_PER_RATE, median_wall_s(runs[str(size)])
        cpu_s = median_cpu_s(runs[str(size)])
        rows.append([f"{configs:,}", f"{wall_s:.2f} s", f"{cpu_s:.2f} s", f"{wall_s / configs * 1e6:.0f} µs"])
    return Table(
        "plan",
        ["configs", "wall", "CPU", "a config"],
        rows,
        [f"medians of {rounds}, interleaved; nothing is cached, and there is no store yet"],
        [f"100,000 configs in {TARGET_S:.0f} s; it is {wall_s:.2f} s ({met(wall_s, TARGET_S)})"],
    )


def plan(rates: int, root: Path) -> Run:
    """Plans the spec with so many learning rates."""
    grid = f"train.learning_rate={{linspace: [0.001, 0.1, {rates}]}}" if rates > 1 else "train.learning_rate=0.001"
    return run(blueno("plan", SPECS / "large.yaml", "--root", root, "--set", grid))


if __name__ == "__main__":
    main(measure)
