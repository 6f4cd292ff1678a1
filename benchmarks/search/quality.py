"""Whether a search finds what Optuna alone finds: the best value on standard functions, over seeds."""

from __future__ import annotations

from statistics import fmean, median, stdev

from ..tables import Table, main
from .problems import PROBLEMS
from .runs import alone, blueno

CONFIGS, SEEDS, AT_ONCE = 100, 20, 4


def measure(quick: bool) -> Table:
    """Medians of the best value, and whether the means differ by more than their noise."""
    configs, seeds = (20, 3) if quick else (CONFIGS, SEEDS)
    rows, apart = [], []
    for problem in PROBLEMS:
        for method in ("random", "tpe"):
            ours = [blueno(problem, method, configs, seed, AT_ONCE)[0] - problem.least for seed in range(seeds)]
            theirs = [alone(problem, method, configs, seed, AT_ONCE)[0] - problem.least for seed in range(seeds)]
            noise = ((stdev(ours) ** 2 + stdev(theirs) ** 2) / seeds) ** 0.5
            distance = (fmean(ours) - fmean(theirs)) / noise if noise else 0.0
            apart.append(abs(distance))
            rows.append(
                [f"{problem.name}, {method}", f"{median(ours):.4f}", f"{median(theirs):.4f}", f"{distance:+.1f}"]
            )
    met = "met" if max(apart) < 2.7 else "missed"
    remarks = [
        f"Best of {configs} configs, {AT_ONCE} at a time, above the least value there is; medians of {seeds} seeds.",
        "The last column is the difference of the means over its standard error.",
    ]
    target = (
        f"no difference beyond 2.7 standard errors (1 % for {len(apart)} comparisons is 3.2): {max(apart):.1f}, {met}"
    )
    return Table("search.quality", ["", "Blueno", "Optuna alone", "difference"], rows, remarks, [target])


if __name__ == "__main__":
    main(measure)
