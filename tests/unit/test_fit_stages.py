"""Stages: each overrides `train`, weights carry on, and one epoch of all counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.cli import run as blueno
from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.ml.job import Outcome
from blueno.ml.stages import stages_of
from blueno.ml.train import train

from .ml_jobs import MLP, TRAIN, blobs, code, digits, job, quiet

pytest.importorskip("tensorflow")
SLOW = pytest.mark.slow
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15, NumPy 2

STOP = {"monitor": "val_loss", "patience": 2, "min_delta": 0.0}
PLATEAU = {"monitor": "val_loss", "factor": 0.5, "patience": 1, "min_learning_rate": 0.0, "after": 1}


def run(folder: Path, data: Dataset, stages: list[dict[str, Any]], **changes: Any) -> Outcome:
    changes = {"model": MLP} | changes
    return train(job(folder, data, changes.pop("model"), stages=stages, **changes), quiet)


def weights(outcome: Outcome) -> list[np.ndarray]:
    import keras

    return [np.asarray(each) for each in keras.saving.load_model(outcome.artefacts["weights"]).get_weights()]


# ---- what stages mean


def test_a_stage_says_what_is_different() -> None:
    written = TRAIN | {"epochs": 7, "early_stopping": STOP, "stages": [{"epochs": 2, "trainable": "head"}, {}]}
    first, second = stages_of(written)
    assert (first["epochs"], first["trainable"], first["early_stopping"]) == (2, "head", STOP)
    assert (second["epochs"], second["trainable"], second["stages"]) == (7, None, None)
    assert stages_of(TRAIN) == [TRAIN | {"trainable": None, "select": "last"}]


@pytest.mark.parametrize(
    ("changes", "select"),
    [
        ({"stages": [{}, {}]}, "last"),
        ({"stages": [{"early_stopping": STOP}, {}]}, "last"),
        ({"stages": [{}, {"early_stopping": STOP}]}, {"best": "val_loss"}),
        ({"stages": [{}, {"early_stopping": None}], "early_stopping": STOP}, "last"),
        ({"stages": [{}, {}], "early_stopping": STOP}, {"best": "val_loss"}),
        ({"stages": [{}, {}], "early_stopping": STOP, "select": {"best": "val_f1"}}, {"best": "val_f1"}),
        ({"stages": [{}, {"early_stopping": STOP}], "select": "last"}, "last"),
    ],
)
def test_the_rule_that_selects_is_that_of_the_whole(changes: dict[str, Any], select: Any) -> None:
    assert [stage["select"] for stage in stages_of(TRAIN | changes)] == [select, select]


# ---- what happens


@SLOW
def test_epochs_go_on_and_a_stage_has_an_optimizer_of_its_own(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def report(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        told.append((epoch, epochs))
        return False

    stages = [{"epochs": 2, "learning_rate": 0.01}, {"epochs": 3, "optimizer": {"sgd": {}}, "learning_rate": 0.5}]
    outcome = train(job(tmp_path, digits(), MLP, stages=stages), report)
    assert told == [(epoch, 5) for epoch in range(1, 6)] and outcome.epoch == 5
    assert outcome.history["stage"] == [1, 1, 2, 2, 2]
    assert outcome.history["learning_rate"] == pytest.approx([0.01, 0.01, 0.5, 0.5, 0.5])


@SLOW
def test_stages_that_change_nothing_train_like_one_but_for_the_optimizers_memory(tmp_path: Path) -> None:
    forgetful = {"optimizer": {"sgd": {}}, "learning_rate": 0.1, "epochs": 5}
    whole = train(job(tmp_path / "whole", digits(), MLP, **forgetful), quiet)
    parts = run(tmp_path / "parts", digits(), [{"epochs": 2}, {"epochs": 3}], **forgetful)
    assert parts.history["val_loss"] == whole.history["val_loss"] and parts.metrics == whole.metrics


@SLOW
def test_only_the_layers_that_a_stage_names_change(tmp_path: Path) -> None:
    first, first_bias, head, head_bias = weights(run(tmp_path / "0", digits(), [{"epochs": 1}]))
    after = weights(run(tmp_path / "1", digits(), [{"epochs": 1}, {"epochs": 2, "trainable": "head"}]))
    assert np.array_equal(after[0], first) and np.array_equal(after[1], first_bias)
    assert not np.array_equal(after[2], head) and not np.array_equal(after[3], head_bias)
    stages = [{"epochs": 1}, {"epochs": 2, "trainable": "head"}, {"epochs": 1}]
    assert not np.array_equal(weights(run(tmp_path / "2", digits(), stages))[0], first)  # as it was built again


@SLOW
def test_a_model_that_is_built_frozen_is_so_where_no_stage_says_otherwise(tmp_path: Path) -> None:
    own = code(tmp_path / "code", nets="""
import keras


def build(input_shape, output_units):
    backbone = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(8)], name="body")
    backbone.trainable = False
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(output_units, "softmax", name="head")(backbone(inputs)))
""")  # fmt: skip
    mine: dict[str, Any] = {"model": {"architecture": "nets.py:build"}, "code": own}
    frozen = weights(run(tmp_path / "1", digits(), [{"epochs": 1}], **mine))
    thawed = weights(run(tmp_path / "2", digits(), [{"epochs": 1}, {"trainable": "all", "epochs": 1}], **mine))
    again = weights(run(tmp_path / "3", digits(), [{"trainable": "head", "epochs": 1}, {"epochs": 1}], **mine))
    by_shape = {each.shape: index for index, each in enumerate(frozen)}
    body = by_shape[(64, 8)]
    assert np.array_equal(frozen[body], again[body]) and not np.array_equal(frozen[body], thawed[body])
    import keras

    kept = keras.saving.load_model(tmp_path / "2" / "model.keras")
    assert not kept.get_layer("body").layers[-1].trainable and kept.get_layer("head").trainable


@SLOW
def test_early_stopping_ends_the_stage_and_the_best_epoch_of_all_counts(tmp_path: Path) -> None:
    stages = [{"epochs": 40, "learning_rate": 0.3}, {"epochs": 3, "learning_rate": 0.001}]
    outcome = run(tmp_path, blobs(), stages, early_stopping=STOP)
    first = outcome.history["stage"].count(1)
    assert first < 40 and 1 <= outcome.history["stage"].count(2) <= 3
    assert outcome.epoch == int(np.argmin(outcome.history["val_loss"])) + 1
    assert outcome.metrics["val_loss"] == min(outcome.history["val_loss"])


@SLOW
def test_plateaus_and_schedules_begin_anew_in_each_stage(tmp_path: Path) -> None:
    cosine = {"cosine": {"from": 0.2, "to": 0.0, "warmup_epochs": 0, "decay_epochs": None}}
    stages = [
        {"epochs": 6, "learning_rate": 0.5, "reduce_on_plateau": PLATEAU},
        {"epochs": 2, "learning_rate": cosine},
        {"epochs": 6, "learning_rate": 0.5, "reduce_on_plateau": PLATEAU},
    ]
    rates = run(tmp_path, blobs(), stages).history["learning_rate"]
    assert rates[0] == rates[1] == rates[8] == rates[9] == 0.5
    assert rates[6:8] == pytest.approx([0.1, 0.0], abs=1e-6)
    assert min(rates[2:6]) < 0.5 and min(rates[10:]) < 0.5


@SLOW
def test_a_stop_part_is_what_stages_look_at(tmp_path: Path) -> None:
    data = blobs()
    rows = data.parts["train"]
    held = data._replace(parts={**data.parts, "train": rows[20:], "stop": rows[:20]})
    stages = [
        {"epochs": 30, "learning_rate": 0.3, "early_stopping": STOP | {"min_delta": 0.1}},
        {"epochs": 6, "learning_rate": 0.4, "reduce_on_plateau": PLATEAU},
    ]
    outcome = run(tmp_path, held, stages, select={"best": "val_loss"})
    stop = outcome.history["stop_loss"]
    first = outcome.history["stage"].count(1)
    assert 2 < first < 30 and min(stop[: first - 2]) - min(stop[first - 2 : first]) <= 0.1
    assert outcome.epoch == int(np.argmin(stop)) + 1
    assert outcome.metrics["val_loss"] == outcome.history["val_loss"][outcome.epoch - 1]


@SLOW
def test_a_report_that_asks_to_stop_ends_all_stages(tmp_path: Path) -> None:
    asked = job(tmp_path, blobs(), MLP, stages=[{"epochs": 4}, {"epochs": 4}])
    outcome = train(asked, lambda epoch, epochs, metrics: epoch == 2)
    assert (outcome.epoch, outcome.history["stage"]) == (2, [1, 1])


@SLOW
def test_each_stage_may_have_a_loss_batches_and_class_weights_of_its_own(tmp_path: Path) -> None:
    smoothed = {"categorical_crossentropy": {"label_smoothing": 0.2}}
    stages = [
        {"epochs": 1, "loss": smoothed, "batch_size": 16, "class_weight": "balanced"},
        {"epochs": 1, "batch_size": 64},
    ]
    first = run(tmp_path / "1", digits(), stages[:1], metrics=["train_loss"])
    both = run(tmp_path / "2", digits(), stages, metrics=["train_loss"], select={"best": "val_accuracy"})
    assert both.history["val_loss"][0] == first.history["val_loss"][0]
    assert both.metrics["val_loss"] == both.history["val_loss"][both.epoch - 1]  # type: ignore[operator]


@SLOW
def test_the_loss_of_training_at_the_end_is_that_of_the_stage_that_counts(tmp_path: Path) -> None:
    smoothed = {"categorical_crossentropy": {"label_smoothing": 0.2}}
    ruin = {"epochs": 1, "learning_rate": 30.0, "optimizer": {"sgd": {}}}
    first = run(tmp_path / "1", digits(), [{"epochs": 2, "loss": smoothed}], metrics=["train_loss"])
    both = run(
        tmp_path / "2", digits(), [{"epochs": 2, "loss": smoothed}, ruin], metrics=["train_loss"],
        select={"best": "val_accuracy"},
    )  # fmt: skip
    assert (both.epoch, first.epoch) == (2, 2)
    assert both.metrics["train_loss"] == first.metrics["train_loss"]


@SLOW
def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = Path(__file__).parents[2] / "specs" / "language" / "stages.yaml"
    words = ["sweep", str(spec), "--executor", "inline", "--devices", "cpu", "--json", "--root", str(tmp_path)]
    assert blueno(words) == 0
    ledger = json.loads(capsys.readouterr().out)
    assert (ledger["succeeded"], ledger["planned"]) == (2, 2)


def test_what_is_tried_looks_at_every_stage(tmp_path: Path) -> None:
    stages = [{"epochs": 1}, {"epochs": 1, "trainable": "blok*"}]
    with pytest.raises(ModelError, match="no layer with weights is called"):
        train(job(tmp_path, blobs(), stages=stages, batches=1), lambda *_: True)
