"""Functions of the user's, which train whatever they like: `def train(trial) -> dict[str, float]`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.usercode import load

from .job import Job, Outcome, Report, State, finite
from .scored import rows


class Samples(NamedTuple):
    """One part of the data."""

    features: np.ndarray  # (n, *shape)
    target: np.ndarray  # (n,) int64 codes into `classes` (binary: 1 is positive), or (n,) or (n, k) float64 values
    ids: np.ndarray  # (n,) text


class Data(NamedTuple):
    """What a function trains on. The test part is not here, since it takes part in nothing."""

    train: Samples
    validation: Samples
    classes: list[Any] | None  # labels of a classification, by code
    task: str  # "binary", "multiclass" or "regression"
    published: dict[str, Any]  # what fitted steps tell the model


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


@dataclass
class Reported:
    """What a function said so far."""

    epoch: int | None = None
    last: dict[str, float] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)


def train(job: Job, report: Report) -> Outcome:
    """Calls the function. What it returns wins over what it reported; files in its folder become artefacts.

    Raises ModelError when the objective is not among its metrics, and whatever the function raises.
    """
    name = job.recipe["model"]["function"]
    function = load(name, job.code)
    if not callable(function):
        raise ModelError(f"{name} is not a function", "name a function of one argument, the trial")
    folder = job.folder / "files"
    checkpoint = job.checkpoint or job.folder / "checkpoint"
    for each in (folder, checkpoint):
        each.mkdir(parents=True, exist_ok=True)
    reported = Reported()
    trial = _trial(job, folder, checkpoint, reported, report)
    returned = function(trial, **_declared(function, trial.params))
    metrics = reported.last | _numbers(name, {} if returned is None else returned)
    _check_objective(name, job.objective["metric"], metrics)
    numbers = finite(metrics)
    state: State = "succeeded" if numbers == metrics else "diverged"
    return Outcome(state, numbers, reported.history, _files(folder), "function", reported.epoch)


def _declared(function: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """Those of the params that the function has parameters of its own for, beside the trial."""
    _, *others = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in others):
        return params
    return {each.name: params[each.name] for each in others if each.name in params}


def _trial(job: Job, folder: Path, checkpoint: Path, reported: Reported, report: Report) -> Trial:
    recipe, name = job.recipe, job.recipe["model"]["function"]
    params = {key: value for key, value in recipe["model"].items() if key != "function"}
    epochs = _planned_epochs(params, recipe["train"])

    def tell(epoch: int, metrics: Mapping[str, Any]) -> bool:
        values = _numbers(name, metrics)
        if reported.epoch is None:
            _check_objective(name, job.objective["metric"], values)
        reported.epoch, reported.last = int(epoch), reported.last | values
        for key, value in values.items():
            reported.history.setdefault(key, []).append(value)
        return report(int(epoch), epochs, values)

    data = None if job.dataset is None else _data(job.dataset)
    return Trial(
        params, data, recipe["seed"], job.fold, recipe["train"], recipe["augment"], folder, checkpoint, tell
    )  # fmt: skip


def _planned_epochs(params: dict[str, Any], train: dict[str, Any] | None) -> int:
    """How many epochs there will be, if the spec has a word for it; else 0."""
    epochs = (train or {}).get("epochs", params.get("epochs"))
    return epochs if isinstance(epochs, int) else 0


def _data(dataset: Dataset) -> Data:
    return Data(
        _samples(dataset, "train"), _samples(dataset, "validation"), dataset.classes, dataset.task, dataset.published
    )


def _samples(dataset: Dataset, part: str) -> Samples:
    chosen = rows(dataset, part)
    return Samples(*(np.asarray(each[chosen]) for each in (dataset.features, dataset.target, dataset.ids)))


def _numbers(name: str, metrics: Any) -> dict[str, float]:
    """Metrics as floats; scalars of NumPy, PyTorch and the like count as numbers."""
    if not isinstance(metrics, Mapping):
        found = type(metrics).__name__
        raise ModelError(f"{name}: metrics are a mapping of names to numbers, not {found}", "return a dict")
    try:
        return {str(key): float(value) for key, value in metrics.items()}
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name}: a metric is not a number: {error}", "give one number for each name") from error


def _check_objective(name: str, objective: str, metrics: dict[str, float]) -> None:
    if objective in metrics:
        return
    near = get_close_matches(objective, metrics, n=1)
    listed = ", ".join(metrics) or "none"
    fix = f"call it {objective} there, or make {near[0] if near else 'one of them'} the objective"
    raise ModelError(f"{name} has no metric {objective!r}; it has {listed}", fix)


def _files(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}
