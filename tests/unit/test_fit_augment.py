"""Augmentation: what stands before the model while it trains, in order, and never while it is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.ml.job import Outcome
from blueno.ml.train import check, train

from .ml_jobs import MLP, blobs, code, digits, job, quiet

pytest.importorskip("tensorflow")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras 3.15 with NumPy 2
]

LAYERS: dict[str, dict[str, Any]] = {
    "random_flip": {"mode": "horizontal"},
    "random_rotation": {"factor": 0.1},
    "random_translation": {"height_factor": 0.1, "width_factor": 0.1},
    "random_zoom": {"height_factor": 0.2},
    "random_shear": {"x_factor": 0.2},
    "random_brightness": {"factor": 0.2, "value_range": [0.0, 1.0]},
    "random_contrast": {"factor": 0.2, "value_range": [0.0, 1.0]},
    "random_erasing": {"value_range": [0.0, 1.0]},
    "gaussian_noise": {"stddev": 0.1},
    "spatial_dropout2d": {"rate": 0.2},
    "auto_contrast": {"value_range": [0.0, 1.0]},
}
OWN = """
import keras


class More(keras.layers.Layer):
    def __init__(self, by=1.0):
        super().__init__()
        self.by = by

    def call(self, x):
        return x + self.by


class Times(keras.layers.Layer):
    def __init__(self, by=2.0):
        super().__init__()
        self.by = by

    def call(self, x):
        return x * self.by
"""


def run(folder: Path, data: Dataset, augment: list[Any], **changes: Any) -> Outcome:
    return train(job(folder, data, MLP, augment=augment, **changes), quiet)


@pytest.mark.parametrize("name", LAYERS)
def test_keras_layers_change_training_the_same_way_each_time(tmp_path: Path, name: str) -> None:
    augment = [{name: LAYERS[name]}]
    outcome = run(tmp_path / "1", digits(), augment)
    assert outcome.history == run(tmp_path / "2", digits(), augment).history
    assert outcome.history["loss"] != run(tmp_path / "3", digits(), []).history["loss"]
    check_measured_without(outcome)


def check_measured_without(outcome: Outcome) -> None:
    """The scores are those of the kept model, which has no augmentation, on the features as they are."""
    import keras

    model = keras.saving.load_model(outcome.artefacts["weights"])
    scores = model.predict(digits().features[digits().parts["validation"]], verbose=0)
    assert np.allclose(scores, np.load(outcome.artefacts["predictions"])["scores"], atol=1e-6)


def test_layers_of_ones_own_stand_in_the_order_of_the_spec(tmp_path: Path) -> None:
    own = code(tmp_path / "code", layers=OWN)
    augment = [{"layers.py:More": {"by": 0.5}}, {"layers.py:Times": {}}]
    outcome = run(tmp_path / "1", digits(), augment, code=own)
    moved = digits()._replace(features=((digits().features + 0.5) * 2).astype(np.float32))
    expected = run(tmp_path / "2", moved, [])
    assert outcome.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-6)
    check_measured_without(outcome)  # although these layers do not ask whether it is training


def test_tables_are_augmented_as_well(tmp_path: Path) -> None:
    noisy, plain = (
        run(tmp_path / str(len(layers)), blobs(), layers) for layers in ([{"gaussian_noise": {"stddev": 1.0}}], [])
    )
    assert noisy.history["loss"] != plain.history["loss"]


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ([{"random_crop": {"height": 6, "width": 6}}], r"makes samples of \(8, 8, 1\) to some of \(6, 6, 1\)"),
        ([{"spatial_dropout1d": {"rate": 0.5}}], r"spatial_dropout1d cannot take samples of the shape \(8, 8, 1\)"),
        ([{"random_flipp": {}}], "no layer called 'random_flipp'"),
    ],
)
def test_what_does_not_fit_the_samples_is_told_before_training(
    tmp_path: Path, augment: list[Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        check(job(tmp_path, digits(), MLP, augment=augment))
    assert caught.value.fix


def test_bytes_are_not_taken_for_granted(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="random_brightness takes values of 0 to 255") as caught:
        run(tmp_path, digits(), [{"random_brightness": {"factor": 0.2}}])
    assert caught.value.fix.startswith("write value_range: [0, 1]")
