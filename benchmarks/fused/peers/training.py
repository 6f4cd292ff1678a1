"""One trial by `Model.fit`, as every peer trains it, and the line that says when it was done.

The trials are Blueno's own list, the networks Blueno's own functions, the arrays those that Blueno prepared. A peer
keeps nothing but its history: no weights, no predictions, no checkpoints.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

VALIDATED_AT_ONCE = 1024  # samples, as in Blueno; JAX is no quicker with more than a batch


class Data(NamedTuple):
    """A prepared dataset, its two parts."""

    train: tuple[np.ndarray, np.ndarray]  # features (n, *shape) float32, classes (n,) int64
    validation: tuple[np.ndarray, np.ndarray]


@cache
def trials_in(folder: Path) -> list[dict[str, Any]]:
    """The trials to train: {"dataset", "seed", "model", "train"}, as recipes have them."""
    found: list[dict[str, Any]] = json.loads((folder / "trials.json").read_text())
    return found


@cache
def data_in(folder: Path, dataset: str) -> Data:
    """A dataset's arrays, read once in a process."""
    with np.load(folder / f"{dataset}.npz") as saved:
        parts = {name: (saved[f"{name}_features"], saved[f"{name}_target"]) for name in Data._fields}
    return Data(**parts)


def train(folder: Path, number: int, clear: bool = True) -> float:
    """Trains a trial of the list and says when it was done. The validation accuracy after the last epoch.

    `clear` lets go of the models before; Keras's session belongs to all threads, so that threads must not.
    """
    trial = trials_in(folder)[number]
    data = data_in(folder, trial["dataset"])
    if clear:
        _clear()
    _seed(trial["seed"])
    model = compiled(trial, data)
    rules = trial["train"]
    history = model.fit(
        *data.train, batch_size=rules["batch_size"], epochs=rules["epochs"], validation_data=data.validation,
        validation_batch_size=VALIDATED_AT_ONCE if _on_tensorflow() else None, callbacks=_callbacks(rules), verbose=0,
    ).history  # fmt: skip
    accuracy = float(history["val_accuracy"][-1])
    say_done(folder, number, accuracy, len(history["val_accuracy"]))
    return accuracy


def _clear() -> None:
    import keras

    keras.utils.clear_session()


def _seed(seed: int) -> None:
    """Seeds whatever the backend draws from. `keras.utils.set_random_seed` would import TensorFlow beside JAX: 2 s."""
    if _on_tensorflow():
        import keras

        keras.utils.set_random_seed(seed)
    else:
        random.seed(seed)
        np.random.seed(seed)


def compiled(trial: dict[str, Any], data: Data) -> Any:
    """The trial's model, ready to be fitted."""
    import keras

    given = dict(trial["model"])
    module = importlib.import_module(f"blueno.ml.architectures.{given.pop('architecture')}")
    features, target = data.train
    model = module.build(features.shape[1:], int(target.max()) + 1, "softmax", **given)
    [(name, parameters)] = trial["train"]["optimizer"].items()
    parameters = {"learning_rate": trial["train"]["learning_rate"], **parameters}
    optimizer = keras.optimizers.get({"class_name": name, "config": parameters})
    at_once = -(-len(target) // trial["train"]["batch_size"]) if _on_tensorflow() else 1
    model.compile(
        optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], steps_per_execution=at_once
    )  # TensorFlow is a tenth quicker with an epoch at once; on JAX it is a loop in Python all the same
    return model


def _on_tensorflow() -> bool:
    import keras

    return bool(keras.backend.backend() == "tensorflow")


def _callbacks(rules: dict[str, Any]) -> list[Any]:
    import keras

    stopping = rules["early_stopping"]
    return [keras.callbacks.EarlyStopping(**stopping, restore_best_weights=True)] if stopping else []


def say_done(folder: Path, number: int, accuracy: float, epochs: int) -> None:
    """Appends a line to the folder's results; whole lines, whoever else writes."""
    told = {
        "time": time.time(), "cpu_s": time.process_time(), "process": os.getpid(),
        "number": number, "accuracy": accuracy, "epochs": epochs,
    }  # fmt: skip
    line = json.dumps(told) + "\n"
    with open(folder / "results.jsonl", "ab", buffering=0) as file:
        file.write(line.encode())


def one_thread() -> None:
    """Keeps this process to one thread on TensorFlow; on JAX the environment's XLA_FLAGS do it."""
    if os.environ.get("KERAS_BACKEND") == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
