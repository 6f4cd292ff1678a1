"""specs/language/metrics.yaml runs, its metrics are what scikit-learn says of its predictions, and it can be drawn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

from blueno.cli import run
from blueno.ml.scored import load_predictions

EXAMPLES = Path(__file__).parents[2] / "specs" / "language"


@pytest.mark.slow
def test_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("metrics.yaml", "own_metrics.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    root = ["--root", str(tmp_path), "--json"]
    assert run(["sweep", str(tmp_path / "metrics.yaml"), "--executor", "inline", "--devices", "cpu", *root]) == 0
    capsys.readouterr()
    assert run(["results", "metrics", "--by", "trial", "--metrics", "auc_of_few_alarms,cost_20", *root]) == 0
    best, other = json.loads(capsys.readouterr().out)["rows"]
    assert best["value"] > other["value"] and best["metrics"]["val_cost_20"] < other["metrics"]["val_cost_20"]
    assert run(["show", best["id"], "--plots", str(tmp_path / "plots"), *root]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {Path(path).stem for path in shown["plots"][0]["written"]} == {"confusion", "roc", "precision_recall"}

    scored = load_predictions(Path(shown["artefacts"]["predictions"])).scored
    target, labels, scores = scored.target, scored.labels, scored.scores
    assert scores is not None
    missed, alarms = (target == 1) & (scores <= 0.5), (target == 0) & (scores > 0.5)
    expected = {
        "val_recall": sk.recall_score(target, labels),
        "val_f2": sk.fbeta_score(target, labels, beta=2),
        "val_auc_of_few_alarms": sk.roc_auc_score(target, scores, max_fpr=0.1),
        "val_macro_precision": sk.precision_score(target, labels, average="macro"),
        "val_cohen_kappa": sk.cohen_kappa_score(target, labels, weights="quadratic"),
        "val_cost": np.mean(5 * missed + alarms),
        "val_cost_20": np.mean(20 * missed + alarms),
    }
    assert {name: shown["metrics"][name] for name in expected} == pytest.approx(expected)
    assert 0.9 < shown["metrics"]["train_roc_auc"] <= 1
