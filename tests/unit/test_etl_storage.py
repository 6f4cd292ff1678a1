"""Arrays in the cache: an array that is stored already is neither written nor hashed again, a part of it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blueno.cache.folder import FolderCache
from blueno.etl.storage import get_array, put_array


def test_a_stored_array_is_known_by_its_file(tmp_path: Path) -> None:
    cache, folder = FolderCache(tmp_path / "cache"), tmp_path / "work"
    folder.mkdir()
    part = put_array(np.arange(12).reshape(3, 4), cache, folder)
    stored = get_array(part, cache)
    (folder / "part.npy").unlink(missing_ok=True)
    assert put_array(stored, cache, folder) == part
    assert not (folder / "part.npy").exists()


def test_what_only_looks_like_a_stored_array_is_stored(tmp_path: Path) -> None:
    cache, folder = FolderCache(tmp_path / "cache"), tmp_path / "work"
    folder.mkdir()
    stored = get_array(put_array(np.arange(12).reshape(3, 4), cache, folder), cache)
    np.save(tmp_path / "own.npy", stored)
    own = np.load(tmp_path / "own.npy", mmap_mode="r")
    for array in (stored[1:], stored.T, stored.reshape(4, 3), own):
        part = put_array(array, cache, folder)
        assert (get_array(part, cache) == array).all() and get_array(part, cache).shape == array.shape
