"""Values of a spec checked against types and keys, each problem marked at the node that has it."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import DataError
from ..files import split_pattern
from ..raw import address_of, in_bucket
from .choices import file_at
from .language import REQUIRED, Key
from .node import Broken, File, Mark, Node, found, is_broken, plain
from .problems import Problems, join_path
from .signatures import Folders, Signature, UnknownName, signature_of
from .types import Type, check


class Code(NamedTuple):
    """In a resolved value: code of the user's, in whose place its digest comes when the plan is compiled."""

    reference: str  # "" for a command
    mark: Mark
    uses: tuple[str, ...] = ()
    program: tuple[str, ...] = ()  # the files that a command's words name, relative to the spec


class Contents(NamedTuple):
    """In a resolved value: the fingerprint of files comes here when the plan is compiled."""

    files: tuple[File, ...]


class Context(NamedTuple):
    """What every check needs."""

    problems: Problems
    folders: Folders

    @property
    def folder(self) -> Path:
        """The spec's folder, which paths are relative to."""
        return self.folders.spec


def checked(node: Node, type: Type, path: str, context: Context) -> Any:
    """The value in its type's form, files as File records; problems are added where it does not fit."""
    if is_broken(node):
        return None
    result = check(plain(node), type)
    for misfit in result.problems:
        inner, inner_path = _inside(node, path, misfit.where)
        context.problems.add(inner.mark, inner_path, misfit.message, misfit.fix)
    return None if result.problems else _with_files(node, result.value, type, path, context)


def _inside(node: Node, path: str, where: Iterable[int | str]) -> tuple[Node, str]:
    for step in where:
        node = node.value[step]
        path = f"{path}[{step}]" if isinstance(step, int) else join_path(path, step)
    return node, path


def _with_files(node: Node, value: Any, type: Type, path: str, context: Context) -> Any:
    """`value` with a File in place of each path that is one, by its type or written as `{file: ...}`."""
    if isinstance(node.value, File):
        return existing(node.value, path, context, takes_several(type))
    if isinstance(value, str) and _takes_file(type, value):
        return existing(file_at(value, context.folder, node.mark), path, context, takes_several(type))
    if isinstance(value, list):
        inner = [_item_type(type, index) for index in range(len(value))]
        together = zip(node.value, value, inner, strict=True)
        return [_with_files(child, item, each, path, context) for child, item, each in together]
    if isinstance(value, dict):
        each = _item_type(type, 0)
        return {key: _with_files(node.value[key], item, each, path, context) for key, item in value.items()}
    return value


def _takes_file(type: Type, value: str) -> bool:
    """Whether a text is the path of a file: one of a type's own words (`Literal["none"] | FilePath`) is none."""
    is_word = any(each.kind == "literal" and value in each.values for each in type.items)
    kinds = {each.kind for each in type.items} if type.kind == "union" and not is_word else {type.kind}
    return bool(kinds & {"file", "files"})


def takes_several(type: Type) -> bool:
    """Whether a path may name several files: a folder, or a pattern."""
    return type.kind == "files" or any(each.kind == "files" for each in type.items)


def _item_type(type: Type, index: int) -> Type:
    if type.kind == "union":
        type = next((each for each in type.items if each.kind in ("list", "tuple", "mapping")), type)
    if type.kind == "tuple" and index < len(type.items):
        return type.items[index]
    return type.items[0] if type.kind in ("list", "mapping") and type.items else Type("any")


def existing(file: File, path: str, context: Context, several: bool = False) -> File:
    """The file; a problem if it does not exist, or nothing that {fold} and {seed} could be filled in for.

    What a bucket has is looked for when the plan is compiled, and nobody is asked before.
    """
    if in_bucket(file.path):
        try:
            address_of(file.path)
        except DataError as error:
            context.problems.add(file.mark, path, error.message, error.fix)
            file = file._replace(path="")
        return file
    if not os.path.exists(file.path) and not _matches(file.path, several):
        context.problems.add(file.mark, path, f"there is no file {file.written}", _near_file(file))
    return file


def _matches(path: str, several: bool) -> bool:
    """Whether there is a file for a pattern, where one may stand, or for a path with {fold} or {seed}."""
    start, rest = split_pattern(Path(path))
    is_pattern = several and glob.has_magic(rest)
    if not is_pattern and not is_template(rest):
        return False
    pattern = (rest if is_pattern else glob.escape(rest)).replace("{fold}", "*").replace("{seed}", "*")
    return any(glob.iglob(pattern, root_dir=start, recursive=True))


def is_template(text: str) -> bool:
    """Whether a path is filled in for each fold or seed."""
    return "{fold}" in text or "{seed}" in text


def _near_file(file: File) -> str:
    from .types import nearest

    folder = Path(file.path).parent
    if not folder.is_dir():
        return f"paths are relative to the spec: there is no folder {Path(file.written).parent} beside it"
    near = nearest(Path(file.path).name, sorted(each.name for each in folder.iterdir()))
    written = Path(file.written)
    return f"write {written.with_name(near)}" if near else f"put it there, or correct the path of {written.name}"


def is_mapping(node: Node, path: str, context: Context, example: str) -> bool:
    """Whether the value is a mapping; a problem if it is something else."""
    if isinstance(node.value, dict):
        return True
    if not isinstance(node.value, Broken):
        context.problems.add(node.mark, path, f"expected a mapping, {found(node)}", f"write {example}")
    return False


def filled(
    node: Node, keys: Mapping[str, Key], path: str, context: Context, others: Sequence[str] = ()
) -> dict[str, Any]:
    """A mapping of the language, each value in its type's form, defaults filled in.

    `others` are keys that a misspelt one may have meant, too.
    """
    values: dict[str, Any] = {}
    for key, child in node.value.items():
        if key not in keys:
            context.problems.unknown_key(node.keys[key], path, key, [*keys, *others])
        else:
            values[key] = checked(child, keys[key].type, join_path(path, key), context)
    for key, (_, default) in keys.items():
        if key not in node.value and default is REQUIRED:
            context.problems.add(node.mark, path, f"{key} is missing", f"add {key}: ...")
        values.setdefault(key, None if default is REQUIRED else default)
    return values


class Named(NamedTuple):
    """A name and its parameters: `adam` or `{adam: {...}}`. `mark` is the name's node."""

    name: str
    parameters: Node
    node: Node
    is_bare: bool


def named(node: Node, path: str, noun: str, context: Context) -> Named | None:
    """A name with parameters; None, and a problem, if the value is something else."""
    if isinstance(node.value, Broken):
        return None
    if isinstance(node.value, str) and node.value:
        return Named(node.value, Node({}, node.mark), node, True)
    if isinstance(node.value, dict) and len(node.value) == 1:
        name, inner = next(iter(node.value.items()))
        parameters = Node({}, inner.mark) if inner.value is None else inner
        return Named(name, parameters, Node(name, node.keys[name]), False)
    count = f"a mapping of {len(node.value)} keys" if isinstance(node.value, dict) else found(node)[6:]
    message = f"expected the name of {noun}, or {{name: {{parameters}}}}, found {count}"
    is_several = isinstance(node.value, dict) and node.value
    fix = "give one name, its parameters indented below it" if is_several else "write a name, or {name: {parameters}}"
    context.problems.add(node.mark, path, message, fix)
    return None


def signature(role: str, name: str, node: Node, path: str, context: Context) -> Signature | None:
    """What a name takes in a role; None, and a problem, if nothing goes by that name."""
    try:
        return signature_of(role, name, context.folders)
    except UnknownName as error:
        context.problems.add(node.mark, path, error.message, error.fix)
        return None
