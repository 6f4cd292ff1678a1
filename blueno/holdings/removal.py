"""What goes with datasets and nodes when they are removed: their manifests, then the parts that nothing else needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..cache import Cache, Entry
from .held import NOTHING, Held, Item, holdings, uses


class Removal(NamedTuple):
    """What is to go. `bytes` is what that makes free."""

    items: list[Item]
    parts: list[Entry]
    bytes: int


def removal_of(held: Held, ids: Iterable[str], more: Iterable[Entry] = ()) -> Removal:
    """The removal of these datasets and nodes, and of `more` keys that nothing names."""
    items = [held.items[id] for id in ids]
    gone, all_uses = uses(items), uses(held.items.values())
    alone = [key for key in gone if gone[key] == all_uses[key] and key in held.parts]
    parts = [*(held.parts[key] for key in alone), *more]
    return Removal(items, parts, sum(entry.bytes for entry in [*parts, *(item.manifest for item in items)]))


def in_both(shown: Removal, now: Removal) -> Removal:
    """Of what was shown, what may go now, too."""
    ids, keys = {item.id for item in shown.items}, {part.key for part in shown.parts}
    items, parts = [item for item in now.items if item.id in ids], [part for part in now.parts if part.key in keys]
    return Removal(items, parts, sum(entry.bytes for entry in [*parts, *(item.manifest for item in items)]))


def remove(removal: Removal, cache: Cache, look: Callable[[Cache], Held] = holdings) -> int:
    """Deletes what a removal says, manifests first, and returns how many bytes that made free.

    Looks again (`look`) before it deletes parts: what a build has come to need in the meantime stays.
    """
    for item in removal.items:
        cache.delete(item.manifest.key)
    again = look(cache) if removal.parts else NOTHING
    named = uses(again.items.values())
    freed = sum(item.manifest.bytes for item in removal.items)
    for part in removal.parts:
        if part.key not in named and again.parts.get(part.key, part) == part:
            cache.delete(part.key)
            freed += part.bytes
    return freed
