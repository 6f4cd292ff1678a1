"""All that is fixed before a trial's first epoch: the model, its parts, the stages, the metrics, what is monitored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import keras
import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset

from .. import keras_names, stopping
from ..job import Job
from ..metrics import LOSS, Wanted, check_parts, defaults, objective_of, once, wanted
from ..model import build_model
from ..scored import rows
from ..stages import stages_of
from ..value_range import check_range

RUNNING = {"train_loss": "loss", "train_accuracy": "accuracy"}  # what may be monitored of the training part
USUAL = ("val_loss", "val_accuracy")  # in every history, where the task has them


class Monitored(NamedTuple):
    """The metrics of a trial."""

    at_end: list[Wanted]
    each_epoch: dict[str, list[Wanted]]  # part -> metrics in the history
    directions: dict[str, bool]  # monitor -> whether more is better
    looked_up: dict[str, str]  # monitor -> where it stands among the values of an epoch


class Setup(NamedTuple):
    """A trial with its model, before any stage is compiled."""

    job: Job
    dataset: Dataset
    model: keras.Model  # what is saved
    trainee: keras.Model  # what is trained: the model, behind the augmentation if there is any
    units: int
    trains: list[tuple[Any, bool]]  # layers and variables of the model as it was built: which of them train
    stages: list[dict[str, Any]]  # the `train` of each
    rows: dict[str, np.ndarray]  # "train", and of "validation" and "stop" those that exist
    monitored: Monitored


def set_up(job: Job) -> Setup:
    """Builds what `job` asks for. ModelError when it cannot be built or does not fit the data."""
    assert job.dataset is not None, "BUG: an architecture without a dataset"
    model, units = build_model(job.recipe["model"], job.dataset, job.code)
    trainee = _augmented(model, job.dataset.features.shape[1:], job)
    return Setup(job, job.dataset, model, trainee, units, _as_built(model), *_facts(job, job.dataset))


def alike(setup: Setup, job: Job) -> Setup:
    """The setup of another trial that has the same model. ModelError when what it asks for cannot be."""
    assert job.dataset is not None, "BUG: an architecture without a dataset"
    stages, parts, monitored = _facts(job, job.dataset)
    return setup._replace(job=job, dataset=job.dataset, stages=stages, rows=parts, monitored=monitored)


def _facts(job: Job, dataset: Dataset) -> tuple[list[dict[str, Any]], dict[str, np.ndarray], Monitored]:
    """What does not depend on the model: the stages, the rows of each part, the metrics."""
    stages = stages_of(job.recipe["train"])
    for stage in stages:
        _refuse(stage)
    parts = _rows(job, dataset)
    return stages, parts, _monitored(job, dataset, stages, parts)


def _refuse(train: dict[str, Any]) -> None:
    if train["reduce_on_plateau"] and isinstance(train["learning_rate"], dict):
        message = "train.reduce_on_plateau lowers a learning rate that a schedule sets"
        raise ModelError(message, "leave out one of them, or give learning_rate a number")


def _augmented(model: keras.Model, shape: tuple[int, ...], job: Job) -> keras.Model:
    """The model behind random layers, for training alone: it is scored and saved without them."""
    if not job.recipe["augment"]:
        return model
    inputs = keras.Input(shape)
    x = inputs
    for choice in job.recipe["augment"]:
        x = _layered(choice, x, job)
    if tuple(x.shape[1:]) != tuple(shape):
        message = (
            f"augmentation makes samples of {shape} to some of {tuple(x.shape[1:])}, and the model takes the former"
        )
        raise ModelError(message, "leave their shape alone, or crop and resize in preprocess")
    return keras.Model(inputs, model(x))


def _layered(choice: dict[str, Any], x: Any, job: Job) -> Any:
    assert job.dataset is not None, "BUG: an architecture without a dataset"
    name, shape = next(iter(choice)), tuple(x.shape[1:])
    try:
        layer = keras_names.layer(choice, job.code)
        check_range(job.dataset, name, "value_range", getattr(layer, "value_range", None))
        return layer(x)
    except (ValueError, TypeError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ModelError(f"{name} cannot take samples of the shape {shape}: {first_line}", "leave it out") from error


def _as_built(model: keras.Model) -> list[tuple[Any, bool]]:
    """Layers before those inside them, then variables: set in this order, none changes what was set before."""
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "trainable")]
    return [(each, bool(each.trainable)) for each in [*layers, *model.weights]]


def _rows(job: Job, dataset: Dataset) -> dict[str, np.ndarray]:
    """The rows of each part; of a trial that is only tried a few samples to score."""
    parts = {name: chosen for name in ("train", "validation", "stop") if len(chosen := rows(dataset, name))}
    if job.batches is None:
        return parts
    limit = job.batches * job.recipe["train"]["batch_size"]
    return {name: chosen if name == "train" else chosen[:limit] for name, chosen in parts.items()}


def _monitored(job: Job, dataset: Dataset, stages: list[dict[str, Any]], parts: Collection[str]) -> Monitored:
    listed = wanted(job.metrics, dataset.task, job.code)
    objective = objective_of(job.objective["metric"], listed, dataset.task, job.code)
    output = "values" if dataset.task == "regression" else "probabilities"
    always = wanted([LOSS, *defaults(dataset.task, output)], dataset.task, job.code)
    names = dict.fromkeys(name for stage in stages for name in stopping.monitors(stage))
    monitored = [objective_of(name, [objective, *listed], dataset.task, job.code) for name in names]
    check_parts([objective, *monitored], parts)
    usual = [each for each in always if each.name in USUAL]
    each_epoch = {"validation": _of_validation([*usual, objective, *listed, *monitored])}
    has_stop = "stop" in parts
    if has_stop:
        each_epoch["stop"] = [
            each._replace(name=_looked_up(each.name, True)) for each in _of_validation([*usual, objective, *monitored])
        ]
    return Monitored(
        at_end=once([*always, objective, *listed]),
        each_epoch={part: metrics for part, metrics in each_epoch.items() if part in parts},
        directions={each.name: _more_is_better(job, each) for each in monitored},
        looked_up={each.name: _looked_up(each.name, has_stop) for each in monitored},
    )


def _of_validation(metrics: list[Wanted]) -> list[Wanted]:
    return [each for each in once(metrics) if each.part == "val"]


def _more_is_better(job: Job, metric: Wanted) -> bool:
    """Of one's own metrics only an objective says which way it goes; more is better unless it says otherwise."""
    if metric.name == job.objective["metric"]:
        return job.objective["direction"] == "maximize"
    return metric.measure is not None and metric.measure.maximize


def _looked_up(monitor: str, has_stop: bool) -> str:
    """Where a monitored metric stands among the values of an epoch."""
    if monitor in RUNNING:
        return RUNNING[monitor]
    if monitor.startswith("train_"):
        raise ModelError(f"{monitor} is measured only at the end", f"monitor val_{monitor.removeprefix('train_')}")
    return f"stop_{monitor.removeprefix('val_')}" if has_stop else monitor
