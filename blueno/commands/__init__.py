"""The verbs, one module each (small ones of a kind share one). Each has a function that finds or does, which tests
call, and a click command called `command` that prints what the function returned.
"""

from __future__ import annotations

import functools
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import BluenoError
from ..settings import load_settings
from ..store.database import open_store, store_exists


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --root and --json; the function gets `settings` and `as_json`."""

    @click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The project's folder.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    @functools.wraps(function)
    def wrapped(root: Path | None, as_json: bool, **arguments: Any) -> Any:
        return function(settings=load_settings(root), as_json=as_json, **arguments)

    return wrapped


def print_json(document: Any) -> None:
    """One JSON document on standard output; NaN never gets this far."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def table(head: list[str], rows: list[list[str]], numbers: set[int] = frozenset()) -> str:  # type: ignore[assignment]
    """Columns aligned with two spaces between; `numbers` are the columns aligned to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        padded = [
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])


def need_store(root: Path) -> sqlite3.Connection:
    """The store, for commands that make no sense without one. Raises BluenoError when nothing was ever swept here."""
    if not store_exists(root):
        raise BluenoError(
            f"nothing was swept yet in {root}", "start with `blueno sweep SPEC`, or name the project's --root"
        )
    return store_of_command(root)


def store_of_command(root: Path) -> sqlite3.Connection:
    """The store, closed when the command that is running ends."""
    db = open_store(root, time.time())
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(db.close)
    return db
