"""Estimators: what is built, what they can say, what is left."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.ml.estimator import build_estimator, output_of
from blueno.ml.job import Outcome
from blueno.ml.train import train

from .ml_jobs import blobs, code, dataset, digits, job, line, quiet

LOGISTIC = {"estimator": "sklearn.linear_model:LogisticRegression", "C": 0.5, "max_iter": 1000}


def run(folder: Path, *arguments: Any, **changes: Any) -> Outcome:
    return train(job(folder, *arguments, **changes), quiet)


def test_figures_are_those_of_scikit_learn_used_directly(tmp_path: Path) -> None:
    data = digits()
    outcome = run(tmp_path, data, LOGISTIC)
    flat = data.features.reshape(len(data.features), -1).astype("float64")
    rows, held_out = data.parts["train"], data.parts["validation"]
    direct = LogisticRegression(C=0.5, max_iter=1000).fit(flat[rows], data.target[rows])
    assert outcome.metrics["val_accuracy"] == direct.score(flat[held_out], data.target[held_out])
    assert np.array_equal(np.load(outcome.artefacts["predictions"])["scores"], direct.predict_proba(flat[held_out]))
    assert (outcome.state, outcome.engine, outcome.epoch, outcome.history) == ("succeeded", "estimator", None, {})


def test_predictions_have_ids_and_the_saved_estimator_makes_them(tmp_path: Path) -> None:
    data = digits()
    outcome = run(tmp_path, data, LOGISTIC)
    found = np.load(outcome.artefacts["predictions"])
    held_out = data.parts["validation"]
    assert found["ids"].tolist() == data.ids[held_out].tolist()
    assert found["target"].tolist() == data.target[held_out].tolist()
    path = outcome.artefacts["weights"]
    saved = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    flat = data.features[held_out].reshape(len(held_out), -1).astype("float64")
    assert np.array_equal(saved.predict_proba(flat), found["scores"])


def test_nothing_is_written_that_is_not_kept(tmp_path: Path) -> None:
    outcome = run(tmp_path / "job", blobs(), LOGISTIC, keep={"weights": "none", "predictions": "none"})
    assert outcome.artefacts == {} and list((tmp_path / "job").iterdir()) == []


def test_the_seed_is_the_random_state_of_each_estimator_that_takes_one() -> None:
    model = {"estimator": "sklearn.ensemble:BaggingClassifier", "n_estimators": 3,
             "params": {"estimator": {"estimator": "sklearn.tree:DecisionTreeClassifier", "max_depth": 2}}}  # fmt: skip
    made = build_estimator(model, 7, blobs(), None)
    assert (made.random_state, made.estimator.random_state, made.estimator.max_depth) == (7, 7, 2)
    assert build_estimator(model | {"random_state": 3}, 7, blobs(), None).random_state == 3
    assert build_estimator({"estimator": "sklearn.naive_bayes:GaussianNB"}, None, blobs(), None).var_smoothing == 1e-9


def test_estimators_inside_lists_are_made_too() -> None:
    voting = {"estimator": "sklearn.ensemble:VotingClassifier", "estimators": [["model", LOGISTIC]]}
    assert isinstance(build_estimator(voting, 0, blobs(), None).estimators[0][1], LogisticRegression)


def test_class_weights_are_written_by_label() -> None:
    data = blobs()._replace(classes=["benign", "malignant"], positive="malignant")
    made = build_estimator(LOGISTIC | {"class_weight": {"malignant": 5}}, 0, data, None)
    assert made.class_weight == {1: 5.0}
    with pytest.raises(ModelError, match="no class 'malignent'") as caught:
        build_estimator(LOGISTIC | {"class_weight": {"malignent": 5}}, 0, data, None)
    assert caught.value.fix == "write malignant"


def test_scores_come_from_the_decision_function_where_there_are_no_probabilities(tmp_path: Path) -> None:
    ridge = {"estimator": "sklearn.linear_model:RidgeClassifier"}
    outcome = run(tmp_path, blobs(), ridge, metrics=["log_loss", "brier_score"])
    assert 0.5 < outcome.metrics["val_roc_auc"] <= 1 and "val_log_loss" not in outcome.metrics
    assert "val_log_loss is left out: it gives no probabilities" in outcome.notes
    with pytest.raises(ModelError, match="cannot have the objective val_log_loss: it gives no probabilities"):
        run(tmp_path / "2", blobs(), ridge, objective={"metric": "val_log_loss", "direction": "minimize"})


def test_an_estimator_that_only_names_classes_has_metrics_of_labels(tmp_path: Path) -> None:
    text = """
class Constant:
    def fit(self, x, y):
        return self
    def predict(self, x):
        return [1] * len(x)
"""
    outcome = run(tmp_path / "job", blobs(), {"estimator": "own.py:Constant"}, code=code(tmp_path / "code", own=text))
    assert outcome.metrics["val_recall"] == 1.0 and "val_roc_auc" not in outcome.metrics
    assert np.load(outcome.artefacts["predictions"])["scores"].tolist() == [1] * 40


def halved(data: Dataset) -> Dataset:
    """Every class in both parts alike, however many there are: the first half trains."""
    first, second = np.array_split(np.arange(len(data.target)), 2)
    return data._replace(parts={"train": first, "validation": second})


@pytest.mark.parametrize("classes", [3, 4])  # three classes have three pairs, too
def test_scores_of_pairs_of_classes_are_no_scores_of_classes(tmp_path: Path, classes: int) -> None:
    pairs = {"estimator": "sklearn.svm:SVC", "decision_function_shape": "ovo"}
    data = halved(blobs(classes=classes))
    outcome = run(tmp_path, data, pairs, metrics=["roc_auc"])
    assert outcome.metrics["val_accuracy"] > 0.5 and "val_roc_auc" not in outcome.metrics
    assert outcome.notes == ("val_roc_auc is left out: it gives no scores",)
    piped = {"estimator": "sklearn.pipeline:Pipeline", "steps": [["model", pairs]]}
    with pytest.raises(ModelError, match="cannot have the objective val_roc_auc: it gives no scores"):
        run(tmp_path / "2", data, piped, objective={"metric": "val_roc_auc", "direction": "maximize"})


def test_probabilities_need_no_attribute_that_names_the_classes(tmp_path: Path) -> None:
    text = """
import numpy as np
class Shares:
    def fit(self, x, y):
        self.shares = np.bincount(y) / len(y)
        return self
    def predict(self, x):
        return np.full(len(x), self.shares.argmax())
    def predict_proba(self, x):
        return np.tile(self.shares, (len(x), 1))
"""
    own = code(tmp_path / "code", own=text)
    outcome = run(tmp_path / "job", halved(blobs(classes=3)), {"estimator": "own.py:Shares"}, code=own)
    assert outcome.metrics["val_log_loss"] == pytest.approx(np.log(3))
    assert np.load(outcome.artefacts["predictions"])["scores"].shape == (60, 3)


def test_what_skops_cannot_hold_is_a_note(tmp_path: Path) -> None:
    text = """
import threading
class Constant:
    def fit(self, x, y):
        self.module = threading
        return self
    def predict(self, x):
        return [1] * len(x)
"""
    outcome = run(tmp_path / "job", blobs(), {"estimator": "own.py:Constant"}, code=code(tmp_path / "code", own=text))
    assert outcome.state == "succeeded" and "weights" not in outcome.artefacts
    assert any("skops cannot hold it" in note for note in outcome.notes)


def test_classes_that_training_did_not_see_get_no_probability(tmp_path: Path) -> None:
    data = blobs(90, 3)
    rows = np.arange(90)
    unseen = data._replace(parts={"train": rows[rows % 3 < 2][:40], "validation": rows[60:]})
    found = np.load(run(tmp_path, unseen, LOGISTIC).artefacts["predictions"])["scores"]
    assert found.shape == (30, 3) and np.all(found[:, 2] == 0)


def test_a_regression(tmp_path: Path) -> None:
    objective = {"metric": "val_r2", "direction": "maximize"}
    linear = {"estimator": "sklearn.linear_model:LinearRegression"}
    outcome = run(tmp_path, line(), linear, objective=objective, metrics=["train_mean_absolute_error"])
    assert outcome.metrics["val_r2"] > 0.99 and outcome.metrics["train_mean_absolute_error"] < 0.2


def test_predictions_that_are_not_finite_diverge(tmp_path: Path) -> None:
    text = """
class Broken:
    def fit(self, x, y):
        return self
    def predict(self, x):
        return x[:, 0] / 0
"""
    objective = {"metric": "val_r2", "direction": "maximize"}
    broken = {"estimator": "own.py:Broken"}
    with np.errstate(divide="ignore"):
        outcome = run(tmp_path / "job", line(), broken, objective=objective, code=code(tmp_path / "code", own=text))
    assert (outcome.state, outcome.artefacts) == ("diverged", {})
    assert "val_r2" in outcome.metrics and all(map(math.isnan, outcome.metrics.values()))


def test_wrong_parameters_and_wrong_classes_are_refused() -> None:
    with pytest.raises(ModelError, match=r"LogisticRegression: .*penaltyy"):
        build_estimator(LOGISTIC | {"penaltyy": "l2"}, 0, blobs(), None)
    with pytest.raises(ModelError, match="has no fit and predict"):
        build_estimator({"estimator": "sklearn.preprocessing:StandardScaler"}, 0, blobs(), None)


def test_what_it_can_say() -> None:
    made = build_estimator(LOGISTIC, 0, blobs(), None)
    assert (output_of(made, "binary"), output_of(made, "regression")) == ("probabilities", "values")


def test_a_try_fits_a_few_samples_of_all_classes(tmp_path: Path) -> None:
    data = dataset(np.zeros((300, 1), np.float32), np.repeat([0, 1, 2], 100), "multiclass")
    spread = data._replace(features=data.target[:, None].astype(np.float32))
    nearest = {"estimator": "sklearn.neighbors:KNeighborsClassifier", "n_neighbors": 1}
    assert run(tmp_path, spread, nearest, batches=1).metrics["val_accuracy"] == 1.0


def test_an_objective_of_validation_needs_that_part(tmp_path: Path) -> None:
    whole = blobs()._replace(parts={"train": np.arange(120)})
    with pytest.raises(ModelError, match="val_accuracy needs a validation part"):
        run(tmp_path / "1", whole, LOGISTIC)
    outcome = run(tmp_path / "2", whole, LOGISTIC, objective={"metric": "train_f1", "direction": "maximize"})
    assert set(outcome.metrics) == {"train_f1"} and set(outcome.artefacts) == {"weights"}


def with_gaps(data: Dataset) -> Dataset:
    """The same with a gap in the first feature of every fourth sample."""
    features = data.features.copy()
    features[::4, 0] = np.nan
    return data._replace(features=features, summary={"missing": {"age": 30}})


def test_gaps_that_an_estimator_refuses_are_told_like_those_of_a_network(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^LogisticRegression cannot train .* missing values: age .30.") as caught:
        run(tmp_path, with_gaps(blobs()), LOGISTIC)
    assert "add impute" in caught.value.fix and caught.value.__suppress_context__
    taken = run(tmp_path, with_gaps(blobs()), {"estimator": "sklearn.ensemble:HistGradientBoostingClassifier"})
    assert taken.state == "succeeded"


def test_another_refusal_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="The 'C' parameter"):
        run(tmp_path, with_gaps(blobs()), LOGISTIC | {"C": -1.0})
