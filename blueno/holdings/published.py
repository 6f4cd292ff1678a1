"""What the shared cache holds of trials, looked at as its datasets are: manifests, and the files that they name.

An item is what one machine has published of a trial. Its id is TRIAL/DIGEST, since there may be several of a trial.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from ..cache import Cache, Entry
from ..cache.manifests import read_json
from ..cache.trials import PREFIX, PUBLISHED, about_trial
from ..canonical import canonical, digest, short
from ..errors import NotFound
from ..store.left import with_files
from ..store.read import meta
from .held import AT_ONCE, Held, Item, id_of

FILES = "artefacts/"
KINDS = ("architecture", "estimator", "function", "command")


def published(remote: Cache) -> Held:
    """Looks at what trials left there: two listings, and every manifest is read."""
    found = list(remote.entries(PREFIX))
    files = {entry.key: entry for entry in remote.entries(FILES)}  # last, so that no manifest seems to lack any
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda entry: _manifest(entry.key, remote), found))
    items, unreadable = {}, []
    for entry, manifest in zip(found, read, strict=True):
        if manifest is None:
            unreadable.append(entry)
        else:
            items[id_of(entry)] = _item(entry, manifest, files)
    return Held(items, files, unreadable, [])


def totals(remote: Cache) -> dict[str, int]:
    """How many trials, and bytes; no manifest is read."""
    trials = {entry.key.split("/")[1] for entry in remote.entries(PREFIX)}
    return {"trials": len(trials), "bytes": sum(entry.bytes for entry in remote.entries(FILES))}


def _manifest(key: str, remote: Cache) -> dict[str, Any] | None:
    """A manifest; None of one that cannot be read, or is not what it is named after."""
    for _ in range(2):  # one bad read must not cost it
        found = read_json(key, remote)
        if isinstance(found, dict) and short(digest(found)) == key.rpartition("/")[2].removesuffix(".json"):
            return found
    return None


def _item(entry: Entry, manifest: dict[str, Any], there: dict[str, Entry]) -> Item:
    parts = {each["key"]: each["bytes"] for each in manifest["artefacts"].values()}
    missing = [key for key, size in parts.items() if key not in there or there[key].bytes != size]
    return Item("trial", id_of(entry), entry, manifest["recipe"], manifest, parts, missing)


def trial_of(id: str) -> str:
    """The trial of an item's id."""
    return id.partition("/")[0]


def find_trials(held: Held, words: Iterable[str]) -> list[str]:
    """The ids of all items of the trials that unambiguous beginnings name, manifests that cannot be read included.
    Raises NotFound.
    """
    ids = [*held.items, *map(id_of, held.unreadable)]
    found: dict[str, None] = {}
    for word in words:
        trials = sorted({trial_of(id) for id in ids if id.startswith(word.lower())})
        if not trials:
            raise NotFound(f"the shared cache has nothing of a trial {word}", "`blueno data ls --trials` lists all")
        if len(trials) > 1:
            shown = ", ".join(map(short, trials[:5]))
            raise NotFound(f"{word!r} begins the ids of several trials there: {shown}", "give more digits")
        found |= dict.fromkeys(id for id in ids if trial_of(id) == trials[0])
    return list(found)


def in_words(item: Item) -> str:
    """What a trial trained, and which files it left there."""
    model = item.recipe.get("model") or {}
    name = next((str(model[kind]) for kind in KINDS if kind in model), "a model")
    names = sorted((item.summary or {}).get("artefacts", {}))
    return f"{name}: {', '.join(names)}"


# ---- what is not there


class Unsent(NamedTuple):
    """A trial whose files the shared cache should have and has not, with what tells how to send them."""

    trial: str
    attempt: int
    note: str
    bytes: int


def unsent(db: sqlite3.Connection, publish: str, models: Cache, there: Held) -> Iterator[Unsent]:
    """Trials that are done, whose files are here, as far as `publish` wants them, and not all of them there."""
    sent: dict[str, list[dict[str, str]]] = {}
    for item in there.items.values():
        if not item.missing and item.summary:
            files = {name: each["sha256"] for name, each in item.summary["artefacts"].items()}
            sent.setdefault(trial_of(item.id), []).append(files)
    store = meta(db)["store_id"]
    for result in with_files(db):
        wanted = {
            name: each
            for name, each in result["artefacts"].items()
            if PUBLISHED[publish](name) and models.stat(each["key"]) == each["bytes"]
        }
        files = {name: each["sha256"] for name, each in wanted.items()}
        if wanted and not any(files.items() <= other.items() for other in sent.get(result["trial"], [])):
            note = canonical(about_trial(result, result["recipe"], result["ended"], store) | {"artefacts": wanted})
            yield Unsent(result["trial"], result["attempt"], note, sum(each["bytes"] for each in wanted.values()))
