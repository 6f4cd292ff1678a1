"""What the engine makes of tasks, targets and dtypes, and the model that it leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.ml.job import Outcome
from blueno.ml.scaling import scaled, unscaled
from blueno.ml.train import check, train

from .ml_jobs import MLP, blobs, code, dataset, digits, job, line, quiet

pytest.importorskip("tensorflow")
SLOW = pytest.mark.slow
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15, NumPy 2

LINEAR = {"architecture": "mlp", "hidden": []}
R2 = {"metric": "val_r2", "direction": "maximize"}
COSINE = {"cosine": {"from": 0.01, "to": 0.001, "warmup_epochs": 1, "decay_epochs": None}}


def run(folder: Path, data: Dataset, model: dict[str, Any] = MLP, **changes: Any) -> Outcome:
    return train(job(folder, data, model, **changes), quiet)


def predictions(outcome: Outcome) -> dict[str, np.ndarray]:
    with np.load(outcome.artefacts["predictions"]) as file:
        return {name: file[name] for name in file.files}


def labels(samples: int = 120) -> Dataset:
    """Three labels at once: which of three features are positive."""
    features = np.random.default_rng(2).normal(size=(samples, 3)).astype(np.float32)
    data = dataset(features, (features > 0).astype(np.int64), "multilabel")
    return data._replace(classes=["left", "right", "up"], positive=None)


def two_lines(scale: bool) -> Dataset:
    """A regression of two values of very different size."""
    data = line()
    target = np.stack([data.target, 1000 + 500 * data.target], axis=1)
    rows = data.parts["train"]
    fitted = {"mean": target[rows].mean(axis=0).tolist(), "deviation": target[rows].std(axis=0).tolist()}
    return data._replace(target=target, target_scale=fitted if scale else None)


# ---- several labels at once


@SLOW
def test_several_labels_at_once(tmp_path: Path) -> None:
    outcome = run(tmp_path, labels(), LINEAR, epochs=30, learning_rate=0.1)
    found = predictions(outcome)
    assert found["scores"].shape == found["target"].shape == (40, 3)
    right = (found["scores"] > 0.5) == found["target"]
    assert right.mean() > 0.9 and 0.9 < outcome.history["accuracy"][-1] <= 1
    mean_loss = -np.mean(np.log(np.where(found["target"] == 1, found["scores"], 1 - found["scores"])))
    assert outcome.metrics["val_loss"] == pytest.approx(mean_loss, rel=1e-4)


@SLOW
def test_logits_of_several_labels_are_turned_into_probabilities_each_by_itself(tmp_path: Path) -> None:
    own = code(tmp_path / "code", nets="""
import keras


def build(input_shape, output_units):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(output_units)])
""")  # fmt: skip
    model = {"architecture": "nets.py:build"}
    loss = {"binary_crossentropy": {"from_logits": True}}
    outcome = run(tmp_path / "1", labels(), model, code=own, loss=loss, epochs=30, learning_rate=0.1)
    assert ((predictions(outcome)["scores"] > 0.5) == predictions(outcome)["target"]).mean() > 0.9
    with pytest.raises(ModelError, match="outputs are not probabilities") as caught:
        run(tmp_path / "2", labels(), model, code=own)
    assert "sigmoid" in caught.value.fix


@SLOW
@pytest.mark.parametrize("choice", ["balanced", {"left": 2.0}])
def test_class_weights_are_for_one_class_a_sample(tmp_path: Path, choice: Any) -> None:
    with pytest.raises(ModelError, match="each has several labels"):
        check(job(tmp_path, labels(), class_weight=choice))


# ---- the target's scale


def test_what_is_scaled_is_unscaled() -> None:
    data = two_lines(True)
    there = scaled(data.target, data)
    rows = data.parts["train"]
    assert np.allclose(there[rows].mean(axis=0), 0) and np.allclose(there[rows].std(axis=0), 1)
    assert np.allclose(unscaled(there, data), data.target, rtol=1e-12)
    one = line()._replace(target_scale={"mean": [2.0], "deviation": [4.0]})
    assert scaled(np.array([2.0, 6.0]), one).tolist() == [0.0, 1.0]
    assert unscaled(np.array([0.0, 1.0]), one).tolist() == [2.0, 6.0]


def test_without_a_scale_nothing_changes() -> None:
    data = line()
    assert scaled(data.target, data) is data.target and unscaled(data.target, data) is data.target


@SLOW
def test_a_scaled_target_is_measured_in_its_own_units(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"epochs": 60, "learning_rate": 0.05, "objective": R2}
    outcome = run(tmp_path / "1", two_lines(True), LINEAR, **changes)
    plain = run(tmp_path / "2", two_lines(False), LINEAR, **changes)
    assert outcome.metrics["val_r2"] > 0.98 > 0.5 > plain.metrics["val_r2"]
    found = predictions(outcome)
    assert found["scores"].shape == (30, 2) and np.array_equal(found["target"], two_lines(True).target[::3])
    errors = found["scores"] - found["target"]
    assert outcome.metrics["val_mean_squared_error"] == pytest.approx(np.mean(errors**2))
    of_scaled = errors / two_lines(True).target_scale["deviation"]  # type: ignore[index]
    assert outcome.metrics["val_loss"] == pytest.approx(np.mean(of_scaled**2), rel=1e-3)


@SLOW
def test_one_scaled_output_and_its_scores_have_the_targets_shape(tmp_path: Path) -> None:
    data = line()
    scale = {"mean": [float(data.target.mean())], "deviation": [float(data.target.std())]}
    outcome = run(tmp_path, data._replace(target_scale=scale), LINEAR, epochs=40, learning_rate=0.1, objective=R2)
    assert predictions(outcome)["scores"].shape == (30,) and outcome.metrics["val_r2"] > 0.98


# ---- losses of one's own


@SLOW
@pytest.mark.parametrize("name", ["per_sample", "one_number", "Own"])
@pytest.mark.parametrize("data", [blobs(), line(), two_lines(True), labels()], ids=["binary", "one", "two", "labels"])
def test_losses_of_ones_own_may_return_a_value_a_sample_or_one(tmp_path: Path, name: str, data: Dataset) -> None:
    own = code(tmp_path / "code", losses="""
import keras


def per_sample(y_true, y_pred):
    assert y_true.shape[1:] == y_pred.shape[1:]
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


def one_number(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred))


class Own(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)
""")  # fmt: skip
    objective = {"metric": "val_loss", "direction": "minimize"}
    outcome = run(tmp_path / "job", data, loss={f"losses.py:{name}": {}}, code=own, objective=objective)
    found = predictions(outcome)
    target, scores = (
        scaled(found["target"], data) if data.task == "regression" else found["target"],
        scaled(found["scores"], data) if data.task == "regression" else found["scores"],
    )
    assert outcome.metrics["val_loss"] == pytest.approx(np.mean((target - scores) ** 2), rel=1e-4)


# ---- bytes and other whole numbers


def in_bytes() -> Dataset:
    return digits()._replace(features=(digits().features * 16).astype(np.uint8))


@SLOW
@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("augment", [[], [{"random_flip": {}}]])
def test_images_of_bytes_are_numbers_for_the_model(
    tmp_path: Path, resident: bool, augment: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from blueno.ml.engines import feeding

    if not resident:
        monkeypatch.setattr(feeding, "RESIDENT_BYTES", 0)
    cnn = {"architecture": "cnn", "filters": [4]}
    as_floats = in_bytes()._replace(features=in_bytes().features.astype(np.float32))
    expected = run(tmp_path / "floats", as_floats, cnn, augment=augment)
    assert run(tmp_path / "bytes", in_bytes(), cnn, augment=augment).history == expected.history


OPEN = """
import keras


class Net(keras.Model):
    def __init__(self, units, first):
        super().__init__()
        self.first, self.last = first, keras.layers.Dense(units, "softmax")

    def call(self, x):
        x = self.first(x)
        return self.last(keras.ops.reshape(x, (-1, SIZE)))


def build(output_units):
    return Net(output_units, FIRST)
"""


@SLOW
def test_a_model_that_says_nothing_of_its_input_can_take_bytes(tmp_path: Path) -> None:
    text = OPEN.replace("SIZE", "8 * 8 * 2").replace("FIRST", "keras.layers.Conv2D(2, 3, padding='same')")
    own = code(tmp_path / "code", nets=text)
    assert run(tmp_path / "1", in_bytes(), {"architecture": "nets.py:build"}, code=own).state == "succeeded"


@SLOW
def test_indices_reach_the_model_as_whole_numbers(tmp_path: Path) -> None:
    text = OPEN.replace("SIZE", "8 * 8 * 2").replace("FIRST", "Looked(17, 2)")
    text = text.replace(
        "class Net",
        """class Looked(keras.layers.Embedding):
    def call(self, x):
        assert x.dtype == "int32" or len(x) == 1  # it is built on one sample of zeros
        return super().call(x)


class Net""",
    )
    own = code(tmp_path / "code", nets=text)
    words = digits()._replace(features=(digits().features * 16).astype(np.int32))
    assert run(tmp_path / "1", words, {"architecture": "nets.py:build"}, code=own).state == "succeeded"


# ---- half precision


@SLOW
def test_half_precision_trains_with_scaled_losses_and_measures_in_full(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"mixed_precision": True, "epochs": 8, "batch_size": 16}
    cnn = {"architecture": "cnn", "filters": [8], "hidden": [16]}
    outcome = run(tmp_path / "1", digits(), cnn, learning_rate=COSINE, **changes)
    full = run(tmp_path / "2", digits(), cnn, learning_rate=COSINE, **changes | {"mixed_precision": False})
    assert outcome.metrics["val_loss"] == pytest.approx(full.metrics["val_loss"], abs=0.1)
    assert outcome.history["learning_rate"] == full.history["learning_rate"]
    assert np.abs(predictions(outcome)["scores"].sum(axis=1) - 1).max() < 1e-5
    plateau = {"monitor": "val_loss", "factor": 0.5, "patience": 1, "min_learning_rate": 0.0, "after": 0}
    lowered = run(tmp_path / "3", blobs(), MLP, learning_rate=0.5, reduce_on_plateau=plateau, **changes)
    assert lowered.history["learning_rate"][-1] < 0.5


@SLOW
def test_a_model_of_half_precision_is_loaded_by_plain_keras(tmp_path: Path) -> None:
    outcome = run(tmp_path / "job", digits(), {"architecture": "cnn", "filters": [4]}, mixed_precision=True)
    check_plain(tmp_path, outcome, digits(), 2e-3)


# ---- what is left


def check_plain(folder: Path, outcome: Outcome, data: Dataset, tolerance: float) -> None:
    """The kept model, in a process with Keras and without Blueno, gives the kept predictions."""
    np.save(folder / "features.npy", data.features[data.parts["validation"]])
    script = """
import sys
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
assert getattr(model, "optimizer", None) is None and not any(name.startswith("blueno") for name in sys.modules)
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""
    places = [outcome.artefacts["weights"], folder / "features.npy", folder / "scores.npy"]
    subprocess.run([sys.executable, "-I", "-c", script, *map(str, places)], check=True, cwd=folder)
    kept = predictions(outcome)["scores"]
    assert np.allclose(np.load(folder / "scores.npy").reshape(kept.shape), kept, atol=tolerance)


@SLOW
def test_the_kept_model_is_loaded_by_plain_keras_without_its_augmentation(tmp_path: Path) -> None:
    augment = [{"random_translation": {"height_factor": 0.1, "width_factor": 0.1}}]
    cnn = {"architecture": "cnn", "filters": [4], "dropout": 0.2}
    own = code(tmp_path / "code", losses="""
import keras


def doubled(y_true, y_pred):
    return 2 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
""")  # fmt: skip
    outcome = run(tmp_path / "job", digits(), cnn, augment=augment, loss={"losses.py:doubled": {}}, code=own)
    assert outcome.artefacts["weights"].name == "model.keras"
    check_plain(tmp_path, outcome, digits(), 1e-6)


@SLOW
def test_a_loss_of_ones_own_is_not_in_the_kept_model(tmp_path: Path) -> None:
    own = code(tmp_path / "code", losses="def one(y_true, y_pred):\n    return (y_true - y_pred) ** 2\n")
    outcome = run(tmp_path / "job", line(), LINEAR, loss={"losses.py:one": {}}, code=own, objective=R2)
    assert outcome.artefacts["weights"].name == "model.keras"
    check_plain(tmp_path, outcome, line(), 1e-6)


@SLOW
def test_of_a_model_that_keras_cannot_describe_the_weights_are_kept(tmp_path: Path) -> None:
    from blueno.ml.restore import restore

    own = code(tmp_path / "code", nets="""
import keras


class Own(keras.layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        raise NotImplementedError("no config")


def build(input_shape, output_units):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, Own(keras.layers.Dense(output_units, "softmax"))(x))
""")  # fmt: skip
    asked = job(tmp_path / "job", digits(), {"architecture": "nets.py:build"}, code=own)
    outcome = train(asked, quiet)
    assert [path.name for path in asked.folder.iterdir()].count("model.keras") == 0
    assert outcome.artefacts["weights"].name == "model.weights.h5"
    assert outcome.notes == ("only the weights are kept, since Keras cannot describe the model: no config",)
    model = restore(outcome.artefacts["weights"], asked.recipe, own, digits)
    scores = model.predict(digits().features[digits().parts["validation"]], verbose=0)
    assert np.allclose(scores, predictions(outcome)["scores"], atol=1e-6)
