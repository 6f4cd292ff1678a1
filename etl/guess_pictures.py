"""Pictures, guessed: a folder with a folder for each class, or a table with a column that names their files.

What the build would refuse is looked for here already, and said at once: it is quicker mended now than after it.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from blueno.errors import DataError
from blueno.files import files_below

from .guess import Column, Goal, Guess, guess_positive
from .sources import need
from .sources.images import ENDINGS, shared_folder

PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
LOOKED_AT = 500  # entries of a folder, to see whether pictures are among them
MOST_HEADS = 5_000  # pictures whose size is read
MOST_DECODED = 500  # pictures that are decoded whole, to see whether they can be
LARGEST_SIDE = 128  # larger pictures are made smaller, to begin with
SIDES = (128, 96, 64, 32)
SHOWN = 3  # files in a message
SEPARATE = "put the pictures of each class into a folder of its own, or name a table of their files and labels: "
SEPARATE += "blueno init TABLE.csv --target COLUMN"


def holds_pictures(folder: Path) -> bool:
    """Whether a folder is one of pictures: some lie in it, or in folders of several classes, or all it has is a folder
    with some. A project that has such a folder beside others is none.
    """
    inside = [each for each in islice(folder.iterdir(), LOOKED_AT) if not each.name.startswith(".")]
    if any(_is_picture(each) for each in inside):
        return True
    folders = [each for each in inside if each.is_dir()]
    having = sum(map(_has_pictures, folders))
    if having:
        return having > 1 or len(inside) == 1
    parts = [each for each in folders if each.name.lower() in PARTS]
    return any(_has_pictures(inner) for part in parts for inner in part.iterdir() if inner.is_dir())


def _has_pictures(folder: Path) -> bool:
    return any(map(_is_picture, islice(folder.iterdir(), LOOKED_AT)))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS and file.is_file()


# ---- a folder for each class


def guess_folder(folder: Path, target: str | None) -> Guess:
    """What a folder of pictures is. DataError unless it has several classes, and pictures that can be read."""
    if target is not None:
        raise DataError("pictures have no columns: the folder that one is in is its class", "leave out --target")
    need("PIL", "images")
    every = files_below(folder)
    names = [name for name in every if "/" in name]
    counts = Counter(name.partition("/")[0] for name in names)
    _check_classes(folder, every, counts)
    beside = [name for name in every if "/" not in name and Path(name).suffix.lower() in ENDINGS]
    params, shape = _how_to_decode(folder, names, beside)
    classes = sorted(counts.items())
    positive, reason = guess_positive(classes) if len(classes) == 2 else (None, "")
    task = "binary" if len(classes) == 2 else "multiclass"
    return Guess("images", params, len(names), Goal(None, task, None, classes, positive, reason, 0, {}), [], shape, [])


def _check_classes(folder: Path, every: list[str], counts: Counter[str]) -> None:
    if counts and {name.lower() for name in counts} <= PARTS:
        first = sorted(counts)[0]
        fix = f"name one of them, {folder / first}, or write a table of files, labels and parts for the source images"
        raise DataError(f"the folders of {folder} are parts ({', '.join(sorted(counts))}), not classes", fix)
    if not counts:
        raise DataError(f"{folder} has no folder per class: {_few(every)} lie in it directly", SEPARATE)
    if len(counts) == 1:
        fix = "give each class a folder of its own, and name the folder that they are in"
        raise DataError(f"{folder} has one class only: {next(iter(counts))}", fix)


# ---- a table that names files


def guess_listed(
    file: Path, table: pd.DataFrame, how: dict[str, Any], goal: Goal, columns: list[Column]
) -> Guess | None:
    """What pictures are that a column of a table names, or None where none does. `how` is how the table is read.

    Files are looked for beside the table and in the folders there. DataError when they are not there, or cannot be
    read.
    """
    texts = [each.name for each in columns if each.kind != "numeric" or each.role == "id"]
    found = next(filter(None, (_named_by(file, table, name) for name in texts)), None)
    if found is None:
        return None
    column, folder, suffix = found
    need("PIL", "images")
    tab = {"separator": "\t"} if file.suffix == ".tsv" else {}
    if file.suffix not in (".csv", ".tsv") or {key: value for key, value in how.items() if key != "missing"} != tab:
        message = f"the column {column} of {file.name} names pictures, and such a table is read as plain CSV only"
        raise DataError(message, "save it as .csv in UTF-8, with commas between the fields")
    if goal.missing:
        fix = f"fill in {goal.name}, or take these rows out of the table"
        raise DataError(f"{goal.missing} pictures in {file.name} have no {goal.name}", fix)
    names = [f"{name}{suffix}" for name in table[column].dropna()]
    params, shape = _how_to_decode(folder, list(dict.fromkeys(names)), [])
    where = {"path": str(folder / shared_folder(names)), "table": str(file), "file": column, "label": goal.name}
    where |= {"suffix": suffix} if suffix else {}
    kept = [each for each in columns if each.role in ("group", "time") and each.name != column]
    return Guess("images", {**where, **params}, len(table), goal._replace(name=None), kept, shape, [])


def _named_by(file: Path, table: pd.DataFrame, column: str) -> tuple[str, Path, str] | None:
    """The column, the folder that its names are relative to, and the ending that they lack. None: they are no names."""
    names = [str(name) for name in table[column].dropna()]
    if not names:
        return None
    folders = [file.parent, *sorted(each for each in file.parent.iterdir() if each.is_dir())]
    suffixes = [""] if Path(names[0]).suffix.lower() in ENDINGS else sorted(ENDINGS)
    places = [(folder, suffix) for folder in folders for suffix in suffixes]
    some = names[:: len(names) // SHOWN or 1]
    near = [
        (folder, suffix) for folder, suffix in places if any((folder / f"{name}{suffix}").is_file() for name in some)
    ]
    places = near or places[:1]
    missing = {place: [name for name in names if not (place[0] / f"{name}{place[1]}").is_file()] for place in places}
    folder, suffix = min(places, key=lambda place: len(missing[place]))
    lost = missing[folder, suffix]
    if not lost:
        return column, folder, suffix
    if sum(Path(name).suffix.lower() in ENDINGS for name in names) < len(names) / 2:
        return None
    fix = f"put them beside {file.name}, or into a folder there, by the names that the table has"
    raise DataError(
        f"the column {column} names pictures, and {len(lost)} of {len(names)} are not there: {_few(lost)}", fix
    )


# ---- what the build would refuse


def _how_to_decode(folder: Path, names: list[str], beside: list[str]) -> tuple[dict[str, Any], list[int]]:
    """Mode and size, where they are not the usual ones, and the shape of a picture then. DataError, of all at once,
    for files that are no pictures, are broken or of another depth, and for those `beside` the folders of classes.
    """
    from .sources.decode import Wanted, decode

    odd = [name for name in names if Path(name).suffix.lower() not in ENDINGS]
    sizes, modes = _heads([folder / name for name in _some(names, MOST_HEADS)])
    mode = "gray16" if modes and modes <= {"I", "I;16", "I;16B"} else "gray" if modes and modes <= {"L", "1"} else "rgb"
    height, width = next(iter(sizes), (1, 1))
    decoded = {
        name: decode(str(folder / name), Wanted(mode, height, width, True))
        for name in dict.fromkeys([*_some(names, MOST_DECODED), *odd])
    }
    faults = {name: each.detail for name, each in decoded.items() if each.fault}
    _refuse(folder, faults, beside, whole=len(decoded) == len(names))
    params: dict[str, Any] = {} if mode == "rgb" else {"mode": mode}
    sides = [side for size in sizes for side in size]
    if len(sizes) > 1 or max(sides) > LARGEST_SIDE:
        height = width = next((side for side in SIDES if side <= min(sides)), SIDES[-1])
        params["size"] = [height, width]
    return params, [height, width, 3 if mode == "rgb" else 1]


def _heads(files: list[Path]) -> tuple[dict[tuple[int, int], None], set[str]]:
    """The sizes, (height, width), and Pillow's modes of those files that are pictures."""
    from PIL import Image

    sizes: dict[tuple[int, int], None] = {}
    modes: set[str] = set()
    for file in files:
        try:
            with Image.open(file) as image:
                sizes[image.height, image.width] = None
                modes.add(image.mode)
        except Exception:  # whatever a broken file makes of Pillow; it is told when it is decoded
            continue
    return sizes, modes


def _refuse(folder: Path, faults: dict[str, str], beside: list[str], whole: bool) -> None:
    wrong, fixes = [], []
    if beside:
        wrong.append(f"{_few(beside)} in no folder of a class")
        fixes.append("put each into the folder of its class")
    if faults:
        among = "" if whole else " among those that were looked at"
        shown = [f"{name} ({detail})" for name, detail in faults.items()]
        wrong.append(f"{_few(shown)} cannot be read as pictures like the others{among}")
        fixes.append("remove or replace what cannot be read, or hide it by a dot before its name")
    if wrong:
        raise DataError(f"{folder}: {'; '.join(wrong)}", "; ".join(fixes))


def _some(names: list[str], most: int) -> list[str]:
    return names[:: -(-len(names) // most) or 1]


def _few(names: list[str]) -> str:
    """How many files, and the first of them."""
    more = ", ..." if len(names) > SHOWN else ""
    return f"{len(names)} file{'' if len(names) == 1 else 's'}: {', '.join(names[:SHOWN])}{more}"
