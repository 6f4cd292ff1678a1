"""What may go from the cache that machines share: what is old, and what no store has announced to want since then.

No store knows the others. So age is by the cache's own clock, the newest announcement counts as a use, and what this
store needs is announced before anything is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ..cache import Cache, Entry
from ..canonical import short
from .held import Held, holdings, id_of, orphans
from .published import published, trial_of
from .removal import Removal, removal_of
from .wants import KEPT_S, PREFIX, wanted

DAY_S = 86_400.0


class Old(NamedTuple):
    """What may go, and what stays only because a store announced it: id -> the stores."""

    removal: Removal
    announced: dict[str, list[str]]
    kept: int  # datasets and nodes that stay


def now_of(remote: Cache, announcement: str) -> float:
    """The time by the clock of the cache, as it stamped a key that was put a moment ago."""
    return max(entry.changed_s for entry in remote.entries(announcement))


def old(remote: Cache, days: float, now: float) -> Old:
    """What has been neither put nor announced for so many days; parts of nothing, and announcements of last year."""
    past = [entry for entry in remote.entries(PREFIX) if entry.changed_s < now - max(KEPT_S, days * DAY_S)]
    return _old(holdings(remote), wanted(remote, now - days * DAY_S), days, now, past)


def old_trials(remote: Cache, days: float, now: float) -> Old:
    """The same of what trials left."""
    return _old(published(remote), wanted(remote, now - days * DAY_S), days, now, [])


def _old(held: Held, wants: Mapping[str, Collection[str]], days: float, now: float, more: list[Entry]) -> Old:
    since_s = now - days * DAY_S
    aged = [item for item in held.items.values() if item.manifest.changed_s < since_s]
    going = [item.id for item in aged if _said(item.id) not in wants]
    announced = {item.id: sorted(wants[_said(item.id)]) for item in aged if _said(item.id) in wants}
    long_ago_s = min(since_s, now - DAY_S)
    unreadable = [
        entry for entry in held.unreadable if entry.changed_s < long_ago_s and _said(id_of(entry)) not in wants
    ]
    is_unsure = len(unreadable) < len(held.unreadable)  # one stays, and with it all files that it may name
    alone = [] if is_unsure else [entry for entry in orphans(held) if entry.changed_s < long_ago_s]
    rest = [*alone, *unreadable]
    return Old(removal_of(held, going, [*rest, *more]), announced, len(held.items) - len(going))


def _said(id: str) -> str:
    """How stores announce that they want it: a trial by the digits that are shown."""
    return short(trial_of(id)) if "/" in id else id


def announced_by(remote: Cache, ids: Iterable[str], days: float, now: float) -> dict[str, list[str]]:
    """Of these ids, those that stores announced within so many days -> the stores."""
    wants = wanted(remote, now - days * DAY_S)
    return {id: sorted(wants[_said(id)]) for id in ids if _said(id) in wants}
