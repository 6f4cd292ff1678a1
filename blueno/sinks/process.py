"""The process beside a scheduler that feeds sinks: `python -m blueno.sinks.process ROOT`. It gives way to training,
says once on its standard output what people should know, and ends when its standard input has ended and nothing more
can be written.

How far a sink has come stands in `data/sinks/NAME.json`; whoever deletes that has every trial written again.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..cache.locks import tried
from ..canonical import short
from ..clock import iso
from ..companion import GAVE_UP, is_over
from ..errors import BluenoError
from ..redaction import redactor
from ..settings import load_settings
from ..store import outbox, read, trace
from ..store.database import open_store, reading
from ..store.outbox import Change
from ..store.transitions import DONE
from . import Sink, finished, open_sinks

PAUSE_S = 1.0  # between looks that found nothing to do
LONGEST_PAUSE_S = 60.0  # between attempts while a sink can take nothing
NICE = 10
BATCH = 100  # changes
ENOUGH = 3  # so many trials in a row that a sink does not take: it is the sink's fault

Tell = Callable[[str], None]


@dataclass
class Feed:
    """A sink, and how far it has come."""

    name: str
    sink: Sink
    place: Path
    store: str
    position: int  # the number of the newest change in the outbox that was dealt with

    def note(self) -> None:
        """Writes down how far it has come."""
        beside = self.place.with_name(f".{self.place.name}.{os.getpid()}")
        beside.write_text(json.dumps({"store": self.store, "position": self.position}) + "\n")
        beside.replace(self.place)


def open_feed(name: str, root: Path, db: sqlite3.Connection) -> Feed:
    """A sink as it was left. One that was fed from another store, or a newer copy of this one, begins anew.

    Raises MissingLibrary.
    """
    [sink] = open_sinks([name], root)
    place, store = root / "data" / "sinks" / f"{name}.json", read.meta(db)["store_id"]
    try:
        told = json.loads(place.read_text())
        position = int(told["position"]) if told["store"] == store else 0
    except (OSError, ValueError, KeyError, TypeError):
        position = 0
    return Feed(name, sink, place, store, position if position <= outbox.newest(db) else 0)


def turn(db: sqlite3.Connection, feed: Feed, tell: Tell) -> str:
    """Writes the trials that are done, of a batch of changes. Why the sink takes nothing now, or ''.

    A trial that it does not take, where it takes a later one, is told and passed over.
    """
    refused: list[str] = []
    for change in outbox.changes(db, feed.position, BATCH):
        try:
            written = _write(db, feed.sink, change)
        except Exception as error:  # of the sink's library: whatever it is, trials must not notice
            reason = str(error).partition("\n")[0][:300]
            refused.append(f"trial {short(change.id)}: {type(error).__name__}: {reason}")
            if len(refused) == ENOUGH:
                break
            continue
        if written:
            for each in refused:
                tell(f"{feed.name} does not take {each}; it goes on without (`blueno results --sink` tries again)")
            refused = []
        if not refused:
            feed.position = change.seq
    feed.note()
    return refused[0] if refused else ""


def _write(db: sqlite3.Connection, sink: Sink, change: Change) -> bool:
    """Writes a trial that is done, once for each sweep that has it."""
    with reading(db):
        row = db.execute("SELECT state FROM trials WHERE id = ?", (change.id,)).fetchone()
        if change.kind != "trial" or row is None or row["state"] not in DONE:
            return False
        sweeps = [read.sweep_by_number(db, each["number"]) for each in trace.sweeps_of(db, "trial", change.id)]
        found = [finished(db, sweep, change.id) for sweep in sweeps]
    for each in found:
        sink.write(each)
    return bool(found)


def serve(db: sqlite3.Connection, feeds: list[Feed], tell: Tell, input_fd: int) -> None:
    """Turns, until the other end of `input_fd` is closed and nothing more can be written."""
    pause_s, over, stuck = 0.0, False, set[str]()
    while True:
        over = over or is_over(input_fd, pause_s)
        before = [feed.position for feed in feeds]
        blocked = [(feed.name, reason) for feed in feeds if (reason := turn(db, feed, tell))]
        for name, reason in blocked:
            if name not in stuck:
                stuck.add(name)
                tell(f"{name} takes nothing ({reason}); what it should get waits here until the next sweep at least")
        moved = before != [feed.position for feed in feeds]
        if over and not moved:
            return
        pause_s = 0.0 if moved else min(LONGEST_PAUSE_S, 2 * pause_s) if blocked and pause_s else PAUSE_S


def teller(root: Path, said: TextIO) -> Tell:
    """A function that writes a text to a log and to the sweep. What libraries say may hold passwords: those go."""
    (root / "logs").mkdir(exist_ok=True)
    redact = redactor(os.environ)

    def tell(text: str) -> None:
        text = redact(text)
        with suppress(OSError), (root / "logs" / "sinks.log").open("a", encoding="utf-8") as log:
            log.write(f"{iso(time.time())} {text}\n")
        with suppress(BrokenPipeError, ValueError):  # perhaps nobody listens any more
            said.write(text + "\n")

    return tell


def main(arguments: list[str]) -> int:
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # the scheduler hears them, and closes our input
    os.nice(NICE)
    said = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="replace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is for nobody

    root = Path(arguments[0])
    tell = teller(root, said)
    try:
        names = load_settings(root).sinks
        while True:
            with tried(root / "data" / "sinks" / "lock") as held:
                if held is not None:
                    with closing(open_store(root, time.time(), read_only=True)) as db:
                        return _feed(db, root, names, tell)
            if is_over(sys.stdin.fileno(), PAUSE_S):
                return 0  # another one is at it, and writes ours as well
    except BluenoError as error:
        tell(f"the sinks get nothing: {error.message} ({error.fix})")
        return GAVE_UP


def _feed(db: sqlite3.Connection, root: Path, names: tuple[str, ...], tell: Tell) -> int:
    feeds = []
    for name in names:
        try:
            feeds.append(open_feed(name, root, db))
        except Exception as error:
            fix = getattr(error, "fix", "")
            tell(f"{name} gets nothing: {error}" + (f" ({fix})" if fix else ""))
    if not feeds:
        return GAVE_UP
    try:
        serve(db, feeds, tell, sys.stdin.fileno())
    finally:
        for feed in feeds:
            feed.sink.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
