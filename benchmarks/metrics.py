"""How long it takes to measure metrics that were asked for after all trials were done, from their kept predictions."""

from __future__ import annotations

import json
from pathlib import Path

from .commands import SPECS, Run, blueno, median_cpu_s, median_wall_s, run, temporary_root
from .tables import Table, main, met

TARGET_S = 10.0
SPEC = SPECS / "quick_trials.yaml"
TWELVE = [
    "jaccard", "youden_j", "cohen_kappa", "true_positives", "true_negatives", "false_positives", "false_negatives",
    *({name: {"average": average, "as": f"{name}_{average}"}} for name, average in (
        ("f1", "macro"), ("f1", "micro"), ("f1", "weighted"), ("precision", "macro"), ("recall", "macro"),
    )),
]  # fmt: skip


def measure(quick: bool) -> Table:
    """A sweep of trials, then the same spec with twelve more metrics, each as a whole process."""
    rounds, trials = (1, 20) if quick else (3, 1000)
    runs: dict[str, list[Run]] = {"trained, with the 12 defaults": [], "12 metrics more": [], "the same again": []}
    for _ in range(rounds):
        with temporary_root() as root:
            for name, more in zip(runs, (0, 12, 12), strict=True):
                runs[name].append(sweep(root, trials, more))
    rows = [[name, f"{median_wall_s(each):.2f} s", f"{median_cpu_s(each):.2f} s"] for name, each in runs.items()]
    wall_s = median_wall_s(runs["12 metrics more"])
    return Table(
        "metrics",
        ["`blueno sweep`", "wall", "CPU"],
        rows,
        [f"{trials:,} trials of an estimator, 114 predictions each, on local workers; medians of {rounds}"],
        [f"twelve metrics of 1,000 trials in {TARGET_S:.0f} s; it is {wall_s:.2f} s ({met(wall_s, TARGET_S)})"],
    )


def sweep(root: Path, trials: int, more: int) -> Run:
    """Runs the sweep with so many more metrics."""
    size = f"model.var_smoothing={{logspace: [1e-12, 1e-2, {trials}]}}"
    spec = root / "quick_trials.yaml"
    spec.write_text(SPEC.read_text() + f"metrics: {json.dumps(TWELVE[:more])}\n")
    return run(blueno("sweep", spec, "--root", root, "--set", size))


if __name__ == "__main__":
    main(measure)
