"""Splits by time: nothing is drawn, and what is later is held out. A cut is a point in time and not a row: samples of
the same time stay together, and so every group is cut at the same times.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.model_selection import TimeSeriesSplit

from blueno.errors import DataError

from .times import before

Rows = np.ndarray  # int64 row numbers, here in order of time


def time_parts(times: np.ndarray, split: dict[str, Any], fold: int | None) -> dict[str, Rows]:
    """`train` and, as they are asked for, `stop`, `validation`, `test`: each later than the one before it.

    Test is the last `ceil(share x all)` samples, with all others of the time that it begins at; validation is taken
    before it alike, or is a fold of scikit-learn's TimeSeriesSplit (each trains on what is before its held-out part);
    stop is a share of the training part. Samples in a gap, and those after a fold, are in no part.
    DataError when the times leave a part empty.
    """
    _check_gap(times, split)
    rows: Rows = np.argsort(times, kind="stable")
    parts: dict[str, Rows] = {}
    if split["test"]:
        rows, parts["test"] = _last(math.ceil(split["test"] * len(times)), "test", rows, times, split)
    if split["folds"]:
        assert fold is not None, "BUG: a split into folds, and no fold"
        rows, parts["validation"] = _fold(rows, times, split, fold)
    elif split["validation"]:
        count = math.ceil(split["validation"] * len(times))
        rows, parts["validation"] = _last(count, "validation", rows, times, split)
    if split["stop"]:
        rows, parts["stop"] = _last(math.ceil(split["stop"] * len(rows)), "stop", rows, times, split)
    return {"train": rows, **parts}


def _check_gap(times: np.ndarray, split: dict[str, Any]) -> None:
    if isinstance(split["gap"], dict) and times.dtype.kind != "M":
        raise DataError(
            f"data.split.gap is a duration, and the column {split['time']} holds numbers",
            "write gap as a number of points in time, such as gap: 7",
        )


def _last(count: int, part: str, rows: Rows, times: np.ndarray, split: dict[str, Any]) -> tuple[Rows, Rows]:
    """What is before the last `count` rows and the gap, and these rows with all that have the time of the first."""
    if count >= len(rows):
        raise _nothing_before(part, times)
    first = times[rows[len(rows) - count]]
    earlier = before(rows, first, times, split["gap"])
    if not len(earlier):
        raise _nothing_before(part, times)
    return earlier, rows[times[rows] >= first]


def _fold(rows: Rows, times: np.ndarray, split: dict[str, Any], fold: int) -> tuple[Rows, Rows]:
    """The fold's training and held-out rows, cut at the times at which TimeSeriesSplit begins its test parts."""
    points, folds = np.unique(times[rows]), split["folds"]
    try:
        starts = [held_out[0] for _, held_out in TimeSeriesSplit(folds).split(rows)]
    except ValueError:
        raise DataError(f"{len(rows)} samples make no {folds} folds in time", "say fewer folds") from None
    cuts = times[rows[starts]]
    if len(set(cuts.tolist())) < folds or cuts[0] == points[0]:
        message = f"{len(rows)} samples have {len(points)} different times, too few or too uneven for {folds} folds"
        raise DataError(message, "say fewer folds")
    of_fold = (times[rows] >= cuts[fold]) & (times[rows] < cuts[fold + 1] if fold + 1 < folds else True)
    earlier = before(rows, cuts[fold], times, split["gap"])
    if not len(earlier):
        raise DataError(f"fold {fold} has nothing to train on before its gap", "say fewer folds, or a smaller gap")
    return earlier, rows[of_fold]


def _nothing_before(part: str, times: np.ndarray) -> DataError:
    message = f"nothing is left to train on before the {part} part ({len(np.unique(times))} different times)"
    return DataError(message, "make the shares or the gap of data.split smaller")
