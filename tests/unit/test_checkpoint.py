"""A training that was interrupted goes on and ends as if it never had been: the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.etl.dataset import Dataset
from blueno.ml.job import Job, Outcome
from blueno.ml.train import train

from .ml_jobs import MLP, blobs, code, digits, job, line, quiet

pytest.importorskip("tensorflow")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras 3.15 with NumPy 2
]

STOP = {"monitor": "val_loss", "patience": 3, "min_delta": 0.0}
PLATEAU = {"monitor": "val_accuracy", "factor": 0.5, "patience": 1, "min_learning_rate": 0.0, "after": 1}
COSINE = {"cosine": {"from": 0.01, "to": 0.001, "warmup_epochs": 1, "decay_epochs": None}}
NOISE = [{"random_translation": {"height_factor": 0.1, "width_factor": 0.1}}, {"gaussian_noise": {"stddev": 0.1}}]
NET = {"architecture": "mlp", "hidden": [16], "dropout": 0.3, "batch_norm": True}
ADAM_STAGE = {"epochs": 3, "optimizer": {"adam": {}}, "learning_rate": 0.003, "batch_size": 16, "trainable": "all"}
SGD_STAGE = {"epochs": 4, "optimizer": {"sgd": {"momentum": 0.9}}, "learning_rate": 0.05, "reduce_on_plateau": PLATEAU}


class Killed(BaseException):
    """The end of the process, as far as training can tell."""


def whole(folder: Path, data: Dataset, model: dict[str, Any], **changes: Any) -> Outcome:
    return train(job(folder / "whole", data, model, **changes), quiet)


def interrupted(folder: Path, data: Dataset, model: dict[str, Any], kills: list[int], **changes: Any) -> Outcome:
    """Killed at the report of each of these epochs, with a checkpoint after every epoch, then left alone."""
    for attempt, last in enumerate([*kills, 0]):
        asked = resumable(folder / f"attempt {attempt}", folder / "checkpoint", data, model, **changes)
        try:
            return train(asked, killer(last))
        except Killed:
            np.random.random(7)  # what else goes on in the next process
    raise AssertionError("the last attempt was killed as well")


def resumable(folder: Path, checkpoint: Path, data: Dataset, model: dict[str, Any], **changes: Any) -> Job:
    return job(folder, data, model, checkpoint=checkpoint, **{"checkpoint_s": 0.0} | changes)


def killer(last: int) -> Any:
    def report(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        if epoch == last:
            raise Killed
        return False

    return report


def weights(outcome: Outcome) -> list[np.ndarray]:
    import keras

    return [np.asarray(each) for each in keras.saving.load_model(outcome.artefacts["weights"]).get_weights()]


def check_same(resumed: Outcome, expected: Outcome) -> None:
    assert resumed.history == expected.history
    assert (resumed.metrics, resumed.epoch, resumed.state) == (expected.metrics, expected.epoch, expected.state)
    for ours, theirs in zip(weights(resumed), weights(expected), strict=True):
        assert np.array_equal(ours, theirs)
    scores = [np.load(each.artefacts["predictions"])["scores"] for each in (resumed, expected)]
    assert np.array_equal(*scores)


TRAININGS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "adam with a schedule": ({"epochs": 5, "learning_rate": COSINE}, [3]),
    "momentum with plateaus": (
        {"epochs": 7, "optimizer": {"sgd": {"momentum": 0.9, "nesterov": True}}, "learning_rate": 0.2,
         "reduce_on_plateau": PLATEAU, "select": {"best": "val_loss"}},
        [3, 6],
    ),
    "early stopping": ({"epochs": 30, "learning_rate": 0.05, "early_stopping": STOP}, [2, 4]),
    "averages and clipping": (
        {"epochs": 4, "optimizer": {"adamw": {"use_ema": True, "ema_overwrite_frequency": 5, "clipnorm": 1.0}}}, [2],
    ),
    "half precision": ({"epochs": 4, "mixed_precision": True}, [3]),
    "stages": ({"stages": [ADAM_STAGE, SGD_STAGE], "select": {"best": "val_loss"}}, [2, 4, 6]),
    "a stage that early stopping ends": (
        {"stages": [{"epochs": 20, "learning_rate": 0.1}, ADAM_STAGE], "early_stopping": STOP}, [3, 5],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAININGS)
def test_it_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    changes, kills = TRAININGS[name]
    expected = whole(tmp_path, digits(), NET, augment=NOISE, class_weight="balanced", **changes)
    resumed = interrupted(tmp_path, digits(), NET, kills, augment=NOISE, class_weight="balanced", **changes)
    check_same(resumed, expected)
    assert [note.partition(",")[0] for note in resumed.notes if "went on" in note] == [
        f"went on after epoch {last - 1}" for last in kills
    ]


@pytest.fixture
def features_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dataset]:
    from blueno.ml.engines import feeding

    monkeypatch.setattr(feeding, "RESIDENT_BYTES", 0)
    np.save(tmp_path / "features.npy", digits().features)
    yield digits()._replace(features=np.load(tmp_path / "features.npy", mmap_mode="r"))


def test_data_on_disk_goes_on_at_the_right_epoch(tmp_path: Path, features_on_disk: Dataset) -> None:
    changes = {"stages": [{"epochs": 2}, {"epochs": 3, "batch_size": 16}]}
    expected = whole(tmp_path, features_on_disk, MLP, **changes)
    check_same(interrupted(tmp_path, features_on_disk, MLP, [2, 4], **changes), expected)


def test_a_user_who_draws_from_pythons_and_numpys_chance(tmp_path: Path) -> None:
    own = code(tmp_path / "code", losses="""
import random

import keras
import numpy as np
import tensorflow as tf


def shaken(y_true, y_pred):
    factor = tf.py_function(lambda: np.float32(random.random() + np.random.random()), [], tf.float32)
    factor.set_shape(())
    return (1 + factor) * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
""")  # fmt: skip
    changes = {"loss": {"losses.py:shaken": {}}, "code": own, "epochs": 4}
    check_same(interrupted(tmp_path, digits(), MLP, [3], **changes), whole(tmp_path, digits(), MLP, **changes))


def test_a_regression_without_validation(tmp_path: Path) -> None:
    data = line()._replace(parts={"train": np.arange(90)})
    changes = {"epochs": 4, "objective": {"metric": "train_r2", "direction": "maximize"}}
    expected, resumed = whole(tmp_path, data, MLP, **changes), interrupted(tmp_path, data, MLP, [3], **changes)
    assert (resumed.history, resumed.metrics) == (expected.history, expected.metrics)


def test_epochs_before_are_reported_as_they_were_and_not_trained_again(tmp_path: Path) -> None:
    told: list[tuple[int, int, dict[str, float]]] = []

    def attempt(number: int, last: int) -> Outcome:
        def report(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
            told.append((epoch, epochs, metrics))
            return killer(last)(epoch, epochs, metrics)

        return train(resumable(tmp_path / str(number), tmp_path / "state", blobs(), MLP, epochs=6), report)

    with pytest.raises(Killed):
        attempt(1, 4)
    before = list(told)
    outcome = attempt(2, 0)
    assert [epoch for epoch, _, _ in told] == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6]
    assert told[4:7] == before[:3] and len(outcome.history["loss"]) == 6


def test_who_says_of_an_old_epoch_that_it_was_the_last_is_obeyed(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(resumable(tmp_path / "1", tmp_path / "state", blobs(), MLP, epochs=9), killer(4))
    outcome = train(resumable(tmp_path / "2", tmp_path / "state", blobs(), MLP, epochs=9), lambda *_: True)
    assert (outcome.epoch, outcome.state, len(outcome.history["loss"])) == (3, "succeeded", 3)


def test_a_metric_that_was_asked_for_later_is_missing_before(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(resumable(tmp_path / "1", tmp_path / "state", blobs(), MLP, epochs=4), killer(3))
    outcome = train(resumable(tmp_path / "2", tmp_path / "state", blobs(), MLP, epochs=4, metrics=["f1"]), quiet)
    assert np.isnan(outcome.history["val_f1"]).tolist() == [True, True, False, False]
    assert outcome.metrics["val_f1"] == outcome.history["val_f1"][-1]


def killed(folder: Path, **changes: Any) -> Path:
    """The file that an attempt leaves which is killed in its third epoch."""
    with pytest.raises(Killed):
        train(resumable(folder / "killed", folder / "state", blobs(), MLP, epochs=4, **changes), killer(3))
    (left,) = (folder / "state").iterdir()
    return left


@pytest.mark.parametrize("place", [0.1, 0.4, 0.7])
def test_a_damaged_file_is_not_used(tmp_path: Path, place: float) -> None:
    left = killed(tmp_path)
    content = bytearray(left.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    left.write_bytes(content)
    outcome = train(resumable(tmp_path / "again", tmp_path / "state", blobs(), MLP, epochs=4), quiet)
    assert outcome.notes == ("the state that an earlier attempt left is damaged; training began again",)
    assert outcome.history == whole(tmp_path, blobs(), MLP, epochs=4).history


@pytest.mark.parametrize("size", [0, 10, 2000])
def test_half_a_file_is_not_used(tmp_path: Path, size: int) -> None:
    left = killed(tmp_path)
    left.write_bytes(left.read_bytes()[:size])
    outcome = train(resumable(tmp_path / "again", tmp_path / "state", blobs(), MLP, epochs=4), quiet)
    assert outcome.notes == ("the state that an earlier attempt left is damaged; training began again",)
    assert len(outcome.history["loss"]) == 4


def test_the_state_of_another_trial_is_not_used(tmp_path: Path) -> None:
    killed(tmp_path, seed=1)
    outcome = train(resumable(tmp_path / "again", tmp_path / "state", blobs(), MLP, epochs=4, seed=2), quiet)
    assert outcome.notes == ("the state that an earlier attempt left is of another version; training began again",)
    assert outcome.history == whole(tmp_path, blobs(), MLP, epochs=4, seed=2).history


def test_short_trials_leave_nothing(tmp_path: Path) -> None:
    train(resumable(tmp_path / "1", tmp_path / "state", blobs(), MLP, checkpoint_s=300.0), quiet)
    assert not (tmp_path / "state").exists()


def test_it_is_written_no_more_often_than_asked(tmp_path: Path) -> None:
    import keras

    from blueno.ml.engines.checkpoint import save_if_due, saver_of
    from blueno.ml.engines.progress import Progress

    now_s = [0.0]
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    saver = saver_of(resumable(tmp_path / "1", tmp_path / "state", blobs(), MLP, checkpoint_s=60.0), model)
    saver.clock, saver.last_s, saver.path = lambda: now_s[0], 0.0, tmp_path / "state.npz"
    for now_s[0], is_there in ((59.0, False), (61.0, True), (119.0, False), (121.5, True)):
        save_if_due(saver, Progress(), model)
        assert saver.path.exists() == is_there
        saver.path.unlink(missing_ok=True)


def test_a_folder_that_cannot_be_written_ends_no_training(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    outcome = train(resumable(tmp_path / "1", tmp_path / "state", blobs(), MLP, epochs=3), quiet)
    assert outcome.notes == ("the state of the training could not be kept: File exists",)
    assert outcome.state == "succeeded"


def test_a_model_with_optimizers_of_its_own_is_not_gone_on_with(tmp_path: Path) -> None:
    own = code(tmp_path / "code", nets="""
import keras


class Net(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.second = keras.optimizers.SGD()
        self.last = keras.layers.Dense(units, "sigmoid")

    def call(self, x):
        return self.last(x)


def build(output_units):
    return Net(output_units)
""")  # fmt: skip
    train(resumable(tmp_path / "1", tmp_path / "state", blobs(), {"architecture": "nets.py:build"}, code=own), quiet)
    assert not (tmp_path / "state").exists()
