"""Sources of tables and arrays: json, jsonl, parquet, excel, npy, and what scikit-learn brings and makes."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pandas as pd
import pytest

from blueno.errors import BluenoError, DataError, MissingLibrary
from blueno.etl.sources import Loaded, fingerprint, load_source
from blueno.etl.sources.sklearn import load as load_sklearn
from blueno.planning.fingerprint import fingerprint as planned

SETS = get_args(get_type_hints(load_sklearn)["name"])


def load(source: str, planned: str | None = None, /, **params: Any) -> Loaded:
    return load_source({"name": source, "params": params, "code": 1, "fingerprint": planned}, None)


def types(loaded: Loaded) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in loaded.features.dtypes.items()}


def patients() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["p1", "p2", "p3"],
            "age": pd.array([34, None, 61]),
            "dose": [0.5, None, 1.0],
            "ill": [True, False, True],
        }
    )


# ---- json and jsonl

RECORDS = (
    '[{"zip": "012", "age": 34, "dose": 1.0}, {"zip": "345", "age": null, "dose": 2.0}, {"zip": null, "dose": 3.0}]'
)
COLUMNS = '{"zip": ["012", "345", null], "age": [34, null, null], "dose": [1.0, 2.0, 3.0]}'
OF_PANDAS = '{"zip": {"0": "012", "1": "345", "2": null}, "age": {"0": 34}, "dose": {"0": 1.0}}'


@pytest.mark.parametrize("text", [RECORDS, COLUMNS, f'{{"data": {{"rows": {RECORDS}}}}}'])
def test_json_types_are_those_of_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "patients.json"
    path.write_text(text)
    loaded = load("json", path=str(path), at="data.rows" if "rows" in text else None)
    assert types(loaded)["age"] == "Int64" and types(loaded)["dose"] == "Float64"
    assert loaded.features["zip"].tolist()[:2] == ["012", "345"]
    assert loaded.features["age"].isna().tolist() == [False, True, True]


def test_json_as_pandas_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "patients.json"
    patients().to_json(path)
    assert load("json", path=str(path)).features["age"].isna().tolist() == [False, True, False]
    patients().to_json(path, orient="records")
    assert types(load("json", path=str(path)))["ill"] == "boolean"


def test_jsonl_may_be_compressed_and_have_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "patients.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"age": 34}\n\n{"ward": "north", "age": 35}\n'))
    loaded = load("jsonl", path=str(path))
    assert loaded.features["age"].tolist() == [34, 35]
    assert loaded.features["ward"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("source", "text", "message", "fix"),
    [
        ("json", "", "is no JSON", "jsonl"),
        ("json", "[]", "has no rows", ""),
        ("json", "3", "is no list of records", "at"),
        ("json", '{"a": [1], "b": [1, 2]}', r"different lengths \(a: 1, b: 2\)", "each row"),
        ("json", '[{"a": [1]}]', "a holds lists or mappings", "flatten"),
        ("jsonl", '{"a": 1}\n{"a": 2\n', "line 2, is no JSON", "json"),
        ("jsonl", "[1]\n", "line 1, is no record", "column"),
        ("jsonl", "", "has no rows", ""),
    ],
)
def test_json_that_cannot_be_read(tmp_path: Path, source: str, text: str, message: str, fix: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        load(source, path=str(path))
    assert fix in caught.value.fix


def test_json_below_a_key_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "patients.json"
    path.write_text('{"rows": []}')
    with pytest.raises(DataError, match="no key 'row'") as caught:
        load("json", path=str(path), at="row")
    assert caught.value.fix == "write rows"


# ---- parquet


def test_parquet_keeps_types_and_a_named_index(tmp_path: Path) -> None:
    path = tmp_path / "patients.parquet"
    patients().set_index("id").to_parquet(path)
    loaded = load("parquet", path=str(path))
    assert types(loaded)["age"] == "Int64"
    assert sorted(loaded.features["id"]) == ["p1", "p2", "p3"]


def test_parquet_in_a_folder_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "patients"
    folder.mkdir()
    for number in range(2):
        patients().to_parquet(folder / f"part-{number}.parquet")
    (folder / ".crc").write_text("x")
    sha = planned(folder, tmp_path / "memory")
    assert len(load("parquet", sha, path=str(folder)).features) == 6
    patients().to_parquet(folder / "part-2.parquet")
    with pytest.raises(DataError, match="has changed since it was planned with"):
        load("parquet", sha, path=str(folder))


def test_parquet_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "patients.parquet"
    for content in (b"", b"a,b\n1,2\n", b"PAR1 but cut off"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is no Parquet file"):
            load("parquet", path=str(path))


# ---- excel


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "patients.xlsx"
    with pd.ExcelWriter(path) as writer:
        patients().to_excel(writer, sheet_name="Visits", index=False, startrow=2)
        pd.DataFrame({"a": [1, "?"]}).to_excel(writer, sheet_name="Labs", index=False)
        pd.DataFrame({"a": []}).to_excel(writer, sheet_name="Empty", index=False)
    return path


def test_excel_sheets(book: Path) -> None:
    visits = load("excel", path=str(book), skip=2)
    assert types(visits)["age"] == "Int64" and visits.features["id"].tolist() == ["p1", "p2", "p3"]
    assert load("excel", path=str(book), sheet="Labs", missing=["?"]).features["a"].isna().tolist() == [False, True]


def test_excel_that_cannot_be_read(book: Path) -> None:
    with pytest.raises(DataError, match="no sheet 'Lab'; there are: Visits, Labs, Empty") as caught:
        load("excel", path=str(book), sheet="Lab")
    assert caught.value.fix == "write Labs"
    with pytest.raises(DataError, match=r"the sheet 'Empty' of .* has no rows"):
        load("excel", path=str(book), sheet="Empty")
    book.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match="is no workbook"):
        load("excel", path=str(book))


# ---- libraries, folders, npy


@pytest.mark.parametrize(("source", "library"), [("excel", "openpyxl"), ("parquet", "pyarrow"), ("images", "pillow")])
def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, library: str) -> None:
    monkeypatch.setitem(sys.modules, {"pillow": "PIL"}.get(library, library), None)
    path = tmp_path / "data"
    path.mkdir() if source == "images" else path.write_bytes(b"")
    with pytest.raises(MissingLibrary, match=f"{source} needs {library}") as caught:
        load(source, path=str(path))
    assert caught.value.fix == f"pip install {library}"


@pytest.mark.parametrize("source", ["csv", "json", "jsonl", "excel", "npz"])
def test_a_folder_without_files(tmp_path: Path, source: str) -> None:
    with pytest.raises(DataError, match="there is no file at"):
        load(source, path=str(tmp_path))


def saved(folder: Path, **arrays: Any) -> dict[str, str]:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return {name: str(folder / f"{name}.npy") for name in arrays}


def test_npy_files(tmp_path: Path) -> None:
    paths = saved(tmp_path, x=np.ones((3, 2, 2)), y=[0, 1, 0], groups=["p", "p", "q"])
    sha = fingerprint([Path(path) for path in paths.values()])
    loaded = load("npy", sha, **paths)
    assert isinstance(loaded.features, np.memmap) and loaded.features.shape == (3, 2, 2)
    assert (loaded.ids, loaded.groups.tolist()) == (None, ["p", "p", "q"])
    saved(tmp_path, groups=["p", "q", "q"])
    with pytest.raises(DataError, match="has changed since"):
        load("npy", sha, **paths)


def test_npy_that_cannot_be_read(tmp_path: Path) -> None:
    paths = saved(tmp_path, x=np.array([{}], dtype=object), y=[0])
    with pytest.raises(DataError, match=r"cannot be read as \.npy"):
        load("npy", **paths)
    np.savez(tmp_path / "x.npz", a=[1], b=[2])
    with pytest.raises(DataError, match="several arrays"):
        load("npy", x=str(tmp_path / "x.npz"), y=paths["y"])
    (tmp_path / "x.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"cannot be read as \.npy"):
        load("npy", **paths)


# ---- scikit-learn


@pytest.mark.parametrize("name", [name for name in SETS if name.startswith("make_")])
def test_generators_make_samples_with_a_target(name: str) -> None:
    loaded = load("sklearn", name=name, n_samples=60, random_state=0)
    assert len(loaded.features) == len(loaded.target) == 60
    assert list(loaded.features.columns)[:2] == ["x0", "x1"]
    again = load("sklearn", name=name, n_samples=60, random_state=0)
    assert np.array_equal(loaded.target, again.target) and loaded.features.equals(again.features)


def test_generators_take_their_own_parameters() -> None:
    assert load("sklearn", name="make_regression", n_samples=9, n_features=12, n_targets=2).target.shape == (9, 2)
    assert set(load("sklearn", name="make_hastie_10_2", n_samples=20).target.tolist()) == {-1, 1}
    assert load("sklearn", name="make_multilabel_classification", sparse=True).features.shape == (100, 20)
    assert set(load("sklearn", name="digits", n_class=3).target) == {0, 1, 2}


def test_generators_that_refuse() -> None:
    with pytest.raises(BluenoError, match="make_classification: Number of informative") as caught:
        load("sklearn", name="make_classification", n_features=2, n_informative=9)
    assert caught.value.fix
