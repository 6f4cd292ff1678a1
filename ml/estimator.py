"""Estimators: anything with scikit-learn's `fit` and `predict`, trained on flattened features in one go."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.usercode import CodeFolder, load

from . import batches
from .class_weights import weights_of_codes
from .gaps import gaps_told
from .job import Job, Outcome, Report
from .metrics import Wanted, check_parts, computable, defaults, measure, objective_of, once, said, wanted
from .scaling import scaled, unscaled
from .scored import Scored, rows, save_predictions

TRY_BATCH_SIZE = 32  # `blueno try` fits an estimator on so many samples for each batch it allows


def train(job: Job, report: Report) -> Outcome:
    """Fits the estimator of `job` and leaves it (as skops) and its predictions in the job's folder.

    Raises ModelError when the objective needs what the estimator cannot say, or it refuses features with gaps, and
    whatever else the estimator raises.
    """
    assert job.dataset is not None, "BUG: an estimator without a dataset"
    dataset = job.dataset
    estimator = build_estimator(job.recipe["model"], job.recipe["seed"], dataset, job.code)
    metrics, skipped = _metrics(job, dataset.task, output_of(estimator, dataset.task), dataset.parts)
    short = job.recipe["model"]["estimator"].rpartition(":")[2]
    with threadpool_limits(job.threads), gaps_told(dataset, short):
        _fit(estimator, dataset, _some(rows(dataset, "train"), job.batches))
        scored = {part: score(estimator, dataset, rows(dataset, name)) for part, name in _parts(dataset, metrics)}
    if any(said(each) == "labels" for each in scored.values()):  # its scores, if any, were none of classes
        metrics, skipped = _metrics(job, dataset.task, "labels", dataset.parts)
    values: dict[str, float] = {}
    notes = list(skipped)
    for part, each in scored.items():
        found, reasons = measure([metric for metric in metrics if metric.part == part], each)
        values |= found
        notes += reasons
    report(1, 1, values)
    if not all(each.finite for each in scored.values()):
        return Outcome("diverged", values, {}, {}, "estimator", None, tuple(notes))
    artefacts, reasons = _save(job, dataset, estimator, scored.get("val"))
    return Outcome("succeeded", values, {}, artefacts, "estimator", None, (*notes, *reasons))


def build_estimator(model: dict[str, Any], seed: int | None, dataset: Dataset, code: CodeFolder | None) -> Any:
    """The estimator that `model` names, made with its parameters; a parameter may be `{estimator: ...}` itself.

    The seed is the `random_state` of each that takes one and is not given another. `class_weight` by label is
    translated to class codes. Raises ModelError when the parameters do not fit.
    """
    name = model["estimator"]
    made: Any = load(name, code)
    written = {key: value for key, value in model.items() if key not in ("estimator", "params")}
    parameters = _nested(written | (model.get("params") or {}), seed, dataset, code)
    if isinstance(parameters.get("class_weight"), dict) and dataset.classes is not None:
        parameters["class_weight"] = weights_of_codes(parameters["class_weight"], dataset.classes)
    if seed is not None and _takes_seed(made):
        parameters.setdefault("random_state", seed)
    try:
        estimator = made(**parameters)
    except TypeError as error:
        raise ModelError(f"{name}: {error}", "correct its parameters") from error
    if not (hasattr(estimator, "fit") and hasattr(estimator, "predict")):
        raise ModelError(f"{name} has no fit and predict", "name a class with scikit-learn's fit and predict")
    return estimator


def _takes_seed(made: Any) -> bool:
    """Whether it has a parameter `random_state`, of its own or, where it passes on any keyword, of a base's."""
    parameters = inspect.signature(made).parameters
    is_open = isinstance(made, type) and any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    made_by = [vars(base).get("__init__", object) for base in inspect.getmro(made)] if is_open else []
    others = [inspect.signature(each).parameters for each in made_by]
    return any("random_state" in each for each in (parameters, *others))


def _nested(value: Any, seed: int | None, dataset: Dataset, code: CodeFolder | None) -> Any:
    """A parameter with each `{estimator: ...}` in it made."""
    if isinstance(value, list):
        return [_nested(each, seed, dataset, code) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("estimator"), str) and ":" in value["estimator"]:
        return build_estimator(value, seed, dataset, code)
    return {key: _nested(each, seed, dataset, code) for key, each in value.items()}


def output_of(estimator: Any, task: str) -> str:
    """What an estimator can say of a sample: "values", "probabilities", "scores" (only ordered) or "labels"."""
    if task == "regression":
        return "values"
    if hasattr(estimator, "predict_proba"):
        return "probabilities"
    return "scores" if hasattr(estimator, "decision_function") else "labels"


def score(estimator: Any, dataset: Dataset, chosen: np.ndarray) -> Scored:
    """What a fitted estimator says of these samples. Labels are its own `predict`, as published figures have them."""
    features, target = _features(dataset, chosen), np.asarray(dataset.target[chosen])
    if dataset.task == "regression":
        values = np.asarray(estimator.predict(features), dtype=np.float64).reshape(target.shape)
        return Scored("regression", target, unscaled(values, dataset), None, 0, False)
    count, output = len(dataset.classes or ()), output_of(estimator, dataset.task)
    scores = None
    if output != "labels":
        raw = estimator.predict_proba(features) if output == "probabilities" else estimator.decision_function(features)
        if dataset.task == "multilabel":
            scores = _by_label(raw, estimator, target.shape)
        else:
            scores = _by_class(raw, estimator, dataset.task, count, output == "probabilities")
    labels = np.asarray(estimator.predict(features)).astype(np.int64).reshape(target.shape)
    return Scored(dataset.task, target, scores, labels, count, output == "probabilities")


def _by_label(raw: Any, estimator: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Scores of several labels, (n, k), of an array of that shape, or of one array (n, 2) for each label, as forests
    and MultiOutputClassifier give them; None if they are neither. A label that was never set gets probability 0.
    """
    if not isinstance(raw, list):
        scores = np.asarray(raw, dtype=np.float64)
        return scores if scores.shape == shape else None
    columns = [
        each[:, list(known).index(1)] if 1 in known else np.zeros(len(each))
        for each, known in zip(raw, estimator.classes_, strict=True)
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def _by_class(raw: Any, estimator: Any, task: str, count: int, probable: bool) -> np.ndarray | None:
    """Scores as (n,) of the positive class of two, else (n, classes); None if they are not one a class.

    Classes that the training part did not have get probability 0, or a score below all others. Without `classes_`
    the columns are all classes in order.
    """
    raw = np.asarray(raw, dtype=np.float64)
    if raw.ndim == 1:
        return raw if task == "binary" else None
    known = np.asarray(getattr(estimator, "classes_", np.arange(count))).astype(np.int64)
    if raw.shape[1] != len(known) or (not probable and _compares_pairs(estimator)):
        return None
    scores = np.full((len(raw), count), 0.0 if probable else raw.min(initial=0.0) - 1)
    scores[:, known] = raw
    return scores[:, 1] if task == "binary" else scores


def _compares_pairs(estimator: Any) -> bool:
    """Whether its decision function has a column for each pair of classes: of three classes that is three, too."""
    parameters = estimator.get_params() if hasattr(estimator, "get_params") else {}
    shapes = [value for name, value in parameters.items() if name.endswith("decision_function_shape")]
    return "ovo" in shapes


def _fit(estimator: Any, dataset: Dataset, chosen: np.ndarray) -> None:
    estimator.fit(_features(dataset, chosen), scaled(np.asarray(dataset.target[chosen]), dataset))


def _features(dataset: Dataset, chosen: np.ndarray) -> np.ndarray:
    """Samples flattened; in 64 bits, as scikit-learn is used elsewhere, since its solvers stop elsewhere in 32."""
    features = np.asarray(dataset.features[chosen]).reshape(len(chosen), -1)
    return features.astype(np.float64) if features.dtype == np.float32 else features


def _some(chosen: np.ndarray, limit: int | None) -> np.ndarray:
    """All samples, or as many as `blueno try` allows, drawn over all of them so that no class is left out by order."""
    if limit is None:
        return chosen
    return chosen[batches.order(0, 1, len(chosen))[: limit * TRY_BATCH_SIZE]]


def _parts(dataset: Dataset, metrics: list[Wanted]) -> list[tuple[str, str]]:
    """The parts to score: validation if there is one, and training if a metric of it is wanted."""
    wanted_parts = [("train", "train")] if any(each.part == "train" for each in metrics) else []
    return [*wanted_parts, *([("val", "validation")] if "validation" in dataset.parts else [])]


def _metrics(job: Job, task: str, output: str, parts: Collection[str]) -> tuple[list[Wanted], list[str]]:
    """The metrics to compute, and notes about listed ones that this estimator cannot have."""
    listed = wanted(job.metrics, task, job.code)
    objective = objective_of(job.objective["metric"], listed, task, job.code)
    check_parts([objective], parts)
    if not computable(objective, output):
        message = f"{job.recipe['model']['estimator']} cannot have the objective {objective.name}: {_lacks(objective)}"
        raise ModelError(message, "choose another objective, such as val_accuracy")
    notes = [f"{each.name} is left out: {_lacks(each)}" for each in listed if not computable(each, output)]
    always = wanted(defaults(task, output), task, job.code)
    return once([each for each in (*always, objective, *listed) if computable(each, output)]), notes


def _lacks(metric: Wanted) -> str:
    return "it has no loss" if metric.measure is None else f"it gives no {metric.measure.needs}"


def _save(
    job: Job, dataset: Dataset, estimator: Any, scored: Scored | None
) -> tuple[dict[str, Path], list[str]]:  # fmt: skip
    artefacts: dict[str, Path] = {}
    notes = []
    if scored is not None and job.keep.get("predictions") != "none":
        ids = np.asarray(dataset.ids[rows(dataset, "validation")])
        artefacts["predictions"] = save_predictions(job.folder / "predictions.npz", scored, ids, dataset.classes)
    if job.keep.get("weights") != "none":
        import skops.io

        try:
            skops.io.dump(estimator, job.folder / "estimator.skops")
            artefacts["weights"] = job.folder / "estimator.skops"
        except Exception as error:  # of any kind: a third party's class decides; its trial is good all the same
            notes.append(f"the estimator was not saved, since skops cannot hold it: {error}")
    return artefacts, notes
