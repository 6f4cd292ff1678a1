"""specs/language/architectures.yaml trains; weights in files count by their content."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blueno.errors import SpecErrors

from .specs import compiled

SPEC = Path(__file__).parents[2] / "specs" / "language" / "architectures.yaml"
TEXT = """
version: 1
name: published
objective: {maximize: val_accuracy}
data: {source: {sklearn: digits}, split: {validation: 0.2}}
model: {architecture: mobilenet, weights: WEIGHTS}
"""


def weights(written: str, folder: Path) -> object:
    """As they stand in the recipe."""
    (trial,) = compiled(TEXT.replace("WEIGHTS", written), folder).trials
    return json.loads(trial.recipe)["model"]["weights"]


def test_weights_are_words_or_files(tmp_path: Path) -> None:
    (tmp_path / "own.h5").write_bytes(b"one")
    assert weights("none", tmp_path) == "none"
    assert weights("imagenet", tmp_path) == "imagenet"
    first = weights("{file: own.h5}", tmp_path)
    assert isinstance(first, dict) and first == weights("own.h5", tmp_path)
    (tmp_path / "own.h5").write_bytes(b"another")
    assert weights("{file: own.h5}", tmp_path) != first


def test_misspelt_weights_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match="there is no file imagnet"):
        weights("imagnet", tmp_path)


@pytest.mark.slow
def test_it_trains(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blueno", "sweep", str(SPEC), "--executor", "inline", "--devices", "cpu", "--json"]
    environment = {**os.environ, "BLUENO_ROOT": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["succeeded"] == 14
