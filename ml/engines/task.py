"""What a task means for Keras: the loss, the form of the target, the running metrics, and what outputs say."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.usercode import CodeFolder

from .. import keras_names
from ..scaling import scaled, unscaled
from ..scored import Scored, hard_labels

SUM_TOLERANCE = 1e-2  # of probabilities; wide enough for half precision


def loss_of(choice: dict[str, Any] | None, code: CodeFolder | None, task: str, units: int) -> Any:
    """The loss of `train.loss`, or that of the task: a Keras loss, or a user's function of (y_true, y_pred)."""
    if choice is not None:
        return keras_names.loss(choice, code)
    if task == "regression":
        return keras.losses.MeanSquaredError()
    is_binary = units == 1 or task == "multilabel"
    return keras.losses.BinaryCrossentropy() if is_binary else keras.losses.SparseCategoricalCrossentropy()


def target_for(loss: Any, dataset: Dataset, rows: np.ndarray, units: int) -> np.ndarray:
    """The target as the loss takes it.

    Class codes (n,) int32 for a sparse loss or a function of the user's, one-hot (n, classes) for any other loss of
    several units, else float32 (n, units): of a regression scaled, if its target is to be.
    """
    target = np.asarray(dataset.target[rows])
    if dataset.task == "regression":
        target = scaled(target, dataset)
    if dataset.task in ("regression", "multilabel") or units == 1:
        return target.astype(np.float32).reshape(len(rows), units)
    if takes_codes(loss):
        return target.astype(np.int32)
    return np.eye(units, dtype=np.float32)[target]


def takes_codes(loss: Any) -> bool:
    """Whether a loss of several units takes class codes rather than one-hot rows."""
    return not isinstance(loss, keras.losses.Loss) or "Sparse" in type(loss).__name__


def running_metrics(task: str, loss: Any, units: int) -> list[keras.metrics.Metric]:
    """Keras's running averages over an epoch's batches, beside the loss."""
    if task == "regression":
        return []
    if units == 1 or task == "multilabel":
        return [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0 if _from_logits(loss) else 0.5)]
    if takes_codes(loss):
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    return [keras.metrics.CategoricalAccuracy(name="accuracy")]


def scores_of(dataset: Dataset, outputs: np.ndarray, loss: Any) -> np.ndarray:
    """A model's outputs, (n, units), as float64 scores: of a regression in the target's own units and shape.

    ModelError when they should be probabilities and are not.
    """
    outputs = outputs.astype(np.float64)
    if dataset.task == "regression":
        return unscaled(outputs.reshape(len(outputs), *dataset.target.shape[1:]), dataset)
    is_one_of = dataset.task != "multilabel"  # whether the classes of a sample exclude each other
    probabilities = _to_probabilities(outputs, is_one_of) if _from_logits(loss) else outputs
    _check(probabilities, is_one_of)
    return probabilities[:, -1] if dataset.task == "binary" else probabilities


def scored(dataset: Dataset, rows: np.ndarray, scores: np.ndarray) -> Scored:
    """The scores of samples, beside their target."""
    target = np.asarray(dataset.target[rows])
    if dataset.task == "regression":
        return Scored("regression", target, scores, None, 0, False)
    return Scored(dataset.task, target, scores, hard_labels(dataset.task, scores), len(dataset.classes or ()), True)


def _from_logits(loss: Any) -> bool:
    return bool(getattr(loss, "from_logits", False) or getattr(loss, "_fn_kwargs", {}).get("from_logits", False))


def _to_probabilities(logits: np.ndarray, is_one_of: bool) -> np.ndarray:
    if logits.shape[1] == 1 or not is_one_of:
        return 0.5 * (1 + np.tanh(logits / 2))  # the logistic function, without overflow
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _check(outputs: np.ndarray, is_one_of: bool) -> None:
    if not np.isfinite(outputs).all():
        return  # the trial has diverged, which is no error
    adds_up = is_one_of and outputs.shape[1] > 1
    outside = outputs.min(initial=0.0) < 0 or outputs.max(initial=0.0) > 1 + SUM_TOLERANCE
    sums_wrong = adds_up and np.abs(outputs.sum(axis=1) - 1).max(initial=0.0) > SUM_TOLERANCE
    if outside or sums_wrong:
        activation = "softmax" if adds_up else "sigmoid"
        fix = f"end the model with {activation} (output_activation), or give the loss from_logits: true"
        raise ModelError("the model's outputs are not probabilities", fix)
