"""`blueno elastic dashboards`: Kibana's dashboards, as a file or straight into a Kibana."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from ...counting import counted
from ...elastic.access import secret
from ...elastic.kibana.axes import Facts, facts_of
from ...elastic.kibana.bundle import bundle
from ...elastic.kibana.saved import ndjson
from ...elastic.kibana.upload import Place, checked, unsafe, upload
from ...errors import BluenoError
from ...progress import say
from ...settings import Settings
from ...store.database import store_exists
from ...store.read import find_sweep, sweeps
from .. import complete, need_store, options, print_json


def facts(settings: Settings, word: str | None) -> list[Facts]:
    """What is known of the sweep that dashboards are made for: the named one, else the latest, if there is any.

    Raises NotFound when no sweep goes by the word.
    """
    if word is None and not store_exists(settings.root):
        return []
    with closing(need_store(settings.root)) as db:
        if word is None and not sweeps(db):
            return []
        return [facts_of(db, find_sweep(db, word))]


@click.command("dashboards")
@click.option(
    "--sweep",
    "word",
    metavar="SWEEP",
    shell_complete=complete.sweeps,
    help="The sweep that two of them are made for; without it the latest.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write them into FILE, for Kibana's Saved Objects page.",
)
@click.option(
    "--import",
    "url",
    metavar="URL",
    help="Import them into the Kibana at URL (its address, with its space if it has one).",
)
@options
def command(settings: Settings, as_json: bool, word: str | None, out: Path | None, url: str | None) -> int:
    """Kibana's dashboards: all sweeps, one config, failures, machines, and two made for one sweep.

    Without --out and --import they go to standard output, if that is no terminal. Importing again replaces them. The
    key to Kibana comes from BLUENO_KIBANA_API_KEY, BLUENO_KIBANA_USER and BLUENO_KIBANA_PASSWORD, or
    credentials/kibana.json.
    """
    if out is not None and url is not None:
        raise click.UsageError("--out and --import are two ways; choose one")
    if out is None and url is None and not as_json and sys.stdout.isatty():
        fix = "write them into a file with --out FILE, or import them with --import URL; a pipe takes them, too"
        raise BluenoError("the dashboards are long lines of JSON for Kibana, nothing to read on a terminal", fix)
    place = None if url is None else kibana(settings, url)
    found = facts(settings, word)
    objects = bundle(settings.elastic_prefix, found)
    made = [each["attributes"]["title"] for each in objects if each["type"] == "dashboard"]
    told: dict[str, Any] = {"sweep": found[0].name if found else None, "dashboards": made, "objects": len(objects)}
    if place is not None:
        told |= {"kibana": place.url, "imported": upload(place, objects)}
    elif out is not None:
        write(out, ndjson(objects))
        told["file"] = str(out)
    elif not as_json:
        click.echo(ndjson(objects), nl=False)
        return 0
    if as_json:
        print_json(told if place or out else {**told, "saved": objects})
        return 0
    where = (
        f"are in {place.url}" if place else f"are in {out}: import it in Kibana under Stack Management, Saved Objects"
    )
    click.echo(f"{counted(len(made), 'dashboard')} {where}")
    for title in made:
        click.echo(f"  {title}")
    return 0


def write(file: Path, text: str) -> None:
    """Writes a file that is there whole or not at all. Raises BluenoError when its folder is not there."""
    if not file.absolute().parent.is_dir():
        raise BluenoError(f"there is no folder {file.parent}", "make it, or name another FILE")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def kibana(settings: Settings, url: str) -> Place:
    """A Kibana with the key to it. Raises BluenoError for an address that is none."""
    address = checked(url)
    if warning := unsafe(address):
        say(warning)
    return Place(address, settings.elastic_ca, **secret(settings.root, "kibana", os.environ))
