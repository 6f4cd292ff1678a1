"""How arrays and manifests lie in the cache: `parts/<sha256>.npy`, and a JSON manifest written after its parts.

A manifest that is there names only parts that were there when it was written: whoever dies before leaves only
parts without a name, never half a dataset.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np

from blueno.cache import Cache
from blueno.cache.folder import mark_used
from blueno.cache.locks import locked
from blueno.cache.parts import Part
from blueno.canonical import canonical, digest_file

MAGIC = b"\x93NUMPY\x01\x00"  # how a file of NumPy's format 1.0 begins; the length of its head follows in two bytes


@contextmanager
def workplace(name: str, cache: Cache) -> Iterator[Path]:
    """An empty folder to build in, held by one process and thread at a time: others wait until it is free.

    What a killed process left in it is removed by the next that enters.
    """
    folder = cache.scratch / name
    with locked(cache.scratch / f"{name}.lock"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def put_array(array: np.ndarray, cache: Cache, folder: Path) -> Part:
    """Stores an array in C order and returns its part; equal arrays are stored once. `folder` is a workplace."""
    stored = _stored(array, cache)
    if stored is None:
        path = folder / "part.npy"
        path.unlink(missing_ok=True)
        np.save(path, np.asarray(array, order="C"), allow_pickle=False)
        stored = put_file(path, cache)
    return {**stored, "dtype": array.dtype.str, "shape": list(array.shape)}


def _stored(array: np.ndarray, cache: Cache) -> Part | None:
    """The part that an array of `get_array` is the whole of: large ones are neither written nor hashed again."""
    if not isinstance(array, np.memmap) or not isinstance(array.base, mmap) or array.filename is None:
        return None
    path = Path(array.filename)
    key, size = f"parts/{path.name}", path.stat().st_size
    if cache.stat(key) != size or cache.get(key) != path:
        return None
    mark_used(path)
    return {"key": key, "sha256": path.stem, "bytes": size, "dtype": "", "shape": []}


def put_file(path: Path, cache: Cache) -> Part:
    """Stores a file of a workplace under its checksum."""
    checksum, size = digest_file(path), path.stat().st_size
    key = f"parts/{checksum}{path.suffix}"
    if cache.stat(key) not in (None, size):  # cut short by a damaged disk: without this it could never be mended
        cache.delete(key)
    cache.put_if_absent(key, path)
    return {"key": key, "sha256": checksum, "bytes": size, "dtype": "", "shape": []}


def get_array(part: Part, cache: Cache) -> np.ndarray:
    """A stored array, memory-mapped and read-only. KeyError with the part's key when it is gone.

    Its type and shape are in the part: not to read them again from the file's head is quicker than `numpy.load`.
    """
    path, shape = cache.get(part["key"]), tuple(part["shape"])
    if 0 in shape:  # there is nothing to map
        return np.load(path, mmap_mode="r", allow_pickle=False)
    with path.open("rb") as file:
        head = file.read(10)
        if head[:8] != MAGIC:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        begins = 10 + int.from_bytes(head[8:], "little")
        return np.memmap(file, np.dtype(part["dtype"]), "r", begins, shape)


def put_json(key: str, value: Any, cache: Cache, folder: Path) -> None:
    """Stores a manifest, replacing one that `read_complete` refused. Call it last."""
    path = folder / "manifest.json"
    path.write_text(canonical(value) + "\n", encoding="utf-8")
    cache.delete(key)
    cache.put_if_absent(key, path)
