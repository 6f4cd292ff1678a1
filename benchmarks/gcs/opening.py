"""Opening a cached dataset: a memory map, beside `numpy.load` of its arrays."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from blueno.cache.manifests import read_json
from blueno.cache.opening import local_cache, open_cache
from blueno.cache.parts import parts_in
from blueno.canonical import digest
from blueno.etl.build import build
from blueno.etl.dataset import open_dataset
from blueno.settings import Settings

from ..tables import Table, main, met

TARGET = 1.1
COLUMNS = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))
SPLIT = {"test": 0.2, "validation": 0.2, "stratify": True, "group": None, "seed": 0, "stop": None}


def measure(quick: bool) -> Table:
    """`open_dataset`, with the setting and without, against `numpy.load(mmap_mode="r")` of the same files."""
    rounds = 20 if quick else 500
    source = {"name": "sklearn", "params": {"name": "digits"}, "code": 1, "fingerprint": None}
    recipe: dict[str, Any] = {"columns": COLUMNS, "fold": None, "source": source, "split": SPLIT, "steps": []}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(recipe, local_cache(root))
        id = digest(recipe)
        plain, shared = open_cache(Settings(root)), open_cache(Settings(root, cache="gs://never-asked"))
        files = [plain.get(part["key"]) for part in parts_in(read_json(f"datasets/{id}.json", plain))]
        ways: dict[str, Callable[[], object]] = {
            'numpy.load(mmap_mode="r")': lambda: [np.load(file, mmap_mode="r") for file in files],
            "open_dataset": lambda: open_dataset(id, plain),
            "open_dataset, shared cache": lambda: open_dataset(id, shared),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                begun_s = time.perf_counter()
                way()
                taken[name].append(time.perf_counter() - begun_s)
    medians = {name: median(each) for name, each in taken.items()}
    bare_s, *ours = medians.values()
    return Table(
        "gcs.opening",
        ["way", "median", "ratio"],
        [[name, f"{each * 1e6:.0f} us", f"{each / bare_s:.2f}"] for name, each in medians.items()],
        [f"digits, {len(files)} arrays, all of them opened; medians of {rounds}, interleaved"],
        [f"within {TARGET - 1:.0%}; the slowest is {max(ours) / bare_s - 1:+.0%} ({met(max(ours) / bare_s, TARGET)})"],
    )


if __name__ == "__main__":
    main(measure)
