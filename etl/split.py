"""Which sample belongs to which part. scikit-learn's splitters with the split's seed, so that published tables can be
reproduced to the digit: even the order of rows in a part is theirs. What is drawn is drawn here; splits by time and
by a column have modules of their own.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from iterstrat import ml_stratifiers
from sklearn import model_selection

from blueno.errors import DataError

from .marked_split import marked_parts
from .samples import Samples
from .time_split import time_parts

Rows = np.ndarray  # int64 row numbers


class Strata(NamedTuple):
    """What a split must respect, one value a sample: `classes` to be spread evenly, `groups` to be kept whole.

    Several labels at once are `classes` of (n, k) zeros and ones.
    """

    classes: np.ndarray | None
    groups: np.ndarray | None

    def of(self, rows: Rows) -> Strata:
        """The same for some of the samples."""
        return Strata(*(None if values is None else values[rows] for values in self))

    def num_groups(self) -> int:
        """How many different groups there are."""
        return 0 if self.groups is None else len(np.unique(self.groups))

    def has_labels(self) -> bool:
        """Whether several labels at once are to be spread evenly."""
        return self.classes is not None and self.classes.ndim == 2


def make_parts(samples: Samples, split: dict[str, Any] | None, fold: int | None) -> dict[str, Rows]:
    """Row numbers of `train`, `validation`, `test` and `stop` (those that exist), which have no row in common.

    They cover all samples, but for those that a split by time leaves in a gap or after a fold. Without a split
    everything is `train`. DataError when the data cannot be split as asked.
    """
    if split is None:
        return {"train": np.arange(len(samples.ids))}
    if "time" in split:
        assert samples.times is not None, "BUG: a split by time, and no times"
        parts = time_parts(samples.times, split, fold)
    elif "column" in split:
        assert samples.marks is not None, "BUG: a split by a column, and no marks"
        parts = marked_parts(samples.marks, samples.groups, split, fold)
        parts = _with_stop(parts, Strata(None, samples.groups), {"seed": 0, **split})
    else:
        parts = _drawn(samples, split, fold)
    empty = [name for name, rows in parts.items() if not len(rows)]
    if empty:
        raise DataError(f"the {empty[0]} part would be empty", "change the shares or folds of data.split")
    return parts


def _drawn(samples: Samples, split: dict[str, Any], fold: int | None) -> dict[str, Rows]:
    """Shares or folds, drawn with the split's seed."""
    strata = _strata(samples, split)
    num_samples = len(samples.ids)
    rows, parts = np.arange(num_samples), {}
    if split["test"]:
        rows, parts["test"] = _take(split["test"], rows, rows, strata, split)
    if "folds" in split:
        assert fold is not None, "BUG: a split into folds, and no fold"
        rows, parts["validation"] = _fold(rows, strata, split, fold)
    elif split["validation"]:
        rows, parts["validation"] = _take(split["validation"], np.arange(num_samples), rows, strata, split)
    return _with_stop({"train": rows, **parts}, strata, split)


def _strata(samples: Samples, split: dict[str, Any]) -> Strata:
    if not split["stratify"]:
        return Strata(None, samples.groups)
    if samples.classes is None:
        raise DataError("stratify spreads classes evenly, and a regression has none", "say stratify: false")
    if samples.task == "multilabel" and samples.groups is not None:
        raise DataError(
            "several labels cannot be spread evenly over parts that keep groups whole",
            "say stratify: false, or leave out the group",
        )
    return Strata(samples.target, samples.groups)


def _with_stop(parts: dict[str, Rows], strata: Strata, split: dict[str, Any]) -> dict[str, Rows]:
    """The parts, a share of the training part held back as `stop` if the split says so."""
    if not split["stop"]:
        return parts
    rows = parts["train"]
    train, stop = _take(split["stop"], rows, rows, strata, split)
    return {**parts, "train": train, "stop": stop}


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
    if classes is not None and classes.ndim == 2:
        splitter = ml_stratifiers.MultilabelStratifiedShuffleSplit(1, test_size=count, random_state=split["seed"])
        left, taken = next(splitter.split(rows, classes))
        return rows[left], rows[taken]
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
    if strata.has_labels():
        return _of_labels(split), fold
    if strata.groups is not None:
        repeat, number = divmod(fold, folds)
        kind = model_selection.StratifiedGroupKFold if stratified else model_selection.GroupKFold
        return kind(folds, **_shuffling(split["shuffle"], seed + repeat)), number
    if split["repeats"] > 1:
        kind = model_selection.RepeatedStratifiedKFold if stratified else model_selection.RepeatedKFold
        return kind(n_splits=folds, n_repeats=split["repeats"], random_state=seed), fold
    kind = model_selection.StratifiedKFold if stratified else model_selection.KFold
    return kind(folds, **_shuffling(split["shuffle"], seed)), fold


def _of_labels(split: dict[str, Any]) -> Any:
    """Iterative stratification, which always draws: Sechidis, Tsoumakas, Vlahavas, On the Stratification of
    Multi-Label Data, ECML PKDD 2011, algorithm 1; the package iterative-stratification.
    """
    folds, seed = split["folds"], split["seed"]
    if split["repeats"] > 1:
        repeats = split["repeats"]
        return ml_stratifiers.RepeatedMultilabelStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    return ml_stratifiers.MultilabelStratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)


def _shuffling(shuffle: bool, seed: int) -> dict[str, Any]:
    return {"shuffle": shuffle, "random_state": seed if shuffle else None}


def _check_folds(strata: Strata, num_samples: int, folds: int) -> None:
    """scikit-learn only warns where a class is rarer than the folds; a fold without it would be measured wrongly."""
    if num_samples < folds:
        raise DataError(f"{num_samples} samples make no {folds} folds", "say fewer folds")
    if strata.groups is not None and strata.num_groups() < folds:
        raise DataError(f"{strata.num_groups()} groups make no {folds} folds", "say fewer folds")
    if strata.classes is None or strata.has_labels():  # a label may be rarer than there are folds: many are
        return
    if (rarest := np.unique(strata.classes, return_counts=True)[1].min()) < folds:
        raise DataError(
            f"the rarest class has {rarest} samples, too few for {folds} stratified folds",
            "say fewer folds, or stratify: false",
        )


def _impossible(error: ValueError) -> DataError:
    return DataError(f"the data cannot be split like this: {error}", "change the shares or folds of data.split")
