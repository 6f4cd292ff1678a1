"""`blueno rm`: forgets a sweep and what no other sweep uses, after showing it. Models of its trials are deleted."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import click

from ..canonical import short
from ..counting import counted
from ..errors import BluenoError
from ..settings import Settings
from ..store import read, removal
from ..tables import size
from ..worker.work import remove_artefact
from . import complete, need_store, options, print_json
from .request import ask, unanswered

ANSWER_WITHIN_S = 60.0


def removable(db: sqlite3.Connection, sweep: read.Sweep) -> dict[str, Any]:
    """What would go with a sweep: trials, models and their bytes, and datasets that nothing else uses."""
    return {"sweep": sweep.id, "name": sweep.name, "revision": sweep.revision, **removal.share(db, sweep.number)}


def rm(db: sqlite3.Connection, root: Path, sweep: read.Sweep) -> bool:
    """Forgets a sweep and deletes the models of trials that are gone. False when the scheduler has not obeyed yet.

    Raises BluenoError while some of its trials run.
    """
    answer = ask(db, root, "remove", {"sweep": sweep.number}, ANSWER_WITHIN_S)
    if answer is None:
        return False
    if not answer["removed"]:
        fix = f"wait until they have ended, or end them with: blueno stop {sweep.name} --now"
        raise BluenoError(f"{sweep.name} is not removed: {answer['why']}", fix)
    delete_models(db, root)
    delete_checkpoints(db, root / "data" / "work" / "checkpoints")
    return True


def delete_models(db: sqlite3.Connection, root: Path) -> None:
    """Deletes what removed trials left, whichever `rm` removed them: an earlier one may have been ended half-way."""
    for key in removal.orphans(db):
        if removal.is_trial(db, key.split("/")[1]):
            continue  # it came back while we were at it
        remove_artefact(root, key)


def delete_checkpoints(db: sqlite3.Connection, folder: Path) -> None:
    """Deletes what removed trials would have gone on from; each has a folder of its own, named by its id."""
    for checkpoint in folder.iterdir() if folder.is_dir() else ():
        if not removal.is_trial(db, checkpoint.name):
            shutil.rmtree(checkpoint, ignore_errors=True)


def removable_text(document: dict[str, Any]) -> str:
    """What would go, for people."""
    revision = f" (revision {document['revision']})" if document["revision"] > 1 else ""
    lines = [
        f"{document['name']}{revision}, {short(document['sweep'])}:",
        f"  {counted(document['trials'], 'trial')} with their results; "
        f"{document['shared']} more stay, other sweeps have them",
        f"  {counted(document['models'], 'file')} in models/, {size(document['bytes'])}",
        f"  {counted(document['datasets'], 'dataset')} that nothing else uses (what is cached of them can be rebuilt)",
    ]
    return "\n".join(lines)


@click.command("rm")
@click.argument("sweep", shell_complete=complete.sweeps)
@click.option("--yes", is_flag=True, help="Do not ask.")
@options
def command(settings: Settings, as_json: bool, sweep: str, yes: bool) -> int:
    """Forget SWEEP (a name: its newest revision; or the beginning of an id), with what no other sweep uses.

    Shows what would go and asks. With --json it only shows, unless --yes is given.
    """
    db = need_store(settings.root)
    chosen = read.find_sweep(db, sweep)
    document = removable(db, chosen)
    if not as_json:
        click.echo(removable_text(document))
    removed = (yes or _agreed(as_json, chosen)) and rm(db, settings.root, chosen)
    if as_json:
        print_json({**document, "removed": removed})
    elif removed:
        click.echo("removed")
    elif yes:
        click.echo(unanswered(settings.root))
    return 0


def _agreed(as_json: bool, sweep: read.Sweep) -> bool:
    if as_json:
        return False
    if not sys.stdin.isatty():
        raise BluenoError("nothing is removed without a yes", f"run: blueno rm {sweep.name} --yes")
    return click.confirm("remove all this?", default=False)
