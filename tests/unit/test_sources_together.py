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


@pytest.mark.parametrize("others", [("18446744073709551615", "2"), ("0.5", "2"), ("0.5", "")])
def test_integers_that_would_change_among_others_are_told(tmp_path: Path, others: tuple[str, str]) -> None:
    for name, value in zip("abc", ("9007199254740993", *others), strict=True):
        (tmp_path / f"{name}.csv").write_text(f"id,ill\n{value},yes\n")
    has = "unsigned" if others[0].startswith("1") else "integers beyond 2"
    with pytest.raises(DataError, match=f"the column 'id' has {has}") as caught:
        load("csv", path=str(tmp_path))
    assert "/a.csv" in caught.value.message and "/b.csv" in caught.value.message
    assert "/c.csv" not in caught.value.message and "save them alike" in str(caught.value.fix)


def test_integers_that_stay_the_same_go_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,id\n3,9007199254740993\n")
    (tmp_path / "b.csv").write_text("age,id\n0.5,9007199254740995\n")
    found = load("csv", path=str(tmp_path)).features
    assert found.to_dict("list") == {"age": [3.0, 0.5], "id": [9007199254740993, 9007199254740995]}


@pytest.mark.parametrize(
    ("ids", "others", "message"),
    [
        ("i8", "u8", r"b\.npz holds unsigned integers of 64 bits, and a\.npz signed ones"),
        ("u8", "i4", r"a\.npz holds unsigned integers of 64 bits, and b\.npz signed ones"),
        ("i8", "f8", r"a\.npz holds integers beyond 2\*\*53, and b\.npz floats"),
        ("i8", "u4", None),
    ],
)
def test_ids_of_arrays_that_would_change(tmp_path: Path, ids: str, others: str, message: str | None) -> None:
    for name, own in (("a", np.array([2**53 + 1], dtype=ids)), ("b", np.array([7], dtype=others))):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((1, 2)), y=np.zeros(1), ids=own)
    if message is None:
        assert load("npz", path=str(tmp_path)).ids.tolist() == [2**53 + 1, 7]
        return
    with pytest.raises(DataError, match=message):
        load("npz", path=str(tmp_path))


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


@pytest.mark.parametrize("single", ["x", "y"])
def test_a_single_value_is_no_array_of_rows(tmp_path: Path, single: str) -> None:
    save(tmp_path, **{"x": np.zeros((2, 3)), "y": np.zeros(2), single: np.float64(3)})
    with pytest.raises(DataError, match=rf"{single}\.npy holds a single value, and no rows"):
        load("npy", x=str(tmp_path / "x.npy"), y=str(tmp_path / "y.npy"))


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


def test_the_folder_of_a_pattern_may_have_brackets(tmp_path: Path) -> None:
    folder = tmp_path / "p[1]"
    for name in ("t/a", "t/b", "u/c"):
        write("csv", folder / name, ROWS)
        write("csv", tmp_path / "plain" / name, ROWS)
    for pattern in ("t/*.csv", "*/[ab].csv", "**/*.csv"):
        assert problems(folder, f'csv: "{pattern}"') == []
        found, plain = (planned(each / pattern, tmp_path / "memory") for each in (folder, tmp_path / "plain"))
        assert found == plain
    assert len(load("csv", path=str(folder / "*/[ab].csv")).features) == 2 * len(ROWS)
    assert problems(folder, 'csv: "t/*.tsv"') == ["there is no file t/*.tsv"]
