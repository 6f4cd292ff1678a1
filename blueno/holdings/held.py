"""What one cache holds: datasets and nodes by their manifests, and the parts that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from ..cache import Cache, Entry
from ..cache.manifests import read_json
from ..cache.parts import parts_in

KINDS = {"datasets/": "dataset", "nodes/": "node"}
AT_ONCE = 16  # manifests that are read at a time: of a cache that is far away each takes its time


class Item(NamedTuple):
    """A dataset or node, by its manifest."""

    kind: str  # dataset, node
    id: str
    manifest: Entry
    recipe: dict[str, Any]
    summary: dict[str, Any] | None  # of a dataset
    parts: dict[str, int]  # key -> bytes, as the manifest says
    missing: list[str]  # parts that are not there in full length

    @property
    def bytes(self) -> int:
        """Of its parts, shared ones included."""
        return sum(self.parts.values())


class Held(NamedTuple):
    """Everything that a cache holds of prepared data."""

    items: dict[str, Item]  # by id
    parts: dict[str, Entry]  # all there are, by key
    unreadable: list[Entry]  # manifests that say nothing
    others: list[Entry]  # users' code (`snapshots/`), and announcements of what stores want (`wants/`)


def holdings(cache: Cache) -> Held:
    """Looks at a cache: three listings, and every manifest is read."""
    found = [(prefix, entry) for prefix in KINDS for entry in cache.entries(prefix)]
    parts = {entry.key: entry for entry in cache.entries("parts/")}  # last, so that no manifest seems to lack any
    with ThreadPoolExecutor(AT_ONCE) as pool:
        read = list(pool.map(lambda each: _manifest(each[1].key, cache), found))
    items, unreadable = {}, []
    for (prefix, entry), manifest in zip(found, read, strict=True):
        id = id_of(entry)
        if not isinstance(manifest, dict) or manifest.get("id") != id or "recipe" not in manifest:
            unreadable.append(entry)
        else:
            items[id] = _item(KINDS[prefix], id, entry, manifest, parts)
    return Held(items, parts, unreadable, [*cache.entries("snapshots/"), *cache.entries("wants/")])


def id_of(manifest: Entry) -> str:
    """The id of a dataset or node, by the key of its manifest."""
    return manifest.key.partition("/")[2].removesuffix(".json")


def _manifest(key: str, cache: Cache) -> Any:
    """A manifest, or None; one that cannot be read is read again, since one bad read must not cost it."""
    return read_json(key, cache) or read_json(key, cache)


def _item(kind: str, id: str, entry: Entry, manifest: dict[str, Any], there: dict[str, Entry]) -> Item:
    parts = {part["key"]: part["bytes"] for part in parts_in(manifest)}
    missing = [key for key, size in parts.items() if key not in there or there[key].bytes != size]
    return Item(kind, id, entry, manifest["recipe"], manifest.get("summary"), parts, missing)


NOTHING = Held({}, {}, [], [])


def total_bytes(held: Held) -> int:
    """Of everything, each part once, those included that nothing names any more."""
    manifests = [*(item.manifest for item in held.items.values()), *held.unreadable]
    return sum(entry.bytes for entry in [*held.parts.values(), *manifests, *held.others])


def uses(items: Iterable[Item]) -> Counter[str]:
    """How many of these datasets and nodes name each part."""
    return Counter(key for item in items for key in item.parts)


def alone_bytes(held: Held) -> dict[str, int]:
    """What removing only this dataset or node would make free, for each of them."""
    used = uses(held.items.values())
    return {
        item.id: item.manifest.bytes
        + sum(held.parts[key].bytes for key in item.parts if used[key] == 1 and key in held.parts)
        for item in held.items.values()
    }


def orphans(held: Held) -> list[Entry]:
    """Parts that no manifest names: what a build left that was ended, or what one under way will name."""
    named = uses(held.items.values())
    return [entry for key, entry in held.parts.items() if key not in named]
