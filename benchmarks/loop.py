"""`train` against a loop around Keras's `fit` as one would write it by hand, saving the same: python benchmarks/loop.py

Each in a process of its own, on the same digits and threads, in turns. Prints seconds a trial and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from blueno.etl.dataset import Dataset
from blueno.ml.job import Job
from blueno.ml.runtime import start_keras
from blueno.ml.train import train

ARMS = ("blueno", "by-hand")
EPOCHS, BATCH_SIZE, HIDDEN = 10, 32, [64, 64]
TRAIN: dict[str, Any] = {
    "optimizer": {"adam": {}}, "learning_rate": 0.001, "loss": None, "batch_size": BATCH_SIZE, "epochs": EPOCHS,
    "early_stopping": None, "reduce_on_plateau": None, "class_weight": None, "mixed_precision": False, "select": None,
    "stages": None,
}  # fmt: skip


def digits() -> Dataset:
    """All 1,797 digits; the last 360 are validation."""
    images, target = load_digits(return_X_y=True)
    features = (images / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    rows = np.arange(len(features))
    parts = {"train": rows[:-360], "validation": rows[-360:]}
    ids = rows.astype(str)
    return Dataset("d" * 64, features, target.astype(np.int64), ids, parts, list(range(10)), "multiclass", None, {}, {})


def ours(data: Dataset, seed: int, folder: Path, threads: int) -> None:
    """One trial as a worker trains it."""
    model = {"architecture": "mlp", "hidden": HIDDEN}
    recipe = {"augment": [], "code": {}, "dataset": data.id, "model": model, "recipe": 1, "seed": seed, "train": TRAIN}
    objective = {"metric": "val_accuracy", "direction": "maximize"}
    keep = {"weights": "all", "predictions": "all"}
    train(Job(recipe, data, objective, [], keep, folder, None, threads), lambda *_: False)


def by_hand(keras: Any, data: Dataset, seed: int, folder: Path) -> None:
    """The same model, data, epochs and files, as Keras's own guides write it."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(units, activation="relu") for units in HIDDEN]
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), *layers, keras.layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = data.features, data.target
    training, held_out = data.parts["train"], data.parts["validation"]
    model.fit(
        x[training], y[training], batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0,
        validation_data=(x[held_out], y[held_out]),
    )  # fmt: skip
    np.savez(folder / "predictions.npz", ids=data.ids[held_out], scores=model.predict(x[held_out], verbose=0))
    model.save_weights(folder / "weights.weights.h5")


def seconds(run: Callable[[int, Path], None], seed: int) -> float:
    """How long one trial takes, its files included."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        run(seed, Path(folder))
        return time.perf_counter() - begun


def one_arm(arm: str, trials: int, threads: int) -> list[float]:
    """Seconds of each trial of one arm in this process, after one that warms up."""
    keras, data = start_keras(threads), digits()

    def run(seed: int, folder: Path) -> None:
        ours(data, seed, folder, threads) if arm == "blueno" else by_hand(keras, data, seed, folder)

    return [seconds(run, seed) for seed in range(trials + 1)][1:]


def in_child(arm: str, trials: int, threads: int) -> list[float]:
    """The same in a process of its own, since graphs that one arm leaves behind would slow the other."""
    command = [sys.executable, __file__, "--arm", arm, "--trials", str(trials), "--threads", str(threads)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    found: list[float] = json.loads(printed)
    return found


def main() -> None:
    """Runs both arms in turns and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=16, help="of each arm and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--arm", choices=ARMS, help="run only this arm, here, and print its seconds as JSON")
    options = parser.parse_args()
    if options.arm:
        print(json.dumps(one_arm(options.arm, options.trials, options.threads)))
        return
    times: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for _ in range(options.rounds):
        for arm in ARMS:
            times[arm] += in_child(arm, options.trials, options.threads)
    medians = {arm: statistics.median(each) for arm, each in times.items()}
    for arm, median in medians.items():
        print(f"{arm:7} {median:.2f} s a trial (median of {len(times[arm])})")
    print(f"ratio   {medians['by-hand'] / medians['blueno']:.2f}")


if __name__ == "__main__":
    main()
