"""Runs the scheduler until there is nothing left to do, follows one that runs already, and takes over from it.

The scheduler's lock decides: whoever holds it runs the loop; the others watch the ledger until it comes free.
"""

from __future__ import annotations

import os
import platform
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import __version__
from .clock import iso
from .companion import ELASTIC, SINKS, Companion
from .devices import Devices
from .engine import engine_here
from .executors import open_executor
from .publishing import Publishing
from .scheduler import Scheduler, end, idle, step, take_over
from .scheduler.cache_limit import keep_to_limit
from .settings import Settings, as_variables
from .sizes import bytes_of
from .store import ledger as ledgers
from .store import measuring
from .store.database import holder, scheduler_lock

GRACE_S = 5.0  # after Ctrl-C, trials that end within this time are kept
TURN_S = 0.25  # the longest wait for messages


@dataclass
class Interrupt:
    """How often somebody pressed Ctrl-C (or sent SIGTERM), and when first (on the monotonic clock)."""

    count: int = 0
    since: float = 0.0


Show = Callable[[sqlite3.Connection], None]


def run_until(
    db: sqlite3.Connection, settings: Settings, sweep: int | None, show: Show, tell: Callable[[str], None]
) -> bool:
    """Runs or follows until `sweep` (None: everything) is finished or paused. False when it was interrupted."""
    told = False
    with interruptible(settings.executor == "inline") as interrupt:
        while True:
            with scheduler_lock(settings.root, about(settings)) as mine:
                if mine:
                    return drive(db, settings, sweep, show, tell, interrupt)
                if not told:
                    told = True
                    tell(f"following the scheduler that runs already ({difference(settings)})")
            show(db)
            if interrupt.count:
                return False
            if sweep is not None and settled(db, sweep):
                return True
            time.sleep(TURN_S)


def about(settings: Settings) -> dict[str, object]:
    """What a scheduler says of itself to those who find the lock taken."""
    return {
        "version": __version__, "interpreter": sys.executable, "host": platform.node(), "started": iso(time.time()),
        "executor": settings.executor, "engine": settings.engine, "devices": settings.devices,
        "per_device": settings.per_device, "cpus": settings.cpus,
    }  # fmt: skip


def difference(settings: Settings) -> str:
    """In words, how the running scheduler's flags, interpreter and version differ from ours."""
    theirs, ours = holder(settings.root), about(settings)
    keys = ("version", "interpreter", "executor", "engine", "devices", "per_device", "cpus")
    other = [f"{key} {theirs.get(key)!r}, not {ours[key]!r}" for key in keys if theirs.get(key) != ours[key]]
    return f"process {theirs.get('pid', '?')}" + (f"; it runs with {'; '.join(other)}" if other else "")


def check_devices(settings: Settings, resources: dict[str, Any]) -> None:
    """BluenoError when this machine cannot give what a sweep needs, before anything is recorded. Not asked while a
    scheduler runs: the devices are its own.
    """
    with (
        scheduler_lock(settings.root) as mine,
        closing(Devices(settings.devices, settings.per_device, settings.cpus)) as devices,
    ):
        if mine:
            devices.slots_for(resources)


def settled(db: sqlite3.Connection, sweep: int) -> bool:
    """Whether nothing more will happen to a sweep: finished, or paused with nothing running, or removed."""
    if ledgers.has(db, sweep, "running"):
        return False
    row = db.execute("SELECT paused FROM sweeps WHERE number = ?", (sweep,)).fetchone()
    if row is None or row["paused"] is not None:
        return True
    return not ledgers.has(db, sweep, "queued") and not measuring.count(db, sweep)


def drive(
    db: sqlite3.Connection,
    settings: Settings,
    sweep: int | None,
    show: Show,
    tell: Callable[[str], None],
    interrupt: Interrupt,
) -> bool:
    """The loop itself, with the lock in hand. False when it was interrupted before it was through."""
    executor = open_executor(settings.executor)
    devices = Devices(settings.devices, settings.per_device, settings.cpus, tell=tell)
    engine = engine_here(settings, {}).engine
    publishing = Publishing(settings, tell)
    sender, feeder = (Companion(settings, work, tell) for work in (ELASTIC, SINKS))
    limit = bytes_of(settings.cache_limit) if settings.cache_limit else None
    publish = settings.publish if settings.cache else "none"
    s = Scheduler(
        db, settings.root, executor, devices.slots_for, time.time, tell,
        engine=engine, cache_limit=limit, publish=publish, shares=bool(settings.cache),
        live_epochs=sender.process is not None,
    )  # fmt: skip
    try:
        again = take_over(db, settings.root, time.time())
        if again:
            tell(f"{again} trials of a scheduler that is gone are queued again")
        while not idle(s):
            step(s, TURN_S)
            publishing.tend()
            sender.hear()
            feeder.hear()
            show(db)
            if interrupt.count:
                s.draining = True
                if interrupt.count > 1 or time.monotonic() - interrupt.since > GRACE_S:
                    break
            elif sweep is not None and not s.draining and settled(db, sweep):
                s.draining = True  # what runs for others may end; their own commands take over
        if not interrupt.count:
            keep_to_limit(s, time.time(), every_s=0.0)
        return not interrupt.count
    except KeyboardInterrupt:
        return False
    finally:
        with suppress(sqlite3.OperationalError):  # a full disk: the next scheduler queues again what ran
            end(s)
            show(db)
        publishing.leave()
        devices.close()
        sender.close()  # both go on alone: nobody waits for them with the lock in hand
        feeder.close()


@contextmanager
def interruptible(raising: bool = False) -> Iterator[Interrupt]:
    """Counts SIGINT and SIGTERM instead of dying of them, so that the loop ends in its own time. With `raising` the
    second one is a KeyboardInterrupt: the trial that runs in this very process would not let the loop see it.
    """
    interrupt = Interrupt()

    def note(number: int, frame: object) -> None:
        interrupt.count += 1
        interrupt.since = interrupt.since or time.monotonic()
        if raising and interrupt.count > 1:
            raise KeyboardInterrupt

    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.getsignal(name) for name in names}
    for name in names:
        if before[name] is not signal.SIG_IGN:
            signal.signal(name, note)
    try:
        yield interrupt
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def detach(settings: Settings) -> tuple[int, Path]:
    """Starts the loop in the background, in a session of its own. Returns its process id and its log."""
    import subprocess

    folder = settings.root / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"scheduler-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}.log"
    with log.open("ab") as output:  # -P: a click.py in the project's folder is the user's, not ours
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "blueno", "schedule", "--root", str(settings.root)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=settings.root,
            env={**os.environ, **as_variables(settings)},
        )  # fmt: skip
    return process.pid, log
