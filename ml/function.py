"""Functions of the user's, which train whatever they like: `def train(trial) -> dict[str, float]`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.usercode import load

from .job import Job, Outcome, Report
from .reported import (
    Places,
    Reported,
    Values,
    line_of,
    outcome_of,
    params_of,
    places_of,
    planned_epochs,
    reported_before,
    take,
)
from .scored import rows


class Samples(NamedTuple):
    """One part of the data."""

    features: np.ndarray  # (n, *shape)
    target: np.ndarray  # (n,) int64 codes into `classes` (binary: 1 is positive); (n, k) 0 and 1; or float64 values
    ids: np.ndarray  # (n,) text


class Data(NamedTuple):
    """What a function trains on. The test part is not here, since it takes part in nothing."""

    train: Samples
    validation: Samples
    stop: Samples | None  # what `split.stop` held back
    classes: list[Any] | None  # labels of a classification, by code; names of the labels of a multilabel task
    task: str  # "binary", "multiclass", "multilabel" or "regression"
    published: dict[str, Any]  # what fitted steps tell the model
    target_scale: dict[str, list[float]] | None  # {"mean": [...], "deviation": [...]}; targets are not scaled yet


class Trial(NamedTuple):
    """What a function is given."""

    params: dict[str, Any]  # the other keys of `model`
    data: Data | None  # None when the spec has no `data`
    seed: int | None
    fold: int | None
    train: dict[str, Any] | None  # as written in the spec
    augment: list[Any]  # as written in the spec
    folder: Path  # what is left here is kept with the trial
    checkpoint: Path  # survives attempts: what is left here is found again after a crash
    report: Callable[[int, Mapping[str, Any]], bool]  # (epoch from 1, metrics) -> whether to stop now


def train(job: Job, report: Report) -> Outcome:
    """Calls the function. What it returns wins over what it reported; files in its folder become artefacts.

    Raises ModelError when the objective is not among its metrics, and whatever the function raises.
    """
    name = job.recipe["model"]["function"]
    function = load(name, job.code)
    if not callable(function) or not _takes_trial(function):
        what = "takes no trial" if callable(function) else "is not a function"
        raise ModelError(f"{name} {what}", "name a function whose first parameter is the trial: def train(trial)")
    places = places_of(job)
    reported = reported_before(job, name, places.lines)
    trial = _trial(job, places, reported, report)
    returned = function(trial, **_declared(function, trial.params))
    final = _numbers(name, {} if returned is None else returned)
    return outcome_of(reported, final, places.folder, "function")


def _takes_trial(function: Callable[..., Any]) -> bool:
    """Whether its first parameter can be given by its place."""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    return first is not None and first.kind not in (first.KEYWORD_ONLY, first.VAR_KEYWORD)


def _declared(function: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """Those of the params that the function has parameters of its own for, beside the trial."""
    others = list(inspect.signature(function).parameters.values())[1:]
    if any(each.kind is each.VAR_KEYWORD for each in others):
        return params
    return {each.name: params[each.name] for each in others if each.name in params}


def _trial(job: Job, places: Places, reported: Reported, report: Report) -> Trial:
    recipe = job.recipe
    params = params_of(recipe["model"], "function")
    epochs = planned_epochs(params, recipe["train"])

    def tell(epoch: int, metrics: Mapping[str, Any]) -> bool:
        number = _epoch(reported.name, epoch)
        values = _numbers(reported.name, metrics)
        take(reported, number, values)
        with places.lines.open("a", encoding="utf-8") as file:
            file.write(line_of(number, values))
        return report(number, epochs, values)

    data = None if job.dataset is None else _data(job.dataset)
    return Trial(
        params, data, recipe["seed"], job.fold, recipe["train"], recipe["augment"], places.folder, places.checkpoint,
        tell,
    )  # fmt: skip


def _data(dataset: Dataset) -> Data:
    return Data(
        train=_samples(dataset, "train"),
        validation=_samples(dataset, "validation"),
        stop=_samples(dataset, "stop") if "stop" in dataset.parts else None,
        classes=dataset.classes,
        task=dataset.task,
        published=dataset.published,
        target_scale=dataset.target_scale,
    )


def _samples(dataset: Dataset, part: str) -> Samples:
    chosen = rows(dataset, part)
    return Samples(*(np.asarray(each[chosen]) for each in (dataset.features, dataset.target, dataset.ids)))


def _epoch(name: str, epoch: Any) -> int:
    """An epoch as it is counted; whole numbers of NumPy and the like are taken."""
    try:
        number = int(epoch)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if number < 1 or number != epoch:
        raise ModelError(f"{name} reported an epoch {epoch!r}", "count epochs in whole numbers, from 1")
    return number


def _numbers(name: str, metrics: Any) -> Values:
    """Metrics as floats; scalars of NumPy, PyTorch and the like count as numbers."""
    if not isinstance(metrics, Mapping):
        found = type(metrics).__name__
        raise ModelError(f"{name}: metrics are a mapping of names to numbers, not {found}", "return a dict")
    try:
        return {str(key): float(value) for key, value in metrics.items()}
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name}: a metric is not a number: {error}", "give one number for each name") from error
