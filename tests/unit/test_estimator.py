"""Estimators of several outputs, of several labels, of scaled targets, and of libraries that pass on keywords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io

from blueno.etl.dataset import Dataset
from blueno.ml.estimator import build_estimator, score
from blueno.ml.job import Outcome
from blueno.ml.scored import load_predictions
from blueno.ml.train import train

from .ml_jobs import blobs, dataset, job, quiet

R2 = {"metric": "val_r2", "direction": "maximize"}
FOREST = {"estimator": "sklearn.ensemble:RandomForestClassifier", "n_estimators": 5}


def labels(samples: int = 90) -> Dataset:
    """Three labels of points in the plane; the third is never set."""
    x = np.random.default_rng(0).normal(size=(samples, 2)).astype(np.float32)
    target = np.stack([x[:, 0] > 0, x[:, 1] > 0.5, x[:, 0] > 99], axis=1).astype(np.int64)
    return dataset(x, target, "multilabel")._replace(classes=["right", "above", "far"], positive=None)


def outputs(samples: int = 90) -> Dataset:
    """A regression of two outputs of very different sizes."""
    x = np.random.default_rng(0).normal(size=(samples, 1)).astype(np.float32)
    target = np.concatenate([x * 1000 + 5000, -x], axis=1).astype(np.float64)
    return dataset(x, target, "regression")


def run(folder: Path, data: Dataset, model: dict[str, Any], **changes: Any) -> Outcome:
    return train(job(folder, data, model, **changes), quiet)


@pytest.mark.parametrize(
    "model",
    [
        FOREST,  # a list of arrays (n, 2), one for each label
        {"estimator": "sklearn.neural_network:MLPClassifier", "max_iter": 5},  # an array (n, k)
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_labels_have_a_probability_each(tmp_path: Path, model: dict[str, Any]) -> None:
    outcome = run(tmp_path, labels(), model)
    kept = load_predictions(outcome.artefacts["predictions"])
    assert kept.scored.task == "multilabel" and kept.classes == ["right", "above", "far"]
    assert kept.scored.scores is not None and kept.scored.scores.shape == kept.scored.target.shape == (30, 3)
    assert ((kept.scored.scores >= 0) & (kept.scored.scores <= 1)).all()


def test_probabilities_of_labels_are_those_of_the_label_being_set() -> None:
    data = labels()
    forest = build_estimator(FOREST, 0, data, None)
    chosen = data.parts["train"]
    forest.fit(data.features[chosen], data.target[chosen])
    scored = score(forest, data, chosen)
    direct = forest.predict_proba(data.features[chosen])
    assert scored.scores is not None and scored.labels is not None
    assert np.array_equal(scored.scores[:, 1], direct[1][:, 1])
    assert not scored.scores[:, 2].any()  # never set in training
    assert np.mean(scored.labels == data.target[chosen]) > 0.9


def test_labels_alone_where_there_are_no_scores(tmp_path: Path) -> None:
    ridge = {"estimator": "sklearn.linear_model:RidgeClassifier"}
    model = {"estimator": "sklearn.multioutput:MultiOutputClassifier", "params": {"estimator": ridge}}
    outcome = run(tmp_path, labels(), model)
    assert outcome.metrics["val_accuracy"] > 0.5 and "val_roc_auc" not in outcome.metrics
    assert np.load(outcome.artefacts["predictions"])["scores"].dtype.kind == "i"


def test_a_scaled_target_is_trained_on_and_measured_in_its_own_units(tmp_path: Path) -> None:
    data = outputs()
    train_target = data.target[data.parts["train"]]
    scale = {"mean": train_target.mean(0).tolist(), "deviation": train_target.std(0).tolist()}
    model = {"estimator": "sklearn.linear_model:Ridge", "alpha": 1.0}
    outcome = run(tmp_path, data._replace(target_scale=scale), model, objective=R2)
    kept = load_predictions(outcome.artefacts["predictions"]).scored
    assert np.array_equal(kept.target, data.target[data.parts["validation"]])
    assert outcome.metrics["val_r2"] > 0.99
    path = outcome.artefacts["weights"]
    saved = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    raw = saved.predict(data.features[data.parts["validation"]].astype(np.float64))
    assert np.abs(raw).max() < 5  # it learned deviations, not units
    assert np.allclose(raw * scale["deviation"] + scale["mean"], kept.scores)


def test_a_scale_of_one_output(tmp_path: Path) -> None:
    data = outputs()
    plain = data._replace(target=data.target[:, 0])
    one = plain._replace(target_scale={"mean": [5000.0], "deviation": [1000.0]})
    model = {"estimator": "sklearn.svm:SVR"}
    scaled, unscaled = (
        run(tmp_path / str(number), each, model, objective=R2).metrics["val_r2"]
        for number, each in enumerate((one, plain))
    )
    assert scaled > 0.7 > 0.3 > unscaled  # an SVR of C=1 hardly learns thousands


def test_a_library_that_passes_keywords_on_gets_the_seed() -> None:
    pytest.importorskip("xgboost")
    made = build_estimator({"estimator": "xgboost:XGBClassifier", "max_depth": 2}, 7, blobs(), None)
    assert (made.random_state, made.max_depth) == (7, 2)
