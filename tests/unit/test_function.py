"""Functions: what of the data they get, and what is still known of attempts that were killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blueno.ml.reported import read_line
from blueno.ml.train import train

from .ml_jobs import blobs, code, dataset, job, quiet

TRAIN = "def train(trial):\n"


def test_it_gets_what_was_held_back_for_stopping_and_the_scale_of_the_target(tmp_path: Path) -> None:
    text = f"""{TRAIN}
    data = trial.data
    assert data.stop.ids.tolist() == ["s8", "s9"] and data.target_scale == {{"mean": [5.0], "deviation": [2.0]}}
    return {{"val_accuracy": float(data.train.target.mean())}}
"""
    features = np.zeros((12, 1), np.float32)
    parts = {"train": np.arange(8), "stop": np.arange(8, 10), "validation": np.arange(10, 12)}
    data = dataset(features, np.full(12, 9.0), "regression", **parts)
    scaled = data._replace(target_scale={"mean": [5.0], "deviation": [2.0]})
    made = job(tmp_path / "job", scaled, {"function": "f.py:train"}, code=code(tmp_path / "code", f=text))
    assert train(made, quiet).metrics == {"val_accuracy": 9.0}  # targets are in their own units


def test_without_such_parts_they_are_none(tmp_path: Path) -> None:
    text = f"""{TRAIN}
    assert trial.data.stop is None and trial.data.target_scale is None
    return {{"val_accuracy": 1}}
"""
    made = job(tmp_path / "job", blobs(), {"function": "f.py:train"}, code=code(tmp_path / "code", f=text))
    assert train(made, quiet).state == "succeeded"


def test_parameters_whose_names_clash_are_among_the_others(tmp_path: Path) -> None:
    text = f"""{TRAIN}
    assert trial.params == {{"width": 1, "uses": 2}}
    return {{"val_accuracy": 1}}
"""
    model = {"function": "f.py:train", "width": 1, "params": {"uses": 2}}
    assert train(job(tmp_path / "job", None, model, code=code(tmp_path / "code", f=text)), quiet).state == "succeeded"


def test_epochs_of_a_killed_attempt_are_in_the_history_once(tmp_path: Path) -> None:
    text = f"""{TRAIN}
    for epoch in range(trial.params["first"], 5):
        trial.report(epoch, {{"val_accuracy": epoch + trial.params["first"] / 10}})
        if epoch == trial.params["last"]:
            raise KeyboardInterrupt
"""

    def attempt(number: int, first: int, last: int) -> dict[str, list[float]]:
        model = {"function": "f.py:train", "first": first, "last": last}
        made = job(tmp_path / str(number), None, model, code=folder, checkpoint=tmp_path / "surviving")
        try:
            return train(made, quiet).history
        except KeyboardInterrupt:
            return {}

    folder = code(tmp_path / "code", f=text)
    attempt(1, first=1, last=3)
    assert attempt(2, first=3, last=9) == {"val_accuracy": [1.1, 2.1, 3.3, 4.3]}  # it went on after epoch 2
    attempt(3, first=2, last=2)
    assert attempt(4, first=1, last=9) == {"val_accuracy": [1.1, 2.1, 3.1, 4.1]}  # it began anew


def test_a_line_of_metrics_is_read_as_numbers() -> None:
    epoch, values = read_line(b'{"epoch": 2.0, "a": 1, "b": 1e400, "c": NaN, "big": ' + b"9" * 400 + b"}")
    assert epoch == 2
    assert values["a"] == 1.0
    assert not np.isfinite([values["b"], values["c"], values["big"]]).any()
