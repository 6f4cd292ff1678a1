"""Pictures of trials and sweeps for the commands: what is drawn by `ml/pictures` is looked up here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cache.opening import open_cache
from .canonical import short
from .errors import BluenoError, NotFound
from .store import read, trace

if TYPE_CHECKING:
    from .etl.dataset import Dataset
    from .ml.pictures import Drawn


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
    return {"trial": trial, **_drawn(lambda: draw(left, folder), folder)}


def plots_of_sweep(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Draws what a whole sweep has, several objectives or a search, into `folder`: {"sweep", "folder", "written",
    "left_out"}; `document` is that of `results --json` by config. MissingLibrary without matplotlib.
    """
    from .ml.pictures import Compared, draw_sweep

    listed = document.get("objectives", [document["objective"]])
    complete = [(row, values) for row in document["rows"] if (values := _values(row, listed, document)) is not None]
    search = document.get("search", {})
    compared = Compared(
        objectives=[(each["metric"], each["direction"]) for each in listed],
        configs=[values for _, values in complete],
        front=[row.get("front") is True for row, _ in complete],
        allowed=[row.get("allowed") is not False for row, _ in complete],
        best=[(tried, value) for tried, value in search.get("best_so_far", [])],
        tried=search.get("tried", 0),
        method=search.get("method", ""),
    )
    return {"sweep": document["sweep"], **_drawn(lambda: draw_sweep(compared, folder), folder)}


def _values(row: dict[str, Any], objectives: list[dict[str, str]], document: dict[str, Any]) -> list[float] | None:
    """A config's value in each objective; None if it is not complete."""
    metric = document["objective"]["metric"]
    found = [
        row["mean"] if each["metric"] == metric else row["metrics"].get(each["metric"], {}).get("mean")
        for each in objectives
    ]
    return None if row["replicates"] < row["planned"] or None in found else found


def _drawn(draw: Callable[[], Drawn], folder: Path) -> dict[str, Any]:
    try:
        drawn = draw()
    except (FileExistsError, NotADirectoryError):
        raise BluenoError(f"{folder} cannot be a folder: a file is there", "name another one") from None
    return {"folder": str(folder), "written": [str(path) for path in drawn.written], "left_out": drawn.left_out}


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
    """What was written for which trial, or the sweep, and what was not, with the reason."""
    return "\n".join(line for each in drawn for line in _lines(each))


def _lines(each: dict[str, Any]) -> list[str]:
    count = len(each["written"])
    of = f"trial {short(each['trial'])}" if "trial" in each else "the sweep"
    head = f"{count} picture{'s' * (count != 1)} of {of} in {each['folder']}"
    written = [f"  {Path(path).name}" for path in each["written"]]
    return [head, *written, *(f"  no {name}: {reason}" for name, reason in each["left_out"].items())]
