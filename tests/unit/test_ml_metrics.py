"""Metrics against scikit-learn called directly, on cases that are easy to get wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk

from blueno.errors import ModelError
from blueno.ml.measures import MEASURES
from blueno.ml.metrics import defaults, maximize, measure, measure_predictions, objective_of, wanted
from blueno.ml.scored import Scored, hard_labels, save_predictions
from blueno.spec.metrics import METRICS

from .ml_jobs import code

RANDOM = np.random.default_rng(0)
VALUES = np.array([0.1, 2.0, 3.5, 1.0]), np.array([0.2, 1.5, 3.0, 4.0])


def binary(target: list[int] | np.ndarray, scores: list[float] | np.ndarray) -> Scored:
    values = np.asarray(scores, dtype=np.float64)
    return Scored("binary", np.asarray(target), values, hard_labels("binary", values), 2, True)


def multiclass(target: np.ndarray, scores: np.ndarray) -> Scored:
    return Scored("multiclass", target, scores, hard_labels("multiclass", scores), scores.shape[1], True)


def regression(target: np.ndarray, values: np.ndarray) -> Scored:
    return Scored("regression", target, values, None, 0, False)


def value(name: str, scored: Scored, **parameters: Any) -> float:
    return measure(wanted([{name: parameters}], scored.task, None), scored)[0][f"val_{name}"]


# 40 samples, 10 positive, scores in steps of 0.1 so that many are tied, also across classes and at the threshold.
TIED = binary(np.arange(40) % 4 == 0, np.round(RANDOM.random(40), 1))
_RAW = RANDOM.random((60, 3)) + np.eye(3)[np.arange(60) % 3] * 0.5
THREE = multiclass(np.arange(60) % 3, _RAW / _RAW.sum(axis=1, keepdims=True))


def test_the_table_is_that_of_the_language() -> None:
    assert set(MEASURES) | {"loss"} == set(METRICS)
    for name, metric in METRICS.items():
        assert maximize(name) == (metric.direction == "maximize"), name
        if name != "loss":
            assert (MEASURES[name].needs == "values") == (metric.tasks == ("regression",)), name


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("accuracy", sk.accuracy_score),
        ("balanced_accuracy", sk.balanced_accuracy_score),
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("f1", sk.f1_score),
        ("jaccard", sk.jaccard_score),
        ("cohen_kappa", sk.cohen_kappa_score),
        ("matthews_corrcoef", sk.matthews_corrcoef),
    ],
)
def test_metrics_of_labels(name: str, function: Any) -> None:
    assert value(name, TIED) == pytest.approx(function(TIED.target, TIED.labels), abs=1e-12)
    macro = {"average": "macro"} if name in ("precision", "recall", "f1", "jaccard") else {}
    assert value(name, THREE) == pytest.approx(function(THREE.target, THREE.labels, **macro), abs=1e-12)


def test_ranking_metrics_use_scores_with_ties() -> None:
    assert value("roc_auc", TIED) == pytest.approx(sk.roc_auc_score(TIED.target, TIED.scores), abs=1e-12)
    assert value("roc_auc", TIED) != pytest.approx(sk.roc_auc_score(TIED.target, TIED.labels), abs=1e-3)
    expected = sk.average_precision_score(TIED.target, TIED.scores)
    assert value("average_precision", TIED) == pytest.approx(expected, abs=1e-12)


def test_above_two_classes_ranking_is_one_against_the_rest() -> None:
    expected = sk.roc_auc_score(THREE.target, THREE.scores, multi_class="ovr", average="macro")
    assert value("roc_auc", THREE) == pytest.approx(expected, abs=1e-12)


def test_metrics_of_probabilities() -> None:
    assert value("log_loss", THREE) == pytest.approx(sk.log_loss(THREE.target, THREE.scores), abs=1e-12)
    assert value("brier_score", TIED) == pytest.approx(sk.brier_score_loss(TIED.target, TIED.scores), abs=1e-12)
    hits = np.eye(3)[THREE.target]
    assert value("brier_score", THREE) == pytest.approx(((THREE.scores - hits) ** 2).sum(axis=1).mean(), abs=1e-12)


def test_log_loss_of_float32_rows_that_do_not_quite_add_up() -> None:
    rows = THREE.scores.astype(np.float32).astype(np.float64)
    assert value("log_loss", multiclass(THREE.target, rows)) == pytest.approx(value("log_loss", THREE), rel=1e-6)


def test_sensitivity_and_specificity_from_the_confusion_matrix() -> None:
    (tn, fp), (fn, tp) = sk.confusion_matrix(TIED.target, TIED.labels)
    counts = [
        value(f"{word}s", TIED) for word in ("true_negative", "false_positive", "false_negative", "true_positive")
    ]
    assert counts == [tn, fp, fn, tp]
    assert value("specificity", TIED) == pytest.approx(tn / (tn + fp))
    assert value("youden_j", TIED) == pytest.approx(tp / (tp + fn) + tn / (tn + fp) - 1)


def test_specificity_above_two_classes_is_the_mean_over_classes() -> None:
    each = []
    for matrix in sk.multilabel_confusion_matrix(THREE.target, THREE.labels):
        (tn, fp), _ = matrix
        each.append(tn / (tn + fp))
    assert value("specificity", THREE) == pytest.approx(np.mean(each))


def test_a_score_at_the_threshold_is_negative() -> None:
    assert hard_labels("binary", np.array([0.5, 0.50001])).tolist() == [0, 1]


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "recall", "f1", "youden_j"])
def test_without_positives_a_metric_is_undefined_and_says_so(name: str) -> None:
    values, notes = measure(wanted([name], "binary", None), binary([0, 0, 0], [0.1, 0.7, 0.2]))
    assert math.isnan(values[f"val_{name}"])
    assert notes == [f"val_{name} is undefined: no sample is positive"]


def test_a_class_that_is_absent_makes_ranking_undefined() -> None:
    values, notes = measure(
        wanted(["roc_auc", "accuracy"], "multiclass", None), multiclass(np.arange(10) % 2, _RAW[:10])
    )
    assert math.isnan(values["val_roc_auc"]) and math.isfinite(values["val_accuracy"])
    assert notes == ["val_roc_auc is undefined: no sample is of class 2"]


def test_a_model_that_never_says_positive_has_precision_zero() -> None:
    assert value("precision", binary([0, 1, 1], [0.1, 0.2, 0.3])) == 0.0


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("mean_absolute_error", sk.mean_absolute_error),
        ("mean_squared_error", sk.mean_squared_error),
        ("root_mean_squared_error", sk.root_mean_squared_error),
        ("median_absolute_error", sk.median_absolute_error),
        ("max_error", sk.max_error),
        ("r2", sk.r2_score),
        ("explained_variance", sk.explained_variance_score),
        ("mean_absolute_percentage_error", sk.mean_absolute_percentage_error),
        ("mean_squared_log_error", sk.mean_squared_log_error),
        ("mean_poisson_deviance", sk.mean_poisson_deviance),
    ],
)
def test_metrics_of_a_regression(name: str, function: Any) -> None:
    assert value(name, regression(*VALUES)) == pytest.approx(function(*VALUES), abs=1e-12)


def test_a_regression_of_two_columns() -> None:
    target = np.stack(VALUES, axis=1)
    assert value("mean_absolute_error", regression(target, target + 0.5)) == pytest.approx(0.5)
    assert value("max_error", regression(target, target - [[0.0, 2.0]])) == pytest.approx(2.0)


def test_what_cannot_be_computed_of_values_is_undefined() -> None:
    negative = regression(np.array([1.0, -2.0]), np.array([1.0, 1.0]))
    values, notes = measure(wanted(["mean_squared_log_error", "r2"], "regression", None), negative)
    assert math.isnan(values["val_mean_squared_log_error"]) and "undefined" in notes[0]
    assert math.isnan(value("r2", regression(np.array([1.0]), np.array([1.0]))))


def test_scores_that_are_not_finite_make_every_metric_nan() -> None:
    broken = multiclass(THREE.target, np.full((60, 3), np.nan))
    values, _ = measure(wanted(defaults("multiclass", "probabilities"), "multiclass", None), broken)
    assert all(math.isnan(each) for each in values.values())


def test_names_parameters_and_aliases() -> None:
    asked = ["val_accuracy", "train_f1", {"cohen_kappa": {"weights": "quadratic", "as": "qwk"}}, "accuracy"]
    metrics = wanted(asked, "multiclass", None)
    assert [(each.name, each.part) for each in metrics] == [
        ("val_accuracy", "val"),
        ("train_f1", "train"),
        ("val_qwk", "val"),
    ]
    expected = sk.cohen_kappa_score(THREE.target, THREE.labels, weights="quadratic")
    assert measure(metrics, THREE)[0]["val_qwk"] == pytest.approx(expected)
    assert objective_of("val_qwk", metrics, "multiclass", None).parameters == {"weights": "quadratic"}


def test_a_function_of_ones_own(tmp_path: Path) -> None:
    own = code(tmp_path, scores="def cost(y_true, y_score, price=1):\n    return price * float(y_score.sum())\n")
    metrics = wanted([{"scores.py:cost": {"price": 2}}], "binary", own)
    assert measure(metrics, binary([0, 1], [0.25, 0.5]))[0] == {"val_cost": 1.5}
    assert objective_of("val_scores.py:cost", [], "binary", own).name == "val_scores.py:cost"


def test_what_a_function_of_ones_own_writes_into_its_arguments_is_its_own(tmp_path: Path) -> None:
    text = "def wipe(y_true, y_score):\n    y_true[:] = 0\n    y_score[:] = 0\n    return 0.0\n"
    asked = wanted(["own.py:wipe", "accuracy"], "binary", code(tmp_path, own=text))
    scored = binary(np.array([0, 1]), np.array([0.25, 0.75]))
    values, _ = measure(asked, scored)
    assert values == {"val_wipe": 0.0, "val_accuracy": 1.0}
    assert (scored.target.tolist(), scored.scores.tolist()) == ([0, 1], [0.25, 0.75])


def test_a_mistake_in_a_function_of_ones_own_is_not_hidden(tmp_path: Path) -> None:
    own = code(tmp_path, scores="def cost(y_true, y_score):\n    return None + 1\n")
    listed = wanted(["scores.py:cost", "accuracy"], "binary", own)
    values, notes = measure(listed, binary([0, 1], [0.25, 0.5]))
    assert values == {"val_accuracy": 0.5} and "val_cost could not be measured: TypeError" in notes[0]
    with pytest.raises(TypeError):  # where it decides something, the trial has failed
        measure([objective_of("val_cost", listed, "binary", own)], binary([0, 1], [0.25, 0.5]))


def test_wrong_names_are_refused_with_a_fix() -> None:
    with pytest.raises(ModelError, match="there is no metric 'roc_acu'") as caught:
        wanted(["val_roc_acu"], "binary", None)
    assert caught.value.fix == "write roc_auc"
    with pytest.raises(ModelError, match="r2 does not exist for a binary task"):
        wanted(["val_r2"], "binary", None)
    listed = wanted([{"cohen_kappa": {"wieghts": "quadratic"}}], THREE.task, None)
    assert "val_cohen_kappa could not be measured" in measure(listed, THREE)[1][0]
    with pytest.raises(ModelError, match="val_cohen_kappa: "):
        measure([objective_of("val_cohen_kappa", listed, THREE.task, None)], THREE)


def test_defaults_are_those_that_the_output_allows() -> None:
    assert "log_loss" in defaults("binary", "probabilities")
    assert "roc_auc" in defaults("binary", "scores") and "log_loss" not in defaults("binary", "scores")
    assert not {"roc_auc", "log_loss", "brier_score"} & set(defaults("binary", "labels"))


def kept(folder: Path, scored: Scored) -> Path:
    ids = np.array([f"s{row}" for row in range(len(scored.target))])
    return save_predictions(folder / "predictions.npz", scored, ids, list(range(scored.classes)))


def test_kept_predictions_give_the_same_values(tmp_path: Path) -> None:
    own = code(tmp_path, scores="def top(y_true, y_score):\n    return y_score.max()\n")
    asked = [
        *defaults("multiclass", "probabilities"),
        {"cohen_kappa": {"weights": "linear", "as": "lk"}},
        "scores.py:top",
    ]
    values, notes = measure_predictions(kept(tmp_path, THREE), asked, own)
    assert values == measure(wanted(asked, "multiclass", own), THREE)[0] and len(values) == len(asked)
    assert notes == []


def test_what_kept_predictions_cannot_tell_is_a_note(tmp_path: Path) -> None:
    asked = ["accuracy", "train_accuracy", "loss", "log_loss", "roc_auc"]
    values, notes = measure_predictions(kept(tmp_path, TIED._replace(scores=None, probabilities=False)), asked, None)
    assert list(values) == ["val_accuracy"]
    assert notes == [
        "train_accuracy is left out: predictions are kept of the validation part only",
        "val_loss is left out: only the model knows its loss",
        "val_log_loss is left out: the model gave no probabilities",
        "val_roc_auc is left out: the model gave no scores",
    ]


def test_an_undefined_metric_of_kept_predictions_is_nan_and_an_unknown_one_an_error(tmp_path: Path) -> None:
    path = kept(tmp_path, binary([0, 0], [0.1, 0.7]))
    values, notes = measure_predictions(path, ["roc_auc"], None)
    assert math.isnan(values["val_roc_auc"]) and notes == ["val_roc_auc is undefined: no sample is positive"]
    with pytest.raises(ModelError, match="there is no metric"):
        measure_predictions(path, ["roc"], None)
