"""Prepared data as a whole: what is here and in the shared cache, what the store knows of it, what is under way."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..cache import Cache, outbox
from ..canonical import short
from ..errors import NotFound
from ..etl.lineage import nodes_of
from ..store import uses as stored
from ..store.uses import Use
from .budget import last_use_s
from .held import NOTHING, Held, Item, holdings
from .leftovers import under_way


class View(NamedTuple):
    """Everything that is known of prepared data."""

    here: Held
    there: Held | None  # in the shared cache; None without one
    uses: dict[str, Use]  # of datasets, by the store
    recipes: dict[str, dict[str, Any]]  # of datasets that the store knows
    needed: set[str]  # datasets and nodes that queued and running trials need
    building: dict[str, float]  # ids -> when their build began
    files: dict[str, str]  # SHA-256 of data files -> their paths


def look(db: sqlite3.Connection | None, local: Cache, there: Held | None) -> View:
    """Looks at everything. `db` is None where nothing was swept yet; `there` is what the shared cache holds."""
    here = holdings(local)
    building = under_way(local.scratch)
    if db is None:
        return View(here, there, {}, {}, set(), building, {})
    return View(
        here, there, stored.uses_of(db), stored.recipes(db), needed_of(db, here), building, stored.file_names(db)
    )


def needed_of(db: sqlite3.Connection, here: Held) -> set[str]:
    """Datasets that queued and running trials need, and the nodes from which those are made that are not here yet."""
    wanted = stored.needed(db)
    whole = {id for id in wanted if id in here.items and not here.items[id].missing}
    return {*wanted, *(node for id, recipe in wanted.items() if id not in whole for node in nodes_of(recipe))}


def last_uses(uses: dict[str, Use], notes: Path | None = None) -> dict[str, float]:
    """When datasets were last trained on, as far as the store knows. `notes` are of what is still to be sent to the
    shared cache: nothing is younger than that.
    """
    to_send = outbox.noted(notes) if notes is not None else []
    known = {id: use.used_s for id, use in uses.items() if use.used_s is not None}
    return known | {key.rpartition("/")[2].removesuffix(".json"): math.inf for key in to_send}


def used_others(db: sqlite3.Connection, notes: Path) -> set[str]:
    """Keys of the code that sweeps run, and of announcements that are still to be sent."""
    return {*stored.snapshots(db), *outbox.noted(notes)}


def ids_of(view: View) -> list[str]:
    """Everything there is, and what is being built or waits for that; the last used first."""
    soon = [id for id, use in view.uses.items() if use.waiting or id in view.building]
    found = dict.fromkeys([*view.building, *soon, *view.here.items, *(view.there or NOTHING).items])
    known = [id for id in found if item_of(view, id) is not None or id in view.recipes]
    used_s = last_uses(view.uses)
    return sorted(known, key=lambda id: -_used_s(view, id, used_s))


def _used_s(view: View, id: str, used_s: dict[str, float]) -> float:
    item = item_of(view, id)
    return last_use_s(item, used_s) if item else float("inf")


def item_of(view: View, id: str) -> Item | None:
    """Its manifest, that of the local copy if there are two."""
    return view.here.items.get(id) or (view.there or NOTHING).items.get(id)


def recipe_of(view: View, id: str) -> dict[str, Any]:
    """The recipe of a dataset or node that there is."""
    item = item_of(view, id)
    return item.recipe if item else view.recipes[id]


def state_of(view: View, id: str) -> str:
    """A word or two: here, remote only, building, to build, missing parts."""
    here, there = view.here.items.get(id), (view.there or NOTHING).items.get(id)
    if here and not here.missing:
        return "here"
    if id in view.building:
        return "building"
    if there and not there.missing:
        return "remote only"
    return "missing parts" if here or there else "to build"


def find(view: View, words: Iterable[str]) -> list[str]:
    """The ids that unambiguous beginnings name. Raises NotFound."""
    known = ids_of(view)
    return list(dict.fromkeys(_find(known, word.lower()) for word in words))


def _find(known: list[str], word: str) -> str:
    found = [id for id in known if id.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(map(short, found[:5]))
        raise NotFound(f"{word!r} begins the ids of several datasets and nodes: {ids}", "give more digits")
    some = ", ".join(map(short, known[:3]))
    fix = f"there are: {some}, ...; `blueno data ls` lists all" if known else "nothing is prepared yet"
    raise NotFound(f"no prepared dataset or node has an id that begins with {word!r}", fix)
