"""A mistake in a metric that is only listed costs no trial: mended, it is measured from the kept predictions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.project import Project

SPEC = """\
version: 1
name: mistaken
objective: {maximize: val_accuracy}
metrics: [own.py:share]
data: {source: {sklearn: breast_cancer}, split: {validation: 0.2}}
model: {estimator: sklearn.naive_bayes:GaussianNB, var_smoothing: {grid: [1e-9, 1e-8]}}
"""


@pytest.mark.slow
def test_a_mistake_in_a_listed_metric_is_mended_without_training(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(mistaken_yaml=SPEC, own_py="def share(y_true, y_score):\n    return y_true.men()\n")
    ledger = project.json("sweep", "mistaken.yaml", "--executor", "inline", "--devices", "cpu")
    assert ledger["succeeded"] == 2 and ledger["failed"] == 0
    trial = project.json("results")["rows"][0]["trials"][0]
    shown = project.json("show", trial)
    assert "val_share" not in shown["metrics"] and "could not be measured: AttributeError" in " ".join(shown["notes"])
    project.write(own_py="def share(y_true, y_score):\n    return y_true.mean()\n")
    project.json("sweep", "mistaken.yaml", "--executor", "inline", "--devices", "cpu")
    shown = project.json("show", trial)
    assert 0 < shown["metrics"]["val_share"] < 1 and shown["attempts"] == 1
