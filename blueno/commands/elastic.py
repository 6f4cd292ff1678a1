"""`blueno elastic ...`: the index of results in Elasticsearch, a view of the store that can always be rebuilt."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from ..counting import counted
from ..elastic import state
from ..elastic.access import Target, target_of
from ..elastic.standing import Standing, standing
from ..errors import BluenoError
from ..progress import say
from ..settings import Settings
from ..store.database import store_exists
from . import options, print_json
from .dashboards import command as dashboards

UNSET = "no Elasticsearch is set"
SET_IT = 'write elastic_url = "https://..." into blueno.toml, or set BLUENO_ELASTIC_URL (docs/elastic.md)'


def place(settings: Settings, setup: bool = False) -> Target:
    """Where the settings send to. Raises BluenoError when they name no place."""
    target = target_of(settings, os.environ, setup)
    if target is None:
        raise BluenoError(UNSET, SET_IT)
    return target


@contextmanager
def reached(target: Target) -> Iterator[Any]:
    """A client; what keeps it from the server becomes a BluenoError."""
    from ..elastic.client import Unreachable, connect

    client = connect(target)
    try:
        yield client
    except Unreachable as error:
        raise BluenoError(f"{target.name}: {error}", "nothing is lost: what waits is sent later") from error
    finally:
        client.close()


@click.group("elastic")
def command() -> None:
    """The index of results in Elasticsearch: set it up, send what waits, see how it stands."""


# ---- setup


@command.command("setup")
@click.option(
    "--print",
    "printed",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only write all of it, roles too, into FILE, for whoever keeps the keys.",
)
@click.option(
    "--migrate", is_flag=True, help="Make the next version of the indices; documents of all stores move there."
)
@options
def setup(settings: Settings, as_json: bool, printed: Path | None, migrate: bool) -> int:
    """Make templates, indices and aliases. Does the same when called twice.

    It takes its own key from BLUENO_ELASTIC_SETUP_API_KEY or credentials/elastic-setup.json, if there is one.
    """
    from ..elastic import setup as making

    if printed is not None:
        printed.write_text(json.dumps(making.for_an_administrator(settings.elastic_prefix), indent=2) + "\n")
        if as_json:
            print_json({"file": str(printed)})
        else:
            click.echo(f"{printed} holds every request that an administrator has to send")
        return 0
    target = place(settings, setup=True)
    said: list[str] = []
    tell: Callable[[str], None] = said.append if as_json else click.echo
    with reached(target) as client:
        (making.migrate if migrate else making.set_up)(client, target.prefix, tell)
    if as_json:
        print_json({"place": target.name, "done": said})
    return 0


# ---- status


@command.command("status")
@options
def status(settings: Settings, as_json: bool) -> int:
    """Whether it can be reached, what it holds, what waits here, what was set aside. Exit code 1 if all is not well."""
    found = standing(settings, place(settings), time.time())
    if as_json:
        print_json(found.document())
    else:
        click.echo(status_text(found))
    return 0 if found.well else 1


def status_text(found: Standing) -> str:
    """How it stands, a line for each thing."""
    lines = [f"{found.place}, prefix {found.prefix}"]
    lines.append(f"cannot be used now: {found.problem}" if found.problem else f"reached: version {found.version}")
    lines += [
        f"{each.kind}: {each.documents} documents in {each.index_name}"
        if each.index_name
        else f"{each.kind}: not set up"
        for each in found.kinds
    ]
    lines += [
        f"{each.index_name} lacks {', '.join(each.lacking + each.other)}: blueno elastic setup"
        + (" --migrate" if each.other else "")
        for each in found.kinds
        if each.lacking or each.other
    ]
    since = f", the oldest since {found.oldest}" if found.oldest else ""
    lines.append(f"{counted(found.waiting, 'trial')} wait here to be sent{since}" if found.waiting else "nothing waits")
    if found.waits_for:
        lines.append(f"why they wait, when it was last tried: {found.waits_for}")
    if found.refused:
        lines.append(f"{len(found.refused)} documents were set aside, since they can never be taken:")
        lines += [f"  {each.kind} {each.id} ({each.at}): {each.reason}" for each in found.refused[:20]]
        lines += ["  ..."] if len(found.refused) > 20 else []
    return "\n".join(lines)


# ---- index, rebuild


@command.command("index")
@options
def index(settings: Settings, as_json: bool) -> int:
    """Send what waits, and try again what was set aside."""
    return _sending(settings, as_json, anew=False)


@command.command("rebuild")
@options
def rebuild(settings: Settings, as_json: bool) -> int:
    """Write all documents of this store anew and remove those that it has no more. Other stores' stay as they are."""
    return _sending(settings, as_json, anew=True)


def _sending(settings: Settings, as_json: bool, anew: bool) -> int:
    from ..elastic import sender as sending

    target = place(settings)
    if not store_exists(settings.root):
        raise BluenoError(f"nothing was swept yet in {settings.root}", "start with `blueno sweep SPEC`")
    with state.sender_lock(settings.root) as mine:
        if not mine:
            raise BluenoError("another process sends for this project at present", "see `blueno elastic status`")
        with closing(sending.open_sender(settings.root, target, time.time())) as sender:
            done = sending.Sent()
            for sent in sending.rebuild(sender) if anew else sending.rest(sender):
                done.trials += sent.trials
                done.refused += sent.refused
                done.waits = done.waits or sent.waits
                if sent.trials and not as_json:
                    say(f"{done.trials} trials are sent")
    if as_json:
        refused = [each._asdict() for each in done.refused]
        print_json({"place": target.name, "trials": done.trials, "refused": refused, "waits": done.waits or None})
    else:
        click.echo(f"{counted(done.trials, 'trial')} sent, with epochs and configs; {len(done.refused)} set aside")
    if done.waits:
        raise BluenoError(f"{target.name}: {done.waits}", "nothing is lost: what waits is sent later")
    return 1 if done.refused else 0


command.add_command(dashboards)
