"""`blueno init`: what it makes, what it keeps, and that the result sweeps as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from blueno.cli import run
from blueno.commands.init import init, made_text
from blueno.errors import BluenoError
from blueno.settings import TYPES, Settings

FILES = [
    ".gitignore", "blueno.toml", "credentials/README.md", "data/README.md", "logs/README.md", "models/README.md",
    "specs/first.yaml", "specs/my_net.py",
]  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_new_project(tmp_path: Path) -> None:
    made = init(tmp_path / "some" / "project")
    assert sorted(made.made) == FILES
    assert made.kept == []
    assert sorted(contents(tmp_path / "some" / "project")) == FILES


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "specs" / "first.yaml").write_text("mine")
    before = contents(tmp_path)
    made = init(tmp_path)
    assert (made.made, sorted(made.kept)) == ([], FILES)
    assert contents(tmp_path) == before


def test_what_is_there_is_kept_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project, large_disk = tmp_path / "project", tmp_path / "large"
    project.mkdir()
    large_disk.mkdir()
    (project / ".gitignore").write_text("mine")
    (project / "models").symlink_to(large_disk)
    assert run(["init", str(project)]) == 0
    assert (project / ".gitignore").read_text() == "mine"
    assert (large_disk / "README.md").exists()
    said = capsys.readouterr().out
    assert "kept .gitignore, which was there" in said
    assert "made blueno.toml" in said


def test_where_there_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert run(["init", str(file)]) == 1
    assert f"{file} is a file" in capsys.readouterr().err
    with pytest.raises(BluenoError, match="is a file"):
        init(file / "below")


def test_nothing_is_made_when_a_folder_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "specs").write_text("mine")
    with pytest.raises(BluenoError, match="specs is a file") as caught:
        init(tmp_path)
    assert caught.value.fix
    assert list(contents(tmp_path)) == ["specs"]


def test_what_to_do_next(tmp_path: Path) -> None:
    text = made_text(init(tmp_path / "my project"), here=tmp_path)
    assert text.endswith(
        "is a project. Next:\n  cd 'my project'\n"
        "  blueno plan specs/first.yaml   what would run\n"
        "  blueno sweep specs/first.yaml  run it: about a minute\n"
        "  blueno results                 the table, best first"
    )
    assert "cd " not in made_text(init(tmp_path / "my project"), here=tmp_path / "my project")


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert sorted(document["made"]) == FILES
    assert (document["root"], document["kept"]) == (str(tmp_path), [])


def test_a_root_elsewhere_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BLUENO_ROOT", str(tmp_path))
    assert run(["init", str(tmp_path / "project")]) == 0
    assert "BLUENO_ROOT is set" in capsys.readouterr().err
    assert run(["init", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


def test_the_settings_show_every_default(tmp_path: Path) -> None:
    init(tmp_path)
    text = (tmp_path / "blueno.toml").read_text()
    assert tomllib.loads(text) == {}
    shown = [line.lstrip("# ") for line in text.splitlines() if line.startswith("# ") and " = " in line]
    assert tomllib.loads("\n".join(shown)) == {
        name: [] if (value := Settings._field_defaults[name]) == () else value for name in TYPES
    }


def blueno(folder: Path, *words: str) -> str:
    """Runs a command as a user does, in the project's folder. Returns what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "BLUENO_ROOT"}
    command = [sys.executable, "-m", "blueno", *words]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_it_plans_as_it_is(tmp_path: Path) -> None:
    init(tmp_path)
    document = json.loads(blueno(tmp_path, "plan", "specs/first.yaml", "--json"))
    assert (document["configs"], document["trials"], document["warnings"]) == (8, 16, [])
    assert len(document["datasets"]) == 2


@pytest.mark.slow
def test_it_sweeps_as_it_is(tmp_path: Path) -> None:
    init(tmp_path)
    ledger = json.loads(blueno(tmp_path, "sweep", "specs/first.yaml", "--devices", "cpu", "--json"))
    assert (ledger["planned"], ledger["succeeded"], ledger["adds_up"]) == (16, 16, True)
    rows = json.loads(blueno(tmp_path, "results", "first", "--json"))["rows"]
    assert [row["replicates"] for row in rows] == [2] * 8
    assert rows[0]["mean"] > 0.9
