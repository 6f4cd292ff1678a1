"""Arrays in one file of NumPy's."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any
from zipfile import BadZipFile

import numpy as np

from blueno.errors import DataError

from . import FilePaths, Loaded
from .together import one_array

VERSION = 1


def load(path: FilePaths, x: str = "x", y: str = "y", ids: str = "ids", groups: str = "groups") -> Loaded:
    """Features, target, sample ids and groups from an `.npz` file; each parameter is the name of an array in it.

    Features are (n, *shape), target (n,) or (n, k); ids and groups (n,) may be absent under their usual names.
    Of several files the rows are put together. DataError when an array is missing, holds Python objects (they are never
    unpickled), or does not go with those of other files.
    """
    parts = [_loaded(file, x, y, ids, groups)._asdict() for file in path]
    roles = [role for role in ("features", "target", "ids", "groups") if parts[0][role] is not None]
    for file, part in zip(path, parts, strict=True):
        for role in ("ids", "groups"):
            if (part[role] is None) is (role in roles):
                raise DataError(f"of {file} and {path[0]} only one has {role}", "save the same arrays into all files")
    found: dict[str, Any] = {role: one_array(path, (part[role] for part in parts)) for role in roles}
    return Loaded(**found)


def _loaded(path: str, x: str, y: str, ids: str, groups: str) -> Loaded:
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


def files(path: str, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
