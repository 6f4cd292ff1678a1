"""Functions: what they are given, what counts of what they say, what is kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.ml.job import Job
from blueno.ml.train import train

from .ml_jobs import blobs, code, job, quiet


def function_job(folder: Path, text: str, data: Any = None, **changes: Any) -> Job:
    model = {"function": "f.py:train", **changes.pop("params", {})}
    return job(folder / "job", data, model, code=code(folder / "code", f=text), **changes)


def test_what_it_returns_wins_over_what_it_reported(tmp_path: Path) -> None:
    text = """
def train(trial):
    for epoch in range(1, trial.params["epochs"] + 1):
        trial.report(epoch, {"val_accuracy": epoch / 10, "loss": 1 / epoch})
    return {"val_accuracy": 0.25}
"""
    heard = []

    def listen(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        heard.append((epoch, epochs, metrics["val_accuracy"]))
        return False

    outcome = train(function_job(tmp_path, text, params={"epochs": 3}), listen)
    assert outcome.metrics == {"val_accuracy": 0.25, "loss": 1 / 3}
    assert outcome.history == {"val_accuracy": [0.1, 0.2, 0.3], "loss": [1.0, 0.5, 1 / 3]}
    assert heard == [(1, 3, 0.1), (2, 3, 0.2), (3, 3, 0.3)]
    assert (outcome.state, outcome.engine, outcome.epoch) == ("succeeded", "function", 3)


def test_it_sees_training_and_validation_and_never_the_test_part(tmp_path: Path) -> None:
    text = """
def train(trial):
    train, validation = trial.data.train, trial.data.validation
    assert train.features.shape == (10, 2) and validation.features.shape == (5, 2)
    assert train.ids[0] == "s0" and validation.ids[-1] == "s14"
    assert not hasattr(trial.data, "test")
    return {"val_accuracy": float(train.target.sum()), "seed": trial.seed, "fold": trial.fold}
"""
    data = blobs()
    split = data._replace(parts={"train": np.arange(10), "validation": np.arange(10, 15), "test": np.arange(15, 120)})
    outcome = train(function_job(tmp_path, text, split, seed=4, fold=2), quiet)
    assert outcome.metrics == {"val_accuracy": 5.0, "seed": 4.0, "fold": 2.0}


def test_it_may_be_told_to_stop(tmp_path: Path) -> None:
    text = """
def train(trial):
    for epoch in range(1, 100):
        if trial.report(epoch, {"val_accuracy": 0.5}):
            return {}
"""
    assert train(function_job(tmp_path, text), lambda epoch, *_: epoch == 4).epoch == 4


def test_files_in_its_folder_are_kept_and_those_in_its_checkpoint_are_not(tmp_path: Path) -> None:
    text = """
def train(trial):
    (trial.folder / "deep").mkdir()
    (trial.folder / "deep" / "model.bin").write_bytes(b"1")
    (trial.checkpoint / "state.bin").write_bytes(b"2")
    return {"val_accuracy": 1}
"""
    outcome = train(function_job(tmp_path, text, checkpoint=tmp_path / "survives"), quiet)
    assert {name: path.read_bytes() for name, path in outcome.artefacts.items()} == {"deep/model.bin": b"1"}
    assert (tmp_path / "survives" / "files" / "state.bin").read_bytes() == b"2"


def test_numbers_of_any_library_are_numbers(tmp_path: Path) -> None:
    text = "import numpy\ndef train(trial):\n    return {'val_accuracy': numpy.float32(0.5), 'n': numpy.int64(3)}\n"
    assert train(function_job(tmp_path, text), quiet).metrics == {"val_accuracy": 0.5, "n": 3.0}


def test_a_final_metric_that_is_not_finite_is_divergence(tmp_path: Path) -> None:
    text = "def train(trial):\n    return {'val_accuracy': 0.5, 'val_loss': float('nan')}\n"
    outcome = train(function_job(tmp_path, text), quiet)
    assert (outcome.state, outcome.metrics.keys()) == ("diverged", {"val_accuracy", "val_loss"})
    assert outcome.metrics["val_accuracy"] == 0.5 and not math.isfinite(outcome.metrics["val_loss"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("trial.report(1, {'val_acuracy': 1}); raise RuntimeError", "no metric 'val_accuracy'; it has val_acuracy"),
        ("return {'loss': 1}", "no metric 'val_accuracy'; it has loss"),
        ("return None", "no metric 'val_accuracy'; it has none"),
        ("return 0.9", "metrics are a mapping of names to numbers, not float"),
        ("return {'val_accuracy': 'high'}", "a metric is not a number"),
        ("trial.report(0, {'val_accuracy': 1})", "f.py:train reported an epoch 0"),
        ("trial.report(1.5, {'val_accuracy': 1})", "f.py:train reported an epoch 1.5"),
        ("trial.report('last', {'val_accuracy': 1})", "f.py:train reported an epoch 'last'"),
    ],
)
def test_metrics_that_are_missing_or_no_numbers_are_refused(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        train(function_job(tmp_path, f"def train(trial):\n    {body}\n"), quiet)


@pytest.mark.parametrize("parameters", ["", "*, trial", "**others"])
def test_a_function_that_takes_no_trial_is_refused(tmp_path: Path, parameters: str) -> None:
    with pytest.raises(ModelError, match="takes no trial") as caught:
        train(function_job(tmp_path, f"def train({parameters}):\n    return {{'val_accuracy': 1}}\n"), quiet)
    assert "def train(trial)" in caught.value.fix


def test_what_it_raises_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        train(function_job(tmp_path, "def train(trial):\n    return {'val_accuracy': 1 / 0}\n"), quiet)


def test_global_random_numbers_are_seeded(tmp_path: Path) -> None:
    text = (
        "import random, numpy\ndef train(trial):\n    return {'val_accuracy': random.random() + numpy.random.rand()}\n"
    )
    first, again, other = (
        train(function_job(tmp_path / str(i), text, seed=seed), quiet).metrics for i, seed in enumerate((1, 1, 2))
    )
    assert first == again != other


def test_parameters_of_its_own_are_given_to_it(tmp_path: Path) -> None:
    text = """
def train(trial, *, width: int = 8):
    return {"val_accuracy": float(width), "same": float(trial.params["width"] == width)}
"""
    outcome = train(function_job(tmp_path, text, params={"width": 4, "other": 1}), quiet)
    assert outcome.metrics == {"val_accuracy": 4.0, "same": 1.0}


def test_any_keyword_parameters_are_given_all_there_is(tmp_path: Path) -> None:
    text = """
def train(trial, **params):
    return {"val_accuracy": float(params == trial.params)}
"""
    assert train(function_job(tmp_path, text, params={"width": 4}), quiet).metrics == {"val_accuracy": 1.0}
