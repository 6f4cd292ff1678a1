"""One trial at a time with `keras.Model.fit`, by the recipe of docs/recipe.md.

After each epoch one pass over the validation part (and the `stop` part, if there is one) gives scores, and from these
come the validation loss and every metric: `fit` itself validates nothing.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset

from .. import keras_names, stopping
from ..class_weights import sample_weights
from ..job import Job, Outcome, Report
from ..metrics import LOSS, Wanted, defaults, maximize, measure, objective_of, wanted
from ..model import build_model
from ..scored import Scored, rows, save_predictions
from . import task
from .feeding import Feed, Part, feed
from .scoring import Score, scorer

RUNNING = {"train_loss": "loss", "train_accuracy": "accuracy"}  # what may be monitored of the training part


class Setup(NamedTuple):
    """All that is fixed before the first epoch."""

    job: Job
    dataset: Dataset
    model: keras.Model  # what is saved
    trainee: keras.Model  # what is trained: the model, behind the augmentation if there is any
    loss: Any
    parts: dict[str, Part]  # "train", and of "validation" and "stop" those that exist
    feed: Feed
    score: Score
    metrics: list[Wanted]  # for the end
    each_epoch: dict[str, list[Wanted]]  # part -> metrics in the history
    rules: stopping.Rules


class Kept(NamedTuple):
    """The epoch that counts, as far as is known."""

    epoch: int
    weights: list[np.ndarray] | None  # None when the model still has them at the end: the last epoch counts
    scored: Scored | None
    loss: float | None


@dataclass
class Progress:
    """What changes from epoch to epoch."""

    history: dict[str, list[float]] = field(default_factory=dict)
    state: stopping.State = stopping.State()
    kept: Kept | None = None
    diverged: bool = False


def train(job: Job, report: Report) -> Outcome:
    """Trains the architecture of `job` and leaves its weights and predictions in the job's folder."""
    _forget(int(job.recipe["seed"] or 0))
    with _precision(job.recipe["train"]["mixed_precision"]):
        setup = _set_up(job)
        progress = _fit(setup, report)
        return _outcome(setup, progress)


def check(job: Job) -> None:
    """Builds and compiles what `train` would train, and trains nothing. ModelError when that cannot work."""
    _forget(0)
    with _precision(job.recipe["train"]["mixed_precision"]):
        _set_up(job)


def _forget(seed: int) -> None:
    """Whatever ran before in this process leaves no memory and no random state behind."""
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(seed % 2**32)


@contextmanager
def _precision(mixed: bool) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if mixed else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


# ---- before the first epoch


def _set_up(job: Job) -> Setup:
    assert job.dataset is not None, "BUG: an architecture without a dataset"
    dataset, train = job.dataset, job.recipe["train"]
    if train["stages"]:
        raise ModelError("train.stages is not there yet", "leave it out")
    model = build_model(job.recipe["model"], dataset, job.code)
    units = int(model.output_shape[-1])
    loss = task.loss_of(job, dataset.task, units)
    trainee = _augmented(model, job)
    parts = _parts(job, dataset, loss, units)
    source = feed(parts["train"], int(job.recipe["seed"] or 0), train["batch_size"], train["epochs"], job.batches)
    optimizer = keras_names.optimizer(train["optimizer"], train["learning_rate"], train["epochs"], source.steps)
    trainee.compile(optimizer, loss, metrics=task.running_metrics(dataset.task, loss, units), jit_compile=False)
    metrics, each_epoch, rules = _measured(job, dataset, "stop" in parts)
    score = scorer(trainee, train["batch_size"])
    return Setup(job, dataset, model, trainee, loss, parts, source, score, metrics, each_epoch, rules)


def _augmented(model: keras.Model, job: Job) -> keras.Model:
    """The model behind random layers, which do nothing when it is not training."""
    if not job.recipe["augment"]:
        return model
    inputs = keras.Input(model.input_shape[1:])
    x = inputs
    for choice in job.recipe["augment"]:
        x = keras_names.layer(choice, job.code)(x)
    return keras.Model(inputs, model(x))


def _parts(job: Job, dataset: Dataset, loss: Any, units: int) -> dict[str, Part]:
    limit = None if job.batches is None else job.batches * job.recipe["train"]["batch_size"]
    parts = {}
    for name in ("train", "validation", "stop"):
        chosen = rows(dataset, name)
        if name != "train":
            chosen = chosen[:limit]
        if len(chosen):
            target = task.target_for(loss, dataset, chosen, units)
            parts[name] = Part(dataset.features, chosen, target, None)
    weights = sample_weights(job.recipe["train"]["class_weight"], dataset, parts["train"].rows)
    parts["train"] = parts["train"]._replace(weights=weights)
    return parts


def _measured(
    job: Job, dataset: Dataset, has_stop: bool
) -> tuple[list[Wanted], dict[str, list[Wanted]], stopping.Rules]:
    """The metrics at the end, those of each epoch by part, and the rules that look at them."""
    kind, train = dataset.task, job.recipe["train"]
    output = "values" if kind == "regression" else "probabilities"
    listed = wanted(job.metrics, kind, job.code)
    objective = objective_of(job.objective["metric"], listed, kind, job.code)
    always = wanted([LOSS, *defaults(kind, output)], kind, job.code)
    monitored = [objective_of(name, [*listed, objective], kind, job.code) for name in stopping.monitors(train)]
    usual = [each for each in always if each.name in ("val_loss", "val_accuracy")]
    history = _once([*usual, objective, *listed, *monitored])
    each_epoch = {"validation": [each for each in history if each.part == "val"]}
    if has_stop:
        watched = _once([*usual, *monitored])
        each_epoch["stop"] = [each._replace(name=_renamed(each.name, True)) for each in watched if each.part == "val"]
    rules = stopping.rules(
        train, _directions(job, monitored), {each.name: _renamed(each.name, has_stop) for each in monitored}
    )
    return _once([*always, objective, *listed]), each_epoch, rules


def _once(metrics: list[Wanted]) -> list[Wanted]:
    return list({each.name: each for each in metrics}.values())


def _directions(job: Job, monitored: list[Wanted]) -> dict[str, bool]:
    """Whether more is better, of each monitor; of one's own metrics only the objective says so itself."""
    found = {}
    for each in monitored:
        more = job.objective["direction"] == "maximize" if each.name == job.objective["metric"] else maximize(each.name)
        found[each.name] = each.measure.maximize if more is None and each.measure else bool(more)
    return found


def _renamed(monitor: str, has_stop: bool) -> str:
    """Where a monitored metric stands among the values of an epoch."""
    if monitor in RUNNING:
        return RUNNING[monitor]
    if monitor.startswith("train_"):
        raise ModelError(f"{monitor} is measured only at the end", f"monitor val_{monitor.removeprefix('train_')}")
    return f"stop_{monitor.removeprefix('val_')}" if has_stop else monitor


# ---- epochs


def _fit(setup: Setup, report: Report) -> Progress:
    progress, epochs = Progress(), int(setup.job.recipe["train"]["epochs"])

    def begin(epoch: int, logs: Any = None) -> None:
        setup.feed.begin(epoch + 1)

    def end(epoch: int, logs: Any = None) -> None:
        values = _end_epoch(setup, progress, epoch + 1, logs)
        asked = report(epoch + 1, epochs, values)
        setup.trainee.stop_training = setup.trainee.stop_training or asked or progress.diverged

    calls = keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)
    setup.trainee.fit(setup.feed.data, epochs=epochs, steps_per_epoch=None, shuffle=False, verbose=0, callbacks=[calls])
    return progress


def _end_epoch(setup: Setup, progress: Progress, epoch: int, logs: dict[str, float]) -> dict[str, float]:
    """Measures an epoch, records it, and obeys the rules. Returns its values."""
    values = {name: float(value) for name, value in logs.items()}
    found = {part: _measure(setup, part, names) for part, names in setup.each_epoch.items() if part in setup.parts}
    for _, _, measured in found.values():
        values |= measured
    if not isinstance(setup.job.recipe["train"]["learning_rate"], int | float) or setup.rules.plateau:
        values["learning_rate"] = float(setup.trainee.optimizer.learning_rate)
    for name, value in values.items():
        progress.history.setdefault(name, []).append(value)
    scored, loss, _ = found.get("validation", (None, None, None))
    progress.diverged = not math.isfinite(values["loss"]) or (scored is not None and not scored.finite)
    _obey(setup, progress, epoch, values, scored, loss)
    return values


def _measure(setup: Setup, part: str, metrics: list[Wanted]) -> tuple[Scored, float, dict[str, float]]:
    """One pass over a part: its scores, its loss, and the metrics by name."""
    outputs, loss = setup.score(setup.parts[part])
    scored = task.scored(setup.dataset, setup.parts[part].rows, outputs, setup.loss)
    values, _ = measure([each for each in metrics if each.measure], scored)
    return scored, loss, {each.name: loss if each.measure is None else values[each.name] for each in metrics}


def _obey(
    setup: Setup, progress: Progress, epoch: int, values: dict[str, float], scored: Scored | None, loss: float | None
) -> None:
    decision = stopping.decide(progress.state, epoch, values, setup.rules)
    progress.state = decision.state
    if decision.counts:
        weights = setup.trainee.get_weights() if setup.rules.select else None
        progress.kept = Kept(epoch, weights, scored, loss)
    if decision.reduce:
        _reduce(setup.trainee.optimizer, setup.job.recipe["train"]["reduce_on_plateau"])
    setup.trainee.stop_training = decision.stop


def _reduce(optimizer: keras.optimizers.Optimizer, rule: dict[str, float]) -> None:
    lowered = max(float(optimizer.learning_rate) * rule["factor"], rule["min_learning_rate"])
    optimizer.learning_rate = min(float(optimizer.learning_rate), lowered)


# ---- after the last epoch


def _outcome(setup: Setup, progress: Progress) -> Outcome:
    kept, job = progress.kept, setup.job
    assert kept is not None, "BUG: no epoch counts"
    if kept.weights is not None:
        setup.trainee.set_weights(kept.weights)
    metrics, notes = _final_metrics(setup, kept)
    if progress.diverged:
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        return Outcome("diverged", metrics, progress.history, {}, "fit", kept.epoch, tuple(notes))
    artefacts = {}
    if job.keep.get("predictions") != "none" and kept.scored is not None:
        ids = np.asarray(setup.dataset.ids[setup.parts["validation"].rows])
        path = job.folder / "predictions.npz"
        artefacts["predictions"] = save_predictions(path, kept.scored, ids, setup.dataset.classes)
    if job.keep.get("weights") != "none":
        artefacts["weights"] = job.folder / "weights.weights.h5"
        setup.model.save_weights(artefacts["weights"])
    return Outcome("succeeded", metrics, progress.history, artefacts, "fit", kept.epoch, tuple(notes))


def _final_metrics(setup: Setup, kept: Kept) -> tuple[dict[str, float], list[str]]:
    """All metrics, of the weights that count; those of the training part in one more pass, only if they are wanted."""
    found: dict[str, float] = {}
    notes: list[str] = []
    scores = {"val": (kept.scored, kept.loss)}
    if any(each.part == "train" for each in setup.metrics):
        scores["train"] = _measure(setup, "train", [])[:2]
    for part, (scored, loss) in scores.items():
        if scored is None:
            continue
        chosen = [each for each in setup.metrics if each.part == part]
        values, more = measure([each for each in chosen if each.measure], scored)
        found |= {each.name: float(loss or 0.0) if each.measure is None else values[each.name] for each in chosen}
        notes += more
    return found, notes
