"""`blueno data gc`: keeps the project's cache to its size; with --remote, clears the shared one of what is old."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import click

from ...cache.opening import local_cache
from ...cache.outbox import outbox_of
from ...canonical import short
from ...clock import ago, iso
from ...counting import counted
from ...errors import BluenoError
from ...holdings import shared
from ...holdings.budget import last_use_s
from ...holdings.collect import Garbage, collect, garbage, garbage_in_both, is_nothing
from ...holdings.held import Item, holdings
from ...holdings.published import in_words as trial_words
from ...holdings.published import published, trial_of
from ...holdings.removal import in_both, remove
from ...holdings.view import last_uses, needed_of, used_others
from ...holdings.wants import announce_needs
from ...holdings.words import in_words
from ...settings import Settings
from ...sizes import bytes_of
from ...store import uses as stored
from ...tables import size
from .. import options, print_json
from .asking import agreed
from .places import need_remote, store_of


def here(db: sqlite3.Connection | None, settings: Settings, limit_bytes: int | None, now: float) -> Garbage:
    """What would go from the project's own cache."""
    local = local_cache(settings.root)
    held = holdings(local)
    if db is None:
        return garbage(local, limit_bytes, (), {}, (), now, held)
    used_s = last_uses(stored.uses_of(db), outbox_of(settings.root))
    return garbage(
        local, limit_bytes, needed_of(db, held), used_s, used_others(db, outbox_of(settings.root)), now, held
    )


def here_document(found: Garbage, db: sqlite3.Connection | None) -> dict[str, Any]:
    """The document of `data gc --json`."""
    files = stored.file_names(db) if db is not None else {}
    used_s = last_uses(stored.uses_of(db)) if db is not None else {}
    return {
        "place": "here",
        "limit_bytes": found.limit_bytes,
        "before_bytes": found.before_bytes,
        "after_bytes": found.after_bytes,
        "leftover_bytes": found.leftovers.bytes,
        "leftovers": [entry.key for entry in found.leftovers.entries] + [path.name for path in found.leftovers.paths],
        "items": [
            {
                "id": item.id, "kind": item.kind, "words": in_words(item.recipe, files),
                "bytes": item.bytes, "used": iso(last_use_s(item, used_s)), "used_s": last_use_s(item, used_s),
            }
            for item in found.removal.items
        ],
        "bytes": found.removal.bytes + found.leftovers.bytes,
    }  # fmt: skip


def here_text(found: dict[str, Any], now: float) -> str:
    """The document for people."""
    limit = found["limit_bytes"]
    lines = [_limit_text(limit, found["before_bytes"])]
    lines += _items_text(found["items"], now)
    if found["leftovers"]:
        lines.append(
            f"  {counted(len(found['leftovers']), 'leftover')} that nothing needs, {size(found['leftover_bytes'])}"
        )
    if not found["bytes"] and not found["items"] and not found["leftovers"]:
        lines.append("  nothing is to go")
    if limit is not None and found["after_bytes"] > limit:
        lines.append(f"  {size(found['after_bytes'])} stay, more than the limit: trials that are not done need them")
    return "\n".join(lines)


def _limit_text(limit: int | None, held: int) -> str:
    if limit is None:
        return f"data/cache holds {size(held)}, and has no limit (the setting cache_limit, or --limit)"
    return f"data/cache holds {size(held)} of the {size(limit)} that it may"


def _items_text(items: list[dict[str, Any]], now: float) -> list[str]:
    return [
        f"  {each['kind']} {short(each['id'])}  {size(each['bytes'])}, {ago(now - each['used_s'])}  {each['words']}"
        for each in items
    ]


def remote_document(
    found: shared.Old, days: int, now: float, what: str, words: Callable[[Item], str]
) -> dict[str, Any]:
    """The document of `data gc --remote --json`; `what` it is of, and `words` for an item."""
    return {
        "place": "remote",
        "what": what,
        "days": days,
        "kept": found.kept,
        "announced": found.announced,
        "items": [
            {
                "id": trial_of(item.id), "kind": item.kind, "words": words(item), "bytes": item.bytes,
                "used": iso(item.manifest.changed_s), "used_s": item.manifest.changed_s,
            }
            for item in found.removal.items
        ],
        "files": len(found.removal.parts),
        "bytes": found.removal.bytes,
        "now": iso(now),
    }  # fmt: skip


def remote_text(found: dict[str, Any], now: float) -> str:
    """The document for people."""
    lines = [f"shared cache, {found['what']}: what no machine has put or asked for within {found['days']} days"]
    lines += _items_text(found["items"], now)
    lines.append(
        f"  {counted(found['files'], 'file')} with it, {size(found['bytes'])}" if found["bytes"] else "  nothing"
    )
    stay = f", {len(found['announced'])} of them old, but announced" if found["announced"] else ""
    lines.append(f"  {found['what']} that stay: {found['kept']}{stay}")
    return "\n".join(lines)


@click.command("gc")
@click.option("--limit", metavar="SIZE", help="Keep to this size instead of the setting `cache_limit`: 50GB")
@click.option("--remote", "is_remote", is_flag=True, help="Clear the shared cache instead.")
@click.option("--trials", is_flag=True, help="With --remote: what trials left there, too.")
@click.option("--days", type=click.IntRange(1), help="With --remote: what is older than this, not `cache_days`.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options
def command(
    settings: Settings, as_json: bool, limit: str | None, is_remote: bool, trials: bool, days: int | None, yes: bool
) -> int:
    """Keep the project's cache to its size: the oldest use goes first, never what queued or running trials need.

    Parts and files that nothing needs go, too. Shows what would go and asks. With --json it only shows, unless --yes is
    given. A sweep does the same by itself when the cache is larger than `cache_limit`.

    With --remote it is the shared cache, by age: what no machine has put there or announced to want for `cache_days`.
    Files of trials there go only with --trials: they may be the only copies.
    """
    if is_remote and limit is not None:
        raise click.UsageError("--limit is for the project's own cache: the shared one is cleared by age (--days)")
    if days is not None and not is_remote:
        raise click.UsageError("--days is for the shared cache (--remote)")
    if trials and not is_remote:
        raise click.UsageError("--trials is for the shared cache (--remote)")
    if is_remote:
        return _remote(settings, as_json, settings.cache_days if days is None else days, trials, yes)
    wanted = limit if limit is not None else settings.cache_limit
    limit_bytes = bytes_of(wanted) if wanted else None
    if wanted and limit_bytes is None:
        raise BluenoError(f"--limit is {wanted!r}, expected a size", "write --limit 50GB")
    db, now = store_of(settings), time.time()
    found = here(db, settings, limit_bytes, now)
    document = here_document(found, db)
    if not as_json:
        click.echo(here_text(document, now))
    again = " ".join(["blueno data gc", *(["--limit", limit] if limit else []), "--yes"])
    done = not is_nothing(found) and agreed(as_json, yes, "remove this?", again)
    if done and not yes:  # a sweep may have been submitted while the question stood
        found = garbage_in_both(found, here(db, settings, limit_bytes, time.time()))
    freed = collect(found, local_cache(settings.root)) if done else 0
    _said(as_json, document, done, freed)
    return 0


def _remote(settings: Settings, as_json: bool, days: int, trials: bool, yes: bool) -> int:
    db, remote = store_of(settings), need_remote(settings)
    files = stored.file_names(db) if db is not None else {}

    def look() -> tuple[float, shared.Old, shared.Old]:
        now = shared.now_of(remote, announce_needs(remote, db, time.time()))
        return now, shared.old(remote, days, now), shared.old_trials(remote, days, now)

    now, found, left = look()
    document = remote_document(found, days, now, "datasets and nodes", lambda item: in_words(item.recipe, files))
    of_trials = remote_document(left, days, now, "files of trials", trial_words)
    if not as_json:
        click.echo(remote_text(document, now))
        click.echo(remote_text(of_trials, now) if trials else _left_text(of_trials))
    going = [found.removal, *([left.removal] if trials else [])]
    again = f"blueno data gc --remote{' --trials' * trials} --days {days} --yes"
    is_something = any(each.items or each.parts for each in going)
    done = is_something and agreed(as_json, yes, "remove this from the cache that all machines share?", again)
    if done and not yes:  # somebody may have announced it while the question stood
        _, found, left = look()
        going = [in_both(shown, each.removal) for shown, each in zip(going, (found, left), strict=False)]
    looks = (holdings, published)
    freed = sum(remove(each, remote, look) for each, look in zip(going, looks, strict=False)) if done else 0
    for each in of_trials["items"]:
        del each["used_s"]
    _said(as_json, {**document, "trials": {**of_trials, "included": trials}}, done, freed)
    return 0


def _left_text(found: dict[str, Any]) -> str:
    """Of files of trials, which go only when they are asked for."""
    if not found["bytes"]:
        return "files of trials: none is so old"
    count = counted(len(found["items"]), "trial")
    return f"files of trials: {count} as old, {size(found['bytes'])}; --trials takes them, too"


def _said(as_json: bool, document: dict[str, Any], done: bool, freed: int) -> None:
    if as_json:
        for each in document["items"]:
            del each["used_s"]
        print_json({**document, "removed": done, "freed_bytes": freed})
    elif done:
        click.echo(f"removed, {size(freed)} are free again")
