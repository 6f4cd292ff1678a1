"""Arrays in files of NumPy's, one array each."""

from __future__ import annotations

import numpy as np

from blueno.errors import DataError

from . import FilePath, Loaded

VERSION = 1


def load(x: FilePath, y: FilePath, ids: FilePath | None = None, groups: FilePath | None = None) -> Loaded:
    """Features, target, sample ids and groups from an `.npy` file each.

    Features are (n, *shape), target (n,) or (n, k), ids and groups (n,). Files are memory-mapped, so that features may
    be larger than memory. DataError when one cannot be read, or holds Python objects (they are never unpickled).
    """
    return Loaded(
        features=_array(x),
        target=_array(y),
        ids=None if ids is None else _array(ids),
        groups=None if groups is None else _array(groups),
    )


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
    return array


def files(x: FilePath, y: FilePath, ids: FilePath | None = None, groups: FilePath | None = None) -> list[str]:
    """The files that count by their content."""
    return [path for path in (x, y, ids, groups) if path is not None]
