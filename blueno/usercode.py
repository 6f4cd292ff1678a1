"""User code, loaded from one code snapshot at a time.

Files are loaded by path under private names, so that a user's `ml/`, `etl/` or `nets.py` never meets ours or another
spec's. What the interpreter knows of the bound snapshot hangs on one synthetic package in `sys.modules`.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from hashlib import sha256
from importlib import import_module, invalidate_caches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import NamedTuple

from .errors import BluenoError, MissingLibrary

PACKAGE = "_blueno_user"  # its __path__ holds the folders that user code imports from
ONE_AT_A_TIME = RLock()  # threads: nobody gets a module that another is still executing


class CodeFolder(NamedTuple):
    """An unpacked snapshot, and the spec's folder inside it ("" for the snapshot's root)."""

    root: Path
    folder: str


def load(reference: str, code: CodeFolder | None) -> object:
    """What `reference` names: `file.py:name` relative to the spec's folder, or `package.module:name`, looked for in
    the user's project (the spec's folder, then the root) before what is installed.

    Raises BluenoError when the file, module or name does not exist, MissingLibrary when a library is not installed,
    and whatever the user's module raises while it is imported.
    """
    place, _, name = reference.partition(":")
    if not place or not name:
        raise BluenoError(f"{reference!r} names no code", "write file.py:name or package.module:name")
    with ONE_AT_A_TIME:
        if code is not None:
            bind(code)
        module = _file_module(place, code) if place.endswith(".py") else _named_module(place)
    return _attribute(module, name, place)


def bind(code: CodeFolder) -> None:
    """Makes the user's own imports find this snapshot; whatever came from another one before is forgotten."""
    folders = list(dict.fromkeys(str(folder) for folder in (code.root / code.folder, code.root)))
    bound = sys.modules.get(PACKAGE)
    if bound is not None and list(bound.__path__) == folders:
        return
    if bound is not None:
        _unbind(list(bound.__path__))
    package = ModuleType(PACKAGE)
    package.__path__ = folders
    sys.modules[PACKAGE] = package
    sys.path[:0] = folders
    invalidate_caches()  # the folders may be younger than the interpreter's last look


def _unbind(folders: list[str]) -> None:
    sys.path[:] = [entry for entry in sys.path if entry not in folders]
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE) or (not name.startswith("blueno") and _lies_in(module, folders)):
            del sys.modules[name]


def _lies_in(module: ModuleType, folders: list[str]) -> bool:
    """Whether a module came from these folders; a virtual environment inside a project is not part of it."""
    file = getattr(module, "__file__", None) or ""
    return any(file.startswith(f"{folder}/") for folder in folders) and not file.startswith(f"{sys.prefix}/")


def _file_module(file: str, code: CodeFolder | None) -> ModuleType:
    if code is None:
        raise BluenoError(f"{file} belongs to no code snapshot", "submit the sweep again, so that its code is kept")
    path = code.root / code.folder / file
    name = f"{PACKAGE}.{path.stem}_{sha256(str(path).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        near = get_close_matches(path.name, [other.name for other in path.parent.glob("*.py")], n=1)
        hint = f"write {near[0]}" if near else "paths of code are relative to the spec"
        raise BluenoError(f"there is no file {file} beside the spec", hint)
    return _execute(name, path)


def _execute(name: str, path: Path) -> ModuleType:
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, f"BUG: no loader for {path}"
    module = module_from_spec(spec)
    sys.modules[name] = module  # before its code runs: dataclasses and pickle look themselves up here
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _named_module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise  # the module is there, something that it imports is not
        if missing == name.partition(".")[0]:
            raise MissingLibrary(
                f"there is no module {missing}, neither in the project nor installed", f"pip install {missing}"
            ) from error
        raise BluenoError(f"there is no module {missing}", f"look for another spelling of {name}") from error


def _attribute(module: ModuleType, name: str, place: str) -> object:
    found: object = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = get_close_matches(part, dir(found), n=1)
            hint = f"write {place}:{near[0]}" if near else f"define {part} in {place}"
            raise BluenoError(f"{place} has no {part}", hint)
        found = getattr(found, part)
    return found
