"""What a search costs beside Optuna alone: TPE, a function that returns at once, asked 16 at a time."""

from __future__ import annotations

from statistics import median

from ..tables import Table, main
from .problems import PROBLEMS
from .runs import alone, blueno

AT_ONCE = 16
MOST = 1.2


def measure(quick: bool) -> Table:
    """Seconds of the processor for the same study, one after the other."""
    configs, repeats = (100, 1) if quick else (2000, 1)
    problem = PROBLEMS[-1]
    blueno(problem, "tpe", 32, 0, AT_ONCE)  # imports, and what is compiled once
    alone(problem, "tpe", 32, 0, AT_ONCE)
    ours, theirs = [], []
    for seed in range(repeats):
        ours.append(blueno(problem, "tpe", configs, seed, AT_ONCE)[1])
        theirs.append(alone(problem, "tpe", configs, seed, AT_ONCE)[1])
    ratio = median(ours) / median(theirs)
    met = "met" if ratio <= MOST else "missed"
    rows = [
        ["Optuna alone, in memory", f"{median(theirs):.1f} s", f"{1000 * median(theirs) / configs:.1f} ms"],
        ["Blueno, recorded in its store", f"{median(ours):.1f} s", f"{1000 * median(ours) / configs:.1f} ms"],
    ]
    remarks = [
        f"{configs} configs of the mixed function, TPE, {AT_ONCE} at a time; processor seconds, {repeats} of each."
    ]
    return Table(
        "search.cost", ["", "in all", "a config"], rows, remarks, [f"at most {MOST} times: {ratio:.2f}, {met}"]
    )


if __name__ == "__main__":
    main(measure)
