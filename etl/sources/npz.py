"""Arrays in one file of NumPy's."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any
from zipfile import BadZipFile

import numpy as np

from blueno.errors import DataError

from . import FilePath, Loaded

VERSION = 1


def load(path: FilePath, x: str = "x", y: str = "y", ids: str = "ids", groups: str = "groups") -> Loaded:
    """Features, target, sample ids and groups from an `.npz` file; each parameter is the name of an array in it.

    Features are (n, *shape), target (n,) or (n, k); ids and groups (n,) may be absent under their usual names.
    DataError when an array is missing, or holds Python objects (they are never unpickled).
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Loaded(
                features=_array(archive, x),
                target=_array(archive, y),
                ids=_array(archive, ids) if ids != "ids" or ids in archive else None,
                groups=_array(archive, groups) if groups != "groups" or groups in archive else None,
            )
    except (ValueError, OSError, BadZipFile, AttributeError) as error:
        raise DataError(
            f"{path} cannot be read as .npz: {error}", "write it with numpy.savez, without objects"
        ) from None


def _array(archive: Any, name: str) -> np.ndarray:
    if name not in archive:
        near = get_close_matches(name, archive.files, n=1)
        fix = f"write {near[0]}" if near else f"choose among {', '.join(archive.files)}"
        raise DataError(f"the file has no array {name!r}", fix)
    array: np.ndarray = archive[name]
    return array


def files(path: FilePath, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
