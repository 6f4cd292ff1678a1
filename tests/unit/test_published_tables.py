"""Tables that others have printed come out of a spec to the last digit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import blueno
from tests.acceptance.project import Project

SPECS = Path(__file__).parent.parent.parent / "specs"

# As https://scikit-learn.org/0.23/auto_examples/model_selection/plot_grid_search_digits.html prints them.
PRECISION = """
0.986 (+/-0.016) for {'C': 1, 'gamma': 0.001, 'kernel': 'rbf'}
0.959 (+/-0.028) for {'C': 1, 'gamma': 0.0001, 'kernel': 'rbf'}
0.988 (+/-0.017) for {'C': 10, 'gamma': 0.001, 'kernel': 'rbf'}
0.982 (+/-0.026) for {'C': 10, 'gamma': 0.0001, 'kernel': 'rbf'}
0.988 (+/-0.017) for {'C': 100, 'gamma': 0.001, 'kernel': 'rbf'}
0.983 (+/-0.026) for {'C': 100, 'gamma': 0.0001, 'kernel': 'rbf'}
0.988 (+/-0.017) for {'C': 1000, 'gamma': 0.001, 'kernel': 'rbf'}
0.983 (+/-0.026) for {'C': 1000, 'gamma': 0.0001, 'kernel': 'rbf'}
0.974 (+/-0.012) for {'C': 1, 'kernel': 'linear'}
0.974 (+/-0.012) for {'C': 10, 'kernel': 'linear'}
0.974 (+/-0.012) for {'C': 100, 'kernel': 'linear'}
0.974 (+/-0.012) for {'C': 1000, 'kernel': 'linear'}
"""
RECALL = """
0.986 (+/-0.019) for {'C': 1, 'gamma': 0.001, 'kernel': 'rbf'}
0.957 (+/-0.028) for {'C': 1, 'gamma': 0.0001, 'kernel': 'rbf'}
0.987 (+/-0.019) for {'C': 10, 'gamma': 0.001, 'kernel': 'rbf'}
0.981 (+/-0.028) for {'C': 10, 'gamma': 0.0001, 'kernel': 'rbf'}
0.987 (+/-0.019) for {'C': 100, 'gamma': 0.001, 'kernel': 'rbf'}
0.982 (+/-0.026) for {'C': 100, 'gamma': 0.0001, 'kernel': 'rbf'}
0.987 (+/-0.019) for {'C': 1000, 'gamma': 0.001, 'kernel': 'rbf'}
0.982 (+/-0.026) for {'C': 1000, 'gamma': 0.0001, 'kernel': 'rbf'}
0.971 (+/-0.010) for {'C': 1, 'kernel': 'linear'}
0.971 (+/-0.010) for {'C': 10, 'kernel': 'linear'}
0.971 (+/-0.010) for {'C': 100, 'kernel': 'linear'}
0.971 (+/-0.010) for {'C': 1000, 'kernel': 'linear'}
"""


def printed(trials: pd.DataFrame, metric: str) -> set[str]:
    """Configs as the page prints them: the mean of the folds, twice their deviation (over n, not n - 1)."""
    lines = set()
    for _, folds in trials.groupby("config"):
        written = {key: folds[f"model.{key}"].iloc[0] for key in ("C", "gamma", "kernel")}
        params = {key: value if key == "kernel" else value.item() for key, value in written.items() if pd.notna(value)}
        lines.add(f"{folds[metric].mean():0.3f} (+/-{folds[metric].std(ddof=0) * 2:0.03f}) for {params!r}")
    return lines


@pytest.mark.slow
def test_scikit_learns_grid_of_support_vector_machines_on_digits(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    for name in ("svc-digits.yaml", "digits_half.py"):
        shutil.copy(SPECS / name, project.root)
    project.run("sweep", "svc-digits.yaml")
    trials = blueno.results("svc-digits", root=project.root).trials()
    assert len(trials) == 60
    assert printed(trials, "val_precision") == set(PRECISION.strip().splitlines())
    assert printed(trials, "val_recall") == set(RECALL.strip().splitlines())
