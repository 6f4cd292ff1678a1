"""`blueno init`: a small project that sweeps as it is. Nothing that is there already is ever changed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NamedTuple

import click

from ..errors import BluenoError
from . import print_json

TEMPLATE = Path(__file__).parent.parent / "templates" / "project"
RENAMED = {"gitignore": ".gitignore"}  # with its dot it would count for our own repository


class Made(NamedTuple):
    root: Path
    made: list[str]  # paths below root
    kept: list[str]  # of the template's files, those that were there already


def init(folder: Path) -> Made:
    """Adds to `folder`, made if need be, what a project has and it has not.

    Raises BluenoError when it cannot be written, or when a file stands where a folder must.
    """
    root = Path(os.path.abspath(folder))
    files = template()
    _check(root, files)
    made = [name for name in files if not os.path.lexists(root / name)]
    try:
        for name in made:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("xb") as file:
                file.write(files[name].read_bytes())
    except OSError as error:
        raise BluenoError(f"{root} cannot be written: {error.strerror}", "choose a folder of your own") from error
    return Made(root, made, [name for name in files if name not in made])


def template() -> dict[str, Path]:
    """Each file of a new project: its path there -> the file it is copied from."""
    sources = sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {_target(source.relative_to(TEMPLATE)): source for source in sources}


def _target(path: Path) -> str:
    return path.with_name(RENAMED.get(path.name, path.name)).as_posix()


def _check(root: Path, files: dict[str, Path]) -> None:
    """Raises BluenoError, before anything is made, if a folder is needed where something else is."""
    for folder in dict.fromkeys([*reversed(root.parents), root, *((root / name).parent for name in files)]):
        if os.path.lexists(folder) and not folder.is_dir():
            raise BluenoError(f"{folder} is a file, and a folder is needed there", "name another folder")


def made_text(made: Made, here: Path) -> str:
    """What was made, what was kept, and the next three commands."""
    lines = [f"made {name}" for name in made.made] + [f"kept {name}, which was there" for name in made.kept]
    lines.append(f"\n{made.root} is a project. Next:" if made.made else f"\n{made.root} was a project already. Next:")
    if made.root != here:
        folder = made.root.relative_to(here) if made.root.is_relative_to(here) else made.root
        lines.append(f"  cd {shlex.quote(str(folder))}")
    commands = {
        "blueno plan specs/first.yaml": "what would run",
        "blueno sweep specs/first.yaml": "run it: about a minute",
        "blueno results": "the table, best first",
    }
    return "\n".join([*lines, *(f"  {command:<31}{meaning}" for command, meaning in commands.items())])


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(folder: Path, as_json: bool) -> int:
    """Make a small project in DIR (by default the current folder) that sweeps as it is.

    Files that are there already are kept as they are.
    """
    made = init(folder)
    if as_json:
        print_json({"root": str(made.root), "made": made.made, "kept": made.kept})
    else:
        click.echo(made_text(made, Path.cwd()))
    elsewhere = os.environ.get("BLUENO_ROOT")
    if elsewhere and Path(elsewhere).resolve() != made.root.resolve():
        click.echo(f"note: BLUENO_ROOT is set, so commands work in {elsewhere} wherever you are", err=True)
    return 0
