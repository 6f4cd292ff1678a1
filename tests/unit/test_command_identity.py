"""What of a command counts for a trial's id, and what comes along in the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from blueno.planning import Plan, compile_spec
from blueno.spec import load

SPEC = """\
version: 1
name: jobs
objective: {minimize: loss}
model:
  width: 8
  command: """


def plan(folder: Path, command: str, files: Mapping[str, str] = MappingProxyType({})) -> Plan:
    """The plan of a command (and of the lines that follow it), with these files beside the spec."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    spec = folder / "spec.yaml"
    spec.write_text(SPEC + command)
    return compile_spec(load(spec, root=folder), folder)


def names(made: Plan) -> list[str]:
    return [name for name, _, _ in made.snapshot.files]


def id_of(made: Plan) -> str:
    return made.trials[0].id


def test_a_script_comes_along_with_the_modules_it_imports(tmp_path: Path) -> None:
    made = plan(tmp_path, "python train.py", {"train.py": "import nets\n", "nets.py": "A = 1\n", "other.py": "B = 2\n"})
    assert names(made) == ["nets.py", "train.py"]
    changed = plan(tmp_path, "python train.py", {"nets.py": "A = 2\n"})
    assert id_of(changed) != id_of(made)
    assert id_of(plan(tmp_path, "python train.py", {"nets.py": "A = 1  # one\n"})) == id_of(
        made
    )  # comments do not count
    assert id_of(plan(tmp_path, "python -O train.py")) != id_of(made)  # the words do


def test_python_that_this_python_cannot_read_counts_by_content(tmp_path: Path) -> None:
    made = plan(tmp_path, "python2 train.py", {"train.py": "print 1\n"})
    assert names(made) == ["train.py"]
    assert id_of(plan(tmp_path, "python2 train.py", {"train.py": "print 2\n"})) != id_of(made)


def test_files_that_its_words_name_come_along(tmp_path: Path) -> None:
    there = ["train.sh", "base.json", "app/__main__.py", "app/unnamed.py", "unnamed.txt", "odd [name].txt"]
    command = "./train.sh --config=base.json app 'odd [name].txt' /dev/null"
    made = plan(tmp_path, command, dict.fromkeys(there, ""))
    assert names(made) == ["app/__main__.py", "base.json", "odd [name].txt", "train.sh"]


def test_a_module_comes_along_with_its_package(tmp_path: Path) -> None:
    files = {"app/__init__.py": "", "app/__main__.py": "from . import nets\n", "app/nets.py": "", "app/other.py": ""}
    assert names(plan(tmp_path, "python -m app", files)) == ["app/__init__.py", "app/__main__.py", "app/nets.py"]
    assert names(plan(tmp_path, "python -m app.other", files)) == ["app/__init__.py", "app/other.py"]
    assert names(plan(tmp_path, "python -m http.server")) == []


def test_what_uses_names_counts_by_content(tmp_path: Path) -> None:
    command = "python train.py\n  uses: [data, '*.json']"
    made = plan(tmp_path, command, {"train.py": "", "a.json": "1", "data/deep/b.txt": "2"})
    assert names(made) == ["a.json", "data/deep/b.txt", "train.py"]
    assert id_of(plan(tmp_path, command, {"data/deep/b.txt": "3"})) != id_of(made)


def test_the_environment_is_no_part_of_the_id(tmp_path: Path) -> None:
    assert names(plan(tmp_path, "$SOME_PYTHON train.py", {"train.py": ""})) == ["train.py"]
    assert names(plan(tmp_path, "/usr/bin/env python train.py")) == ["train.py"]
