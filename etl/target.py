"""What is to be predicted: the task, its classes, and the target as numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype, is_numeric_dtype

from blueno.errors import DataError

MOST_CLASSES = 20  # integers with more distinct values than this could be either task: the spec must say
TASKS = {"classification", "binary", "multiclass", "regression"}


class Target(NamedTuple):
    """Of n samples. For a classification `values` are int64 codes into `classes`, the positive class 1 of two."""

    values: np.ndarray  # (n,) or (n, k)
    task: str
    classes: list[Any] | None
    positive: Any
    guessed: list[str]


def read_target(raw: pd.DataFrame, task: str | None, positive: Any) -> Target:
    """The target from one column (or several, of a regression) without gaps.

    `task` None: a floating-point target is a regression, anything else a classification. DataError when the target
    does not fit the task, or when integers have so many values that the spec must say.
    """
    if task is not None and task not in TASKS:
        raise DataError(f"the task {task!r} is not there yet", f"choose among {', '.join(sorted(TASKS))}")
    guessed = []
    if task is None:
        task, reason = _guess(raw)
        guessed.append(f"task: {task}, since {reason}")
    if task == "regression":
        return Target(_numbers(raw), task, None, None, guessed)
    if raw.shape[1] > 1:
        raise DataError(
            "a target of several columns is a regression; several labels at once are not there yet",
            "choose one column as the target, or say task: regression",
        )
    return _classification(raw.iloc[:, 0], task, positive, guessed)


def _guess(raw: pd.DataFrame) -> tuple[str, str]:
    columns = [raw.iloc[:, i] for i in range(raw.shape[1])]
    if all(is_float_dtype(column) for column in columns):
        return "regression", "the target is floating-point"
    distinct = max(column.nunique() for column in columns)
    if all(is_integer_dtype(column) for column in columns) and distinct > MOST_CLASSES:
        raise DataError(
            f"the target is integers with {distinct} distinct values, which may be classes or amounts",
            "say data.task: classification or data.task: regression",
        )
    return "classification", "the target is " + ("integers" if is_integer_dtype(columns[0]) else "labels")


def _numbers(raw: pd.DataFrame) -> np.ndarray:
    wrong = [name for name in raw.columns if not is_numeric_dtype(raw[name])]
    if wrong:
        example = raw[wrong[0]].iloc[0]
        raise DataError(f"a regression needs numbers, and the target has {example!r}", "say data.task: classification")
    values = raw.to_numpy(dtype="float64")
    if not np.isfinite(values).all():
        raise DataError("the target has infinite values", "remove or correct these rows")
    return values[:, 0] if values.shape[1] == 1 else values


def _classification(raw: pd.Series, task: str, positive: Any, guessed: list[str]) -> Target:
    labels = _labels(raw)
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise DataError(f"the target has only one class, {classes[0]!r}", "choose another target, or add samples")
    if task == "binary" and len(classes) > 2:
        raise DataError(f"a binary task has two classes, and the target has {len(classes)}", "say task: classification")
    binary = len(classes) == 2
    if binary:
        classes = _negative_first(classes, positive)
        if positive is None:
            guessed.append(f"positive: {classes[1]!r}, the last of the sorted classes")
    elif positive is not None:
        raise DataError(f"positive: {positive!r} needs two classes, and the target has {len(classes)}", "leave it out")
    codes = {label: code for code, label in enumerate(classes)}
    values = np.array([codes[label] for label in labels], dtype="int64")
    return Target(values, "binary" if binary else "multiclass", classes, classes[1] if binary else None, guessed)


def _labels(raw: pd.Series) -> list[Any]:
    """Labels as truth values, integers or floats where all are, else as text."""
    for fits, convert in ((is_bool_dtype, bool), (is_integer_dtype, int), (is_float_dtype, float)):
        if fits(raw):
            return [convert(label) for label in raw]
    return [str(label) for label in raw]


def _negative_first(classes: list[Any], positive: Any) -> list[Any]:
    if positive is None:
        return classes
    if positive not in classes:
        shown = " and ".join(repr(label) for label in classes)
        raise DataError(f"positive: {positive!r} is no class of the target", f"the classes are {shown}")
    return [
        next(label for label in classes if label != positive),
        next(label for label in classes if label == positive),
    ]
