"""The modules of a user's project: where they lie and what they import, found on disk and never by importing.

A user's names are searched in the spec's folder, then in the project's root, as the workers' import path has them;
only in the spec's folder if that lies outside of the root, since a snapshot is of one folder.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..errors import BluenoError


class UnknownName(BluenoError):
    """Nothing goes by that name, or it cannot be read. `choices` are the names there are."""

    def __init__(self, message: str, fix: str = "", choices: Sequence[str] = ()) -> None:
        super().__init__(message, fix)
        self.choices = list(choices)


class Folders(NamedTuple):
    """Where a spec's names are looked for. `memory`: where what child processes said is kept, None to keep nothing."""

    spec: Path
    root: Path
    memory: Path | None = None


class Imported(NamedTuple):
    """The files that importing a module runs, packages first; `complete` when the last one is the module itself."""

    files: tuple[Path, ...]
    complete: bool


def base_folder(folders: Folders) -> Path:
    """The folder that user code may come from: the root if the spec lies below it, else the spec's own."""
    spec, root = Path(os.path.abspath(folders.spec)), Path(os.path.abspath(folders.root))
    return root if spec.is_relative_to(root) else spec


def search_folders(folders: Folders) -> list[Path]:
    """Where absolute imports of user code are looked for, in order."""
    return list(dict.fromkeys([Path(os.path.abspath(folders.spec)), base_folder(folders)]))


def parse(file: Path) -> ast.Module:
    """The syntax tree of a user's file. UnknownName when it cannot be read as Python."""
    try:
        status = file.stat()
        return _parse(file, status.st_mtime_ns, status.st_size)
    except SyntaxError as error:
        message = f"{file.name} is not valid Python: line {error.lineno}: {error.msg}"
        raise UnknownName(message, f"correct line {error.lineno} of {file.name}") from None
    except (OSError, ValueError) as error:
        raise UnknownName(f"{file.name} cannot be read: {error}") from None


@lru_cache(maxsize=256)
def _parse(file: Path, modified_ns: int, size: int) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a "\d" in the user's file is no business of the plan
        return ast.parse(file.read_bytes(), filename=str(file))


def find_module(dotted: str, folders: Folders) -> Imported:
    """The files of an absolutely named module in the user's project; none when it is somebody else's."""
    for folder in search_folders(folders):
        imported = _walk(folder, dotted.split("."))
        if imported.files:
            return imported
    return Imported((), False)


def find_relative(dotted: str, level: int, importer: Path, folders: Folders) -> Imported:
    """The files of `from ..dotted import` in the file `importer`."""
    folder = importer.parent
    for _ in range(level - 1):
        folder = folder.parent
    if not folder.is_relative_to(base_folder(folders)):
        return Imported((), False)
    package = folder / "__init__.py"
    imported = _walk(folder, dotted.split(".") if dotted else [])
    return imported._replace(files=((package,) if package.is_file() else ()) + imported.files)


def _walk(folder: Path, parts: list[str]) -> Imported:
    """Follows the parts of a dotted name down from `folder`, with Python's order: package, module, bare folder."""
    files: list[Path] = []
    for place, part in enumerate(parts):
        package, module = folder / part / "__init__.py", folder / f"{part}.py"
        if not package.is_file() and module.is_file():
            return Imported((*files, module), place == len(parts) - 1)
        if package.is_file():
            files.append(package)
        elif not (folder / part).is_dir():
            return Imported(tuple(files), False)
        folder /= part
    return Imported(tuple(files), True)


def imports_of(file: Path, folders: Folders) -> Iterator[Path]:
    """The files of the user's project that a file's import statements run, wherever in it they stand."""
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from find_module(alias.name, folders).files
        elif isinstance(node, ast.ImportFrom):
            yield from find_from(node, file, folders).files
            for alias in node.names:
                yield from find_from(node, file, folders, alias.name).files


def find_from(node: ast.ImportFrom, importer: Path, folders: Folders, submodule: str = "") -> Imported:
    """The files of a `from ... import`'s module, or of a submodule that it may name."""
    dotted = ".".join(part for part in (node.module, submodule) if part)
    if node.level:
        return find_relative(dotted, node.level, importer, folders)
    return find_module(dotted, folders)
