"""Keeps a local cache to its size: leftovers go first, then datasets and nodes by their last use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..cache import Cache
from .budget import to_remove
from .held import Held, holdings, total_bytes
from .leftovers import Leftovers, left_in_both, leftovers, remove_leftovers, under_way
from .removal import Removal, in_both, removal_of, remove


class Garbage(NamedTuple):
    """What would go, and how large the cache is before and after it. `limit_bytes` None: as large as it gets."""

    leftovers: Leftovers
    removal: Removal
    before_bytes: int
    after_bytes: int
    limit_bytes: int | None


def garbage(
    cache: Cache,
    limit_bytes: int | None,
    keep: Collection[str],
    used_s: Mapping[str, float],
    others: Collection[str],
    now: float,
    held: Held | None = None,
) -> Garbage:
    """What has to go so that `cache` keeps to its size. What is in `keep` or is being built stays; `others` are keys of
    code and announcements that are still used.
    """
    held = held or holdings(cache)
    left = leftovers(cache, held, others, now)
    stays = {*keep, *under_way(cache.scratch)}
    gone = {entry.key: entry for entry in left.entries}
    rest = held._replace(
        parts={key: entry for key, entry in held.parts.items() if key not in gone},
        unreadable=[],
        others=[entry for entry in held.others if entry.key not in gone],
    )
    ids = [] if limit_bytes is None else to_remove(rest, limit_bytes, stays, used_s)
    removal = removal_of(rest, ids)
    return Garbage(left, removal, total_bytes(held), total_bytes(rest) - removal.bytes, limit_bytes)


def garbage_in_both(shown: Garbage, now: Garbage) -> Garbage:
    """Of what was shown, what would go now, too."""
    left = left_in_both(shown.leftovers, now.leftovers)
    return now._replace(leftovers=left, removal=in_both(shown.removal, now.removal))


def collect(found: Garbage, cache: Cache) -> int:
    """Deletes it, and returns how many bytes that made free."""
    freed = remove(found.removal, cache)
    remove_leftovers(found.leftovers, cache)
    return freed + found.leftovers.bytes


def is_nothing(found: Garbage) -> bool:
    """Whether there is nothing to go."""
    return not (found.removal.items or found.leftovers.entries or found.leftovers.paths)
