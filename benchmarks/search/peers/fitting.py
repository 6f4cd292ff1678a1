"""One config by `Model.fit`, as the peers of a search train it: a recipe of ours with other numbers in three places."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...fused.peers import training

SPACE = {"dropout": (0.0, 0.5), "weight_decay": (1e-4, 1e-1), "learning_rate": (1e-4, 1e-1)}  # the latter two as logs
REDUCTION = 3  # of ASHA

After = Callable[[int, float], None]  # epoch from 1, validation accuracy; may raise to end the trial


def fit(folder: Path, config: dict[str, float], number: str, after: After) -> float:
    """Trains a config, and tells of each epoch. The validation accuracy after the last."""
    import keras

    recipe = copy.deepcopy(training.trials_in(folder)[0])
    recipe["model"]["dropout"] = config["dropout"]
    recipe["train"]["learning_rate"] = config["learning_rate"]
    recipe["train"]["optimizer"]["adamw"]["weight_decay"] = config["weight_decay"]
    data = training.data_in(folder, recipe["dataset"])
    keras.utils.clear_session()
    model = training.compiled(recipe, data)

    def told(epoch: int, logs: dict[str, Any]) -> None:
        accuracy = float(logs["val_accuracy"])
        line = {"time": time.time(), "number": number, "epoch": epoch + 1, "accuracy": accuracy}
        with open(folder / "results.jsonl", "ab", buffering=0) as file:
            file.write((json.dumps(line) + "\n").encode())
        after(epoch + 1, accuracy)

    history = model.fit(
        *data.train, batch_size=recipe["train"]["batch_size"], epochs=recipe["train"]["epochs"],
        validation_data=data.validation, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=told)], verbose=0,
    ).history  # fmt: skip
    return float(history["val_accuracy"][-1])
