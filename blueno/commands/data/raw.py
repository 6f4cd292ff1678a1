"""`blueno data raw`: raw data from buckets, compared with what was fetched and with the buckets now."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from ...counting import counted
from ...errors import BluenoError
from ...raw.check import Compared, compare, repair
from ...settings import Settings
from ...tables import size
from .. import options, print_json

SHOWN = 20  # differences of a path
EVERY_S = 1.0


def raw(found: list[Compared]) -> dict[str, Any]:
    """The document of `data raw --json`."""
    return {"paths": [_document(each) for each in found], "differences": sum(len(each.differences) for each in found)}


def _document(each: Compared) -> dict[str, Any]:
    differences = [one._asdict() for one in each.differences]
    return {**each._asdict(), "differences": differences, "bucket": each.bucket._asdict() if each.bucket else None}


def raw_text(found: list[Compared]) -> str:
    """What was found, for people."""
    if not found:
        return "no spec was planned with data in a bucket yet"
    lines = []
    for each in found:
        older = "" if each.is_newest else " (an older state)"
        lines.append(f"{each.path}{older}: {counted(each.objects, 'object')}, {size(each.bytes)}; {_here(each)}")
        lines += [f"  bucket now: {_now(each)}"] if each.is_newest else []
        lines += [f"  {one.file} {one.what}" for one in each.differences[:SHOWN]]
        more = len(each.differences) - SHOWN
        lines += [f"  and {more} more (--json lists all)"] if more > 0 else []
    return "\n".join(lines)


def _here(each: Compared) -> str:
    if not each.here and not each.differences:
        return "not fetched, since no dataset needed it"
    wrong = counted(len(each.differences), "difference") if each.differences else "as it was fetched"
    return f"here {counted(each.here, 'file')}, {size(each.here_bytes)}, {wrong}"


def _now(each: Compared) -> str:
    if each.bucket is None:
        return each.why_not or "not asked"
    changes = [(each.bucket.new, "new"), (each.bucket.changed, "changed"), (each.bucket.gone, "gone")]
    told = ", ".join(f"{count} {word}" for count, word in changes if count)
    return f"{counted(each.bucket.objects, 'object')}, {size(each.bucket.bytes)}, {told or 'as it was listed'}"


def mended(found: list[Compared], settings: Settings, quiet: bool) -> list[str]:
    """Mends what differs, path by path; what could not be mended, and why."""
    failed = []
    for each in found:
        if not each.differences:
            continue
        try:
            repair(each, settings.root, teller(quiet))
        except BluenoError as error:
            failed.append(f"{error.message}. {error.fix}".removesuffix(". "))
    return failed


def teller(quiet: bool) -> Any:
    """Says on standard error how far a fetch is, at most once a second."""
    last = {"at": time.monotonic()}

    def tell(path: str, done: int, whole: int) -> None:
        if not quiet and time.monotonic() - last["at"] >= EVERY_S:
            last["at"] = time.monotonic()
            click.echo(f"fetching {path}: {size(done)} of {size(whole)}", err=True)

    return tell


@click.command("raw")
@click.option("--verify", is_flag=True, help="Compare checksums, too: everything here is read.")
@click.option("--repair", "with_repair", is_flag=True, help="Fetch again what is damaged or missing.")
@options
def command(settings: Settings, as_json: bool, verify: bool, with_repair: bool) -> int:
    """Compare raw data that was fetched from buckets with what was fetched, by count and size, and mend it.

    It is also said how the buckets differ now from what was planned with: that is no mistake, and the next plan takes
    what is there then. Exit code 1 when something here is not as it was fetched, and stays so.
    """
    quiet = as_json or not sys.stderr.isatty()
    found = compare(settings.root, verify)
    document = raw(found)
    failed = mended(found, settings, quiet) if with_repair else []
    left = compare(settings.root, verify, ask=False) if with_repair else found
    count = sum(len(each.differences) for each in left)
    if as_json:
        print_json({**document, "left": count, "failed": failed})
    else:
        click.echo(raw_text(found))
        for line in failed:
            click.echo(line, err=True)
        if with_repair and document["differences"]:
            click.echo(f"{document['differences'] - count} mended, {count} left")
        elif count:
            click.echo("mend it: blueno data raw --repair")
    return 1 if count else 0
