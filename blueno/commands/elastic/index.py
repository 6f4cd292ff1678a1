"""`blueno elastic index`: what waits is sent."""

from __future__ import annotations

import time
from contextlib import closing

import click

from ...counting import counted
from ...elastic import state
from ...errors import BluenoError
from ...progress import say
from ...settings import Settings
from ...store.database import open_store, store_exists
from .. import options, print_json
from .places import place


@click.command("index")
@options
def command(settings: Settings, as_json: bool) -> int:
    """Send what waits, and try again what was set aside."""
    return sending_of(settings, as_json, anew=False)


def sending_of(settings: Settings, as_json: bool, anew: bool) -> int:
    """Sends what waits, or everything `anew`. Raises BluenoError when not all could be sent."""
    from ...elastic import sender as sending

    target = place(settings)
    if not store_exists(settings.root):
        raise BluenoError(f"nothing was swept yet in {settings.root}", "start with `blueno sweep SPEC`")
    with state.sender_lock(settings.root) as mine:
        if not mine:
            raise BluenoError("another process sends for this project at present", "see `blueno elastic status`")
        open_store(settings.root, time.time()).close()  # one of an earlier version becomes as it should be
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
