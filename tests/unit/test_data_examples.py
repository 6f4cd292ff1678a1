"""Tables with gaps, categories and dates, splits by time and by a column, several labels and outputs: trained."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import short

EXAMPLES = Path(__file__).parent.parent.parent / "specs" / "language"
MISTAKES = """
version: 1
name: mistakes
objective: {minimize: val_log_loss}
data: {source: {csv: visits.csv}, target: ill, split: {column: part}}
model: {architecture: mlp, hidden: [4]}
train: {epochs: 2}
one_of:
  - {as: nothing, data: {features: [age, ward, infected]}}
  - {as: gaps, data: {features: [age, ward, pulse]}, preprocess: [one_hot, scale]}
  - {as: text, data: {features: [age, ward, pulse]}, preprocess: [impute, scale]}
  - {as: dates, data: {features: [age, ward, pulse, day]}, preprocess: [impute, one_hot, scale]}
  - {as: good, data: {features: [age, ward, pulse]}, preprocess: [impute, one_hot, scale]}
"""


def blueno(folder: Path, *words: str) -> Any:
    """What a command prints as JSON in a folder that is its own root."""
    environment = {**os.environ, "BLUENO_ROOT": str(folder)}
    command = [sys.executable, "-m", "blueno", *words, "--json"]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert "Traceback" not in ended.stderr, ended.stderr
    return json.loads(ended.stdout)


def swept(folder: Path, spec: str) -> dict[str, Any]:
    return blueno(folder, "sweep", spec, "--executor", "inline", "--devices", "cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in EXAMPLES.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_mistakes_name_columns_and_steps_and_the_good_spec_trains(folder: Path) -> None:
    (folder / "mistakes.yaml").write_text(MISTAKES, encoding="utf-8")
    ledger = swept(folder, "mistakes.yaml")
    assert (ledger["succeeded"], ledger["failed"]) == (1, 4)
    failed = {group["message"]: group["fix"] for group in blueno(folder, "failures")["groups"]}
    assert failed == {
        "these columns are no numbers: ward (categorical), infected (categorical)": (
            "add to preprocess: [impute, one_hot]"
        ),
        "these columns are no numbers: ward (categorical)": "add to preprocess: [one_hot]",
        "a network cannot train on features with missing values: age (4)": (
            "add impute to preprocess, such as preprocess: [impute, one_hot, scale]"
        ),
        "these columns are no numbers: day (date)": (
            "leave out dates with data.drop: [day], or make numbers of them in a step of your own"
        ),
    }


@pytest.mark.slow
def test_splits_by_time_and_by_a_column_are_trained_and_shown(folder: Path) -> None:
    assert swept(folder, "time.yaml")["succeeded"] == 8
    plan = blueno(folder, "plan", "time.yaml", "--trials")
    shown = [blueno(folder, "show", short(trial["id"])) for trial in plan["trial_list"]]
    parts = [document["data"]["parts"] for document in shown]
    assert parts[0] == {"train": 21, "validation": 15, "test": 12}
    assert [part["train"] for part in parts[1:4]] == [6, 18, 30]
    assert {tuple(sorted(part)) for part in parts[1:4]} == {("stop", "train", "validation")}
    assert parts[4] == {"train": 36, "validation": 12, "test": 12}
    assert parts[5:] == [{"train": 40, "validation": 20}] * 3
    assert [document["data"]["in_no_part"] for document in shown] == [12, 36, 21, 6, 0, 0, 0, 0]
    errors = [document["metrics"]["val_mean_absolute_error"] for document in shown]
    assert all(0 < error < 20 for error in errors)  # in the target's units, which the first is not trained in


@pytest.mark.slow
def test_several_labels_and_outputs_are_trained(folder: Path) -> None:
    assert swept(folder, "labels.yaml")["succeeded"] == 4
    plan = blueno(folder, "plan", "labels.yaml", "--trials")
    *labels, outputs = [blueno(folder, "show", short(trial["id"])) for trial in plan["trial_list"]]
    assert {document["data"]["task"] for document in labels} == {"multilabel"}
    assert all(set(document["data"]["counts"]["train"]) == {"ill", "infected", "readmitted"} for document in labels)
    assert outputs["data"]["task"] == "regression"
    assert outputs["metrics"]["val_mean_absolute_error"] > 5  # the loss is that of the scaled target, this is not
    assert outputs["metrics"]["val_loss"] < 5


@pytest.mark.slow
def test_labels_that_were_written_in_several_ways_are_trained_as_one(folder: Path) -> None:
    assert swept(folder, "spellings.yaml")["succeeded"] == 1
    (trial,) = blueno(folder, "plan", "spellings.yaml", "--trials")["trial_list"]
    data = blueno(folder, "show", short(trial["id"]))["data"]
    assert (data["task"], data["classes"]) == ("binary", ["no", "yes"])
    assert "blanks around" in " ".join(data["remarks"]) and "differ only in case" not in " ".join(data["remarks"])
