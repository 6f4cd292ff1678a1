"""The words of a `command`: which of them are files of the user's, and what cannot work about them."""

from __future__ import annotations

import os
import shlex
from itertools import pairwise
from pathlib import Path

from .modules import Folders, base_folder, find_module
from .node import Node
from .types import nearest
from .values import Context

SHELL = ("|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1", "&>")  # words that only a shell understands
SCRIPTS = (".py", ".sh", ".bash", ".R", ".r", ".jl", ".m", ".pl", ".rb", ".js", ".lua", ".ipynb")
SCRIPT_FIX = "put it into a script beside the spec, and name that: ./train.sh"


def program_files(command: str, folders: Folders) -> list[str]:
    """The files of the project that a command's words name, relative to the spec: scripts, configurations
    (`--config=base.json`), folders with a `__main__.py`, and modules after `-m`.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    named = [found for word in words for found in _named_by(word, folders.spec)]
    modules = [_module_files(name, folders) for flag, name in pairwise(words) if flag == "-m"]
    return list(dict.fromkeys([*named, *(os.path.relpath(file, folders.spec) for files in modules for file in files)]))


def _named_by(word: str, folder: Path) -> list[str]:
    for part in (word, word.partition("=")[2]):
        if not part or os.path.isabs(part) or _is_environment(folder / part):
            continue
        if (folder / part).is_file():
            return [part]
        if (folder / part / "__main__.py").is_file():
            return [os.path.join(part, "__main__.py")]
    return []


def _module_files(name: str, folders: Folders) -> list[Path]:
    found = find_module(name, folders)
    if not found.complete or not found.files:
        return []
    main = found.files[-1].with_name("__main__.py")
    is_package = found.files[-1].name == "__init__.py"
    return [*found.files, *([main] if is_package and main.is_file() else [])]


def _is_environment(path: Path) -> bool:
    """Whether a path is a program of a virtual environment, which no snapshot could hold."""
    place = path.parent.parent
    return (place / "pyvenv.cfg").is_file() or (place / "conda-meta").is_dir()


def check_command(node: Node, context: Context) -> None:
    """Adds a problem where a command cannot be split into words, needs a shell, or names a file that is not there."""
    found = _problem(str(node.value), context.folders)
    if found is not None:
        context.problems.add(node.mark, "model.command", *found)


def _problem(command: str, folders: Folders) -> tuple[str, str] | None:
    try:
        words = shlex.split(command)
    except ValueError as error:
        return f"this cannot be split into words: {str(error).lower()}", "correct the quotes"
    if not words:
        return "a command is a program and its words", "write command: python train.py"
    return _needs_a_shell(words) or _is_elsewhere(words, folders) or _is_absent(words, folders)


def _needs_a_shell(words: list[str]) -> tuple[str, str] | None:
    sign = next((word for word in words if word in SHELL), None)
    if sign is not None:
        return f"a command runs without a shell, which '{sign}' would need", SCRIPT_FIX
    name, is_set, _ = words[0].partition("=")
    if is_set and name.isidentifier():
        return f"a command runs without a shell, which '{words[0]}' would need", f"write env {' '.join(words)}"
    return None


def _is_elsewhere(words: list[str], folders: Folders) -> tuple[str, str] | None:
    """A program that a snapshot would not hold although it is the project's."""
    if not os.path.isabs(words[0]) and "/" in words[0] and _is_environment(folders.spec / words[0]):
        fix = f"name it by a variable of yours, $ENV_PYTHON {shlex.join(words[1:])}, and export ENV_PYTHON"
        return f"{words[0]} belongs to an environment, which is no part of the project's code", fix
    for word in words:
        path = Path(word)
        if path.is_absolute() and path.suffix in SCRIPTS and path.is_relative_to(base_folder(folders)):
            relative = os.path.relpath(path, folders.spec)
            return (
                f"{word} is run as it is then, not as it was at submission",
                f"write it relative to the spec: {relative}",
            )
    return None


def _is_absent(words: list[str], folders: Folders) -> tuple[str, str] | None:
    """The program itself if it is a path (`./train.sh`), and the first script among its words, must be there."""
    scripts = (word for word in words if not word.startswith(("-", "$", "~")) and Path(word).suffix in SCRIPTS)
    program = [words[0]] if "/" in words[0] and not words[0].startswith(("$", "~")) else []
    for word in [*program, *([first] if (first := next(scripts, "")) else [])]:
        if not (folders.spec / word).is_file():
            return f"there is no file {word}", _near(word, folders.spec)
    return None


def _near(word: str, folder: Path) -> str:
    beside = (folder / word).parent
    close = nearest(Path(word).name, sorted(each.name for each in beside.iterdir())) if beside.is_dir() else ""
    written = word.removesuffix(Path(word).name) + close
    return f"write {written}" if close else f"create {word}; paths are relative to the spec"
