"""Arrays in files of NumPy's, one array each."""

from __future__ import annotations

from typing import Any

import numpy as np

from blueno.errors import DataError

from . import FilePaths, Loaded
from .together import check_rows, one_array, with_rows

VERSION = 1


def load(x: FilePaths, y: FilePaths, ids: FilePaths | None = None, groups: FilePaths | None = None) -> Loaded:
    """Features, target, sample ids and groups from an `.npy` file each.

    Features are (n, *shape), target (n,) or (n, k), ids and groups (n,). Files are memory-mapped, so that features may
    be larger than memory. Of several files the rows are put together, in memory; those of features and target, ids and
    groups go together in the order of their names. DataError when one cannot be read, holds Python objects (they are
    never unpickled), or does not go with the others.
    """
    paths = {"features": x, "target": y, "ids": ids, "groups": groups}
    arrays = {role: [_array(path) for path in each] for role, each in paths.items() if each is not None}
    for role, found in arrays.items():
        counts, own = [len(array) for array in arrays["features"]], [len(array) for array in found]
        check_rows(x, counts, paths[role] or [], own)
    loaded: dict[str, Any] = {role: one_array(paths[role] or [], found) for role, found in arrays.items()}
    return Loaded(**loaded)


def _array(path: str) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            f"{path} cannot be read as .npy: {error}", "write it with numpy.save, without objects"
        ) from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise DataError(f"{path} holds several arrays", "use the source npz")
    return with_rows(path, array)


def files(x: str, y: str, ids: str | None = None, groups: str | None = None) -> list[str]:
    """The files that count by their content."""
    return [path for path in (x, y, ids, groups) if path is not None]
