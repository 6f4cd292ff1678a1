"""Odd input: what a file, a column or a name can be that nobody thinks of, and what becomes of it."""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
import lzma
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blueno.errors import DataError
from blueno.etl.columns import select
from blueno.etl.marked_split import marked_parts
from blueno.etl.sources import Loaded, load_source
from blueno.etl.tables import normalised
from blueno.etl.target import target_scale
from blueno.etl.times import read_times

from .stepping import NUMBERS, table

NOBODY = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))


def load(source: str, path: Path, **params: Any) -> Loaded:
    return load_source({"name": source, "params": {"path": str(path), **params}, "code": 1, "fingerprint": None}, None)


# ---- files


def test_separators_at_the_ends_of_lines_shift_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,z,y\n1,2,a,\n3,4,b,\n")
    assert load("csv", path).features.to_dict("list") == {"x": [1, 3], "z": [2, 4], "y": ["a", "b"]}
    path.write_text("x,z\n1,2,7\n3,4,7\n")
    with pytest.raises(DataError, match="more fields than the first names"):
        load("csv", path)


PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("ending", [*PACKED, "zip"])
def test_compressed_files_that_are_damaged(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.csv.{ending}"
    whole = PACKED.get(ending, gzip.compress)(b"x,y\n" + b"1,2\n" * 5000)
    for content in (b"nonsense", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is no table"):
            load("csv", path)


@pytest.mark.parametrize("params", [{"separator": ""}, {"separator": "||"}, {"decimal": ",."}])
def test_csv_read_in_a_way_that_cannot_be(tmp_path: Path, params: dict[str, str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="is no table"):
        load("csv", path, **params)


def test_lines_of_json_end_where_lines_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    text = "one\u2028two\x85three"
    path.write_text("".join(json.dumps({"t": text}, ensure_ascii=False) + end for end in ("\r\n", "\n")), "utf-8")
    assert load("jsonl", path).features["t"].tolist() == [text, text]


def test_columns_of_json_are_put_together_by_their_index(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"x": {"0": 10, "1": 11, "2": 12}, "y": {"2": "c", "0": "a"}}')
    assert load("json", path).features.astype(object).where(lambda each: each.notna(), None).to_dict("list") == {
        "x": [10, 11, 12],
        "y": ["a", None, "c"],
    }


@pytest.mark.parametrize("source", ["json", "jsonl"])
def test_json_that_is_nested_too_deeply(tmp_path: Path, source: str) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(DataError, match="is no JSON"):
        load(source, path)


def test_a_workbook_with_broken_xml(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    pd.DataFrame({"x": [1]}).to_excel(path)
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w") as broken:
        for name, content in parts.items():
            broken.writestr(name, b"<broken" if name == "xl/workbook.xml" else content)
    with pytest.raises(DataError, match="is no workbook"):
        load("excel", path)


def test_decimals_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": [Decimal("1.50"), None, Decimal("2.25")], "y": [Decimal(i) for i in range(3)]}).to_parquet(path)
    samples = select(load("parquet", path), NOBODY | {"target": "y"})
    assert samples.task == "regression" and samples.target.tolist() == [0.0, 1.0, 2.0]
    assert samples.inputs == {"x": "numeric"}


def test_an_index_of_parquet_that_is_a_column_too(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": [1, 2]}).set_index("x", drop=False).to_parquet(path)
    assert load("parquet", path).features["x"].tolist() == [1, 2]


# ---- columns


@pytest.mark.parametrize("values", [pd.array([2**63, 2**64 - 1], "UInt64"), np.array([2**63, 2**64 - 1], "uint64")])
def test_integers_beyond_64_bits_are_not_wrapped(values: Any) -> None:
    assert normalised(pd.DataFrame({"x": values}))["x"].tolist() == [float(2**63), float(2**64)]


def test_columns_of_other_types() -> None:
    made = normalised(pd.DataFrame({"gaps": [None, None], "hours": pd.to_timedelta([1, 2], unit="h")}))
    assert made["gaps"].isna().all() and made["gaps"].dtype == np.float64
    assert made["hours"].tolist() == [3600.0, 7200.0]
    for values, message in (([[1], [2]], "lists or mappings"), ([{}, {}], "lists"), ([1j, 2j], "complex numbers")):
        with pytest.raises(DataError, match=f"the column x holds .*{message}"):
            normalised(pd.DataFrame({"x": values}))


def test_names_of_columns_need_not_be_text() -> None:
    frame = pd.DataFrame({2020: [1, 2], 2021: [0, 1]})
    samples = select(Loaded(frame), NOBODY | {"target": "2021"})
    assert samples.inputs == {"2020": "numeric"} and samples.target.tolist() == [0, 1]


def test_a_target_that_is_there_twice() -> None:
    frame = pd.DataFrame([[1, 0, 1], [2, 1, 0]], columns=["x", "y", "y"])
    with pytest.raises(DataError, match="several columns are named 'y'"):
        select(Loaded(frame), NOBODY | {"target": "y"})


def test_arrays_of_another_order_of_bytes() -> None:
    features = np.arange(4, dtype=">i4")
    samples = select(Loaded(features, np.array([0, 1, 0, 1], ">i4"), np.arange(4, dtype=">i8")), NOBODY)
    assert isinstance(samples.features, np.ndarray) and samples.features.dtype.isnative
    assert samples.features.ravel().tolist() == [0, 1, 2, 3]
    assert (samples.target.tolist(), samples.ids.tolist()) == ([0, 1, 0, 1], ["0", "1", "2", "3"])


def test_what_is_no_array_and_no_sample() -> None:
    with pytest.raises(DataError, match="is no array"):
        select(Loaded([[1, 2], [3]], [0, 1]), NOBODY)
    with pytest.raises(DataError, match="yields no samples"):
        select(Loaded(np.zeros((0, 2)), np.zeros(0)), NOBODY)


@pytest.mark.parametrize("kind", ["int64", "Int64", "float64", str])
def test_groups_are_ordered_as_scikit_learn_orders_them(kind: Any) -> None:
    values = pd.Series([10, 2, 1, 10]).astype(kind)
    samples = select(
        Loaded(pd.DataFrame({"g": values, "x": range(4), "y": [0, 1, 0, 1]})), NOBODY | {"target": "y", "group": "g"}
    )
    expected = np.unique(values.to_numpy(), return_inverse=True)[1]
    assert samples.groups is not None and samples.groups.tolist() == expected.tolist()


def test_ids_that_are_the_same_as_text() -> None:
    frame = pd.DataFrame({"i": pd.Series([1, "1", 2, 3], dtype=object), "x": range(4), "y": [0, 1, 0, 1]})
    with pytest.raises(DataError, match="1 ids occur more than once: 1"):
        select(Loaded(frame), NOBODY | {"target": "y", "id": "i"})


@pytest.mark.parametrize("other", ["1500-01-01", "9999-12-31"])
@pytest.mark.parametrize("kind", ["text", "dates", "timestamps"])
def test_times_that_nanoseconds_cannot_hold_are_not_wrapped(other: str, kind: str) -> None:
    values: Any = ["2020-01-01", other]
    if kind == "dates":
        values = [datetime.date.fromisoformat(value) for value in values]
    column = pd.Series(np.array(values, "datetime64[us]") if kind == "timestamps" else values, name="day")
    with pytest.raises(DataError, match="the column day holds times before 1678 or after 2262"):
        read_times(column)


def test_a_digit_that_is_no_number_is_no_fold() -> None:
    with pytest.raises(DataError, match="which is no number of a fold"):
        marked_parts(np.array(["0", "²"]), None, {"column": "part", "folds": 2, "stop": None}, 0)


def test_a_target_that_never_varies_has_no_scale_of_rounding_errors() -> None:
    scale = target_scale(np.array([0.1, 0.1, 0.1, 0.2]), np.arange(3), "regression")
    assert scale["deviation"] == [1.0]
    assert np.isclose(scale["mean"][0], 0.1)


# ---- steps


def test_a_column_may_have_any_name() -> None:
    frame = pd.DataFrame(NUMBERS[:, :2], columns=["self", "other"])
    assert list(table("scale", frame, columns=["self"]).columns) == ["self", "other"]
    assert abs(table("scale", frame)["self"][:12].mean()) < 1e-12


def test_new_columns_of_one_name_are_told_apart() -> None:
    frame = pd.DataFrame({name: ["cat"] * 20 for name in "tuv"})
    for name in "tuv":
        frame = table("tfidf", frame, columns=[name], max_words=1)
    assert list(frame.columns) == ["cat", "cat#2", "cat#3"]
    coded = table("one_hot", pd.DataFrame({"a": ["b_c", "q"] * 10, "a_b": ["c", "z"] * 10}))
    assert list(coded.columns) == ["a_b_c", "a_q", "a_b_c#2", "a_b_z"]


@pytest.mark.parametrize("step", [("log", {}), ("rescale", {}), ("clip", {"low": 0.0})])
def test_numbers_made_of_text_are_refused(step: tuple[str, dict[str, float]]) -> None:
    with pytest.raises(DataError, match=f"{step[0]}: ") as caught:
        table(step[0], pd.DataFrame({"w": ["p", "q"] * 10}), columns=["w"], **step[1])
    assert "its columns" in caught.value.fix


@pytest.mark.parametrize(("name", "params"), [("tfidf", {}), ("tokenize", {"length": 3})])
def test_words_of_numbers_are_refused(name: str, params: dict[str, int]) -> None:
    with pytest.raises(DataError, match=f"{name} takes text, and x holds numbers"):
        table(name, pd.DataFrame({"x": range(20)}), columns=["x"], **params)
