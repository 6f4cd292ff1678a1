"""One stage of training, compiled: what trains in it, its loss, optimizer, batches and rules."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from blueno.errors import ModelError

from .. import keras_names, stopping
from ..class_weights import sample_weights
from ..trainable import set_trainable
from . import task
from .feeding import Feed, Part, feed
from .scoring import Score, scorer
from .setup import Setup


class Stage(NamedTuple):
    """A stage that is ready to train."""

    number: int  # from 0
    train: dict[str, Any]
    loss: Any
    parts: dict[str, Part]
    feed: Feed
    score: Score
    rules: stopping.Rules


def begin(setup: Setup, number: int, epochs: range) -> Stage:
    """Compiles a stage for these epochs of the whole training, with an optimizer of its own.

    Raises ModelError for what Keras does not have, words that name no layer, and a stage in which nothing trains.
    """
    job, train, trainee = setup.job, setup.stages[number], setup.trainee
    as_built(setup)
    if train["trainable"] is not None:
        set_trainable(setup.model, train["trainable"])
        if not trainee.trainable_variables:
            raise ModelError(f"no layer trains in stage {number + 1}", "name some under trainable, or write all")
    loss = task.loss_of(train["loss"], job.code, setup.dataset.task, setup.units)
    parts = _parts(setup, train, loss)
    batches = feed(parts["train"], int(job.recipe["seed"] or 0), train["batch_size"], epochs, job.batches)
    rate = train["learning_rate"]
    optimizer = keras_names.optimizer(train["optimizer"], rate, train["epochs"], batches.steps, job.code)
    # On TensorFlow this goes without XLA, since deterministic operations are on.
    trainee.compile(optimizer, loss, metrics=task.running_metrics(setup.dataset.task, loss, setup.units))
    _make_variables(trainee, parts["train"], setup.units)
    score = scorer(setup.model, trainee, train["batch_size"])
    rules = stopping.rules(train, setup.monitored.directions, setup.monitored.looked_up)
    return Stage(number, train, loss, parts, batches, score, rules)


def as_built(setup: Setup) -> None:
    """Lets train what trained when the model was built."""
    for each, trains in setup.trains:
        each.trainable = trains


def _parts(setup: Setup, train: dict[str, Any], loss: Any) -> dict[str, Part]:
    dataset, features = setup.dataset, setup.dataset.features
    parts = {
        name: Part(features, rows, task.target_for(loss, dataset, rows, setup.units), None)
        for name, rows in setup.rows.items()
    }
    weights = sample_weights(train["class_weight"], dataset, setup.rows["train"])
    return parts | {"train": parts["train"]._replace(weights=weights)}


def _make_variables(trainee: keras.Model, part: Part, units: int) -> None:
    """Optimizer and metrics make their variables now: made by the first step, they have that step traced twice."""
    trainee.optimizer.build(trainee.trainable_variables)
    outputs = keras.ops.zeros((1, units))
    trainee.compute_metrics(None, part.target[:1], outputs)
    trainee.reset_metrics()
