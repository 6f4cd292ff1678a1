"""What a sweep shows while it runs: one line that is rewritten on a terminal, now and then a new one in a log file."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

import click

from .clock import words
from .errors import NotFound
from .store.ledger import STATES, Ledger, ledger
from .store.live import best_trial, workers
from .store.read import Sweep

TERMINAL_EVERY_S = 0.5
FILE_EVERY_S = 10.0
MOST_SHARE = 0.05  # of the time may go into counting
LONG_TRIAL_S = 5.0  # trials that take longer on the average say where they are
MOST_WORKERS = 4  # shown


@dataclass
class Shower:
    """Shows where `sweep` stands, as often as is useful and cheap."""

    sweep: Sweep
    stream: TextIO
    begun: float = field(default_factory=time.monotonic)
    next: float = 0.0
    done_before: int | None = None
    line: str = ""

    def __call__(self, db: sqlite3.Connection) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        try:
            counts = ledger(db, self.sweep.number)
        except NotFound:  # removed while we look: the loop finds that out, too
            return
        if self.done_before is None:
            self.done_before = counts.done
        done_here, elapsed_s = counts.done - self.done_before, now - self.begun
        at = epochs(db) if elapsed_s > LONG_TRIAL_S * (done_here + 1) else ""
        line = progress_line(counts, done_here, elapsed_s, at, best(db, self.sweep))
        terminal = is_terminal(self.stream)
        with suppress(OSError):  # the terminal, or who read the pipe, is gone: no reason to end a sweep
            _write(self.stream, line, terminal, line == self.line)
        self.line = line
        pause_s = TERMINAL_EVERY_S if terminal else FILE_EVERY_S
        self.next = time.monotonic() + max(pause_s, (time.monotonic() - now) / MOST_SHARE)


def _write(stream: TextIO, line: str, terminal: bool, same: bool) -> None:
    if terminal:
        width = shutil.get_terminal_size((100, 24)).columns - 1
        stream.write("\r\x1b[2K" + line[:width])
        stream.flush()
    elif not same:
        stream.write(line + "\n")
        stream.flush()


def progress_line(counts: Ledger, done_here: int, elapsed_s: float, at: str, best: str) -> str:
    """One line: done of planned, what runs and where, what went wrong, the rate, the time left, the best so far."""
    parts = [f"{counts.done}/{counts.planned} done"]
    parts += [
        f"{getattr(counts, state)} {state}"
        for state in STATES
        if state not in ("succeeded", "queued") and getattr(counts, state)
    ]
    if counts.measuring:
        parts.append(f"{counts.measuring} measuring")
    if at and counts.running:
        parts.append(at)
    left = counts.queued + counts.running
    if done_here and elapsed_s > 0 and left:
        rate = done_here / elapsed_s
        parts.append(f"{rate * 60:.0f}/min" if rate >= 0.1 else f"{rate * 3600:.0f}/h")
        parts.append(f"{words(left / rate)} left")
    parts += [best] if best else []
    return " · ".join(parts)


def epochs(db: sqlite3.Connection) -> str:
    """Where the trials are that run, in words; "" where nobody has told yet."""
    told = [f"{found['epoch']}/{found['epochs']}" for found in workers(db) if found["epoch"] and found["epochs"]]
    more = f" and {len(told) - MOST_WORKERS} more" if len(told) > MOST_WORKERS else ""
    return f"at epoch {', '.join(told[:MOST_WORKERS])}{more}" if told else ""


def best(db: sqlite3.Connection, sweep: Sweep) -> str:
    """The best trial so far, in words; '' while there is none."""
    found = best_trial(db, sweep)
    return f"best {sweep.metric} {found['value']:.4g}" if found else ""


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody looks at it; not, if it was closed."""
    return not stream.closed and stream.isatty()


def say(text: str) -> None:
    """A line for people on standard error, clear of the progress line; that nobody can read it ends nothing."""
    clear = "\r\x1b[2K" if is_terminal(sys.stderr) else ""
    with suppress(OSError):
        click.echo(clear + text, err=True)


def finish_line(stream: TextIO) -> None:
    """Ends the line that is rewritten, so that what follows begins on its own."""
    if is_terminal(stream):
        with suppress(OSError):
            stream.write("\n")
