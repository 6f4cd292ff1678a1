"""The best network found against trials trained and against wall time: searches with the engine `fused`, Optuna alone
with `fit`, and Ray Tune with ASHA. `python -m benchmarks.search.digits [--quick] [--configs N] [--seeds N]`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from blueno.planning.searching import sampled
from blueno.store.database import open_store

from ..commands import SPECS, blueno, run
from ..fused.environment import peers_python, variables
from ..fused.trials import hand_over, planned, prepare, recipes
from ..tables import Table, markdown

SPEC = SPECS / "search" / "digits.yaml"
CORES = os.cpu_count() or 1
EPOCHS = 9
CONFIGS = 24  # with five seeds about twelve minutes on two cores
ASHA = ["--set", "prune={method: asha, after: 1, factor: 3}"]
MODULES = "benchmarks.search.peers"


class Ended(NamedTuple):
    """A trial that was trained, or begun and ended early."""

    at_s: float  # since the command began
    value: float | None  # None if it was ended early
    epochs: int


Arm = Callable[[int, int, Path], list[Ended]]  # configs, seed, a folder -> in the order of their ends


def ours(method: str, more: list[str], configs: int, seed: int, folder: Path) -> list[Ended]:
    """A search by `blueno sweep`, in a project that is new; its programs are compiled anew, too."""
    root = folder / "project"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    search = f"search={{method: {method}, configs: {configs}, seed: {seed}}}"
    command = blueno("sweep", SPEC, "--engine", "fused", "--root", root, "--json", "--set", search, *more)
    begun_s = time.time()
    run(command, variables={"JAX_COMPILATION_CACHE_DIR": str(root / "compiled")})
    with closing(open_store(root, time.time(), read_only=True)) as db:
        rows = db.execute(
            "SELECT ended AS at, json_extract(metrics, '$.val_accuracy') AS value, ? AS epochs FROM results"
            " WHERE state = 'succeeded' UNION ALL SELECT at, NULL, epoch FROM prunings ORDER BY at",
            (EPOCHS,),
        ).fetchall()
    return [Ended(datetime.fromisoformat(row["at"]).timestamp() - begun_s, row["value"], row["epochs"]) for row in rows]


def peer(module: str, arguments: list[str], slots: int, configs: int, seed: int, folder: Path) -> list[Ended]:
    """A script of peers/, which tells of each epoch; timed from its start."""
    told = folder / "peer"
    shutil.rmtree(told, ignore_errors=True)
    shutil.copytree(folder / "handed", told)
    command = [peers_python(), "-m", f"{MODULES}.{module}", told, str(configs), str(seed), *arguments]
    begun_s = time.time()
    run(command, variables=variables("jax", one_thread=slots > 1))
    last = {}
    for line in (told / "results.jsonl").read_text().splitlines():
        epoch = json.loads(line)
        last[epoch["number"]] = epoch
    found = [
        Ended(each["time"] - begun_s, each["accuracy"] if each["epoch"] == EPOCHS else None, each["epoch"])
        for each in last.values()
    ]
    return sorted(found)


def arms() -> dict[str, Arm]:
    """By their titles."""
    return {
        "blueno, random": lambda *given: ours("random", [], *given),
        "blueno, tpe": lambda *given: ours("tpe", [], *given),
        "blueno, random with asha": lambda *given: ours("random", ASHA, *given),
        "Optuna with `fit`, TPE": lambda *given: peer("optuna_fit", ["never"], 1, *given),
        f"Ray Tune, {CORES} actors, ASHA": lambda *given: peer("ray_asha", [str(CORES), str(EPOCHS)], CORES, *given),
    }


def best(ended: list[Ended], most: int | None = None, until_s: float | None = None) -> float | None:
    """The best value of the first trials, or of those that ended in time."""
    there = ended[:most] if until_s is None else [each for each in ended if each.at_s <= until_s]
    return max((each.value for each in there if each.value is not None), default=None)


def _middle(values: list[float | None]) -> str:
    """The median, if most runs have a value; a run without one counts as the worst."""
    ordered = sorted(-1.0 if value is None else value for value in values)
    return "-" if median(ordered) < 0 else f"{median(ordered):.4f}"


def measured(configs: int, seeds: int, seconds: tuple[int, ...]) -> Table:
    """The table of all arms, each with as many seeds, in turn."""
    found: dict[str, list[list[Ended]]] = {title: [] for title in arms()}
    with tempfile.TemporaryDirectory(prefix="blueno-benchmark-") as name:
        folder = Path(name)
        plan = sampled(planned(SPEC, {}, folder), 1)
        hand_over(recipes(plan), prepare(plan, folder), folder / "handed")
        for seed in range(seeds):
            for title, arm in arms().items():
                found[title].append(arm(configs, seed, folder))
                last = found[title][-1]
                sys.stderr.write(f"  seed {seed}, {title}: {best(last)}, {max(each.at_s for each in last):.0f} s\n")
    counts = sorted({max(1, configs // 4), max(1, configs // 2), configs})
    rows = []
    for title, runs in found.items():
        after = [_middle([best(each, most=count) for each in runs]) for count in counts]
        until = [_middle([best(each, until_s=second) for each in runs]) for second in seconds]
        epochs = median(sum(trial.epochs for trial in each) for each in runs)
        rows.append([title, *after, *until, f"{median(max(t.at_s for t in each) for each in runs):.0f} s", str(epochs)])
    header = ["best validation accuracy", *(f"after {count} trials" for count in counts)]
    header += [*(f"after {second} s" for second in seconds), "all of it", "epochs"]
    remarks = [
        f"{configs} configs of an MLP on digits (learning rate, weight decay, dropout), {EPOCHS} epochs each; medians"
        f" of {seeds} seeds of the search. Trials count when they end, those that were ended early, too.",
        "The accuracy is that which was searched for: the more is tried, the more it flatters. Steps of 1 sample are"
        " 0.0028.",
        "Wall time is from the start of the command. Blueno compiles anew in each run; what the peers compile is kept"
        " between runs. Optuna trains one at a time on all cores; Blueno asks for 16 at a time, so that its TPE knows"
        " less when it proposes; Ray draws at random.",
        "Epochs: of pruned trials up to that at which it was decided; lanes of a pack may go on for some more.",
    ]
    return Table("search.digits", header, rows, remarks, ["none is set: it says what a search brings, and when"])


def measure(quick: bool) -> Table:
    """The figure for docs/performance.md."""
    return measured(4, 1, (15,)) if quick else measured(CONFIGS, 5, (15, 30, 60))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one seed: whether it works")
    parser.add_argument("--configs", type=int, default=CONFIGS)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    table = measure(True) if given.quick else measured(given.configs, given.seeds, (15, 30, 60))
    print(markdown(table, given.quick), end="")


if __name__ == "__main__":
    main()
