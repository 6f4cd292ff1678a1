"""All that is fixed before a trial's first epoch: model, loss, parts, batches, metrics and rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import keras

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset

from .. import keras_names, stopping
from ..class_weights import sample_weights
from ..job import Job
from ..metrics import LOSS, Wanted, check_parts, defaults, objective_of, once, wanted
from ..model import build_model
from ..scored import rows
from . import task
from .feeding import Feed, Part, feed
from .scoring import Score, scorer

RUNNING = {"train_loss": "loss", "train_accuracy": "accuracy"}  # what may be monitored of the training part
USUAL = ("val_loss", "val_accuracy")  # in every history, where the task has them


class Setup(NamedTuple):
    """A trial ready to train."""

    job: Job
    dataset: Dataset
    model: keras.Model  # what is saved
    trainee: keras.Model  # what is trained: the model, behind the augmentation if there is any
    loss: Any
    parts: dict[str, Part]  # "train", and of "validation" and "stop" those that exist
    feed: Feed
    score: Score
    metrics: list[Wanted]  # at the end
    each_epoch: dict[str, list[Wanted]]  # part -> metrics in the history
    rules: stopping.Rules


def set_up(job: Job) -> Setup:
    """Builds and compiles what `job` asks for. ModelError when it cannot be built or does not fit the data."""
    assert job.dataset is not None, "BUG: an architecture without a dataset"
    dataset, train = job.dataset, job.recipe["train"]
    _refuse(train)
    model, units = build_model(job.recipe["model"], dataset, job.code)
    loss = task.loss_of(job, dataset.task, units)
    trainee = _augmented(model, dataset.features.shape[1:], job)
    parts = _parts(job, dataset, loss, units)
    batches = feed(parts["train"], int(job.recipe["seed"] or 0), train["batch_size"], train["epochs"], job.batches)
    optimizer = keras_names.optimizer(train["optimizer"], train["learning_rate"], train["epochs"], batches.steps)
    # On TensorFlow this goes without XLA, since deterministic operations are on.
    trainee.compile(optimizer, loss, metrics=task.running_metrics(dataset.task, loss, units))
    _make_variables(trainee, parts["train"], units)
    score = scorer(trainee, train["batch_size"])
    return Setup(job, dataset, model, trainee, loss, parts, batches, score, *_measured(job, dataset, parts))


def _refuse(train: dict[str, Any]) -> None:
    if train["stages"]:
        raise ModelError("train.stages is not there yet", "leave it out")
    if train["reduce_on_plateau"] and isinstance(train["learning_rate"], dict):
        message = "train.reduce_on_plateau lowers a learning rate that a schedule sets"
        raise ModelError(message, "leave out one of them, or give learning_rate a number")


def _augmented(model: keras.Model, shape: tuple[int, ...], job: Job) -> keras.Model:
    """The model behind random layers, which do nothing when it is not training."""
    if not job.recipe["augment"]:
        return model
    inputs = keras.Input(shape)
    x = inputs
    for choice in job.recipe["augment"]:
        x = keras_names.layer(choice, job.code)(x)
    return keras.Model(inputs, model(x))


def _make_variables(trainee: keras.Model, part: Part, units: int) -> None:
    """Optimizer and metrics make their variables now: made by the first step, they have that step traced twice."""
    trainee.optimizer.build(trainee.trainable_variables)
    outputs = keras.ops.zeros((1, units))
    trainee.compute_metrics(None, part.target[:1], outputs)
    trainee.reset_metrics()


def _parts(job: Job, dataset: Dataset, loss: Any, units: int) -> dict[str, Part]:
    limit = None if job.batches is None else job.batches * job.recipe["train"]["batch_size"]
    parts = {}
    for name in ("train", "validation", "stop"):
        chosen = rows(dataset, name) if name == "train" else rows(dataset, name)[:limit]
        if len(chosen):
            parts[name] = Part(dataset.features, chosen, task.target_for(loss, dataset, chosen, units), None)
    weights = sample_weights(job.recipe["train"]["class_weight"], dataset, parts["train"].rows)
    parts["train"] = parts["train"]._replace(weights=weights)
    return parts


def _measured(
    job: Job, dataset: Dataset, parts: Collection[str]
) -> tuple[list[Wanted], dict[str, list[Wanted]], stopping.Rules]:
    """The metrics at the end, those of each epoch by part, and the rules that look at them."""
    listed = wanted(job.metrics, dataset.task, job.code)
    objective = objective_of(job.objective["metric"], listed, dataset.task, job.code)
    output = "values" if dataset.task == "regression" else "probabilities"
    always = wanted([LOSS, *defaults(dataset.task, output)], dataset.task, job.code)
    monitored = [
        objective_of(name, [objective, *listed], dataset.task, job.code)
        for name in stopping.monitors(job.recipe["train"])
    ]
    check_parts([objective, *monitored], parts)
    usual = [each for each in always if each.name in USUAL]
    each_epoch = {"validation": _of_validation([*usual, objective, *listed, *monitored])}
    has_stop = "stop" in parts
    if has_stop:
        each_epoch["stop"] = [
            each._replace(name=_looked_up(each.name, True)) for each in _of_validation([*usual, objective, *monitored])
        ]
    directions = {each.name: _more_is_better(job, each) for each in monitored}
    names = {each.name: _looked_up(each.name, has_stop) for each in monitored}
    return once([*always, objective, *listed]), each_epoch, stopping.rules(job.recipe["train"], directions, names)


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
