"""User code is found where the spec says, under names of its own, and snapshots do not see each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.errors import BluenoError, MissingLibrary
from blueno.usercode import PACKAGE, CodeFolder, load


@pytest.fixture(autouse=True)
def same_interpreter(tmp_path: Path) -> Iterator[None]:
    """Forgets the user code of a test."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE) or str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def project(root: Path, folder: str = "", **files: str) -> CodeFolder:
    """A project with files given as `ml__layers="..."` for ml/layers.py (`ml__init` for ml/__init__.py)."""
    for name, text in files.items():
        *folders, last = name.split("__")
        path = root.joinpath(*folders, "__init__.py" if last == "init" else f"{last}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return CodeFolder(root, folder)


def test_a_file_is_relative_to_the_specs_folder(tmp_path: Path) -> None:
    code = project(
        tmp_path, "specs", nets="VALUE = 'root'", specs__nets="VALUE = 'specs'", specs__deep__nets="VALUE = 3"
    )
    assert load("nets.py:VALUE", code) == "specs"
    assert load("deep/nets.py:VALUE", code) == 3
    assert load("../nets.py:VALUE", code) == "root"


def test_a_file_is_loaded_once(tmp_path: Path) -> None:
    code = project(tmp_path, nets="class Net: pass")
    assert load("nets.py:Net", code) is load("nets.py:Net", code)


def test_a_loaded_class_can_be_pickled(tmp_path: Path) -> None:
    import pickle

    net = load("nets.py:Net", project(tmp_path, nets="class Net: pass"))
    assert pickle.loads(pickle.dumps(net)) is net


def test_a_name_may_be_an_attribute(tmp_path: Path) -> None:
    code = project(tmp_path, nets="class Net:\n    @staticmethod\n    def build(): return 5")
    build = load("nets.py:Net.build", code)
    assert callable(build)
    assert build() == 5


def test_own_imports_come_from_the_specs_folder_then_the_root(tmp_path: Path) -> None:
    code = project(
        tmp_path,
        "specs",
        specs__nets="import near, far\nVALUE = (near.V, far.V)",
        specs__near="V = 'specs'",
        near="V = 'root'",
        far="V = 'root'",
    )
    assert load("nets.py:VALUE", code) == ("specs", "root")


def test_a_module_of_the_project_comes_before_an_installed_one(tmp_path: Path) -> None:
    code = project(tmp_path, colorsys="V = 'mine'", package__init="", package__inner="V = 2")
    sys.modules.pop("colorsys", None)
    assert load("colorsys:V", code) == "mine"
    assert load("package.inner:V", code) == 2
    assert load("json:dumps", code) is __import__("json").dumps


def test_folders_called_like_ours_never_meet_ours(tmp_path: Path) -> None:
    files = {"ml__init": "", "ml__train": "V = 'my ml'", "etl__init": "V = 'my etl'", "blueno": "V = 'mine'"}
    code = project(tmp_path, nets="import ml.train, etl\nV = (ml.train.V, etl.V)", **files)
    assert load("nets.py:V", code) == ("my ml", "my etl")
    assert load("blueno.py:V", code) == "mine"
    assert load("ml.train:V", code) == "my ml"
    from blueno.ml import job

    assert Path(job.__file__).name == "job.py"
    assert not str(job.__file__).startswith(str(tmp_path))


def test_two_snapshots_never_meet(tmp_path: Path) -> None:
    for side in ("a", "b"):
        code = project(tmp_path / side, nets="import helpers\nV = helpers.V", helpers=f"V = '{side}'")
        assert load("nets.py:V", code) == side
    assert str(tmp_path / "a") not in sys.path
    assert not [name for name, module in sys.modules.items() if (getattr(module, "__file__", "") or "").startswith(
        str(tmp_path / "a"))]  # fmt: skip


def test_the_folders_are_on_the_path_once(tmp_path: Path) -> None:
    code = project(tmp_path, "specs", specs__a="V = 1", specs__b="V = 2")
    load("a.py:V", code), load("b.py:V", code)
    assert [entry for entry in sys.path if entry.startswith(str(tmp_path))] == [str(tmp_path / "specs"), str(tmp_path)]


def test_what_is_installed_survives_another_snapshot(tmp_path: Path) -> None:
    import numpy as np

    for side in ("a", "b"):
        load("nets.py:V", project(tmp_path / side, nets="V = 1"))
    assert sys.modules["numpy"] is np


@pytest.mark.parametrize(
    ("reference", "message", "fix"),
    [
        ("nest.py:build", "there is no file nest.py beside the spec", "write nets.py"),
        ("other.py:build", "there is no file other.py beside the spec", "paths of code are relative to the spec"),
        ("nets.py:biuld", "nets.py has no biuld", "write nets.py:build"),
        ("nets.py:zzz", "nets.py has no zzz", "define zzz in nets.py"),
        ("json:JSONDecoderr", "json has no JSONDecoderr", "write json:JSONDecoder"),
        ("json.nothing:x", "there is no module json.nothing", "look for another spelling of json.nothing"),
        ("nets.py", "'nets.py' names no code", "write file.py:name or package.module:name"),
    ],
)
def test_what_is_not_there(tmp_path: Path, reference: str, message: str, fix: str) -> None:
    with pytest.raises(BluenoError) as caught:
        load(reference, project(tmp_path, nets="def build(): pass"))
    assert (caught.value.message, caught.value.fix) == (message, fix)


def test_a_library_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(MissingLibrary) as caught:
        load("nowhere_to_be_found.models:Net", project(tmp_path))
    assert caught.value.fix == "pip install nowhere_to_be_found"


def test_a_missing_import_of_the_users_is_theirs(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="absent_library"):
        load("package.inner:V", project(tmp_path, package__init="", package__inner="import absent_library"))


def test_a_file_that_raises_is_loaded_anew(tmp_path: Path) -> None:
    code = project(tmp_path, nets="raise RuntimeError('at import')")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="at import"):
            load("nets.py:V", code)
    assert [name for name in sys.modules if name.startswith(f"{PACKAGE}.")] == []


def test_a_file_needs_a_snapshot() -> None:
    with pytest.raises(BluenoError, match="belongs to no code snapshot"):
        load("nets.py:build", None)
    assert load("json:dumps", None)
