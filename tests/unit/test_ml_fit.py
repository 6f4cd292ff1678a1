"""Keras through `fit`: determinism, the epoch that counts, divergence, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.ml.job import Outcome
from blueno.ml.train import check, train

from .ml_jobs import MLP, TRAIN, blobs, code, digits, job, line, quiet

pytest.importorskip("tensorflow")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras 3.15 with NumPy 2
]

NET = """
import keras

def build(input_shape, output_units, width: int = 8):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(width, "relu"),
        keras.layers.Dense(LAST),
    ])
"""
STOP = {"monitor": "val_loss", "patience": 2, "min_delta": 0.0}


def run(folder: Path, data: Dataset, *arguments: Any, **changes: Any) -> Outcome:
    return train(job(folder, data, *arguments, **changes), quiet)


def net(last: str) -> str:
    return NET.replace("LAST", last)


def weights(outcome: Outcome) -> list[np.ndarray]:
    import keras

    return [np.asarray(each) for each in keras.saving.load_model(outcome.artefacts["weights"]).get_weights()]


def test_the_same_trial_gives_the_same_bits_whatever_ran_before(tmp_path: Path) -> None:
    cnn = {"architecture": "cnn", "filters": [4], "hidden": [8], "dropout": 0.3}
    first = run(tmp_path / "1", digits(), cnn, seed=3)
    run(tmp_path / "2", blobs(), MLP, seed=5, learning_rate=0.1)
    run(tmp_path / "3", digits(), cnn, seed=4)
    again = run(tmp_path / "4", digits(), cnn, seed=3)
    assert first.metrics == again.metrics and first.history == again.history
    assert all(np.array_equal(a, b) for a, b in zip(weights(first), weights(again), strict=True))


def test_another_seed_gives_other_numbers(tmp_path: Path) -> None:
    losses = [run(tmp_path / str(seed), digits(), MLP, seed=seed).metrics["val_loss"] for seed in (0, 1, 2**40)]
    assert len(set(losses)) == 3


def test_metrics_predictions_and_weights_agree(tmp_path: Path) -> None:
    outcome = run(tmp_path, digits(), MLP, epochs=3)
    found = np.load(outcome.artefacts["predictions"])
    assert found["ids"].tolist() == digits().ids[digits().parts["validation"]].tolist()
    assert outcome.metrics["val_accuracy"] == np.mean(found["scores"].argmax(axis=1) == found["target"])
    sure = found["scores"][np.arange(80), found["target"]]
    assert outcome.metrics["val_log_loss"] == pytest.approx(-np.mean(np.log(sure)), rel=1e-6)
    assert (
        outcome.metrics["val_loss"]
        == outcome.history["val_loss"][-1]
        == pytest.approx(outcome.metrics["val_log_loss"], rel=1e-5)
    )
    assert {name: len(values) for name, values in outcome.history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 3
    )
    assert (outcome.state, outcome.engine, outcome.epoch) == ("succeeded", "fit", 3)


def test_the_saved_weights_load_into_the_model_and_predict_the_same(tmp_path: Path) -> None:
    from blueno.ml.model import build_model

    outcome = run(tmp_path, digits(), MLP)
    model, _ = build_model(MLP, digits(), None)
    model.load_weights(outcome.artefacts["weights"])
    scores = model.predict(digits().features[digits().parts["validation"]], verbose=0)
    assert np.allclose(scores, np.load(outcome.artefacts["predictions"])["scores"], atol=1e-6)


def test_one_epoch_is_that_of_a_hand_written_loop(tmp_path: Path) -> None:
    import keras

    from blueno.ml.batches import order
    from blueno.ml.model import build_model

    outcome = run(tmp_path, digits(), MLP, seed=9, epochs=1)
    keras.backend.clear_session()
    keras.utils.set_random_seed(9)
    model, _ = build_model(MLP, digits(), None)
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    rows = digits().parts["train"][order(9, 1, 160)]
    model.fit(digits().features[rows], digits().target[rows], batch_size=32, shuffle=False, verbose=0)
    held_out = digits().parts["validation"]
    expected = model.evaluate(digits().features[held_out], digits().target[held_out], batch_size=80, verbose=0)
    assert outcome.metrics["val_loss"] == pytest.approx(expected, rel=1e-6)


def test_penalties_of_layers_are_part_of_the_validation_loss(tmp_path: Path) -> None:
    text = net("output_units, 'softmax', kernel_regularizer=keras.regularizers.L2(0.1)")
    own = code(tmp_path / "code", nets=text)
    outcome = run(tmp_path / "job", digits(), {"architecture": "nets.py:build"}, code=own)
    assert outcome.metrics["val_loss"] > outcome.metrics["val_log_loss"] + 0.1


def test_early_stopping_ends_training_and_the_best_epoch_counts(tmp_path: Path) -> None:
    outcome = run(tmp_path, blobs(), MLP, epochs=60, learning_rate=0.3, early_stopping=STOP)
    history = outcome.history["val_loss"]
    assert len(history) < 60 and outcome.epoch == int(np.argmin(history)) + 1 == len(history) - 2
    assert outcome.metrics["val_loss"] == min(history)
    assert outcome.metrics["val_accuracy"] == outcome.history["val_accuracy"][outcome.epoch - 1]


def test_select_says_which_epoch_counts(tmp_path: Path) -> None:
    best = run(tmp_path / "1", blobs(), MLP, epochs=6, learning_rate=0.3, select={"best": "val_accuracy"})
    assert best.epoch == int(np.argmax(best.history["val_accuracy"])) + 1
    last = run(tmp_path / "2", blobs(), MLP, epochs=60, learning_rate=0.3, early_stopping=STOP, select="last")
    assert last.epoch == len(last.history["loss"])


def test_with_a_stop_part_the_rules_do_not_look_at_validation(tmp_path: Path) -> None:
    data = blobs()
    train_rows = data.parts["train"]
    held = data._replace(parts={**data.parts, "train": train_rows[20:], "stop": train_rows[:20]})
    outcome = run(tmp_path, held, MLP, epochs=40, learning_rate=0.3, early_stopping=STOP)
    assert outcome.epoch == int(np.argmin(outcome.history["stop_loss"])) + 1
    assert outcome.metrics["val_loss"] == outcome.history["val_loss"][outcome.epoch - 1]


def test_plateaus_lower_the_rate(tmp_path: Path) -> None:
    plateau = {"monitor": "val_loss", "factor": 0.5, "patience": 1, "min_learning_rate": 0.2, "after": 2}
    outcome = run(tmp_path, blobs(), MLP, epochs=10, learning_rate=0.5, reduce_on_plateau=plateau)
    rates = outcome.history["learning_rate"]
    assert rates[:3] == [0.5, 0.5, 0.5] and rates[-1] == pytest.approx(0.2)


def test_a_training_loss_that_is_not_finite_ends_the_trial(tmp_path: Path) -> None:
    linear = {"architecture": "mlp", "hidden": []}
    objective = {"metric": "val_r2", "direction": "maximize"}
    outcome = run(tmp_path, line(), linear, epochs=60, optimizer={"sgd": {}}, learning_rate=9.0, objective=objective)
    assert outcome.state == "diverged" and len(outcome.history["loss"]) < 60
    assert not math.isfinite(outcome.history["loss"][-1]) and outcome.artefacts == {}
    assert {"loss"} <= {*outcome.nonfinite} < {*outcome.history}


def test_what_was_not_finite_is_named_though_an_earlier_epoch_counts(tmp_path: Path) -> None:
    linear, objective = {"architecture": "mlp", "hidden": []}, {"metric": "val_r2", "direction": "maximize"}
    changes = {"epochs": 60, "optimizer": {"sgd": {}}, "learning_rate": 9.0, "select": {"best": "val_loss"}}
    outcome = run(tmp_path, line(), linear, objective=objective, **changes)
    assert outcome.state == "diverged" and outcome.epoch is not None and outcome.epoch < len(outcome.history["loss"])
    assert all(math.isfinite(value) for value in outcome.metrics.values()) and "loss" in outcome.nonfinite


def test_a_report_may_stop_it(tmp_path: Path) -> None:
    outcome = train(job(tmp_path, blobs(), MLP, epochs=20), lambda epoch, epochs, metrics: epoch == 3)
    assert (outcome.state, outcome.epoch, len(outcome.history["loss"])) == ("succeeded", 3, 3)


def test_a_try_ends_each_epoch_after_a_few_batches(tmp_path: Path) -> None:
    outcome = run(tmp_path, digits(), MLP, batch_size=8, epochs=1, batches=2)
    assert len(np.load(outcome.artefacts["predictions"])["ids"]) == 16


def test_metrics_that_are_asked_for_are_in_the_history_and_those_of_training_are_not(tmp_path: Path) -> None:
    objective = {"metric": "val_qwk", "direction": "maximize"}
    asked = [{"cohen_kappa": {"weights": "quadratic", "as": "qwk"}}, "train_roc_auc", "train_loss"]
    outcome = run(tmp_path, digits(), MLP, metrics=asked, objective=objective, select={"best": "val_qwk"})
    assert outcome.metrics["val_qwk"] == max(outcome.history["val_qwk"])
    assert 0 < outcome.metrics["train_roc_auc"] <= 1 and "train_roc_auc" not in outcome.history
    assert outcome.metrics["train_loss"] < outcome.history["loss"][0]


def test_binary_scores_are_those_of_the_positive_class(tmp_path: Path) -> None:
    outcome = run(tmp_path, blobs(), MLP, epochs=30, learning_rate=0.03)
    found = np.load(outcome.artefacts["predictions"])
    assert found["scores"].shape == (40,) and outcome.metrics["val_roc_auc"] > 0.95
    assert outcome.metrics["val_accuracy"] == np.mean((found["scores"] > 0.5) == found["target"])


@pytest.mark.parametrize("last", ["2, 'softmax'", "1, 'sigmoid'"])
def test_a_builder_of_ones_own_may_take_few_arguments_and_two_units_stand_for_two_classes(
    tmp_path: Path, last: str
) -> None:
    own = code(tmp_path / "code", nets=net(last))
    model = {"architecture": "nets.py:build", "width": 4}
    outcome = run(tmp_path / "job", blobs(), model, code=own, epochs=30, learning_rate=0.03)
    assert outcome.metrics["val_roc_auc"] > 0.95
    assert np.load(outcome.artefacts["predictions"])["scores"].shape == (40,)


def test_a_model_without_a_fixed_input_and_without_a_training_argument(tmp_path: Path) -> None:
    text = """
import keras

class Net(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.last = keras.layers.Dense(units, "softmax")

    def call(self, x):
        return self.last(keras.ops.reshape(x, (-1, 64)))

def build(output_units):
    return Net(output_units)
"""
    outcome = run(
        tmp_path / "job", digits(), {"architecture": "nets.py:build"}, code=code(tmp_path / "code", nets=text)
    )
    assert outcome.state == "succeeded" and "weights" in outcome.artefacts


def test_what_fitted_steps_publish_is_filled_in(tmp_path: Path) -> None:
    text = net("output_units, 'softmax'").replace("width: int = 8", "vocabulary_size, width=8")
    text = text.replace("    return", "    assert vocabulary_size == 77\n    return")
    data = digits()._replace(published={"vocabulary_size": 77})
    assert (
        run(tmp_path / "job", data, {"architecture": "nets.py:build"}, code=code(tmp_path / "code", nets=text)).epoch
        == 2
    )


def test_logits_become_probabilities_if_the_loss_says_so(tmp_path: Path) -> None:
    own = code(tmp_path / "code", nets=net("output_units"))
    model = {"architecture": "nets.py:build"}
    loss = {"sparse_categorical_crossentropy": {"from_logits": True}}
    outcome = run(tmp_path / "1", digits(), model, code=own, loss=loss)
    assert np.allclose(np.load(outcome.artefacts["predictions"])["scores"].sum(axis=1), 1)
    with pytest.raises(ModelError, match="outputs are not probabilities"):
        run(tmp_path / "2", digits(), model, code=own)


def test_losses_by_name_and_of_ones_own(tmp_path: Path) -> None:
    smoothed = run(tmp_path / "1", digits(), MLP, loss={"categorical_crossentropy": {"label_smoothing": 0.2}})
    found = np.load(smoothed.artefacts["predictions"])
    targets = 0.8 * np.eye(10)[found["target"]] + 0.02
    assert smoothed.metrics["val_loss"] == pytest.approx(
        -np.mean(np.sum(targets * np.log(found["scores"]), 1)), rel=1e-5
    )
    own = code(tmp_path / "code", losses="""
import keras

def doubled(y_true, y_pred, factor=1.0):
    return factor * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
""")  # fmt: skip
    outcome = run(tmp_path / "2", digits(), MLP, loss={"losses.py:doubled": {"factor": 2.0}}, code=own)
    assert outcome.metrics["val_loss"] == pytest.approx(2 * outcome.metrics["val_log_loss"], rel=1e-5)


def test_class_weights_move_the_scores(tmp_path: Path) -> None:
    def mean_score(name: str, class_weight: Any) -> float:
        outcome = run(tmp_path / name, blobs(), MLP, epochs=10, learning_rate=0.03, class_weight=class_weight)
        return float(np.load(outcome.artefacts["predictions"])["scores"].mean())

    plain = mean_score("plain", None)
    assert mean_score("positive", {"1": 50.0}) > plain > mean_score("negative", {"0": 50.0})
    assert mean_score("even", {"0": 1.0}) == pytest.approx(plain, rel=1e-5)


def test_augmentation_changes_training_and_not_scoring(tmp_path: Path) -> None:
    augment = [{"random_translation": {"height_factor": 0.1, "width_factor": 0.1}}, {"gaussian_noise": {"stddev": 0.1}}]
    cnn = {"architecture": "cnn", "filters": [4]}
    outcome, again = (run(tmp_path / name, digits(), cnn, augment=augment) for name in "ab")
    assert outcome.history == again.history != run(tmp_path / "c", digits(), cnn).history
    from blueno.ml.model import build_model

    model, _ = build_model(cnn, digits(), None)
    model.load_weights(outcome.artefacts["weights"])
    scores = model.predict(digits().features[digits().parts["validation"]], verbose=0)
    assert np.allclose(scores, np.load(outcome.artefacts["predictions"])["scores"], atol=1e-6)


def test_mixed_precision_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    import keras

    outcome = run(tmp_path, digits(), MLP, mixed_precision=True)
    assert outcome.state == "succeeded" and keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("rows_in_memory", [True, False])
def test_data_may_stay_on_disk(tmp_path: Path, rows_in_memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from blueno.ml.engines import feeding

    if not rows_in_memory:
        monkeypatch.setattr(feeding, "RESIDENT_BYTES", 0)
    np.save(tmp_path / "features.npy", digits().features)
    mapped = digits()._replace(features=np.load(tmp_path / "features.npy", mmap_mode="r"))
    outcome = run(tmp_path / "job", mapped, MLP, class_weight="balanced")
    expected = run(tmp_path / "expected", digits(), MLP, class_weight="balanced")
    assert outcome.metrics["val_loss"] == pytest.approx(expected.metrics["val_loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("data", "model", "changes", "message"),
    [
        (digits(), {"architecture": "cnn", "filters": [4, 4, 4, 4]}, {}, "4 poolings by 2 shrink an image of 8x8"),
        (blobs(), {"architecture": "cnn", "filters": [4]}, {}, r"cnn needs images .* shape \(2,\)"),
        (
            digits(),
            {"architecture": "nets.py:build"},
            {},
            r"output shape \(None, 3\).* needs \(samples, 10\) with softmax",
        ),
        (digits(), {"architecture": "nets.py:nothing"}, {}, "returned NoneType, not a Keras model"),
        (digits(), {"architecture": "nets.py:broken"}, {}, r"cannot be built on the input shape \(8, 8, 1\)"),
        (digits(), MLP, {"optimizer": {"adm": {}}}, "no optimizer called 'adm'"),
        (digits(), MLP, {"optimizer": {"adam": {"beta": 1}}}, "adam: "),
        (digits(), MLP, {"loss": {"hinges": {}}}, "no loss called 'hinges'"),
        (digits(), MLP, {"class_weight": {"11": 2.0}}, "there is no class '11'"),
        (digits(), MLP, {"stages": [{"epochs": 1}, {"trainable": "block"}]}, "no layer with weights is called 'block'"),
        (digits(), MLP, {"stages": [{"trainable": "head"}, {"trainable": False}]}, "no layer trains in stage 2"),
        (digits(), MLP, {"stages": [{"epochs": 1}, {"loss": {"hinges": {}}}]}, "no loss called 'hinges'"),
        (digits(), MLP, {"select": {"best": "train_f1"}}, "train_f1 is measured only at the end"),
    ],
)
def test_what_cannot_work_is_refused_before_training(
    tmp_path: Path, data: Dataset, model: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    text = (
        net("3, 'softmax'") + "\ndef nothing():\n    return None\n\ndef broken():\n    raise ValueError('too small')\n"
    )
    own = code(tmp_path / "code", nets=text)
    with pytest.raises(ModelError, match=message) as caught:
        check(job(tmp_path / "job", data, model, code=own, **changes))
    assert caught.value.fix


def test_without_a_validation_part_only_training_is_measured(tmp_path: Path) -> None:
    whole = blobs()._replace(parts={"train": np.arange(120)})
    outcome = run(tmp_path, whole, MLP, objective={"metric": "train_accuracy", "direction": "maximize"})
    assert set(outcome.metrics) == {"train_accuracy", "parameters"} and set(outcome.history) == {"loss", "accuracy"}
    with pytest.raises(ModelError, match="val_loss needs a validation part"):
        check(
            job(
                tmp_path / "2",
                whole,
                MLP,
                early_stopping=STOP,
                objective={"metric": "train_f1", "direction": "maximize"},
            )
        )


def test_a_plateau_and_a_schedule_contradict_each_other(tmp_path: Path) -> None:
    plateau = {"monitor": "val_loss", "factor": 0.5, "patience": 1, "min_learning_rate": 0.0, "after": 0}
    cosine = {"cosine": {"from": 0.1, "to": 0.0, "warmup_epochs": 0, "decay_epochs": None}}
    with pytest.raises(ModelError, match="that a schedule sets"):
        check(job(tmp_path, blobs(), MLP, learning_rate=cosine, reduce_on_plateau=plateau))


def test_every_key_of_train_is_used() -> None:
    """A new key of `train` without a reader would be obeyed by nobody."""
    folder = Path(__file__).parents[2] / "ml"
    source = "".join(path.read_text() for path in folder.rglob("*.py"))
    assert all(f'"{key}"' in source for key in TRAIN)


def test_gaps_in_the_features_are_told_before_anything_trains(tmp_path: Path) -> None:
    data = blobs()._replace(summary={"has_missing": True, "missing": {"age": 3, "weight": 12}})
    with pytest.raises(ModelError, match=r"missing values: age \(3\), weight \(12\)"):
        check(job(tmp_path, data))
