"""What people write by hand: a loop around `Model.fit` that leaves weights, history and predictions of each model.

`python -m benchmarks.by_hand FOLDER THREADS EPOCHS RATE:SEED ...` trains those in order. It is what
benchmarks/specs/small_mlps.yaml asks Blueno for: same data, parts, network, initialisers, batches and epochs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

PART = 360  # a fifth of 1797 samples, rounded up: the test part, and the validation part


class Part(NamedTuple):
    features: np.ndarray  # (n, 64) float32
    target: np.ndarray  # (n,) int64
    ids: np.ndarray  # (n,) int64


def load_parts() -> tuple[Part, Part]:
    """The training and the validation part, scaled by the training part."""
    features, target = load_digits(return_X_y=True)
    ids = np.arange(len(target))
    rest, _ = train_test_split(ids, test_size=PART, stratify=target, random_state=0)
    train, validation = train_test_split(rest, test_size=PART, stratify=target[rest], random_state=0)
    scaler = MinMaxScaler().fit(features[train])
    scaled = scaler.transform(features).astype(np.float32)
    return Part(scaled[train], target[train], train), Part(scaled[validation], target[validation], validation)


def train_one(train: Part, validation: Part, rate: float, seed: int, epochs: int, folder: Path) -> None:
    """Trains one network and leaves its files in `folder`."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((64,))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        train.features, train.target, batch_size=32, epochs=epochs,
        validation_data=(validation.features, validation.target), verbose=0,
    )  # fmt: skip
    folder.mkdir(parents=True)
    model.save_weights(folder / "weights.weights.h5")
    (folder / "history.json").write_text(json.dumps(history.history))
    scores = model.predict(validation.features, verbose=0)
    np.savez(folder / "predictions.npz", ids=validation.ids, target=validation.target, scores=scores)


def main(arguments: list[str]) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    import tensorflow as tf

    folder, threads, epochs = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    train, validation = load_parts()
    for trial in arguments[3:]:
        rate, seed = trial.split(":")
        train_one(train, validation, float(rate), int(seed), epochs, folder / f"{rate}-{seed}")


if __name__ == "__main__":
    main(sys.argv[1:])
