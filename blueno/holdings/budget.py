"""Which datasets and nodes go so that a cache keeps to its size: the oldest use first, never what a trial needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .held import Held, Item, total_bytes, uses


def to_remove(held: Held, limit_bytes: int, keep: Collection[str], used_s: Mapping[str, float]) -> list[str]:
    """Ids whose removal brings a cache to `limit_bytes`, or as near as can be, those in `keep` staying.

    `used_s` says when datasets were last used, where something knows better than the times of their files. What shares
    all it has with something that stays makes no room, and stays.
    """
    excess = total_bytes(held) - limit_bytes
    left, freed, chosen = uses(held.items.values()), 0, []
    for item in sorted(held.items.values(), key=lambda item: (not item.missing, last_use_s(item, used_s))):
        if freed >= excess:
            break
        if item.id not in keep:
            chosen.append(item)
            left.subtract(item.parts.keys())
            gain = _bytes_of_nobody(held, item, left)
            freed += gain + item.manifest.bytes if gain or item.missing else 0
    return [item.id for item in chosen if item.missing or _bytes_of_nobody(held, item, left)]


def last_use_s(item: Item, used_s: Mapping[str, float]) -> float:
    """When a dataset or node was last used, in seconds since 1970."""
    return max(item.manifest.changed_s, used_s.get(item.id, 0.0))


def _bytes_of_nobody(held: Held, item: Item, left: Mapping[str, int]) -> int:
    """Bytes of the parts of an item that nothing which is left uses."""
    return sum(held.parts[key].bytes for key in item.parts if not left[key] and key in held.parts)
