"""Which user code a reference rests on, and what changes its digest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from blueno.errors import BluenoError
from blueno.planning.code import builtin_versions, code_digest
from blueno.spec.modules import Folders, UnknownName

GOLDEN = Path(__file__).parent.parent / "golden" / "versions.json"
PROJECT = {
    "specs/nets.py": "import numpy\nimport helpers\nfrom lib.blocks import block\ndef build(): ...\n",
    "specs/helpers.py": "from lib import constants\n",
    "specs/other.py": "x = 1\n",
    "specs/table.csv": "1,2\n",
    "lib/__init__.py": "from .blocks import block as block\n",
    "lib/blocks.py": "def block():\n    from . import deep\n",
    "lib/deep.py": "from ..outside import nothing\nimport lib.blocks\n",
    "lib/constants.py": "x = 1\n",
    "lib/unused.py": "x = 1\n",
    "outside.py": "nothing = 0\n",
    "bare/inner/module.py": "import bare.inner.beside\ndef train(trial): ...\n",
    "bare/inner/beside.py": "y = 1\n",
}
LIB = ["lib/__init__.py", "lib/blocks.py", "lib/constants.py", "lib/deep.py", "outside.py"]


def project_at(folder: Path) -> Folders:
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Folders(folder / "specs", folder)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return project_at(tmp_path / "project")


def files(reference: str, folders: Folders, *uses: str) -> list[str]:
    found = code_digest(reference, folders, uses)
    assert found is not None
    return [file.relative_to(folders.root).as_posix() for file in found.files]


def test_imports_are_followed_through_the_project(folders: Folders) -> None:
    assert files("nets.py:build", folders) == [*LIB, "specs/helpers.py", "specs/nets.py"]


def test_a_module_of_bare_folders_is_found(folders: Folders) -> None:
    assert files("bare.inner.module:train", folders) == ["bare/inner/beside.py", "bare/inner/module.py"]


def test_a_packages_own_modules_run_first(folders: Folders) -> None:
    assert files("lib.constants:x", folders) == LIB


def test_libraries_have_no_code_of_the_users(folders: Folders) -> None:
    assert code_digest("sklearn.svm:SVC", folders) is None


def test_used_files_count(folders: Folders) -> None:
    assert files("other.py:x", folders, "*.csv", "../bare") == [
        "bare/inner/beside.py",
        "bare/inner/module.py",
        "specs/other.py",
        "specs/table.csv",
    ]
    before = code_digest("other.py:x", folders, ["*.csv"])
    (folders.spec / "table.csv").write_text("1,3\n")
    assert code_digest("other.py:x", folders, ["*.csv"]) != before


@pytest.mark.parametrize(
    ("pattern", "message"), [("*.json", "matches no file"), ("../../*.txt", "outside of the project")]
)
def test_used_files_that_cannot_be(folders: Folders, pattern: str, message: str) -> None:
    (folders.root.parent / "secret.txt").write_text("")
    with pytest.raises(BluenoError, match=message):
        code_digest("other.py:x", folders, [pattern])


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("specs/nets.py", "# a comment\n" + PROJECT["specs/nets.py"], True),
        ("lib/deep.py", '"""Docstring."""\n' + PROJECT["lib/deep.py"], True),
        ("lib/unused.py", "x = 2\n", True),
        ("specs/table.csv", "9\n", True),
        ("specs/nets.py", PROJECT["specs/nets.py"] + "x = 1\n", False),
        ("outside.py", "nothing = 1\n", False),
        ("lib/__init__.py", "from .blocks import block as block\ny = 1\n", False),
        ("specs/numpy.py", "shadows = 1\n", False),
    ],
)
def test_what_changes_the_digest(folders: Folders, name: str, text: str, same: bool) -> None:
    before = code_digest("nets.py:build", folders)
    assert before is not None
    (folders.root / name).write_text(text)
    after = code_digest("nets.py:build", folders)
    assert after is not None
    assert (after.digest == before.digest) is same


def test_a_digest_does_not_depend_on_where_the_project_lies(folders: Folders, tmp_path: Path) -> None:
    moved = project_at(tmp_path / "deeper" / "elsewhere")
    here, there = code_digest("nets.py:build", folders), code_digest("nets.py:build", moved)
    assert here is not None and there is not None
    assert here.digest == there.digest == "839a7d10326d0dbd212d76ae26ed0b9d70435e07ead1719b51c524a17f2f5355"


def test_nor_on_the_root_where_nothing_above_the_spec_is_used(folders: Folders) -> None:
    wide, narrow = code_digest("other.py:x", folders), code_digest("other.py:x", Folders(folders.spec, folders.spec))
    assert wide is not None and wide == narrow


def test_code_that_cannot_be_read_is_said(folders: Folders) -> None:
    (folders.root / "lib" / "deep.py").write_text("def\n")
    with pytest.raises(UnknownName, match=r"deep.py is not valid Python: line 1"):
        code_digest("nets.py:build", folders)


def test_a_spec_outside_of_the_root_has_its_own_folder_only(folders: Folders, tmp_path: Path) -> None:
    shutil.copytree(folders.spec, tmp_path / "apart")
    assert code_digest("lib.constants:x", Folders(tmp_path / "apart", folders.root)) is None


def test_no_builtin_changes_its_code_without_a_version() -> None:
    recorded, now = json.loads(GOLDEN.read_text()), builtin_versions()
    changed = [name for name in recorded.keys() & now.keys() if recorded[name] != now[name]]
    assert not changed, f"raise the VERSION of {changed}, unless all results stay the same; then `make golden`"
    assert recorded.keys() == now.keys(), "a built-in was added or removed: `make golden`"
