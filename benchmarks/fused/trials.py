"""Blueno's own list of trials, handed to the peers as a folder: trials.json, and the arrays of each dataset."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import blueno
from blueno.cache.folder import FolderCache
from blueno.etl.build import build
from blueno.etl.dataset import Dataset, open_dataset
from blueno.planning import Plan
from blueno.planning.snapshot import write_snapshot
from blueno.worker.code import code_folder

Recipe = dict[str, Any]
PARTS = ("train", "validation")


def planned(spec: Path, overrides: Mapping[str, Any], root: Path) -> Plan:
    """What a spec would train in a project at `root`, without training anything."""
    return blueno.plan(spec, overrides, root).plan


def recipes(plan: Plan) -> list[Recipe]:
    """What each trial is: "model", "train", "seed", "dataset" and the rest of what is hashed."""
    return [json.loads(trial.recipe) for trial in plan.trials]


def sample(trials: Sequence[Recipe], count: int) -> list[Recipe]:
    """As many as that, drawn with a fixed seed: a stride could meet the same value of an axis again and again."""
    return random.Random(0).sample(list(trials), min(count, len(trials)))


def prepare(plan: Plan, folder: Path) -> dict[str, Dataset]:
    """Builds every dataset of a plan below a folder, by its id."""
    cache = FolderCache(folder / "cache")
    write_snapshot(plan.snapshot, cache)
    code = code_folder(folder, cache, {"snapshot": plan.snapshot.key, "folder": plan.snapshot.folder})
    for each in plan.datasets:
        build(json.loads(each.recipe), cache, code, files=plan.files)
    return {each.id: open_dataset(each.id, cache) for each in plan.datasets}


def hand_over(trials: Sequence[Recipe], datasets: Mapping[str, Dataset], folder: Path) -> None:
    """Writes what a peer reads: the trials, and NAME.npz for each of their datasets. Results of before are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.jsonl").unlink(missing_ok=True)
    (folder / "trials.json").write_text(json.dumps(trials))
    for id in {trial["dataset"] for trial in trials}:
        np.savez(folder / f"{id}.npz", **_arrays(datasets[id]))


def _arrays(dataset: Dataset) -> dict[str, np.ndarray]:
    features = {f"{part}_features": dataset.features[dataset.parts[part]].astype(np.float32) for part in PARTS}
    return features | {f"{part}_target": dataset.target[dataset.parts[part]] for part in PARTS}
