"""How long `blueno find` takes over a store of 100,000 trials of as many configs."""

from __future__ import annotations

import json
import random
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from blueno.planning.compile import compile_spec
from blueno.planning.describe import about_plan
from blueno.spec.load import load
from blueno.store.database import open_store, transaction
from blueno.store.submit import submit
from blueno.store.transitions import pack

from .commands import SPECS, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from .tables import Table, main, met

TARGET_S = 3.0
QUERIES = (
    "state = failed",
    "val_auc > 0.999",
    "val_auc > 0.99 and model = mlp and hp.dropout <= 0.2",
    "hp.dropout <= 0.2 and not hp.learning_rate > 0.05",
)


def measure(quick: bool) -> Table:
    """Queries of each cost, as whole processes: columns only, metrics, a few parameters, everybody's parameters."""
    rounds, rates = (1, 1) if quick else (3, 100)
    with temporary_root() as root:
        trials = fill(root, rates)
        runs = interleaved(
            {query: partial(run, blueno("find", query, "--top", "20", "--root", root)) for query in QUERIES}, rounds
        )
    rows = [
        [f"`{query}`", f"{median_wall_s(each):.2f} s", f"{median_cpu_s(each):.2f} s"] for query, each in runs.items()
    ]
    slowest_s = max(median_wall_s(each) for each in runs.values())
    return Table(
        "find",
        ["query", "wall", "CPU"],
        rows,
        [f"a store of {trials:,} trials that are done, each a config of its own; medians of {rounds}, interleaved"],
        [f"100,000 trials in {TARGET_S:.0f} s; the slowest takes {slowest_s:.2f} s ({met(slowest_s, TARGET_S)})"],
    )


def fill(root: Path, rates: int) -> int:
    """A store with the trials of large.yaml, all of them succeeded. Returns how many."""
    grid = f"train.learning_rate={{linspace: [0.001, 0.1, {rates}]}}" if rates > 1 else "train.learning_rate=0.001"
    plan = compile_spec(load(SPECS / "large.yaml", [grid], root), root)
    chance = random.Random(0)
    nothing = (pack("{}"), pack(""))
    with closing(open_store(root, time.time())) as db:
        submit(db, plan, about_plan(plan), sys.executable, time.time())
        with transaction(db):
            db.execute("UPDATE trials SET state = 'succeeded', attempt = 1, rank = NULL")
            db.executemany(
                "INSERT INTO results VALUES (?, 1, 'succeeded', 'fit', 8, ?, '[]', '{}', '[]', NULL, 'w',"
                " '2026-01-01T00:00:00.000Z', '2026-01-01T00:01:00.000Z', 60.0, 1, NULL, NULL, NULL, ?, ?, NULL)",
                ((trial.id, _metrics(chance), *nothing) for trial in plan.trials),
            )
    return len(plan.trials)


def _metrics(chance: random.Random) -> str:
    names = ("val_accuracy", "val_loss", "val_roc_auc", "val_f1", "val_precision", "val_recall", "val_log_loss")
    return json.dumps({name: chance.random() for name in names})


if __name__ == "__main__":
    main(measure)
