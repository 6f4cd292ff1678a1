"""What a shell completes: names of sweeps and ids of trials. `blueno --completion bash` prints what a shell runs."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from ..canonical import short
from ..errors import BluenoError
from ..settings import load_settings
from ..store.database import open_store, store_exists

VARIABLE = "_BLUENO_COMPLETE"
MOST = 50  # trials offered at once


def script(shell: str, program: click.Command) -> str:
    """What a shell has to run so that the tab key completes verbs, options, sweeps and trials."""
    kind = get_completion_class(shell)
    assert kind is not None, f"BUG: click completes for no {shell}"
    return kind(program, {}, "blueno", VARIABLE).source()


def sweeps(context: click.Context, parameter: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Sweeps by name, newest first."""
    query = "SELECT DISTINCT name, '' FROM sweeps WHERE substr(name, 1, ?) = ? ORDER BY resumed DESC"
    return _items(context, query, (len(beginning), beginning))


def trials(context: click.Context, parameter: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Trials by the beginning of their ids, with their states."""
    query = f"SELECT id, state FROM trials WHERE id >= ? AND id < ? ORDER BY number DESC LIMIT {MOST}"
    return _items(context, query, (beginning.lower(), beginning.lower() + "g"))


def both(context: click.Context, parameter: click.Parameter, beginning: str) -> list[CompletionItem]:
    """Sweeps, and trials once some of an id is written."""
    return sweeps(context, parameter, beginning) + (trials(context, parameter, beginning) if beginning else [])


def _items(context: click.Context, query: str, values: tuple[object, ...]) -> list[CompletionItem]:
    """What a query finds; nothing where there is no store, or it cannot be read: a tab key never complains."""
    try:
        root: Path = load_settings(context.params.get("root")).root
        if not store_exists(root):
            return []
        with closing(open_store(root, time.time(), read_only=True)) as db:
            return [CompletionItem(_shown(word), help=about or None) for word, about in db.execute(query, values)]
    except (BluenoError, sqlite3.Error, OSError):
        return []


def _shown(word: str) -> str:
    return short(word) if len(word) == 64 else word
