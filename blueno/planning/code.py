"""What user code a trial rests on: the module that a reference names and every module of the project it imports.

Whole modules count, since a statement at their top level can matter; what code reads otherwise is named by `uses`.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..canonical import digest, digest_file
from ..errors import BluenoError
from ..spec.modules import Folders, UnknownName, base_folder, find_module, imports_of, parse
from ..spec.references import module_of, split_reference
from ..spec.signatures import ROLES, builtin_file, names_of, version_of
from .tree import tree_digest


class CodeDigest(NamedTuple):
    """The hash of what the code says, and the files that it is made of."""

    digest: str
    files: tuple[Path, ...]


def code_digest(reference: str, folders: Folders, uses: Sequence[str] = ()) -> CodeDigest | None:
    """The digest of the user's code behind a reference; None for an installed library's.

    Comments, docstrings and layout do not count, nor where the project lies; files named by `uses` count by content.
    UnknownName when the reference names nothing or a file is not valid Python; BluenoError when a pattern matches none.
    """
    entry = module_of(reference, folders)
    if entry is None:
        return None
    place, _ = split_reference(reference)
    first = (entry,) if place.endswith(".py") else find_module(place, folders).files
    modules, used = reached(first, folders), used_files(uses, folders)
    said = [[_relative(file, entry), tree_digest(parse(file))] for file in modules]
    said += [[_relative(file, entry), digest_file(file)] for file in used]
    return CodeDigest(digest(sorted(said)), tuple(sorted({*modules, *used})))


def program_digest(program: Sequence[str], folders: Folders, uses: Sequence[str] = ()) -> CodeDigest:
    """The digest of the files that a command names (relative to the spec), with what `uses` names.

    Its Python counts with the modules of the project that it imports, as user code does; if this Python cannot read it,
    since it may be another's, it counts by content. BluenoError when a pattern matches none.
    """
    named = used_files([glob.escape(each) for each in program], folders)
    try:
        modules = reached([file for file in named if file.suffix == ".py"], folders)
    except UnknownName:
        modules = []
    others = sorted({*named, *used_files(uses, folders)} - set(modules))
    start = Path(os.path.abspath(folders.spec)) / "program"
    said = [[_relative(file, start), tree_digest(parse(file))] for file in modules]
    said += [[_relative(file, start), digest_file(file)] for file in others]
    return CodeDigest(digest(sorted(said)), tuple(sorted({*modules, *others})))


def _relative(file: Path, entry: Path) -> str:
    """From the entry's folder, so that nothing depends on where the project or its root is."""
    return Path(os.path.relpath(file, entry.parent)).as_posix()


def reached(files: Iterable[Path], folders: Folders) -> list[Path]:
    """The files and all that they import inside the project, directly or not, sorted."""
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(imports_of(file, folders))
    return sorted(found)


def used_files(patterns: Sequence[str], folders: Folders) -> list[Path]:
    """The files that patterns name, from the spec's folder; a folder stands for all files below it.

    BluenoError when a pattern matches nothing, or something outside the project, which a snapshot could not hold.
    """
    found: set[Path] = set()
    for pattern in patterns:
        matched = glob.glob(pattern, root_dir=folders.spec, recursive=True)
        if not matched:
            raise BluenoError(f"'{pattern}' matches no file", "patterns are relative to the spec: correct or remove it")
        for each in matched:
            found.update(_files_at(Path(os.path.abspath(folders.spec / each))))
    base = base_folder(folders)
    for file in found:
        if not file.is_relative_to(base):
            raise BluenoError(f"{file} lies outside of the project in {base}", f"move it below {base}")
    return sorted(found)


def _files_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts]


def builtin_versions() -> dict[str, list[int | str]]:
    """`step.scale` and so on -> [VERSION, digest of its code]: what a test compares, so that neither changes alone.

    Its own module and the private ones beside it count; what many built-ins share has the recipe's version.
    """
    versions: dict[str, list[int | str]] = {}
    for role, part in ROLES.items():
        for name in names_of(role) if part.table else []:
            file = builtin_file(role, name)
            folders = Folders(file.parent, file.parent)
            modules = [each for each in reached([file], folders) if each.name != "__init__.py"]
            said = [[each.name, tree_digest(parse(each))] for each in modules]
            versions[f"{role}.{name}"] = [version_of(file), digest(said)]
    return versions
