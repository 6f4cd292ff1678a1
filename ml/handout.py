"""What a program is handed: a copy of the user's code to run in, the arrays of its data, and the trial as JSON."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from blueno.etl.dataset import Dataset
from blueno.usercode import CodeFolder

from .job import Job
from .reported import Places, params_of
from .scored import rows

PARTS = ("train", "validation", "stop")  # the test part is not handed out, since it takes part in nothing
EXECUTABLE = (b"#!", b"\x7fELF")  # how a script begins that names its interpreter, and a compiled program of Linux


def code_copy(job: Job) -> CodeFolder:
    """The snapshot once more, for this attempt alone: a program may write beside itself, and trials share nothing.

    Snapshots hold no permissions, so scripts and programs are known by how they begin. Without user code it is empty.
    """
    copy = job.folder / "code"
    if job.code is None:
        copy.mkdir()
        return CodeFolder(copy, "")
    shutil.copytree(job.code.root, copy, copy_function=_copy, ignore=shutil.ignore_patterns("__pycache__"))
    return CodeFolder(copy, job.code.folder)


def _copy(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    with open(target, "rb") as file:
        if file.read(4).startswith(EXECUTABLE):
            os.chmod(target, 0o755)


def write_trial(job: Job, places: Places) -> Path:
    """Writes the arrays of the job's data, and the file that `BLUENO_TRIAL` names."""
    recipe = job.recipe
    told = {
        "params": params_of(recipe["model"], "command"),
        "seed": recipe["seed"],
        "fold": job.fold,
        "train": recipe["train"],
        "augment": recipe["augment"],
        "data": None if job.dataset is None else _data(job.dataset, job.folder / "data"),
        "objective": job.objective,
        "threads": job.threads,
        "batches": job.batches,
        "folder": str(places.folder),
        "checkpoint": str(places.checkpoint),
        "metrics": str(places.lines),
    }
    path = job.folder / "trial.json"
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")
    return path


def _data(dataset: Dataset, folder: Path) -> dict[str, Any]:
    """As `trial.data` of a function, with the paths of .npy files for arrays, and null for parts that do not exist."""
    folder.mkdir()
    parts = {part: _part(dataset, part, folder) if part in dataset.parts else None for part in PARTS}
    facts = ("classes", "task", "positive", "published", "target_scale")
    return parts | {fact: getattr(dataset, fact) for fact in facts}


def _part(dataset: Dataset, part: str, folder: Path) -> dict[str, str]:
    """`features` (n, *shape), `target` (n,) or (n, k) and `ids` (n,) text, of the samples of a part only."""
    chosen = rows(dataset, part)
    paths = {name: folder / f"{part}_{name}.npy" for name in ("features", "target", "ids")}
    for name, path in paths.items():
        np.save(path, getattr(dataset, name)[chosen], allow_pickle=False)
    return {name: str(path) for name, path in paths.items()}
