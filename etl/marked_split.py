"""Splits that a column of the data says: names of parts, or numbers of folds."""

from __future__ import annotations

from typing import Any

import numpy as np

from blueno.errors import DataError

Rows = np.ndarray  # int64 row numbers

NAMES = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "test": "test", "stop": "stop",
}  # fmt: skip
SHOWN = 8  # marks in a message


def marked_parts(
    marks: np.ndarray, groups: np.ndarray | None, split: dict[str, Any], fold: int | None
) -> dict[str, Rows]:
    """The parts by each sample's mark (n,), text in any case; `groups` (n,) must not straddle them.

    Without folds a mark names a part. With `folds: N` it is a number, 0 to N - 1 or 1 to N, and the samples of fold
    `fold` are its validation part; those marked test are the test part of every fold.
    DataError when a mark is something else, a fold is missing, or nothing is left to train on.
    """
    words = np.array([mark.strip().lower() for mark in marks.tolist()], dtype=np.str_)
    named = _of_folds(words, split, fold) if split["folds"] else _of_names(words, split)
    parts = {name: np.flatnonzero(named == name) for name in ("train", "validation", "test", "stop")}
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    if "train" not in parts:
        raise DataError(f"no sample is marked train in the column {split['column']}", "mark some, or write folds")
    if "stop" in parts and split["stop"]:
        raise DataError(f"the column {split['column']} marks a stop part already", "leave out data.split.stop")
    _check_groups(named, groups, split["column"])
    return parts


def _of_names(words: np.ndarray, split: dict[str, Any]) -> np.ndarray:
    """The part of each sample."""
    column, different = split["column"], sorted(set(words.tolist()))
    numbers = [word for word in different if word.isdecimal()]
    if len(numbers) > 1 and not set(different) - set(numbers) - {"test"}:
        raise DataError(
            f"the column {column} holds numbers of folds ({_shown(numbers)}), and the spec does not say how many",
            f"write split: {{column: {column}, folds: {len(numbers)}}}",
        )
    unknown = [word for word in different if word not in NAMES]
    if unknown:
        message = f"the column {column} holds {_shown([repr(word) for word in unknown])}, which names no part"
        raise DataError(message, "mark each sample train, validation (or val, valid), test or stop")
    return np.array([NAMES[word] for word in words.tolist()])


def _of_folds(words: np.ndarray, split: dict[str, Any], fold: int | None) -> np.ndarray:
    """The part of each sample in one fold."""
    assert fold is not None, "BUG: a split into folds, and no fold"
    column, folds = split["column"], split["folds"]
    different = sorted(set(words.tolist()) - {"test"})
    wrong = [word for word in different if not word.isdecimal()]
    if wrong:
        message = f"the column {column} holds {_shown([repr(word) for word in wrong])}, which is no number of a fold"
        raise DataError(message, f"mark each sample 0 to {folds - 1}, 1 to {folds}, or test")
    numbers = sorted({int(word) for word in different})
    if numbers not in (list(range(folds)), list(range(1, folds + 1))):
        message = f"the column {column} holds the folds {_shown(list(map(str, numbers)))}, and the spec says {folds}"
        raise DataError(message, f"mark each sample 0 to {folds - 1} or 1 to {folds}, or correct data.split.folds")
    held_out = numbers[fold]
    return np.array(
        ["test" if word == "test" else "validation" if int(word) == held_out else "train" for word in words.tolist()]
    )


def _check_groups(named: np.ndarray, groups: np.ndarray | None, column: str) -> None:
    if groups is None:
        return
    _, codes = np.unique(named, return_inverse=True)
    pairs = np.unique(np.stack([groups, codes], axis=1), axis=0)
    straddling = int((np.unique(pairs[:, 0], return_counts=True)[1] > 1).sum())
    if straddling:
        message = f"{straddling} groups are in several parts, as the column {column} marks them"
        raise DataError(message, "mark all samples of a group alike, or leave out data.group")


def _shown(words: list[str]) -> str:
    return ", ".join(words[:SHOWN]) + (", ..." if len(words) > SHOWN else "")
