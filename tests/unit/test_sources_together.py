"""Several files as one table or array: in the order of their names; what does not fit is told by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blueno.errors import DataError, SpecErrors
from blueno.etl.sources import Loaded, fingerprint, load_source
from blueno.planning import compile_spec
from blueno.planning.fingerprint import fingerprint as planned
from blueno.spec import load as load_spec

ROWS = pd.DataFrame(
    {
        "age": pd.array([34, None, 61, 7], dtype="Int64"),
        "dose": pd.array([0.5, 1.25, None, 2.5], dtype="Float64"),
        "ward": pd.array(["north", None, "south", "north"], dtype="string"),
        "ill": pd.array([True, False, True, False], dtype="boolean"),
    }
)
WRITE: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": lambda rows, path: rows.to_csv(path, index=False),
    "json": lambda rows, path: rows.to_json(path, orient="records"),
    "jsonl": lambda rows, path: rows.to_json(path, orient="records", lines=True),
    "excel": lambda rows, path: rows.to_excel(path, index=False),
}
ENDINGS = {"excel": "xlsx"}


def load(source: str, **params: Any) -> Loaded:
    return load_source({"name": source, "params": params, "code": 1, "fingerprint": None}, None)


def write(source: str, path: Path, rows: pd.DataFrame) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_suffix(f".{ENDINGS.get(source, source)}")
    WRITE[source](rows, file)
    return file.name


@pytest.mark.parametrize("source", WRITE)
def test_a_folder_and_a_pattern_are_one_table(source: str, tmp_path: Path) -> None:
    name = write(source, tmp_path / "whole", ROWS)
    for number, row in enumerate((0, 2, 3)):  # 0 to 1, 2 (where a column is all gaps), and 3
        until = (2, 3, 4)[number]
        write(source, tmp_path / "parts" / f"{number}", ROWS[row:until][sorted(ROWS, reverse=number == 1)])
    (tmp_path / "parts" / ".hidden").write_text("no data")
    whole = load(source, path=str(tmp_path / name)).features
    for path in ("parts", "parts/*", "**/[0-9].*"):
        found = load(source, path=str(tmp_path / path)).features
        pd.testing.assert_frame_equal(found[list(whole)], whole)
    (tmp_path / "parts" / "9.txt").write_text("\0 no table")
    with pytest.raises(DataError, match=r"9\.txt"):
        load(source, path=str(tmp_path / "parts"))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("age,ill\n3,yes\n", r"b\.csv has no column 'ward', which .*/a\.csv has"),
        ("age,ward,ill,more\n3,x,yes,1\n", r"b\.csv has a column 'more', which .*/a\.csv has not"),
        ("age,ward,ill\nold,x,yes\n", r"b\.csv: the column 'age' is text, and numbers in .*/a\.csv"),
    ],
)
def test_a_file_that_differs_is_told_by_its_name(tmp_path: Path, second: str, message: str) -> None:
    (tmp_path / "a.csv").write_text("age,ward,ill\n3,x,yes\n")
    (tmp_path / "b.csv").write_text(second)
    with pytest.raises(DataError, match=message):
        load("csv", path=str(tmp_path))


def test_a_file_without_rows_is_none_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,ill\n")
    with pytest.raises(DataError, match=r"a\.csv has no rows"):
        load("csv", path=str(tmp_path))
    (tmp_path / "b.csv").write_text("ill,age\nyes,3\n")
    assert load("csv", path=str(tmp_path)).features.to_dict("list") == {"age": [3], "ill": ["yes"]}


def save(folder: Path, **arrays: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def test_arrays_are_put_behind_each_other(tmp_path: Path) -> None:
    x, y = np.arange(24.0).reshape(6, 2, 2), np.arange(6)
    save(tmp_path / "x", a=x[:2], b=x[2:])
    save(tmp_path / "y", a=y[:2], b=y[2:])
    save(tmp_path, ids=y)
    for name, part in (("a", slice(0, 2)), ("b", slice(2, 6))):
        np.savez(tmp_path / f"{name}.npz", x=x[part], y=y[part])
    for found in (
        load("npy", x=str(tmp_path / "x"), y=str(tmp_path / "y" / "*.npy"), ids=str(tmp_path / "ids.npy")),
        load("npz", path=str(tmp_path / "*.npz")),
    ):
        np.testing.assert_array_equal(found.features, x)
        np.testing.assert_array_equal(found.target, y)
    assert isinstance(load("npy", x=str(tmp_path / "x" / "a.npy"), y=str(tmp_path / "y" / "a.npy")).features, np.memmap)


def test_arrays_that_do_not_go_together(tmp_path: Path) -> None:
    save(tmp_path / "x", a=np.zeros((2, 3)), b=np.zeros((4, 3)))
    save(tmp_path / "y", a=np.zeros(4), b=np.zeros(2))
    paths = {"x": str(tmp_path / "x"), "y": str(tmp_path / "y")}
    with pytest.raises(DataError, match=r"x/a\.npy has 2 rows, and .*y/a\.npy, which goes with it, 4"):
        load("npy", **paths)
    save(tmp_path / "y", c=np.zeros(2))
    with pytest.raises(DataError, match=r"a\.npy and 1 more are 2 files, and .*a\.npy and 2 more 3"):
        load("npy", **paths)
    save(tmp_path / "x", b=np.zeros((4, 2)))
    with pytest.raises(DataError, match=r"b\.npy has rows of shape \(2,\), and a\.npy of \(3,\)"):
        load("npy", x=paths["x"], y=str(tmp_path / "y" / "a.npy"))
    save(tmp_path / "x", b=np.array([["a"] * 3]))
    with pytest.raises(DataError, match=r"b\.npy holds text, and a\.npy numbers"):
        load("npy", x=paths["x"], y=str(tmp_path / "y" / "a.npy"))
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 1)), y=np.zeros(2), ids=np.arange(2))
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 1)), y=np.zeros(2))
    with pytest.raises(DataError, match=r"b\.npz and .*a\.npz only one has ids"):
        load("npz", path=str(tmp_path / "*.npz"))


def test_what_counts_is_the_same_when_planned_and_when_read(tmp_path: Path) -> None:
    for name in ("b", "a", "sub/c"):
        write("csv", tmp_path / "t" / name, ROWS)
    for path in ("t", "t/*.csv", "t/**/*.csv", "t/a.csv"):
        assert planned(tmp_path / path, tmp_path / "memory") == fingerprint([tmp_path / path])


SPEC = """\
version: 1
name: several
objective: {maximize: val_accuracy}
data: {source: {%s}, target: ill, split: {validation: 0.5, seed: 0}}
model: {estimator: sklearn.dummy:DummyClassifier}
"""


def problems(folder: Path, source: str, **values: str) -> list[str]:
    (folder / "spec.yaml").write_text(SPEC % source)
    try:
        compile_spec(load_spec(folder / "spec.yaml", (), folder), folder)
    except SpecErrors as error:
        return [each.message for each in error.problems]
    return []


def test_a_spec_names_a_pattern_where_several_files_may_be(tmp_path: Path) -> None:
    write("csv", tmp_path / "t" / "a", ROWS)
    assert problems(tmp_path, 'csv: "t/*.csv"') == []
    assert problems(tmp_path, "csv: t") == []
    assert problems(tmp_path, 'csv: "t/*.tsv"') == ["there is no file t/*.tsv"]
    assert problems(tmp_path, 'images: {path: t, table: "t/*.csv"}') == ["there is no file t/*.csv"]
    (tmp_path / "t" / "a.csv").write_text("age,sick\n3,yes\n")
    assert problems(tmp_path, 'csv: "t/*.csv"') == ["t/*.csv has no column 'ill'"]
