"""`blueno elastic import`: results of other tools become history."""

from __future__ import annotations

import time

import click

from ...counting import counted
from ...settings import Settings
from .. import options, print_json


@click.command("import")
@click.argument("source")
@options
def command(settings: Settings, as_json: bool, source: str) -> int:
    """Read results of other tools into this project's history, which `blueno find` looks through.

    SOURCE is a file (JSON lines of documents of `training_jobs` or of Blueno's own; runs of W&B as CSV or JSON lines;
    Optuna's trials_dataframe() as CSV) or the URL of an Optuna storage. What is there already is not added again.
    """
    from ... import foreign
    from ...store import foreign as kept
    from .. import store_of_command

    results = list(foreign.read(source))  # before anything is made here for what cannot be read
    counts = kept.add(store_of_command(settings.root), results, time.time())
    if as_json:
        print_json({"source": source, **counts})
    else:
        click.echo(
            f"{counted(counts['new'], 'result')} imported, {counts['known']} were known; blueno find 'origin != blueno'"
        )
    return 0
