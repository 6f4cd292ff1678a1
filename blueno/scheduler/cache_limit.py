"""Keeps the project's cache to the setting `cache_limit` while a sweep runs: looked at when the scheduler starts, and
after datasets were built.
"""

from __future__ import annotations

from ..cache.opening import local_cache
from ..cache.outbox import outbox_of
from ..holdings.collect import collect, garbage, is_nothing
from ..holdings.held import holdings, total_bytes
from ..holdings.view import last_uses, needed_of, used_others
from ..store import uses as stored
from ..tables import size
from .state import Scheduler

EVERY_S = 60.0  # a large cache takes a second or two to look through


def keep_to_limit(s: Scheduler, now: float, every_s: float = EVERY_S) -> None:
    """Removes what was used longest ago, if the cache has grown beyond its limit since it was last looked at, which was
    `every_s` ago or more. What cannot be removed is told, and no reason to end a sweep.
    """
    if s.cache_limit is None or not s.cache_grew or s.stopwatch() - s.cache_seen_s < every_s:
        return
    s.cache_grew, s.cache_seen_s = False, s.stopwatch()
    try:
        _keep_to(s, s.cache_limit, now)
    except OSError as error:
        if str(error) not in s.told:
            s.told.add(str(error))
            s.tell(f"data/cache cannot be kept to its limit: {error}")


def _keep_to(s: Scheduler, limit: int, now: float) -> None:
    cache = local_cache(s.root)
    held = holdings(cache)
    if total_bytes(held) <= limit:
        return
    used_s = last_uses(stored.uses_of(s.db), outbox_of(s.root))
    found = garbage(cache, limit, needed_of(s.db, held), used_s, used_others(s.db, outbox_of(s.root)), now, held)
    if not is_nothing(found):
        freed = collect(found, cache)
        s.tell(f"{len(found.removal.items)} datasets and nodes that were used longest ago made room: {size(freed)}")
    if found.after_bytes > limit and "cache_limit" not in s.told:
        s.told.add("cache_limit")
        s.tell(
            f"data/cache holds {size(found.after_bytes)}, more than cache_limit ({size(limit)}): "
            "trials that are not done need it"
        )
