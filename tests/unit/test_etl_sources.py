"""Sources: what they yield, and what they say when they cannot."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from blueno.canonical import digest_file
from blueno.errors import BluenoError, DataError
from blueno.etl.sources import SOURCES, Loaded, load_source
from blueno.usercode import CodeFolder


def load(source: str, code: CodeFolder | None = None, fingerprint: str | None = None, /, **params: Any) -> Loaded:
    return load_source({"name": source, "params": params, "code": 1, "fingerprint": fingerprint}, code)


# ---- sklearn


def test_digits_are_images() -> None:
    loaded = load("sklearn", name="digits")
    assert loaded.features.shape == (1797, 8, 8, 1)
    assert (loaded.features.reshape(1797, 64) == datasets.load_digits().data).all()


@pytest.mark.parametrize(
    ("name", "shape", "kind"),
    [
        ("iris", (150, 4), "i"),
        ("wine", (178, 13), "i"),
        ("breast_cancer", (569, 30), "i"),
        ("diabetes", (442, 10), "f"),
        ("linnerud", (20, 3), "f"),
    ],
)
def test_shipped_tables_have_named_columns(name: str, shape: tuple[int, int], kind: str) -> None:
    loaded = load("sklearn", name=name)
    assert isinstance(loaded.features, pd.DataFrame)
    assert loaded.features.shape == shape
    assert loaded.target.dtype.kind == kind
    assert (loaded.features.to_numpy() == getattr(datasets, f"load_{name}")().data).all()


# ---- csv


def test_csv_types_survive_gaps(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    path.write_text("age;site;label\n4,5;Bern;1\n;Graz;\n6,0;?;0\n")
    table = load("csv", path=str(path), separator=";", decimal=",", missing=["?"]).features
    assert table["age"].tolist()[0] == 4.5
    assert table["age"].isna().tolist() == [False, True, False]
    assert table["site"].isna().tolist() == [False, False, True]
    assert str(table["label"].dtype) == "Int64"


def test_csv_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert load("csv", path=str(path)).features["b"].tolist() == [2]


@pytest.mark.parametrize(
    ("content", "params", "message"),
    [
        (b"", {}, "is no table"),
        (b"a,b\n", {}, "has no rows"),
        (b"a,b\n1,2,3\n4,5,6,7,8\n", {}, "is no table"),
        (b"a,b\n1,\xff\xfe\n", {}, "is no table"),
        (b"a,b\n1,2\n", {"encoding": "utf-9"}, "is no table"),
    ],
)
def test_csv_that_cannot_be_read(tmp_path: Path, content: bytes, params: dict[str, Any], message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load("csv", path=str(path), **params)
    assert caught.value.fix


def test_a_file_that_is_gone_or_changed_says_so(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    with pytest.raises(DataError, match="there is no file"):
        load("csv", path=str(path))
    path.write_text("a,b\n1,2\n")
    planned = digest_file(path)
    assert len(load("csv", None, planned, path=str(path)).features) == 1
    path.write_text("a,b\n1,3\n")
    with pytest.raises(DataError, match="has changed since it was planned with"):
        load("csv", None, planned, path=str(path))


# ---- npz


def test_npz_arrays_by_name(tmp_path: Path) -> None:
    path = tmp_path / "volumes.npz"
    np.savez(path, x=np.ones((3, 2, 2)), label=[0, 1, 0], ids=["a", "b", "c"], patient=["p", "p", "q"])
    loaded = load("npz", path=str(path), y="label", groups="patient")
    assert loaded.features.shape == (3, 2, 2)
    assert loaded.target.tolist() == [0, 1, 0]
    assert loaded.ids.tolist() == ["a", "b", "c"]
    assert loaded.groups.tolist() == ["p", "p", "q"]


def test_npz_ids_and_groups_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "volumes.npz"
    np.savez(path, x=np.ones((3, 2)), y=[0, 1, 0])
    assert load("npz", path=str(path))[2:4] == (None, None)
    with pytest.raises(DataError, match="no array 'patient'"):
        load("npz", path=str(path), groups="patient")


def test_npz_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "volumes.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object), y=[0])
    with pytest.raises(DataError, match="cannot be read"):
        load("npz", path=str(path))
    np.savez(path, images=np.ones(3), y=[0, 1, 0])
    with pytest.raises(DataError) as caught:
        load("npz", path=str(path), x="image")
    assert caught.value.fix == "write images"
    path.write_bytes(b"no zip at all")
    with pytest.raises(DataError, match="cannot be read"):
        load("npz", path=str(path))


# ---- python

GENERATOR = """
import numpy as np
import pandas as pd

def pair(n=4): return np.zeros((n, 2)), [0, 1] * (n // 2)
def named(n=4): return np.zeros((n, 2)), [0, 1] * (n // 2), [f"s{i}" for i in range(n)]
def mapping(): return {"features": np.zeros((2, 2)), "target": [0, 1], "groups": ["a", "b"]}
def frame(): return pd.DataFrame({"a": [1, 2], "y": [0, 1]})
def typo(): return {"features": np.zeros((2, 2)), "targets": [0, 1]}
def nothing(): return None
def four(): return 1, 2, 3, 4
"""


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    (tmp_path / "gen.py").write_text(GENERATOR)
    return CodeFolder(tmp_path, "")


def test_a_function_of_ones_own(code: CodeFolder) -> None:
    assert load("python", code, function="gen.py:pair", n=6).features.shape == (6, 2)
    assert load("python", code, function="gen.py:named").ids == ["s0", "s1", "s2", "s3"]
    assert load("python", code, function="gen.py:mapping").groups == ["a", "b"]
    assert list(load("python", code, function="gen.py:frame").features.columns) == ["a", "y"]


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("typo", "returned 'targets', which is not known", "call it target"),
        ("nothing", "nothing returned a NoneType", "return (features, target)"),
        ("four", "four returned 4 values", "return (features, target)"),
    ],
)
def test_a_function_that_returns_something_else(code: CodeFolder, name: str, message: str, fix: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load("python", code, function=f"gen.py:{name}")
    assert fix in caught.value.fix


def test_a_function_that_is_not_there(code: CodeFolder) -> None:
    with pytest.raises(BluenoError, match=r"gen\.py has no pairs"):
        load("python", code, function="gen.py:pairs")


def test_every_source_says_its_version() -> None:
    for module in SOURCES.values():
        file = Path(__file__).parents[2] / "etl" / "sources" / f"{module}.py"
        assert "\nVERSION = " in file.read_text()


def test_the_tables_of_names_are_light() -> None:
    heavy = "{'numpy', 'pandas', 'sklearn'}"
    program = f"import sys, blueno.etl.sources, blueno.etl.steps; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
