"""What a reference names: `file.py:name` beside the spec, or `package.module:name` of the project or of a library."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .modules import Folders, UnknownName, base_folder, find_from, find_module, parse
from .types import nearest

DEEPEST = 20  # names that are imported from module to module are followed so far


class Definition(NamedTuple):
    """A user's function or class, or an assignment that makes one."""

    file: Path
    tree: ast.Module
    node: ast.stmt


class Installed(NamedTuple):
    """The name of something in an installed library."""

    reference: str


def is_reference(name: str) -> bool:
    """Whether a name is one's own or a library's (`place:name`), not a built-in's."""
    return ":" in name


def split_reference(reference: str) -> tuple[str, str]:
    """`nets.py:build` as ("nets.py", "build"). UnknownName when it is no reference."""
    place, _, name = reference.rpartition(":")
    proper = place.endswith(".py") or all(part.isidentifier() for part in place.split("."))
    if not place or not proper or not name.isidentifier():
        message = f"expected file.py:name or package.module:name, found '{reference}'"
        raise UnknownName(message, "write the file or module, a colon, and the name of the function or class in it")
    return place, name


def module_of(reference: str, folders: Folders) -> Path | None:
    """The user's file that a reference is looked up in; None when it names an installed library.

    UnknownName when it is a file that is not there, or one outside the project, which a snapshot could not hold.
    """
    place, _ = split_reference(reference)
    if not place.endswith(".py"):
        imported = find_module(place, folders)
        return imported.files[-1] if imported.complete and imported.files else None
    file = Path(os.path.abspath(folders.spec / place))
    base = base_folder(folders)
    if not file.is_relative_to(base):
        raise UnknownName(f"{place} lies outside of the project in {base}", f"move it below {base}")
    if not file.is_file():
        raise _no_file(reference, file)
    return file


def _no_file(reference: str, file: Path) -> UnknownName:
    place, name = split_reference(reference)
    beside = sorted(each.stem for each in file.parent.glob("*.py")) if file.parent.is_dir() else []
    close = nearest(file.stem, beside)
    there = f"write {place.removesuffix(file.name)}{close}.py:{name}"
    fix = there if close else f"create {place}; paths are relative to the spec"
    return UnknownName(f"there is no file {place}", fix, beside)


def find(reference: str, folders: Folders) -> Definition | Installed:
    """What a reference names, followed through the imports of the user's own modules. UnknownName when nothing."""
    file = module_of(reference, folders)
    if file is None:
        return Installed(reference)
    place, name = split_reference(reference)
    try:
        return find_in(file, name, folders)
    except UnknownName as error:
        close = nearest(name, error.choices)
        raise UnknownName(error.message, f"write {place}:{close}" if close else error.fix, error.choices) from None


def find_in(file: Path, name: str, folders: Folders, depth: int = 0) -> Definition | Installed:
    """What a name stands for at the top level of a user's file. UnknownName when nothing."""
    tree = parse(file)
    names = dict(_names(tree.body))
    node = names.get(name)
    if depth > DEEPEST:
        raise UnknownName(f"{file.name} and the modules that it imports '{name}' from go round in a circle")
    if node is None:
        return _from_stars(tree, name, file, folders, depth)
    if isinstance(node, ast.ImportFrom):
        return _follow(node, name, file, folders, depth)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in names:
        return find_in(file, node.value.id, folders, depth + 1)
    return Definition(file, tree, node)


def _from_stars(tree: ast.Module, name: str, file: Path, folders: Folders, depth: int) -> Definition | Installed:
    """What a name stands for that only a `from ... import *` can have made. UnknownName when none has."""
    names = list(_names(tree.body))
    for made, node in names:
        if made == "*" and isinstance(node, ast.ImportFrom):
            try:
                return _follow(node, name, file, folders, depth)
            except UnknownName:
                continue
    choices = sorted({made for made, node in names if not isinstance(node, ast.Import | ast.ImportFrom)})
    raise _no_name(file, name, choices)


def _no_name(file: Path, name: str, choices: list[str]) -> UnknownName:
    close = nearest(name, choices)
    listed = ", ".join(choices[:12])
    fix = f"write {close}" if close else f"choose one of {listed}" if choices else f"define {name} in {file.name}"
    return UnknownName(f"{file.name} has no '{name}'", fix, choices)


def _names(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """The names that statements make, in order, also below `if`, `try` and `with`."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name.partition(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))
        else:
            yield from _names([each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)])


def _follow(node: ast.ImportFrom, name: str, file: Path, folders: Folders, depth: int) -> Definition | Installed:
    original = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), name)
    imported = find_from(node, file, folders)
    if imported.complete and imported.files:
        return find_in(imported.files[-1], original, folders, depth + 1)
    if node.level:
        raise UnknownName(f"{file.name} imports '{original}' from a module that is not in the project")
    return Installed(f"{node.module}:{original}")


def find_expression(node: ast.expr, definition: Definition, folders: Folders) -> Definition | Installed | None:
    """What `Name` or `module.Name` stands for in a definition's file; None when that cannot be told statically."""
    first, _, rest = ast.unparse(node).partition(".")
    made = dict(_names(definition.tree.body)).get(first)
    try:
        if not rest:
            return find_in(definition.file, first, folders) if made else Installed(f"builtins:{first}")
        module = _module_called(first, made)
        place, _, name = f"{module}.{rest}".rpartition(".")
        return find(f"{place}:{name}", folders) if module else None
    except UnknownName:
        return None


def _module_called(name: str, made: ast.stmt | None) -> str:
    """The dotted module that `name` stands for after an import, "" for none."""
    if not isinstance(made, ast.Import | ast.ImportFrom):
        return ""
    for alias in made.names:
        if alias.asname == name or (isinstance(made, ast.ImportFrom) and alias.name == name):
            inside = made.module if isinstance(made, ast.ImportFrom) and not made.level else ""
            return f"{inside}.{alias.name}" if inside else alias.name if isinstance(made, ast.Import) else ""
    return name
