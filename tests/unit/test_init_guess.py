"""What `blueno init FILE` guesses of a table or a folder of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from blueno.errors import DataError
from blueno.etl.guess import Column, guess_positive, guess_table
from blueno.etl.guess_pictures import holds_pictures
from blueno.etl.guess_source import guess

ROWS = 60
TARGET = [0, 1] * (ROWS // 2)


def columns(**values: Any) -> dict[str, Column]:
    """What is guessed of some columns beside a target."""
    _, found = guess_table(pd.DataFrame({**values, "y": TARGET}).convert_dtypes(), "y")
    return {each.name: each for each in found}


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("age", [row % 40 for row in range(ROWS)], "input"),
        ("weight", [row * 1.5 for row in range(ROWS)], "input"),  # all different, and no whole numbers
        ("income", [(row * 7919) % 5003 for row in range(ROWS)], "input"),  # all different by chance
        ("patient_id", [f"p{row}" for row in range(ROWS)], "id"),
        ("PatientID", [row * 17 for row in range(ROWS)], "id"),
        ("Unnamed: 0", list(range(ROWS)), "id"),
        ("row", list(range(1, ROWS + 1)), "id"),
        ("barcode", [f"x{row}" for row in range(ROWS)], "id"),
        ("patient", [f"p{row // 3}" for row in range(ROWS)], "group"),
        ("patient_id", [row // 3 for row in range(ROWS)], "group"),
        ("patient_age", [row // 3 for row in range(ROWS)], "input"),
        ("site", ["abcdef"[row % 6] for row in range(ROWS)], "group"),
        ("site", ["abc"[row % 3] for row in range(ROWS)], "input"),
        ("product_id", [row % 4 for row in range(ROWS)], "input"),
        ("scan_id", [f"s{row // 2}" for row in range(ROWS)], "group"),
        ("visited", [f"2020-01-{1 + row % 28:02}" for row in range(ROWS)], "time"),
        ("always", ["x"] * ROWS, "drop"),
        ("empty", [None] * ROWS, "drop"),
    ],
)
def test_what_a_column_is_for(name: str, values: list[Any], role: str) -> None:
    found = columns(**{name: values})[name]
    assert found.role == role
    assert found.reason or role == "input"


def test_kinds_gaps_and_values() -> None:
    prose = [f"the patient came with {row} complaints" for row in range(ROWS)]
    found = columns(
        ward=["north", None, "south"] * (ROWS // 3),
        note=prose,
        grade=[1, 2, 3] * (ROWS // 3),
        sick=[True] * 59 + [None],
    )
    assert [(each.kind, each.gaps, each.values) for each in found.values()] == [
        ("categorical", 20, 2), ("text", 0, ROWS), ("numeric", 0, 3), ("numeric", 1, 1),
    ]  # fmt: skip
    assert "codes, not amounts" in found["grade"].reason
    assert found["note"].reason == ""


def test_only_the_first_of_a_role_keeps_it() -> None:
    found = columns(
        center=["abcdef"[row % 6] for row in range(ROWS)], patient=[row // 2 for row in range(ROWS)],
        scan_id=[f"s{row}" for row in range(ROWS)], uuid=[f"u{row}" for row in range(ROWS)],
    )  # fmt: skip
    assert {name: each.role for name, each in found.items()} == {
        "center": "input", "patient": "group", "scan_id": "id", "uuid": "drop",
    }  # fmt: skip
    assert found["center"].reason.startswith("could be the group instead of patient")


@pytest.mark.parametrize(
    ("values", "task", "said"),
    [
        ([0, 1], "binary", None),
        (["a", "b", "c"], "multiclass", None),
        ([0.5, 1.25, 3.75], "regression", None),
        ([0.0, 1.0], "binary", "classification"),
        (list(range(30)), "regression", "regression"),
        ([True, False], "binary", None),
    ],
)
def test_tasks(values: list[Any], task: str, said: str | None) -> None:
    table = pd.DataFrame({"y": (values * ROWS)[:ROWS], "x": range(ROWS)})
    goal, _ = guess_table(table, "y")
    assert (goal.task, goal.say_task) == (task, said)


def test_a_target_with_gaps_and_rare_classes() -> None:
    table = pd.DataFrame({"y": ["a"] * 50 + [" b"] * 3 + [None, ""], "x": range(55)})
    goal, _ = guess_table(table, "y")
    assert (goal.classes, goal.missing, goal.stratify) == ([("a", 50), ("b", 3)], 2, False)


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        ([("no", 10), ("yes", 20)], "yes"),
        ([(0, 10), (1, 20)], 1),
        ([(0.0, 10), (1.0, 20)], 1.0),
        ([(False, 1), (True, 9)], True),
        ([("benign", 9), ("malignant", 20)], "malignant"),
        ([("healthy", 5), ("stroke", 20)], "stroke"),
        ([("left", 5), ("right", 20)], "left"),
        ([("left", 20), ("right", 20)], "right"),
    ],
)
def test_the_positive_class(classes: list[tuple[Any, int]], positive: Any) -> None:
    found, reason = guess_positive(classes)
    assert found == positive and reason


def test_a_target_that_cannot_be() -> None:
    table = pd.DataFrame({"died": TARGET, "note": [f"{row} words" * 3 for row in range(ROWS)], "empty": [None] * ROWS})
    with pytest.raises(DataError, match="the columns are died, note, empty") as caught:
        guess_table(table, None)
    assert "--target" in caught.value.fix
    with pytest.raises(DataError, match="no column is named 'dyed'") as caught:
        guess_table(table, "dyed")
    assert caught.value.fix == "write died"
    with pytest.raises(DataError, match="the column empty is empty"):
        guess_table(table, "empty")
    with pytest.raises(DataError, match="240 different texts in 240 rows"):
        guess_table(pd.concat([table] * 4, ignore_index=True).assign(note=[f"n{row}" for row in range(240)]), "note")


# ---- files


@pytest.mark.parametrize(
    ("name", "content", "params"),
    [
        ("a.csv", b"x,y\n1.5,a\n2,b\n", {}),
        ("a.csv", b"x;y;z\n1,5;a,b;1\n2,5;b;2\n", {"separator": ";", "decimal": ","}),
        ("a.tsv", b"x\ty\n1.5\ta\n2.5\tb\n", {"separator": "\t"}),
        ("a.txt", b"x|y\n2|a\n1|b\n", {"separator": "|"}),
        ("a.csv", "x,y\n2,Zürich\n1,b\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("a.csv", b"x,y\n1,a\n2,b\n?,a\n4,b\n", {"missing": ["?"]}),
        ("a.csv", b'x,y\n2,"a; b; c"\n1,"a; b"\n', {}),
    ],
)
def test_how_a_text_is_read(tmp_path: Path, name: str, content: bytes, params: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = guess(path, "y")
    assert (found.source, found.params) == ("csv", params)
    assert found.columns[0].kind == "numeric"


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx", "a.json", "a.jsonl", "a.csv.gz"])
def test_files_of_other_kinds(tmp_path: Path, name: str) -> None:
    table, path = pd.DataFrame({"x": [1.5, 2.5, 3.5], "y": ["a", "b", "a"]}), tmp_path / name
    {
        "parquet": lambda: table.to_parquet(path),
        "xlsx": lambda: table.to_excel(path, index=False),
        "json": lambda: table.to_json(path),
        "jsonl": lambda: table.to_json(path, orient="records", lines=True),
        "gz": lambda: table.to_csv(path, index=False),
    }[name.rpartition(".")[2]]()
    found = guess(path, "y")
    assert (found.samples, found.goal.classes, found.params) == (3, [("a", 2), ("b", 1)], {})


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "scan.dcm"
    path.write_bytes(b"x")
    with pytest.raises(DataError, match="of no kind that is known") as caught:
        guess(path, None)
    assert ".parquet" in caught.value.fix


def picture(file: Path, shape: tuple[int, ...]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros(shape, dtype="uint8")).save(file)


def test_pictures(tmp_path: Path) -> None:
    for name in ("benign/1.png", "malignant/1.png", "malignant/2.png"):
        picture(tmp_path / name, (20, 30))
    assert holds_pictures(tmp_path)
    found = guess(tmp_path, None)
    assert (found.params, found.shape, found.samples) == ({"mode": "gray"}, [20, 30, 1], 3)
    assert (found.goal.classes, found.goal.positive) == ([("benign", 1), ("malignant", 2)], "malignant")
    picture(tmp_path / "benign" / "3.png", (70, 80, 3))
    assert guess(tmp_path, None).params == {"size": [32, 32]}
    (tmp_path / "benign" / "4.png").write_text("x")
    (tmp_path / "5.png").write_bytes((tmp_path / "benign" / "1.png").read_bytes())
    content = (tmp_path / "malignant" / "1.png").read_bytes()
    (tmp_path / "malignant" / "1.png").write_bytes(content[: len(content) // 2])
    said = r"1 file: 5\.png in no folder of a class; 2 files: benign/4\.png .*, malignant/1\.png .* cannot be read"
    with pytest.raises(DataError, match=said):
        guess(tmp_path, None)
    with pytest.raises(DataError, match="have no columns"):
        guess(tmp_path, "class")


def test_folders_that_are_parts(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "test/cat/1.png"):
        picture(tmp_path / name, (4, 4))
    assert holds_pictures(tmp_path)
    with pytest.raises(DataError, match=r"are parts \(test, train\), not classes"):
        guess(tmp_path, None)


@pytest.mark.parametrize(("names", "said"), [(["a/1.png"], "one class only: a"), (["1.png"], "no folder per class")])
def test_pictures_without_classes(tmp_path: Path, names: list[str], said: str) -> None:
    folder = tmp_path / "shades"
    for name in names:
        picture(folder / name, (4, 4))
    assert holds_pictures(folder)
    with pytest.raises(DataError, match=said):
        guess(folder, None)


def listed(folder: Path, names: list[str]) -> Path:
    """A table of pictures, which are made but for the last."""
    for name in names[:-1]:
        picture(folder / name, (4, 4))
    table = {"file": names, "patient": [f"p{row // 2}" for row in range(len(names))]}
    path = folder / "shapes.csv"
    pd.DataFrame({**table, "label": (["round", "square"] * len(names))[: len(names)]}).to_csv(path, index=False)
    return path


def test_a_table_that_names_pictures(tmp_path: Path) -> None:
    names = [f"pics/{row}.png" for row in range(12)]
    path = listed(tmp_path, names)
    with pytest.raises(DataError, match=r"1 of 12 are not there: .*pics/11\.png"):
        guess(path, "label")
    picture(tmp_path / names[-1], (4, 4))
    found = guess(path, "label")
    assert (found.source, found.samples, found.shape) == ("images", 12, [4, 4, 1])
    assert found.params == {
        "path": str(tmp_path / "pics"), "table": str(path), "file": "file", "label": "label", "mode": "gray",
    }  # fmt: skip
    assert [(each.name, each.role) for each in found.columns] == [("patient", "group")]
    table = pd.read_csv(path)
    table["file"] = table["file"].str.slice(5, -4)  # bare names, of files in a folder beside the table
    table.to_csv(path, index=False)
    bare = guess(path, "label").params
    assert (bare["path"], bare["suffix"]) == (str(tmp_path / "pics"), ".png")


def test_a_table_without_inputs(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"name": list("abcdef"), "y": [0, 1] * 3}).to_csv(path, index=False)
    with pytest.raises(DataError, match="has no column to predict from \\(name is id"):
        guess(path, "y")
