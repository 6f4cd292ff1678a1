"""`blueno data sync`: compares this machine's prepared data with the shared cache, and mends what differs."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import click

from ...cache.folder import FolderCache
from ...cache.outbox import outbox_of, sent
from ...cache.trials import PREFIX, send_trial
from ...canonical import short
from ...counting import counted
from ...errors import CacheDamaged
from ...holdings.held import Held
from ...holdings.published import Unsent, published, unsent
from ...holdings.sync import Comparison, Difference, compare, mend
from ...progress import say
from ...settings import Settings
from ...tables import size
from .. import options, print_json
from .ls import totals
from .places import local_of, need_remote, store_of

SHOWN = 20  # differences
EVERY_S = 1.0
MENDS = {"upload": "it is uploaded", "download": "it is downloaded", "delete": "it is deleted"}


def sync(found: Comparison) -> dict[str, Any]:
    """The document of `data sync --json`."""
    return {
        "here": _count(found.here),
        "remote": _count(found.there),
        "checked_bytes": found.checked_bytes,
        "differences": [each._asdict() for each in found.differences],
    }


def _count(held: Held) -> dict[str, int]:
    return {**totals(held), "parts": len(held.parts)}


def sync_text(document: dict[str, Any], repair: bool) -> str:
    """The document for people."""
    places = (("here", document["here"]), ("shared cache", document["remote"]))
    lines = [
        f"{name}: {counted(found['datasets'], 'dataset')}, {counted(found['nodes'], 'node')}, "
        f"{counted(found['parts'], 'part')}, {size(found['bytes'])}"
        for name, found in places
    ]
    if document["checked_bytes"]:
        lines.append(f"checksums of {size(document['checked_bytes'])} were compared")
    different, trials = document["differences"], document["trials"]
    if trials:
        todo = "" if repair else ": blueno data sync --repair sends them"
        count, held = counted(len(trials), "trial"), size(sum(each["bytes"] for each in trials))
        lines.append(f"files of {count} ({held}) that `publish` wants there are not{todo}")
    if not different:
        return "\n".join([*lines, *([] if trials else ["no differences"])])
    mends = Counter((each["side"], each["mend"]) for each in different)
    lines.append(f"{counted(len(different), 'difference')}:")
    lines += [f"  {_difference(each)}" for each in different[:SHOWN]]
    lines += [f"  and {len(different) - SHOWN} more (--json lists all)"] if len(different) > SHOWN else []
    if not repair:
        todo = ", ".join(f"{count} to {mend} ({side})" for (side, mend), count in sorted(mends.items()))
        lines.append(f"{todo}: blueno data sync --repair")
    return "\n".join(lines)


def _difference(each: dict[str, Any]) -> str:
    side = "here" if each["side"] == "here" else "shared cache"
    return f"{side}: {each['key']}: {each['what']}; {MENDS[each['mend']]} by --repair ({size(each['bytes'])})"


def teller(verb: str, quiet: bool, clock: Callable[[], float] = time.monotonic) -> Callable[[int, int], None]:
    """Says on standard error how far something is, at most once a second."""
    last = {"at": clock()}

    def progress(done: int, whole: int) -> None:
        if not quiet and clock() - last["at"] >= EVERY_S:
            last["at"] = clock()
            click.echo(f"{verb} {size(done)} of {size(whole)}", err=True)

    return progress


def mended(found: Comparison, settings: Settings, quiet: bool) -> tuple[Comparison, int]:
    """Mends, looks again, and mends what came up by that; the last look, and how many differences were mended."""
    local, remote = local_of(settings), need_remote(settings)
    count = 0
    for _ in range(2):
        if not found.differences:
            break
        moved = {"bytes": 0}
        whole, progress = sum(each.bytes for each in found.differences), teller("mended", quiet)

        def told(each: Difference, moved: dict[str, int] = moved, whole: int = whole, tell: Any = progress) -> None:
            moved["bytes"] += each.bytes
            tell(moved["bytes"], whole)

        left = mend(found, local, remote, told)
        count += len(found.differences) - len(left)
        found = compare(local, remote, verify=False)
    return found, count


def trials_to_send(settings: Settings) -> list[Unsent]:
    """Trials whose files `publish` wants in the shared cache, and that are not there."""
    db = store_of(settings)
    if db is None or settings.publish == "none":
        return []
    models = FolderCache(settings.root / "models")
    return list(unsent(db, settings.publish, models, published(need_remote(settings))))


def send_trials(waiting: list[Unsent], settings: Settings) -> list[Unsent]:
    """Sends their files, and returns those of which nothing could be sent. Raises CacheUnavailable when nothing can."""
    models, notes = FolderCache(settings.root / "models"), outbox_of(settings.root)
    remote, left = need_remote(settings), []
    for each in waiting:
        try:
            is_sent = send_trial(each.note, models, remote, say)
        except CacheDamaged as error:
            say(f"trial {short(each.trial)}: {error.message}" + (f"; {error.fix}" if error.fix else ""))
            is_sent = False
        if is_sent:
            sent(notes, f"{PREFIX}{each.trial}/{each.attempt}.json")  # if it waited there
        else:
            left.append(each)
    return left


@click.command("sync")
@click.option("--verify", is_flag=True, help="Compare checksums, too: everything here is read.")
@click.option("--repair", is_flag=True, help="Mend: upload, download or delete what differs.")
@options
def command(settings: Settings, as_json: bool, verify: bool, repair: bool) -> int:
    """Compare what is prepared here with the shared cache, by count and size (--verify: by checksum), and mend it.

    What is missing there is uploaded, what is damaged is replaced by the sound copy of the other side, and what is
    sound nowhere is deleted, so that it is made again. What only the shared cache has is fetched when a sweep needs it,
    and no difference. Files of trials that `publish` wants there are compared and sent, too: those of trials that were
    done before it was set. Exit code 1 when differences are left.
    """
    found = compare(local_of(settings), need_remote(settings), verify, teller("compared", as_json or not sys.stderr))
    waiting = trials_to_send(settings)
    document = {**sync(found), "trials": [{"trial": each.trial, "bytes": each.bytes} for each in waiting]}
    left, count = mended(found, settings, as_json) if repair else (found, 0)
    lacking = send_trials(waiting, settings) if repair else waiting
    if as_json:
        rest = [each._asdict() for each in left.differences]
        print_json({**document, "mended": count, "left": rest, "trials_left": [each.trial for each in lacking]})
    else:
        click.echo(sync_text(document, repair))
        if repair and document["differences"]:
            click.echo(f"{count} mended, {len(left.differences)} left")
        if repair and waiting:
            failed = f", those of {len(lacking)} could not be" if lacking else ""
            click.echo(f"files of {counted(len(waiting) - len(lacking), 'trial')} were sent{failed}")
    return 1 if left.differences or lacking else 0
