"""The Python face: a sweep planned, run and read from Python, as a notebook would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import blueno
from blueno.api import Results
from blueno.cli import run
from blueno.errors import BluenoError, NotFound, SpecErrors

SPEC = """\
version: 1
name: cells
objective: {maximize: val_accuracy}
seeds: 2
data:
  source: {sklearn: breast_cancer}
  split: {test: 0.2, validation: 0.2, stratify: true}
preprocess: [scale]
model:
  one_of:
    - {architecture: mlp, hidden: {grid: [[4], [8]]}}
    - {estimator: sklearn.linear_model:LogisticRegression, C: 0.1}
train: {epochs: 2}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "cells.yaml").write_text(SPEC)
    return folder


@pytest.fixture(scope="module")
def cells(root: Path) -> Results:
    return blueno.sweep(root / "cells.yaml", root=root, executor="inline", devices="cpu")


def test_the_command_line_starts_without_the_python_face() -> None:
    code = "import sys, blueno; print([m for m in ('blueno.api', 'click', 'pandas', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_plan_shows_itself_and_its_tables(root: Path) -> None:
    planned = blueno.plan(root / "cells.yaml", {"train.epochs": 3}, root=root)
    assert "3 configs" in repr(planned)
    assert list(planned.configs()["train.epochs"].dropna().unique()) == [3]
    assert planned.trials().columns.tolist() == ["trial", "config", "seed", "fold"]
    assert len(planned.trials()) == 6


def test_the_plan_of_a_search_says_what_its_configs_are_chosen_from(root: Path) -> None:
    text = SPEC.replace("epochs: 2", "learning_rate: {log_uniform: [1e-4, 1e-2]}")
    (root / "searched.yaml").write_text(text.replace("seeds: 2", "search: {method: random, configs: 20}"))
    planned = blueno.plan(root / "searched.yaml", root=root)
    assert planned.configs().empty and planned.trials().empty
    space = planned.space().set_index("path")
    assert space.loc["train.learning_rate"].tolist() == ["log_uniform", [1e-4, 1e-2]]
    assert space.loc["model", "form"] == "one_of"
    some = planned.examples(5)
    assert len(some) == 5 and some["train.learning_rate"].dropna().between(1e-4, 1e-2).all()
    assert "configs drawn at random: " in repr(planned), "which engine they would take"
    grid = blueno.plan(root / "cells.yaml", root=root)
    assert grid.space().empty and len(grid.examples(2)) == 2


def test_what_is_wrong_with_a_spec_is_raised_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(SPEC.replace("epochs", "epoch"))
    with pytest.raises(SpecErrors, match=r"wrong.yaml:13:\d+"):
        blueno.plan(tmp_path / "wrong.yaml", root=tmp_path)


@pytest.mark.slow
def test_tables(cells: Results) -> None:
    table, trials = cells.table(), cells.trials()
    assert cells.ledger()["succeeded"] == 6
    assert len(table) == 3 and table["mean"].is_monotonic_decreasing
    assert len(trials) == 6 and set(trials["state"]) == {"succeeded"}
    means = trials.groupby("config")["val_accuracy"].mean()
    assert np.allclose(table.set_index("config")["mean"].sort_index(), means.sort_index())
    assert "val_accuracy" in repr(cells)


@pytest.mark.slow
def test_histories(cells: Results) -> None:
    keras = cells.trials().query("model == 'mlp'")["trial"].iloc[0]
    history = cells.history(keras)
    assert history.index.tolist() == [1, 2] and {"loss", "val_loss", "val_accuracy"} <= set(history)
    assert len(cells.history()) == 8  # 4 networks of 2 epochs


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mlp", "sklearn.linear_model:LogisticRegression"])
def test_the_kept_model_says_what_the_kept_predictions_say(cells: Results, model: str) -> None:
    trial = cells.trials().query("model == @model")["trial"].iloc[0]
    predicted, restored, data = cells.predictions(trial), cells.model(trial), cells.dataset(trial)
    rows = data.parts["validation"]
    assert predicted.index.tolist() == data.ids[rows].tolist()
    features = np.asarray(data.features[rows])
    is_keras = hasattr(restored, "layers")
    said = restored.predict(features, verbose=0)[:, 0] if is_keras else restored.predict_proba(features)[:, 1]
    assert np.allclose(said, predicted["score"], atol=1e-5)
    accuracy = cells.trials().set_index("trial").loc[trial, "val_accuracy"]
    assert (predicted["target"] == predicted["predicted"]).mean() == pytest.approx(accuracy)


@pytest.mark.slow
def test_results_of_a_name_and_mistakes(cells: Results, root: Path, tmp_path: Path) -> None:
    assert blueno.results("cells", root=root).sweep == cells.sweep == blueno.results(root=root).sweep
    best = cells.trials().set_index("trial").loc[cells.best()]
    assert best["config"] == cells.table()["config"].iloc[0]
    with pytest.raises(NotFound, match="no sweep goes by"):
        blueno.results("celsl", root=root)
    with pytest.raises(NotFound, match="no trial's id"):
        cells.history("ffffff")
    with pytest.raises(BluenoError, match="nothing was swept yet"):
        blueno.results(root=tmp_path)
    again = blueno.sweep(root / "cells.yaml", root=root, executor="inline", devices="cpu")
    assert again.sweep == cells.sweep and again.ledger()["succeeded"] == 6


def test_a_trial_that_diverged_is_not_the_best(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("""
def train(trial):
    return {"score": 9.0, "loss": float("nan")} if trial.seed else {"score": 1.0}
""")
    spec = "version: 1\nname: own\nobjective: {maximize: score}\nseeds: [0, 1]\nmodel: {function: own.py:train}\n"
    (tmp_path / "own.yaml").write_text(spec)
    found = blueno.sweep(tmp_path / "own.yaml", root=str(tmp_path), executor="inline", devices="cpu")
    states = found.trials().set_index("trial")["state"]
    assert sorted(states) == ["diverged", "succeeded"] and states[found.best()] == "succeeded"
    alone = blueno.sweep(tmp_path / "own.yaml", {"seeds": [1], "name": "alone"}, root=tmp_path, executor="inline")
    with pytest.raises(NotFound, match="no trial of alone has score yet"):
        alone.best()


def test_a_query_finds_what_was_not_finite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text("def train(trial):\n    return {'score': float('nan')}\n")
    spec = "version: 1\nname: own\nobjective: {maximize: score}\nmodel: {function: own.py:train}\n"
    (tmp_path / "own.yaml").write_text(spec)
    blueno.sweep(tmp_path / "own.yaml", root=tmp_path, executor="inline", devices="cpu")
    assert run(["find", "nonfinite exists", "--json", "--root", str(tmp_path)]) == 0
    [found] = json.loads(capsys.readouterr().out)["trials"]
    assert (found["state"], found["engine"], found["nonfinite"]) == ("diverged", "function", ["score"])


def test_wrong_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "cells.yaml").write_text(SPEC)
    with pytest.raises(BluenoError, match="unknown setting 'executer'") as caught:
        blueno.sweep(tmp_path / "cells.yaml", root=tmp_path, executer="inline")
    assert caught.value.fix == "did you mean executor?"
    with pytest.raises(BluenoError, match="executor is 'online'"):
        blueno.sweep(tmp_path / "cells.yaml", root=tmp_path, executor="online")
    with pytest.raises(BluenoError, match=r"train\.epochs: a spec cannot hold set"):
        blueno.plan(tmp_path / "cells.yaml", {"train.epochs": {1, 2}}, root=tmp_path)
    planned = blueno.plan(tmp_path / "cells.yaml", {"train.epochs": np.int64(3)}, root=str(tmp_path))
    assert list(planned.configs()["train.epochs"].dropna().unique()) == [3]


@pytest.mark.slow
def test_a_model_that_was_not_kept_is_said(root: Path) -> None:
    text = SPEC.replace("name: cells", "name: light\nkeep: {weights: none, predictions: none}").replace("0.1", "0.2")
    (root / "light.yaml").write_text(text.replace("epochs: 2", "epochs: 1"))
    light = blueno.sweep(root / "light.yaml", root=root, executor="inline", devices="cpu")
    with pytest.raises(NotFound, match="has no weights"):
        light.model()
    with pytest.raises(NotFound, match="has no predictions"):
        light.predictions()
