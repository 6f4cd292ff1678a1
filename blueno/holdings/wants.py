"""What stores have announced to want of the shared cache: one small key for each submission, never changed.

`wants/<store id>/<time>-<chance>.json` names datasets, the nodes that these can be made from, and, where trials are
published, trials (by the digits of their ids that are shown). Its age is what the
cache's own clock says of the key, so that no wrong clock of a machine makes anything look old.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..cache import Cache, outbox
from ..cache.borrowing import borrowed
from ..canonical import digest, short
from ..clock import iso
from ..errors import CacheDamaged
from ..etl.lineage import nodes_of
from ..store import read
from ..store.uses import needed

PREFIX = "wants/"
NOBODY = "nobody"  # whoever has no store
KEPT_S = 365 * 86_400.0  # an announcement that is older is of no use to anybody


def announce(
    cache: Cache, store_id: str, recipes: Iterable[dict[str, Any]], now: float, trials: Iterable[str] = ()
) -> str:
    """Says that a store wants the datasets of these recipes and these trials, and returns the key that says it."""
    wanted = list(recipes)
    document = {
        "at": iso(now),
        "datasets": sorted(map(digest, wanted)),
        "nodes": sorted({node for recipe in wanted for node in nodes_of(recipe)}),
        "store": store_id,
        "trials": sorted(map(short, trials)),
    }
    key = f"{PREFIX}{store_id}/{iso(now).replace(':', '')}-{uuid.uuid4().hex[:8]}.json"
    cache.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.scratch) as folder:
        path = Path(folder) / "wants.json"
        path.write_text(json.dumps(document) + "\n", encoding="utf-8")
        cache.put_if_absent(key, path)
    return key


def announce_later(
    local: Cache,
    notes: Path,
    store_id: str,
    recipes: Iterable[dict[str, Any]],
    now: float,
    trials: Iterable[str] = (),
) -> str:
    """The same by the publisher, in the background: the announcement lies here, and is noted to be sent."""
    key = announce(local, store_id, recipes, now, trials)
    outbox.note(notes, key)
    return key


def announce_needs(remote: Cache, db: sqlite3.Connection | None, now: float) -> str:
    """Announces what queued and running trials of a store need (None: there is no store, and nothing)."""
    if db is None:
        return announce(remote, NOBODY, (), now)
    return announce(remote, read.meta(db)["store_id"], needed(db).values(), now)


def wanted(remote: Cache, since_s: float) -> dict[str, dict[str, float]]:
    """Ids of datasets and nodes, and those of trials as they are shown, that were announced since then -> the stores
    that did, and when last (in seconds since 1970, by the cache's clock).

    CacheDamaged of an announcement that cannot be read: it may name anything.
    """
    found: dict[str, dict[str, float]] = {}
    for entry in remote.entries(PREFIX):
        if entry.changed_s < since_s:
            continue
        try:
            with borrowed(entry.key, remote) as path:
                text = path.read_bytes()
        except KeyError:  # removed since it was listed
            continue
        store, ids = _announced(entry.key, text)
        for id in ids:
            stores = found.setdefault(id, {})
            stores[store] = max(entry.changed_s, stores.get(store, 0.0))
    return found


def _announced(key: str, text: bytes) -> tuple[str, list[str]]:
    """The store and the ids of an announcement."""
    try:
        told = json.loads(text)
        return str(told["store"]), [*told["datasets"], *told["nodes"], *told.get("trials", [])]
    except (ValueError, KeyError, TypeError):
        raise CacheDamaged(
            f"{key} in the shared cache cannot be read, and may name anything that is there",
            "remove it there if its store wants nothing any more; every sweep announces anew",
        ) from None
