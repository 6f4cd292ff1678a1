"""`blueno data rm`: removes datasets and nodes, with the parts that nothing else needs, after showing them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import click

from ...cache import Cache
from ...canonical import short
from ...counting import counted
from ...errors import BluenoError
from ...holdings import shared
from ...holdings.held import NOTHING, Held, Item, holdings, id_of
from ...holdings.published import find_trials, published, trial_of
from ...holdings.published import in_words as trial_words
from ...holdings.removal import Removal, in_both, removal_of, remove
from ...holdings.view import View, find, look
from ...holdings.wants import NOBODY, announce_needs
from ...holdings.words import in_words
from ...settings import Settings
from ...store import read
from ...store.uses import needing
from ...tables import size
from .. import options, print_json
from .asking import agreed
from .places import local_of, need_remote, store_of, view_of


def refuse_needed(view: View, db: sqlite3.Connection | None, ids: list[str]) -> None:
    """BluenoError when something is being built, or a queued or running trial needs it: it would be made again."""
    for id in ids:
        if id in view.building:
            raise BluenoError(
                f"{short(id)} is being built now", "wait until it is there, or stop the sweep that needs it"
            )
        if id in view.needed:
            names = needing(db, id) if db is not None else []
            sweeps = ", ".join(names) or "sweeps that are not done"
            stop = names[0] if names else "SWEEP"
            raise BluenoError(
                f"{short(id)} is not removed: trials of {sweeps} that are queued or running need it",
                f"wait until they are done, or take them back with: blueno stop {stop}",
            )


def refuse_announced(remote: Cache, db: sqlite3.Connection | None, ids: list[str], days: int) -> None:
    """BluenoError when another store announced lately that it wants one of these. What ours needs it knows itself."""
    now = shared.now_of(remote, announce_needs(remote, db, time.time()))
    own = read.meta(db)["store_id"] if db is not None else NOBODY
    for id, stores in shared.announced_by(remote, ids, days, now).items():
        others = [store for store in stores if store != own]
        if not others:
            continue
        raise BluenoError(
            f"{short(id)} stays in the shared cache: within {days} days {counted(len(others), 'other store')} "
            f"announced to want it ({', '.join(each[:8] for each in others)})",
            "wait, or remove it all the same with --force: whoever wants it then has to make or train it again",
        )


def document_of(held: Held, removal: Removal, place: str, words: Callable[[Item], str]) -> dict[str, Any]:
    """What would go from one cache; `words` says what an item is."""
    return {
        "place": place,
        "items": [
            {"id": trial_of(item.id), "kind": item.kind, "words": words(item), "bytes": item.bytes}
            for item in removal.items
        ],
        "parts": len(removal.parts),
        "shared_parts": len(
            {key for item in removal.items for key in item.parts} - {part.key for part in removal.parts}
        ),
        "bytes": removal.bytes,
    }


def rm_text(found: dict[str, Any]) -> str:
    """What would go from one cache, for people."""
    place = {"here": "here", "remote": "in the shared cache"}[found["place"]]
    if not found["items"] and not found["parts"]:
        return f"{place}: nothing of it"
    lines = [f"  {each['kind']} {short(each['id'])}  {each['words']}" for each in found["items"]]
    stay = f"; {counted(found['shared_parts'], 'part')} stay, others share them" if found["shared_parts"] else ""
    return "\n".join([f"{place}:", *lines, f"  {counted(found['parts'], 'file')}, {size(found['bytes'])}{stay}"])


def rm_trials(settings: Settings, as_json: bool, words: tuple[str, ...], force: bool, yes: bool) -> int:
    """Removes what trials left in the shared cache."""
    db, remote = store_of(settings), need_remote(settings)

    def look() -> tuple[Held, Removal]:
        held = published(remote)
        chosen = find_trials(held, words)
        if not force:
            refuse_announced(remote, db, chosen, settings.cache_days)
        bad = [entry for entry in held.unreadable if id_of(entry) in chosen]
        return held, removal_of(held, [id for id in chosen if id in held.items], bad)

    held, removal = look()
    found = document_of(held, removal, "remote", trial_words)
    if not as_json:
        click.echo(rm_text(found))
    done = agreed(as_json, yes, "remove this?", " ".join(["blueno data rm --trials", *words, "--yes"]))
    if done:
        remove(removal if yes else in_both(removal, look()[1]), remote, published)
    if as_json:
        print_json({"places": [found], "removed": done})
    elif done:
        click.echo("removed")
    return 0


@click.command("rm")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--remote", "everywhere", is_flag=True, help="From the shared cache, too.")
@click.option("--trials", is_flag=True, help="IDs are those of trials: what they left in the shared cache.")
@click.option(
    "--force", is_flag=True, help="With --remote or --trials: even what a store announced lately that it wants."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@options
def command(
    settings: Settings, as_json: bool, ids: tuple[str, ...], everywhere: bool, trials: bool, force: bool, yes: bool
) -> int:
    """Remove the datasets and nodes named by the beginnings of their ids, with the parts that nothing else needs.

    Shows what would go and asks. With --json it only shows, unless --yes is given. What is removed is made again when a
    sweep needs it. What trials need that are queued or running stays.

    With --trials it is what trials left in the shared cache. What this machine has of them stays here.
    """
    if trials:
        return rm_trials(settings, as_json, ids, force, yes)
    db, local = store_of(settings), local_of(settings)
    remote = need_remote(settings) if everywhere else None
    view = view_of(settings, db) if remote is None else look(db, local, holdings(remote))
    chosen = find(view, ids)
    refuse_needed(view, db, chosen)
    places: list[tuple[str, Cache, Held]] = [("here", local, view.here)]
    if remote is not None:
        if not force:
            refuse_announced(remote, db, chosen, settings.cache_days)
        places.append(("remote", remote, view.there or NOTHING))
    removals = [removal_of(held, [id for id in chosen if id in held.items]) for _, _, held in places]
    found = [
        document_of(held, removal, place, lambda item: in_words(item.recipe, view.files))
        for (place, _, held), removal in zip(places, removals, strict=True)
    ]
    if not as_json:
        click.echo("\n".join(map(rm_text, found)))
    again = " ".join(["blueno data rm", *ids, *(["--remote"] if everywhere else []), "--yes"])
    done = agreed(as_json, yes, "remove this?", again)
    if done and not yes:  # a sweep may have come to need it while the question stood
        view = view_of(settings, db) if remote is None else look(db, local, holdings(remote))
        refuse_needed(view, db, chosen)
        if remote is not None and not force:
            refuse_announced(remote, db, chosen, settings.cache_days)
        now = [view.here, *([] if remote is None else [view.there or NOTHING])]
        fresh = [removal_of(held, [id for id in chosen if id in held.items]) for held in now]
        removals = [in_both(shown, each) for shown, each in zip(removals, fresh, strict=True)]
    if done:
        for (_, cache, _), removal in zip(places, removals, strict=True):
            remove(removal, cache)
    if as_json:
        print_json({"places": found, "removed": done})
    elif done:
        click.echo("removed")
    return 0
