"""Which sample belongs to which part. scikit-learn's splitters with the split's seed, so that published tables can be
reproduced to the digit: even the order of rows in a part is theirs.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from sklearn import model_selection

from blueno.errors import DataError

from .samples import Samples

Rows = np.ndarray  # int64 row numbers


class Strata(NamedTuple):
    """What a split must respect, one value a sample: `classes` to be spread evenly, `groups` to be kept whole."""

    classes: np.ndarray | None
    groups: np.ndarray | None

    def of(self, rows: Rows) -> Strata:
        """The same for some of the samples."""
        return Strata(*(None if values is None else values[rows] for values in self))

    def num_groups(self) -> int:
        """How many different groups there are."""
        return 0 if self.groups is None else len(np.unique(self.groups))


def make_parts(samples: Samples, split: dict[str, Any] | None, fold: int | None) -> dict[str, Rows]:
    """Row numbers of `train`, `validation`, `test` and `stop` (those that exist; they cover all samples once).

    Without a split everything is `train`. DataError when the data cannot be split as asked.
    """
    num_samples = len(samples.ids)
    rows = np.arange(num_samples)
    if split is None:
        return {"train": rows}
    if split["stratify"] and samples.classes is None:
        raise DataError("stratify spreads classes evenly, and a regression has none", "say stratify: false")
    strata = Strata(samples.target if split["stratify"] else None, samples.groups)
    parts: dict[str, Rows] = {}
    if split["test"]:
        rows, parts["test"] = _take(split["test"], rows, rows, strata, split)
    if "folds" in split:
        assert fold is not None, "BUG: a split into folds, and no fold"
        rows, parts["validation"] = _fold(rows, strata, split, fold)
    elif split["validation"]:
        rows, parts["validation"] = _take(split["validation"], np.arange(num_samples), rows, strata, split)
    if split["stop"]:
        rows, parts["stop"] = _take(split["stop"], rows, rows, strata, split)
    parts = {"train": rows, **parts}
    assert all(len(part) for part in parts.values()), "BUG: scikit-learn made an empty part"
    return parts


def _take(share: float, whole: Rows, rows: Rows, strata: Strata, split: dict[str, Any]) -> tuple[Rows, Rows]:
    """What is left of `rows`, and what is taken: `share` of `whole`, in samples, or in groups where there are any."""
    own, seed = strata.of(rows), split["seed"]
    try:
        if own.groups is not None and own.classes is not None:
            num_folds = min(max(2, round(len(rows) / (share * len(whole)))), own.num_groups())
            splitter = model_selection.StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
        elif own.groups is not None:
            count = math.ceil(share * strata.of(whole).num_groups())
            splitter = model_selection.GroupShuffleSplit(1, test_size=count, random_state=seed)
        else:
            return _take_samples(math.ceil(share * len(whole)), rows, own.classes, split)
        left, taken = next(splitter.split(rows, own.classes, own.groups))
    except ValueError as error:
        raise _impossible(error) from error
    return rows[left], rows[taken]


def _take_samples(count: int, rows: Rows, classes: np.ndarray | None, split: dict[str, Any]) -> tuple[Rows, Rows]:
    shuffled = split.get("shuffle", True) or classes is not None  # strata cannot be kept without drawing
    left, taken = model_selection.train_test_split(
        rows, test_size=count, random_state=split["seed"] if shuffled else None, shuffle=shuffled, stratify=classes
    )
    return left, taken


def _fold(rows: Rows, strata: Strata, split: dict[str, Any], fold: int) -> tuple[Rows, Rows]:
    own, folds = strata.of(rows), split["folds"]
    _check_folds(own, len(rows), folds)
    splitter, number = _splitter(own, split, fold)
    try:
        train, held_out = next(islice(splitter.split(rows, own.classes, own.groups), number, None))
    except ValueError as error:
        raise _impossible(error) from error
    return rows[train], rows[held_out]


def _splitter(strata: Strata, split: dict[str, Any], fold: int) -> tuple[Any, int]:
    """The splitter, and which of the divisions it makes is meant."""
    folds, seed, stratified = split["folds"], split["seed"], strata.classes is not None
    if strata.groups is not None:
        repeat, number = divmod(fold, folds)
        kind = model_selection.StratifiedGroupKFold if stratified else model_selection.GroupKFold
        return kind(folds, **_shuffling(split["shuffle"], seed + repeat)), number
    if split["repeats"] > 1:
        kind = model_selection.RepeatedStratifiedKFold if stratified else model_selection.RepeatedKFold
        return kind(n_splits=folds, n_repeats=split["repeats"], random_state=seed), fold
    kind = model_selection.StratifiedKFold if stratified else model_selection.KFold
    return kind(folds, **_shuffling(split["shuffle"], seed)), fold


def _shuffling(shuffle: bool, seed: int) -> dict[str, Any]:
    return {"shuffle": shuffle, "random_state": seed if shuffle else None}


def _check_folds(strata: Strata, num_samples: int, folds: int) -> None:
    """scikit-learn only warns where a class is rarer than the folds; a fold without it would be measured wrongly."""
    if num_samples < folds:
        raise DataError(f"{num_samples} samples make no {folds} folds", "say fewer folds")
    if strata.groups is not None and strata.num_groups() < folds:
        raise DataError(f"{strata.num_groups()} groups make no {folds} folds", "say fewer folds")
    if strata.classes is not None and (rarest := np.unique(strata.classes, return_counts=True)[1].min()) < folds:
        raise DataError(
            f"the rarest class has {rarest} samples, too few for {folds} stratified folds",
            "say fewer folds, or stratify: false",
        )


def _impossible(error: ValueError) -> DataError:
    return DataError(f"the data cannot be split like this: {error}", "change the shares or folds of data.split")
