"""Pictures in files: a folder for each class, or a table that says which file has which label."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from annotated_types import Ge

from blueno.canonical import digest, digest_file
from blueno.errors import DataError
from blueno.files import files_below

from . import FilePath, Loaded, digest_names, need

VERSION = 2
FOLDERS = True
HASHES = True
ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
SHOWN = 3  # files in a message


class Listed(NamedTuple):
    """What is to be read: names relative to the folder, and what is known of each."""

    names: list[str]
    target: Any  # (n,), or a table of n rows
    groups: Any = None
    table: Any = None


def load(
    path: FilePath,
    table: FilePath | None = None,
    file: str = "file",
    label: str | list[str] = "label",
    group: str | None = None,
    suffix: str = "",
    mode: Literal["rgb", "gray", "gray16"] = "rgb",
    size: Annotated[int, Ge(1)] | tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)]] | None = None,
) -> Loaded:
    """Pictures below the folder `path` as (n, height, width, channels), uint8 (mode gray16: uint16); ids are their
    names there.

    Without `table`, the folders in `path` are the classes, and what lies in one, at any depth, is of that class. With
    it (CSV), its column `file` names files below `path`, whose names may begin with that folder's own and lack their
    `suffix`, and `label` (or several) is the target; `group` may name a column, and so may group, time and split of
    the spec. `size` [height, width], or one number for both, resizes while reading, by Pillow (bilinear, averaging
    when it makes smaller): the ratio of the sides is not kept. Without it all must have one size. Pictures are taken
    as they are stored, without turning them as EXIF says.
    MissingLibrary without Pillow; DataError when files are missing, no pictures, or of different sizes.
    """
    need("PIL", "images")
    from .pixels import read_pictures

    if not Path(path).is_dir():
        raise DataError(f"{path} is a file", "name the folder that the pictures are in")
    names = files_below(path)
    listed = _by_folder(names, path) if table is None else _by_table(path, table, names, file, label, group, suffix)
    found = read_pictures(path, listed.names, mode, (size, size) if isinstance(size, int) else size)
    sha = digest_names(path, names, dict(zip(listed.names, found.shas, strict=True)))
    together = sha if table is None else digest([sha, digest_file(Path(table))])
    ids = np.array(listed.names)
    return Loaded(found.pixels, listed.target, ids, listed.groups, listed.table, fingerprint=together)


def files(path: FilePath, table: FilePath | None = None, **_: object) -> list[str]:
    """The folder and the table, which count by their content."""
    return [path] if table is None else [path, table]


def _by_folder(names: list[str], path: str) -> Listed:
    inside = [name for name in names if "/" in name]
    beside = [name for name in names if "/" not in name and Path(name).suffix.lower() in ENDINGS]
    fix = "put the pictures of each class into a folder of its own, or say table: a CSV with the columns file and label"
    if beside and inside:
        raise DataError(f"{len(beside)} pictures are in no class's folder: {_few(beside)}", fix)
    if not inside:
        raise DataError(f"{path} has no folder with pictures in it", fix)
    return Listed(inside, np.array([name.partition("/")[0] for name in inside]))


def _by_table(
    path: str, table: str, names: list[str], file: str, label: str | list[str], group: str | None, suffix: str
) -> Listed:
    import pandas as pd

    from ..tables import chosen
    from .csv import load as load_csv

    separator = "\t" if table.endswith(".tsv") else ","
    rows: pd.DataFrame = load_csv([table], separator=separator).features
    (column,), labels = chosen(rows, file, kinds=()), chosen(rows, label, kinds=())
    written = pd.read_csv(table, sep=separator, usecols=[column], dtype=str, index_col=False)[column]  # 007 stays 007
    wanted = _within(path, [f"{name}{suffix}" for name in written], names)
    missing = sorted(set(wanted) - set(names))
    if missing:
        fix = f"names in the column {column!r} are relative to `path`; if they lack an ending, say suffix: .png"
        raise DataError(f"{len(missing)} files of {table} are not there: {_few(missing)}", fix)
    groups = None if group is None else rows[chosen(rows, group, kinds=())[0]]
    return Listed(wanted, rows[labels], groups, rows)


def _within(path: str, wanted: list[str], names: list[str]) -> list[str]:
    """The names relative to `path`, also where they begin with that folder: `pictures/1.png` in the folder pictures."""
    shared = PurePosixPath(shared_folder(wanted)).parts
    if shared and not set(wanted) <= set(names):
        for count in range(len(shared), 0, -1):
            if Path(path).parts[-count:] == shared[:count]:
                return [PurePosixPath(name).relative_to(*shared[:count]).as_posix() for name in wanted]
    return wanted


def shared_folder(names: list[str]) -> str:
    """The folder that all names lie below, as they are written; "" if there is none."""
    folders = [PurePosixPath(name).parent.as_posix() for name in names]
    shared = os.path.commonpath(folders) if folders and all(not each.startswith("/") for each in folders) else ""
    return "" if shared in ("", ".") or ".." in shared else shared


def _few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
