"""Small pictures in files, prepared: a loop over Pillow by hand, in threads and in processes, and Blueno's dataset.

`python -m benchmarks.images [--quick] [--files N] [--format png]`. Every arm ends with the pixels in a `.npy` file.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from blueno.cache.folder import FolderCache
from blueno.canonical import digest
from blueno.etl.build import build
from blueno.etl.dataset import open_dataset
from blueno.planning.fingerprint import fingerprint

from .commands import Run, interleaved, median_cpu_s, median_wall_s, temporary_root
from .tables import Table, markdown

FILES, QUICK_FILES = 50_000, 300
SIDE = 64
CLASSES = 10
CHUNK = 250  # files that a process of the loop by hand takes at once
SHARE = 0.8  # of the quicker loop's rate


def measure(quick: bool, files: int | None = None, format: str = "jpg") -> Table:
    """Pictures a second of each arm, on the same files, which are in the page cache."""
    rounds, count = (1 if quick else 5), files or (QUICK_FILES if quick else FILES)
    with temporary_root() as root:
        folder = root / "pictures"
        make_pictures(folder, count, format)
        begun = time.perf_counter()
        sha = fingerprint(folder, root / "fingerprints")
        hashed_s = time.perf_counter() - begun
        arms = {
            "Pillow in threads": partial(by_hand, folder, root, ThreadPoolExecutor),
            "Pillow in processes": partial(by_hand, folder, root, ProcessPoolExecutor),
            "a dataset of blueno": partial(dataset, folder, root, sha),
        }
        runs = interleaved({name: partial(timed, arm) for name, arm in arms.items()}, rounds)
    return _table(runs, count, format, hashed_s)


def _table(runs: dict[str, list[Run]], count: int, format: str, hashed_s: float) -> Table:
    *loops, ours = runs.values()
    quicker = min(loops, key=median_wall_s)
    ratio = median(loop.wall_s / own.wall_s for loop, own in zip(quicker, ours, strict=True))
    rows = [
        [name, f"{median_wall_s(each):.2f} s", f"{median_cpu_s(each):.2f} s", f"{count / median_wall_s(each):,.0f}"]
        for name, each in runs.items()
    ]
    remarks = [
        f"{count:,} {format} files of {SIDE}x{SIDE} in the page cache, decoded into one array that is written; medians"
        f" of {len(ours)}, interleaved; libraries are imported already",
        "the dataset is more: each file is hashed again as it is read, the array is hashed and flushed to the disk, the"
        " samples are split",
        f"hashing the files for the plan, which happens once: {hashed_s:.2f} s",
    ]
    met = "met" if ratio >= SHARE else "missed"
    target = f"{SHARE:.0%} of the quicker loop's rate or more; it is {ratio:.0%}, the median of rounds ({met})"
    return Table("images", ["arm", "wall", "CPU", "pictures a second"], rows, remarks, [target])


def make_pictures(folder: Path, count: int, format: str) -> None:
    """Smooth colours with some noise, as photographs have, in a folder for each class."""
    random = np.random.default_rng(0)
    for number in range(CLASSES):
        (folder / f"class{number}").mkdir(parents=True)
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype="uint8"))
        smooth = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype="int16")
        noisy = np.clip(smooth + random.integers(-8, 9, smooth.shape), 0, 255).astype("uint8")
        Image.fromarray(noisy).save(folder / f"class{number % CLASSES}" / f"{number:05}.{format}")


def timed(arm: Callable[[], None]) -> Run:
    """What an arm takes, with the CPU time of the processes that it waited for."""
    begun, cpu_s = time.perf_counter(), _cpu_s()
    arm()
    return Run(time.perf_counter() - begun, _cpu_s() - cpu_s, "")


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


# ---- the arms


def by_hand(folder: Path, root: Path, pool: Callable[[int], Executor]) -> None:
    """What people write: the files in chunks, over a pool with a thread or process for each core."""
    files = sorted(str(file) for file in folder.rglob("*.*"))
    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    pixels = np.empty((len(files), SIDE, SIDE, 3), dtype="uint8")
    with pool(os.cpu_count() or 1) as workers:
        for number, part in enumerate(workers.map(_decoded, chunks)):
            pixels[number * CHUNK : number * CHUNK + len(part)] = part
    with _removed(root / "pixels.npy") as path:
        np.save(path, pixels)


def _decoded(files: list[str]) -> np.ndarray:
    found = []
    for file in files:
        with Image.open(file) as image:
            found.append(np.asarray(image.convert("RGB")))
    return np.stack(found)


@contextmanager
def _removed(path: Path) -> Iterator[Path]:
    yield path
    path.unlink()


def dataset(folder: Path, root: Path, sha: str) -> None:
    """The build of a dataset by a worker, in an empty cache."""
    recipe = recipe_of(folder, sha)
    with temporary_root() as scratch:
        cache = FolderCache(scratch)
        build(recipe, cache)
        assert open_dataset(digest(recipe), cache).features.shape[1:] == (SIDE, SIDE, 3)


def recipe_of(folder: Path, sha: str) -> dict[str, Any]:
    """A dataset of the folder, split by classes, without steps."""
    split = {"test": 0.2, "validation": 0.2, "stratify": True, "group": None, "seed": 0, "stop": None}
    source = {"name": "images", "params": {"path": str(folder)}, "code": 1, "fingerprint": sha}
    return {"columns": {}, "fold": None, "source": source, "split": split, "steps": []}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: whether it works, not how fast")
    parser.add_argument("--files", type=int, help=f"how many; {FILES:,} if not said")
    parser.add_argument("--format", default="jpg", choices=("jpg", "png"))
    options = parser.parse_args()
    print(markdown(measure(options.quick, options.files, options.format), options.quick), end="")
