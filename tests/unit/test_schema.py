"""The JSON Schema for editors: it takes every valid spec and refuses what is plainly wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from blueno.spec.node import Node
from blueno.spec.problems import Problems
from blueno.spec.schema import schema
from blueno.spec.yaml import parse

SPECS = sorted((Path(__file__).parent.parent.parent / "specs").rglob("*.yaml"))
VALID = """
version: 1
name: digits
objective: {maximize: val_accuracy}
seeds: 3
data:
  source: {sklearn: digits}
  split: {test: 0.2, validation: 0.2, stratify: true, seed: 0}
preprocess:
  - scale: {method: {grid: [minmax, standard]}}
  - one_of: [none, {pca: {components: 32}}]
  - sklearn.decomposition:NMF
model:
  one_of:
    - {architecture: mlp, hidden: {grid: [[64], [128, 64]]}, dropout: {grid: [0.0, 0.2]}}
    - {architecture: cnn, filters: {grid: [[16, 32]]}}
    - {architecture: my_nets.py:build, width: {range: [8, 32, 8]}}
train:
  optimizer: {one_of: [adam, {sgd: {momentum: {grid: [0.0, 0.9]}}}]}
  learning_rate: {logspace: [1e-4, 1e-2, 3]}
  batch_size: 32
  epochs: {ref: train.batch_size}
  early_stopping: {patience: 5}
exclude:
  - {model.architecture: cnn, preprocess.pca: {exists: true}}
  - {model.architecture: cnn, train.learning_rate: {gt: 0.005}}
"""
VALIDATOR = Draft202012Validator(schema())


def read(text: str) -> Any:
    problems = Problems()
    node = parse(text, "spec.yaml", problems)
    assert node is not None and not problems.found
    return as_written(node)


def as_written(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: as_written(child) for key, child in node.value.items()}
    return [as_written(child) for child in node.value] if isinstance(node.value, list) else node.value


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


def test_the_example_of_the_language_is_valid() -> None:
    assert list(VALIDATOR.iter_errors(read(VALID))) == []


@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_every_spec_that_ships_is_valid(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(read(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("version: 1", "version: 2"),
        ("name: digits", "nam: digits"),
        ("name: digits", "name: my digits"),
        ("{maximize: val_accuracy}", "{maximize: val_accuracy, minimize: val_loss}"),
        ("seeds: 3", "seeds: 0"),
        ("{sklearn: digits}", "{sklaern: digits}"),
        ("{sklearn: digits}", "{sklearn: digit}"),
        ("test: 0.2", "test: 1.2"),
        ("stratify: true", "stratify: yes"),
        ("validation: 0.2", "valid: 0.2"),
        ("pca: {components: 32}", "pcs: {components: 32}"),
        ("scale: {method:", "scale: {methods:"),
        ("- sklearn.decomposition:NMF", "- scale: {method: minmx}"),
        ("- sklearn.decomposition:NMF", "- pca: {components: 0}"),
        ("architecture: cnn", "architecture: cmm"),
        ("dropout: {grid: [0.0, 0.2]}", "dropout: 1.5"),
        ("batch_size: 32", "batch_size: 0.5"),
        ("logspace: [1e-4, 1e-2, 3]", "logspace: [1e-4, 1e-2]"),
        ("one_of: [adam,", "one_off: [adam,"),
        ("early_stopping: {patience: 5}", "early_stopping: {patience: -1}"),
        ("early_stopping: {patience: 5}", "early_stopping: 5"),
        ("{gt: 0.005}", "{above: 0.005}"),
    ],
)
def test_what_is_plainly_wrong_is_refused(written: str, wrong: str) -> None:
    assert written in VALID
    assert not VALIDATOR.is_valid(read(VALID.replace(written, wrong)))


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("  split:", "  target: price\n  split:"),
        ("{test: 0.2, validation: 0.2, stratify: true, seed: 0}", "{folds: 5, repeats: 2, group: patient}"),
        ("{test: 0.2, validation: 0.2, stratify: true, seed: 0}", "{one_of: [{test: 0.2}, {folds: 3}]}"),
        ("  - sklearn.decomposition:NMF", "  - {mine.py:step: {power: 2, columns: [age]}}"),
        ("  - sklearn.decomposition:NMF", "  - {impute: {columns: numeric}}"),
        ("early_stopping: {patience: 5}", "early_stopping: {one_of: [none, {patience: {grid: [2, 3]}}]}"),
        ("learning_rate: {logspace: [1e-4, 1e-2, 3]}", "learning_rate: {cosine: {from: 1e-2, warmup_epochs: 2}}"),
        ("batch_size: 32", "loss: {binary_focal_crossentropy: {gamma: 3}}"),
        ("batch_size: 32", "class_weight: {cat: 2}\n  select: {best: val_f1}"),
        ("seeds: 3", "seeds: [4, 5]\nkeep: {weights: best 3}\nresources: {gpus: 0.5, memory: 24GB}"),
        ("seeds: 3", "augment: [random_flip, {random_zoom: {height_factor: 0.1}}]"),
        ("seeds: 3", "one_of: [{as: small, train: {epochs: 3}}, {train: {epochs: 9}}]"),
        ("seeds: 3", "zip: [[model.hidden, model.dropout]]\nmetrics: [val_f1, {cohen_kappa: {as: kappa}}]"),
    ],
)  # fmt: skip
def test_other_forms_are_valid(written: str, right: str) -> None:
    assert written in VALID
    VALIDATOR.validate(read(VALID.replace(written, right)))
