"""Every architecture, optimizer, loss and schedule of the language in a pack, against `fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from blueno.ml.engines.fused.family import open_family
from blueno.ml.engines.fused.template import NotFusable
from tests.jax.families import LESS, same_as_fit, trials
from tests.unit import ml_jobs

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [8], "dropout": 0.2, "batch_norm": True},
    "cnn": {"filters": [4]},
    "resnet": {"filters": [4], "blocks": 1},
    "lstm": {"units": [4]},
    "gru": {"units": [4]},
    "transformer": {"depth": 1, "heads": 2, "width": 8, "hidden": 8, "dropout": 0.1},
    "vit": {"depth": 1, "heads": 2, "width": 8},
}
SEQUENCES = {"lstm", "gru", "transformer"}
ADAM = {"adam": {}}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9, "nesterov": True}, "rmsprop": {"rho": 0.8, "momentum": 0.5}, "adam": {"amsgrad": True},
    "adamw": {"weight_decay": 0.01, "clipnorm": 0.5}, "adadelta": {}, "adagrad": {}, "adamax": {},
    "adafactor": {}, "nadam": {}, "ftrl": {}, "lion": {}, "lamb": {}, "muon": {}, "schedule_free_adam_w": {},
}  # fmt: skip
NO_OPTIMIZERS = {"Optimizer", "OptimizerMap", "LossScaleOptimizer", "MultiOptimizer"}  # not alone
LOSSES = {
    "regression": ["mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "mean_squared_logarithmic_error",
                   "mean_absolute_percentage_error", "cosine_similarity"],
    "binary": ["binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge", "poisson", "dice",
               "tversky"],
    "multiclass": ["categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "kl_divergence",
                   "sparse_categorical_crossentropy"],
}  # fmt: skip
# of sequences and embeddings, which no task here has; and one that wants class codes and does not say so in its name
NO_LOSSES = {"Loss", "CTC", "Circle", "CategoricalGeneralizedCrossEntropy"}
SCHEDULES: list[dict[str, Any]] = [
    {"cosine": {"from": 0.01, "to": 0.001, "warmup_epochs": 1, "decay_epochs": None}},
    {"cosine_decay": {"initial_learning_rate": 0.01, "decay_steps": 8}},
    {"cosine_decay_restarts": {"initial_learning_rate": 0.01, "first_decay_steps": 4}},
    {"exponential_decay": {"initial_learning_rate": 0.01, "decay_steps": 4, "decay_rate": 0.5}},
    {"inverse_time_decay": {"initial_learning_rate": 0.01, "decay_steps": 4, "decay_rate": 0.5}},
    {"piecewise_constant_decay": {"boundaries": [4, 8], "values": [0.01, 0.005, 0.001]}},
    {"polynomial_decay": {"initial_learning_rate": 0.01, "decay_steps": 8}},
]


def sequences() -> Any:
    digits = ml_jobs.digits()
    return ml_jobs.dataset(digits.features.reshape(-1, 8, 8)[:90], digits.target[:90], "multiclass")


def images() -> Any:
    digits = ml_jobs.digits()
    return ml_jobs.dataset(digits.features[:90], digits.target[:90], "multiclass")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures(tmp_path: Path, name: str) -> None:
    data = sequences() if name in SEQUENCES else images()
    model = {"architecture": name, **ARCHITECTURES[name]}
    same_as_fit(
        trials(tmp_path, 2, lambda folder, i: ml_jobs.job(folder, data, model, seed=i, learning_rate=1e-3 * (i + 1)))
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(tmp_path: Path, name: str) -> None:
    choice = {name: OPTIMIZERS[name]}
    same_as_fit(
        trials(
            tmp_path, 2,
            lambda folder, i: ml_jobs.job(
                folder, ml_jobs.blobs(60), {"architecture": "mlp", "hidden": [4]}, seed=i, optimizer=choice,
                learning_rate=0.01 * (i + 1),
            ),
        )
    )  # fmt: skip


def test_every_optimizer_of_keras_is_tried() -> None:
    known = {name for name, each in vars(keras.optimizers).items() if isinstance(each, type)} - NO_OPTIMIZERS
    assert {name.lower() for name in known} == {name.replace("_", "") for name in OPTIMIZERS}


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, names in LOSSES.items() for name in names])
def test_losses(tmp_path: Path, task: str, name: str) -> None:
    data = {"regression": ml_jobs.line, "binary": ml_jobs.blobs, "multiclass": lambda: ml_jobs.blobs(60, 3)}[task]()
    objective = {"metric": "val_loss", "direction": "minimize"}
    same_as_fit(
        trials(
            tmp_path, 2,
            lambda folder, i: ml_jobs.job(
                folder, data, {"architecture": "mlp", "hidden": [4]}, seed=i, loss={name: {}}, objective=objective,
                epochs=1,
            ),
        )
    )  # fmt: skip


def test_every_loss_of_keras_is_tried() -> None:
    known = {name for name, each in vars(keras.losses).items() if isinstance(each, type)} - NO_LOSSES
    tried = {name.replace("_", "") for names in LOSSES.values() for name in names}
    assert {name.lower() for name in known} == tried


def test_schedules(tmp_path: Path) -> None:
    """All in one pack: a schedule is a table of rates."""
    same_as_fit(
        trials(
            tmp_path, len(SCHEDULES),
            lambda folder, i: ml_jobs.job(
                folder, ml_jobs.blobs(60), {"architecture": "mlp", "hidden": [4]}, seed=i, learning_rate=SCHEDULES[i],
                epochs=3,
            ),
        )
    )  # fmt: skip


NOT_FUSABLE = [
    ({"optimizer": {"adam": {"use_ema": True}}}, "averages weights"),
    ({"stages": [{"epochs": 1}, {"optimizer": {"adam": {"use_ema": True}}}]}, "averages weights"),
]


@pytest.mark.parametrize(("changes", "why"), NOT_FUSABLE)
def test_what_cannot_be_fused_says_why(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    job = ml_jobs.job(tmp_path / "a", ml_jobs.blobs(), **changes)._replace(keep=LESS)
    with pytest.raises(NotFusable, match=why):
        open_family([job])


OWN = {
    "draws": ("keras.layers.Lambda(lambda x: x + keras.random.normal((1,)), output_shape=(2,))", "seeded random ops"),
    "branches": (
        "keras.layers.Lambda(lambda x: x if keras.ops.sum(x) > 0 else -x, output_shape=(2,))",
        "JAX cannot compute",
    ),
    "counts": ("Counting()", "changes calls"),
}


@pytest.mark.parametrize("name", OWN)
def test_models_with_a_state_in_python_say_why(tmp_path: Path, name: str) -> None:
    layer, why = OWN[name]
    text = f"""
import keras

class Counting(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def call(self, x):
        self.calls += 1
        return x

def build(input_shape, output_units, output_activation):
    inputs = keras.Input(input_shape)
    x = {layer}(inputs)
    return keras.Model(inputs, keras.layers.Dense(output_units, activation=output_activation)(x))
"""
    code = ml_jobs.code(tmp_path / "code", nets=text)
    model = {"architecture": "nets.py:build"}
    with pytest.raises(NotFusable, match=why):
        open_family([ml_jobs.job(tmp_path / "a", ml_jobs.blobs(), model, code=code)])


def test_rows_of_what_fit_gives(tmp_path: Path) -> None:
    """The losses of the first steps, not only of epochs: an epoch of one batch is a step."""
    jobs = trials(tmp_path, 2, lambda folder, i: ml_jobs.job(
        folder, ml_jobs.digits(), {"architecture": "cnn", "filters": [4]}, seed=i, epochs=3, batches=1))  # fmt: skip
    outcomes = same_as_fit(jobs, atol=1e-5)
    assert all(len(each.history["loss"]) == 3 and np.isfinite(each.history["loss"]).all() for each in outcomes)
