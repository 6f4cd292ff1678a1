"""`blueno init`: a small project that sweeps as it is, with a spec of one's own data if FILE says where that is.

Nothing that is there already is ever changed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import BluenoError
from ..first_spec import goal_words, spec_text
from ..narrow import folded, last_folded, terminal_width
from ..settings import load_settings
from ..spec_name import spec_name, subject_of
from . import print_json, table

if TYPE_CHECKING:
    from ..etl.guess import Guess

TEMPLATE = Path(__file__).parent.parent / "templates" / "project"
MARKER = "blueno.toml"  # of a project
MOST_COLUMNS = 60  # that are shown
RENAMED = {"gitignore": ".gitignore"}  # with its dot it would count for our own repository


class Made(NamedTuple):
    root: Path
    made: list[str]  # paths below root
    kept: list[str]  # of the template's files, those that were there already


def init(folder: Path) -> Made:
    """Adds to `folder`, made if need be, what a project has and it has not.

    Raises BluenoError when it cannot be written, or when a file stands where a folder must.
    """
    return add(folder, {name: source.read_bytes() for name, source in template().items()})


def add(folder: Path, files: dict[str, bytes]) -> Made:
    """Adds those of `files`, by their paths below `folder`, that are not there. Raises BluenoError as `init` does."""
    root = Path(os.path.abspath(folder))
    _check(root, files)
    made = [name for name in files if not os.path.lexists(root / name)]
    try:
        for name in made:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("xb") as file:
                file.write(files[name])
    except OSError as error:
        raise BluenoError(f"{root} cannot be written: {error.strerror}", "choose a folder of your own") from error
    return Made(root, made, [name for name in files if name not in made])


def template() -> dict[str, Path]:
    """Each file of a new project: its path there -> the file it is copied from."""
    sources = sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {_target(source.relative_to(TEMPLATE)): source for source in sources}


def _target(path: Path) -> str:
    return path.with_name(RENAMED.get(path.name, path.name)).as_posix()


def _check(root: Path, files: Iterable[str]) -> None:
    """Raises BluenoError, before anything is made, if a folder is needed where something else is."""
    for folder in dict.fromkeys([*reversed(root.parents), root, *((root / name).parent for name in files)]):
        if os.path.lexists(folder) and not folder.is_dir():
            raise BluenoError(f"{folder} is a file, and a folder is needed there", "name another folder")


# ---- a spec of one's own data


class Written(NamedTuple):
    """A project with a spec of a file's data."""

    made: Made
    spec: str  # its path below the root
    guess: Guess


def init_with_data(root: Path, file: Path, target: str | None) -> Written:
    """Adds to a project, made if need be, a spec of the data in `file`, which stays where it is.

    Raises BluenoError when the file cannot be read, has no such column, when the project lies among pictures, or as
    `init` does.
    """
    from ..etl.guess_source import guess

    found, path = _as_seen_from(root / "specs", guess(file, target), file)
    typed = shlex.join(["blueno", "init", str(file), *(["--target", target] if target else [])])
    files = {name: source.read_bytes() for name, source in template().items() if not name.startswith("specs/")}
    about = subject_of(spec_text(found, "spec", path, ""))
    assert about is not None, f"BUG: no spec of {file}"
    name = spec_name(root / "specs", file.name, about)
    spec = f"specs/{name}.yaml"
    files[spec] = spec_text(found, name, path, " ".join(typed.split())).encode()
    return Written(add(root, files), spec, found)


def _as_seen_from(specs: Path, guess: Guess, file: Path) -> tuple[Guess, str]:
    """The guess and the path of its data, files relative to `specs`. BluenoError for a project among pictures."""
    params = dict(guess.params)
    data = Path(params.pop("path", file)).absolute()
    if guess.shape is not None and specs.absolute().is_relative_to(data):
        message = f"the project would lie in {data}, among the pictures, all of which count as data"
        raise BluenoError(message, "choose a folder for the project outside of it: --root FOLDER")
    if "table" in params:
        params["table"] = _relative(Path(params["table"]), specs)
    return guess._replace(params=params), _relative(data, specs)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(os.path.abspath(path), os.path.abspath(folder))).as_posix()


def is_data(path: Path, target: str | None) -> bool:
    """Whether what stands after `init` is data, and no folder for a project. BluenoError for data that is not there."""
    if path.is_dir():
        return target is not None or _holds_pictures(path)
    if path.exists():
        return path.suffix != "" or target is not None
    if target is None and not path.suffix[1:].isalpha():  # a project's name has no such ending: `study-2.1`
        return False
    folder = path.parent if path.parent.is_dir() else Path()
    near = get_close_matches(path.name, [each.name for each in folder.iterdir()], n=1)
    fix = "name a file that is there" + (
        "" if target else "; a folder of that name, for a project, must be there first"
    )
    raise BluenoError(f"there is no file {path}", f"write {folder / near[0]}" if near else fix)


def _holds_pictures(folder: Path) -> bool:
    """Whether a folder is one of pictures, and no project yet."""
    from ..etl.guess_pictures import holds_pictures

    return folder.is_dir() and not (folder / MARKER).exists() and holds_pictures(folder)


def guess_text(guess: Guess, width: int | None = None) -> str:
    """What was guessed, for people: a line for each column, the target, and what else they should know."""
    goal = guess.goal
    head, rows = ["column", "type", "gaps", "is", ""], []
    for each in guess.columns[:MOST_COLUMNS]:
        role = {"drop": "left out"}.get(each.role, each.role)
        rows.append([each.name, each.kind, str(each.gaps or ""), role, each.reason])
    lines = [table(head, last_folded(head, rows, width), {2}), ""] if rows else []
    if len(guess.columns) > MOST_COLUMNS:
        lines.insert(1, f"... and {len(guess.columns) - MOST_COLUMNS} more, as the spec says")
    lines.append(f"{goal.name or 'class'}: {goal_words(guess)}")
    if goal.missing:
        lines.append(f"  {goal.missing} rows without it are left out")
    lines += [f"  {label} counts as {other}: they differ only in case" for label, other in goal.labels.items()]
    if goal.task == "binary":
        lines.append(f"  positive: {goal.positive}, since {goal.reason}")
    lines += [f"note: {remark}" for remark in guess.remarks]
    if len(lines) > 1:
        lines[1:] = [folded(line, width) for line in lines[1:]]
    return "\n".join(lines)


def guess_json(guess: Guess) -> dict[str, Any]:
    """What was guessed, for programs."""
    goal = {**guess.goal._asdict(), "classes": [list(each) for each in guess.goal.classes]}
    return {**guess._asdict(), "goal": goal, "columns": [each._asdict() for each in guess.columns]}


# ---- what is said


def _kept_text(kept: list[str]) -> list[str]:
    if len(kept) > 1:
        return [f"kept the {len(kept)} other files of the project, which were there"]
    return [f"kept {name}, which was there" for name in kept]


def made_text(made: Made, here: Path, spec: str = "specs/first.yaml") -> str:
    """What was made, what was kept, and the next three commands."""
    lines = [f"made {name}" for name in made.made] + _kept_text(made.kept)
    lines.append(f"\n{made.root} is a project. Next:" if made.made else f"\n{made.root} was a project already. Next:")
    if made.root != here:
        folder = made.root.relative_to(here) if made.root.is_relative_to(here) else made.root
        lines.append(f"  cd {shlex.quote(str(folder))}")
    commands = {
        f"blueno plan {spec}": "what would run",
        f"blueno sweep {spec}": "run it: about a minute",
        "blueno results": "the table, best first",
    }
    width = max(map(len, commands)) + 2
    return "\n".join([*lines, *(f"  {command:<{width}}{meaning}" for command, meaning in commands.items())])


@click.command("init")
@click.argument("data", metavar="[DIR|FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--target", metavar="COLUMN", help="With FILE: the column to be predicted.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="With FILE: the project's folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(data: Path | None, target: str | None, root: Path | None, as_json: bool) -> int:
    """Make a small project in DIR (by default the current folder) that sweeps as it is.

    With FILE, a table (csv, tsv, parquet, xlsx, json, jsonl) or a folder of pictures with a folder for each class, its
    spec is one of that data: columns, types and task are guessed, shown, and explained in the spec. The file stays
    where it is. What is there already is kept as it is; a spec of the same file for another target gets another name.
    """
    if data is None and target is not None:
        raise click.UsageError("--target names a column of FILE: say blueno init FILE --target COLUMN")
    if data is not None and is_data(data, target):
        written = init_with_data(load_settings(root).root, data, target)
        _say(written.made, as_json, written)
        return 0
    folder = data or root or Path()
    if _holds_pictures(folder):
        fix = f"name them, and a folder for the project: blueno init {shlex.quote(str(folder))} --root FOLDER"
        raise BluenoError(f"{folder.absolute()} holds pictures, which are data and no project", fix)
    made = init(folder)
    _say(made, as_json, None)
    elsewhere = os.environ.get("BLUENO_ROOT")
    if elsewhere and Path(elsewhere).resolve() != made.root.resolve():
        click.echo(f"note: BLUENO_ROOT is set, so commands work in {elsewhere} wherever you are", err=True)
    return 0


def _say(made: Made, as_json: bool, written: Written | None) -> None:
    document: dict[str, Any] = {"root": str(made.root), "made": made.made, "kept": made.kept}
    if as_json:
        print_json(document | ({"spec": written.spec, "guess": guess_json(written.guess)} if written else {}))
    elif written:
        others = made._replace(kept=[name for name in made.kept if name != written.spec])
        click.echo(guess_text(written.guess, terminal_width()) + "\n")
        if written.spec in made.kept:
            click.echo(f"kept {written.spec}, a spec of this data that was there: what stands above is not in it")
        click.echo(made_text(others, Path.cwd(), written.spec))
    else:
        click.echo(made_text(made, Path.cwd()))
