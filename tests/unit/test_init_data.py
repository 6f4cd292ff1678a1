"""`blueno init FILE`: the spec that it writes plans, builds and sweeps as it is, on the user's own file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from blueno.cache.folder import FolderCache
from blueno.cli import run
from blueno.commands.init import guess_text, init_with_data
from blueno.errors import BluenoError
from blueno.etl.build import build
from blueno.first_spec import slug
from blueno.planning import Plan, compile_spec
from blueno.spec import load

ROWS = 120


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that commands are called in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BLUENO_ROOT", raising=False)
    return tmp_path


def heart() -> pd.DataFrame:
    """Two visits of each of 60 patients, with gaps, prose, a date and a constant."""
    random = np.random.default_rng(0)
    age = pd.Series(random.integers(20, 90, ROWS)).astype("object")
    age[::9] = "?"
    return pd.DataFrame(
        {
            "Patient ID": [f"P{row // 2}" for row in range(ROWS)],
            "scan_id": [f"s{row}" for row in range(ROWS)],
            "age": age,
            "ward": random.choice(["north", "south: old", None], ROWS),
            "visited": pd.date_range("2020-01-01", periods=ROWS).strftime("%Y-%m-%d"),
            "note, by hand": [f"the patient came with {word} pain" for word in random.choice(["bad", "no"], ROWS)],
            "always": 1,
            "died": random.choice(["yes", "no", None], ROWS, p=[0.4, 0.5, 0.1]),
            "grade": random.integers(1, 4, ROWS),
            "days": random.integers(0, 500, ROWS),
            "pressure": random.normal(120, 10, ROWS).round(1),
        }
    )


def planned(root: Path, spec: str) -> Plan:
    return compile_spec(load(root / spec, [], root), root)


def built(root: Path, spec: str) -> dict[str, Any]:
    """The summary of the only dataset of a spec."""
    plan = planned(root, spec)
    assert (len(plan.configs), len(plan.datasets), plan.warnings) == (5, 1, [])
    recipe = json.loads(plan.datasets[0].recipe)
    return build(recipe, FolderCache(root / "cache"), None, lambda _: None, plan.files).summary


@pytest.mark.parametrize(
    ("target", "task", "positive"),
    [
        ("died", "binary", "yes"),
        ("grade", "multiclass", None),
        ("days", "regression", None),
        ("pressure", "regression", None),
    ],
)
def test_a_spec_of_a_table(here: Path, target: str, task: str, positive: str | None) -> None:
    heart().to_csv("heart.csv", sep=";", index=False)
    written = init_with_data(here, Path("heart.csv"), target)
    assert written.spec in written.made.made and "specs/first.yaml" not in written.made.made
    summary = built(here, written.spec)
    assert (summary["task"], summary["positive"], summary["groups"]) == (task, positive, 59 if target == "died" else 60)
    assert summary["missing"] == {}


@pytest.mark.parametrize("name", ["My data (1).tsv", "heart.xlsx", "heart.parquet", "heart.json", "heart.jsonl"])
def test_a_spec_of_other_files(here: Path, name: str) -> None:
    path, table = here / "elsewhere" / name, heart().drop(columns="age")
    path.parent.mkdir()
    {
        ".tsv": lambda: table.to_csv(path, sep="\t", index=False),
        ".xlsx": lambda: table.to_excel(path, index=False),
        ".parquet": lambda: table.to_parquet(path),
        ".json": lambda: table.to_json(path),
        ".jsonl": lambda: table.to_json(path, orient="records", lines=True),
    }[path.suffix]()
    written = init_with_data(here / "project", path, "died")
    assert built(here / "project", written.spec)["positive"] == "yes"
    assert path.exists() and not (here / "project" / path.name).exists()


def pictures(folder: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(24):
        shade = 200 * (number % 2)
        pixels = random.integers(shade, shade + 55, (12 + number % 3, 12, 3), dtype="uint8")
        file = folder / ("dark", "bright")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)


def test_a_spec_of_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(here / "shades")
    assert run(["init", "shades"]) == 0
    assert "class: 2 classes, bright: 12, dark: 12" in capsys.readouterr().out
    summary = built(here, "specs/shades.yaml")
    assert (summary["shape"], summary["dtype"], summary["samples"]) == ([32, 32, 3], "float32", 24)


def test_a_spec_of_pictures_in_a_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(here / "shades")
    files = sorted(path.relative_to(here).as_posix() for path in (here / "shades").rglob("*.png"))
    table = {"file": files, "label": [name.split("/")[1] for name in files], "camera": [row % 8 for row in range(24)]}
    pd.DataFrame(table).to_csv("shades.csv", index=False)
    assert run(["init", "shades.csv", "--target", "label"]) == 0
    summary = built(here, "specs/shades.yaml")
    assert (summary["shape"], summary["classes"], summary["samples"]) == ([32, 32, 3], ["bright", "dark"], 24)
    assert "# 0 inputs" not in (here / "specs" / "shades.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["one"], "has one class only: a"),
        (["one", "--root", "project"], "has one class only: a"),
        (["flat"], "has no folder per class"),
        (["one/a/9.png"], "there is no file one/a/9.png"),
        (["elsewhere/x.png"], "there is no file elsewhere/x.png"),
        (["--root", "flat"], "holds pictures, which are data and no project"),
        (["two", "--root", "two"], "the project would lie in"),
    ],
)
def test_no_project_among_pictures(here: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    for name in ("one/a/1.png", "flat/1.png", "two/a/1.png", "two/b/1.png"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), "uint8")).save(here / name)
    before = sorted(here.rglob("*"))
    assert run(["init", *words]) == 1
    assert said in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before


def test_what_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heart().to_csv("heart.csv", index=False)
    assert run(["init", "heart.csv", "--target", "died"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "age numeric 14 input" in lines
    assert "scan_id categorical id all different, and called like one" in lines
    assert "always numeric left out it is the same in all rows" in lines
    assert "positive: yes, since that is what it is usually called" in lines
    assert "blueno sweep specs/heart.yaml run it: about a minute" in lines
    assert run(["plan", "specs/heart.yaml"]) == 0


def test_as_json_and_a_second_time(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heart().to_csv("heart.csv", index=False)
    assert run(["init", "heart.csv", "--target", "died", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["spec"], document["guess"]["goal"]["positive"]) == ("specs/heart.yaml", "yes")
    assert {each["name"]: each["role"] for each in document["guess"]["columns"]}["Patient ID"] == "group"
    spec = here / "specs" / "heart.yaml"
    spec.write_text(mine := spec.read_text().replace("seeds: 2", "seeds: 3"))
    assert run(["init", "heart.csv", "--target", "died"]) == 0
    assert spec.read_text() == mine and len(list(spec.parent.iterdir())) == 1
    said = capsys.readouterr().out
    assert "kept specs/heart.yaml, a spec of this data that was there: what stands above is not in it" in said
    assert "kept the 6 other files of the project, which were there" in said


def test_a_project_that_is_there_gets_the_spec(here: Path) -> None:
    (here / "project" / "deep").mkdir(parents=True)
    (here / "project" / "blueno.toml").write_text("")
    heart().to_csv(here / "heart.csv", index=False)
    assert run(["init", "heart.csv", "--target", "died", "--root", "project"]) == 0
    assert "../../heart.csv" in (here / "project" / "specs" / "heart.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["heart.csv"], 1, "add --target COLUMN"),
        (["heart.csv", "--target", "dyed"], 1, "fix: write died"),
        (["hart.csv", "--target", "died"], 1, "fix: write heart.csv"),
        (["hart.csv"], 1, "there is no file hart.csv"),
        (["nothing", "--target", "died"], 1, "there is no file nothing"),
        (["--target", "died"], 2, "say blueno init FILE --target COLUMN"),
        (["heart.csv", "--target", "Patient ID"], 0, ""),
        (["scan.dcm"], 1, "of no kind that is known"),
    ],
)
def test_mistakes(here: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str) -> None:
    heart().to_csv("heart.csv", index=False)
    (here / "scan.dcm").write_bytes(b"x")
    assert run(["init", *words]) == code
    assert said in capsys.readouterr().err
    assert (here / "blueno.toml").exists() == (code == 0)


def test_names_of_specs() -> None:
    assert [slug(name) for name in ("heart.csv", "My data (1).csv.gz", "été.json", "....csv")] == [
        "heart", "My-data-1", "t", "data",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written(here: Path) -> None:
    heart().to_csv("heart.csv", index=False)
    (here / "specs").write_text("mine")
    with pytest.raises(BluenoError, match="specs is a file"):
        init_with_data(here, Path("heart.csv"), "died")


@pytest.mark.slow
def test_it_sweeps_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heart().to_csv("heart.csv", index=False)
    assert run(["init", "heart.csv", "--target", "died"]) == 0
    capsys.readouterr()
    flags = ["--executor", "inline", "--devices", "cpu", "--set", "train.epochs=2", "--set", "seeds=1", "--json"]
    assert run(["sweep", "specs/heart.yaml", *flags]) == 0
    ledger = json.loads(capsys.readouterr().out)
    assert (ledger["planned"], ledger["succeeded"]) == (5, 5)


def test_another_target_or_file_gets_a_spec_of_its_own(here: Path) -> None:
    heart().to_csv("heart.csv", index=False)
    (here / "new").mkdir()
    heart().to_csv("new/heart.csv", index=False)
    made = [
        init_with_data(here, Path(file), target).spec
        for file, target in [
            ("heart.csv", "died"), ("heart.csv", "days"), ("heart.csv", "days"), ("new/heart.csv", "died"),
            ("new/heart.csv", "died"), ("heart.csv", "died"),
        ]
    ]  # fmt: skip
    assert [spec.removeprefix("specs/") for spec in made] == [
        "heart.yaml", "heart-days.yaml", "heart-days.yaml", "heart-2.yaml", "heart-2.yaml", "heart.yaml",
    ]  # fmt: skip
    assert {planned(here, spec).name for spec in made} == {"heart", "heart-days", "heart-2"}
    (here / "specs" / "heart.yaml").write_text("mine")
    assert init_with_data(here, Path("heart.csv"), "died").spec == "specs/heart-died.yaml"
    assert (here / "specs" / "heart.yaml").read_text() == "mine"


def test_the_sheet_that_has_the_target(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pd.ExcelWriter(here / "heart.xlsx") as book:
        pd.DataFrame({"about": ["who made this"]}).to_excel(book, sheet_name="notes", index=False)
        heart().to_excel(book, sheet_name="all visits", index=False)
    assert run(["init", "heart.xlsx", "--target", "died"]) == 0
    said = capsys.readouterr().out
    assert "the sheet 'all visits' is read, the first with the target (there are also: notes)" in said
    assert 'heart.xlsx", sheet: "all visits"' in (here / "specs" / "heart.yaml").read_text()
    assert built(here, "specs/heart.yaml")["positive"] == "yes"
    assert run(["init", "heart.xlsx", "--target", "dyed"]) == 1
    said = capsys.readouterr().err
    assert "no sheet has 'dyed'; the sheets are notes: about; all visits: Patient ID, scan_id, age" in said
    assert "write died" in said


def test_spellings_of_labels_become_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = heart()
    table["died"] = table["died"].where(table.index % 5 > 0, table["died"].str.upper())
    table.to_csv("heart.csv", index=False)
    assert run(["init", "heart.csv", "--target", "died"]) == 0
    assert "  YES counts as yes: they differ only in case" in capsys.readouterr().out
    assert built(here, "specs/heart.yaml")["classes"] == ["no", "yes"]


def test_copies_with_an_id_go_and_others_are_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.concat([heart(), heart().iloc[:7]])
    table.drop(columns="Patient ID").to_csv("ids.csv", index=False)
    assert run(["init", "ids.csv", "--target", "died"]) == 0
    assert "note: rows that are exact copies of others: 7; they are left out" in capsys.readouterr().out
    summary = built(here, "specs/ids.yaml")
    assert summary["dropped"]["they are copies of another row, id and all"] == 7
    table.drop(columns=["Patient ID", "scan_id"]).to_csv("none.csv", index=False)
    assert run(["init", "none.csv", "--target", "died"]) == 0
    assert "note: 7 of 127 rows are exact copies of others, and may be learned from" in capsys.readouterr().out
    assert any(
        remark.startswith("7 of 127 rows are exact copies") for remark in built(here, "specs/none.yaml")["remarks"]
    )


def test_a_column_that_knows_the_target_is_suspicious(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = heart().dropna(subset="died")
    table["fee"] = (table["died"] == "yes") * 100.0 + table["pressure"] / 10
    table["death_year"] = (2000.0 + table["days"]).where(table["died"] == "yes")
    table["state"] = table["died"].map({"yes": "buried", "no": "at home"})
    table.to_csv("heart.csv", index=False)
    assert run(["init", "heart.csv", "--target", "died"]) == 0
    suspicious = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "suspicious: knows" in line]
    assert suspicious == ["fee", "death_year", "state"]


def test_what_is_said_fits_a_terminal(here: Path) -> None:
    heart().to_csv("heart.csv", index=False)
    lines = guess_text(init_with_data(here, Path("heart.csv"), "died").guess, 72).splitlines()
    assert max(map(len, lines)) <= 72
    assert any(line.strip() == "learned from and tested on" for line in lines)
