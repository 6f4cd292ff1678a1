"""What is to be predicted: the task, its classes, the target as numbers, and its scale."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype, is_numeric_dtype

from blueno.errors import DataError

from .labels import are_truths, remarks_on_classes, remarks_on_truths, truths

MOST_CLASSES = 20  # integers with more distinct values than this could be either task: the spec must say
TASKS = {"classification", "binary", "multiclass", "multilabel", "regression"}


class Target(NamedTuple):
    """Of n samples. For a classification `values` are int64 codes into `classes`, the positive class 1 of two; of
    several labels at once they are int64 0 and 1, a column each, and `classes` the labels' names.
    """

    values: np.ndarray  # (n,) or (n, k)
    task: str
    classes: list[Any] | None
    positive: Any
    guessed: list[str]
    remarks: list[str]


def read_target(raw: pd.DataFrame, task: str | None, positive: Any) -> Target:
    """The target from one column (or several, of a regression or of labels that are yes or no) without gaps.

    `task` None: a floating-point target is a regression, several columns of yes and no are several labels at once,
    anything else a classification. DataError when the target does not fit the task, or when integers have so many
    values that the spec must say.
    """
    assert task is None or task in TASKS, f"BUG: the task {task!r}"
    guessed = []
    if task is None:
        task, reason = _guess(raw)
        guessed.append(f"task: {task}, since {reason}")
    if task == "regression":
        return Target(_numbers(raw), task, None, None, guessed, [])
    if task == "multilabel" or (task == "classification" and raw.shape[1] > 1):
        return _several_labels(raw, positive, guessed)
    if raw.shape[1] > 1:
        raise DataError(
            f"a {task} task has one target, and data.target names {raw.shape[1]} columns",
            "choose one column as the target, or say task: multilabel or task: regression",
        )
    return _classification(raw.iloc[:, 0], task, positive, guessed)


def _guess(raw: pd.DataFrame) -> tuple[str, str]:
    columns = [raw.iloc[:, i] for i in range(raw.shape[1])]
    if all(is_float_dtype(column) for column in columns):
        return "regression", "the target is floating-point"
    if len(columns) > 1 and are_truths(raw):
        return "multilabel", "all target columns are yes or no"
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


def _several_labels(raw: pd.DataFrame, positive: Any, guessed: list[str]) -> Target:
    if raw.shape[1] == 1:
        raise DataError("a multilabel task has several target columns, and there is one", "say task: classification")
    if positive is not None:
        raise DataError(f"positive: {positive!r} needs two classes, and there are several labels", "leave it out")
    names = [str(name) for name in raw.columns]
    values = truths(raw)
    return Target(values, "multilabel", names, None, guessed, remarks_on_truths(values, names))


def target_scale(target: np.ndarray, train: np.ndarray, task: str) -> dict[str, list[float]]:
    """Mean and standard deviation (ddof 0) of each of a regression's outputs over the rows `train`.

    The deviation of an output that never varies is 1, by scikit-learn's StandardScaler. DataError for a classification.
    """
    if task != "regression":
        raise DataError(f"data.target_scale is for regressions, and this task is {task}", "leave out target_scale")
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(target[train].reshape(len(train), -1))
    return {"mean": scaler.mean_.tolist(), "deviation": scaler.scale_.tolist()}


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
    task, positive = ("binary", classes[1]) if binary else ("multiclass", None)
    return Target(values, task, classes, positive, guessed, remarks_on_classes(labels))


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
