"""Columns that steps name are looked for in a CSV file's first line when planning."""

from __future__ import annotations

from pathlib import Path

import pytest

from blueno.errors import SpecErrors
from blueno.etl.steps import STEPS
from blueno.etl.tables import KINDS
from blueno.planning import compile_spec
from blueno.spec import csv_header, load

SPEC = """
version: 1
name: ages
objective: {{maximize: val_accuracy}}
data: {{source: {source}, target: died, split: {{validation: 0.25}}}}
preprocess: {steps}
model: {{estimator: sklearn.linear_model:LogisticRegression}}
"""


def problems(folder: Path, steps: str, source: str = "{csv: ages.csv}") -> list[str]:
    (folder / "ages.csv").write_text("age,ward,died\n3,north,no\n")
    (folder / "more.csv").write_text("weight,ward,died\n3,north,no\n")
    (folder / "ages.yaml").write_text(SPEC.format(source=source, steps=steps))
    try:
        compile_spec(load(folder / "ages.yaml", [], folder), folder)
    except SpecErrors as error:
        return [f"{each.path}: {each.message}; {each.fix}" for each in error.problems]
    return []


@pytest.mark.parametrize(
    "steps",
    [
        "[impute, {scale: {columns: [age]}}]",
        "[{scale: {columns: numeric}}, {one_hot: {columns: w*}}]",
        "[{scale: {columns: [numeric, ward]}}]",
        "[{impute: {indicator: true}}, {scale: {columns: [missingindicator_age]}}]",
        "[one_hot, {scale: {columns: [ward_north]}}]",  # made by one_hot
        "[{sklearn.preprocessing:MinMaxScaler: {columns: [age]}}, {scale: {columns: [minmax0]}}]",
    ],
)
def test_names_that_can_be_there(tmp_path: Path, steps: str) -> None:
    assert problems(tmp_path, steps) == []


def test_a_misspelt_column_of_a_step_is_told_when_planning(tmp_path: Path) -> None:
    found = problems(
        tmp_path, "[impute, {scale: {columns: [agge]}}, {one_hot: {columns: wart}}, {scale: {columns: x}}]"
    )
    assert found == [
        "preprocess.scale.columns: there is no column 'agge' in ages.csv; write age",
        "preprocess.one_hot.columns: there is no column 'wart' in ages.csv; write ward",
    ]


def test_of_several_files_a_column_of_any_will_do(tmp_path: Path) -> None:
    source = "{csv: {path: {grid: [ages.csv, more.csv]}}}"
    assert problems(tmp_path, "[{scale: {columns: [weight]}}]", source) == []
    (found,) = set(problems(tmp_path, "[{scale: {columns: [height]}}]", source))
    assert "there is no column 'height' in ages.csv or more.csv; write weight" in found


def test_other_sources_are_left_to_the_build(tmp_path: Path) -> None:
    assert problems(tmp_path, "[{scale: {columns: [height]}}]", "{sklearn: wine}") == []


def test_kinds_and_steps_are_those_of_the_etl() -> None:
    assert csv_header.KINDS == KINDS
    assert set(STEPS) >= csv_header.KEEP_NAMES
