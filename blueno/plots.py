"""Pictures of trials for the commands: what a trial left is looked up here, and drawn by `ml/pictures`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cache.opening import open_cache
from .canonical import short
from .errors import BluenoError, NotFound
from .store import read, trace

if TYPE_CHECKING:
    from .etl.dataset import Dataset


def plots_of(db: sqlite3.Connection, root: Path, trial: str, folder: Path) -> dict[str, Any]:
    """Draws what can be drawn of a trial into `folder`: {"trial", "folder", "written", "left_out"}, the latter by the
    name of the picture the reason.

    Raises NotFound for a trial that has left nothing yet, MissingLibrary without matplotlib.
    """
    row = read.trial(db, trial)
    result = row["result"]
    if result is None:
        raise NotFound(f"trial {short(trial)} ({row['state']}) has left nothing to draw yet", "wait until it is done")
    from .ml.pictures import Left, draw

    data = trace.dataset(db, row["dataset"])
    left = Left(
        history=result["history"],
        epochs=result["epochs"],
        epoch=result["epoch"],
        predictions=_predictions(root, row),
        shape=((data and data["summary"]) or {}).get("shape") or [],
        dataset=lambda: _dataset(root, row["dataset"]),
    )
    try:
        drawn = draw(left, folder)
    except (FileExistsError, NotADirectoryError):
        raise BluenoError(f"{folder} cannot be a folder: a file is there", "name another one") from None
    written = [str(path) for path in drawn.written]
    return {"trial": trial, "folder": str(folder), "written": written, "left_out": drawn.left_out}


def _predictions(root: Path, row: dict[str, Any]) -> Path | str:
    """The file of a trial's predictions, or why there is none."""
    result = row["result"]
    if result["engine"] in ("function", "command"):
        return f"a {result['engine']} keeps none"
    if let_go := result.get("let_go", {}).get("predictions"):
        return f"they were let go: {let_go}"
    if "predictions" not in result["artefacts"]:
        return f"none were kept (it {row['state']})" if row["state"] != "succeeded" else "none were kept"
    path = root / "models" / result["artefacts"]["predictions"]["key"]
    return path if path.is_file() else f"{path} is gone"


def _dataset(root: Path, dataset: str) -> Dataset:
    from .etl.dataset import open_dataset

    return open_dataset(dataset, open_cache(root))


def plots_text(drawn: list[dict[str, Any]]) -> str:
    """What was written for which trial, and what was not, with the reason."""
    return "\n".join(line for each in drawn for line in _lines(each))


def _lines(each: dict[str, Any]) -> list[str]:
    count = len(each["written"])
    head = f"{count} picture{'s' * (count != 1)} of trial {short(each['trial'])} in {each['folder']}"
    written = [f"  {Path(path).name}" for path in each["written"]]
    return [head, *written, *(f"  no {name}: {reason}" for name, reason in each["left_out"].items())]
