"""Proposals are made ahead, in a process beside the loop, so that no worker waits for a sampler; here they are asked
for and recorded. What that process holds is lost with it, and it makes it again from the store.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from ..cache.opening import local_cache
from ..cache.outbox import outbox_of
from ..holdings.wants import announce_later
from ..store import searches, transitions
from ..store.read import meta
from ..worker.output import open_log
from .state import Scheduler

AHEAD = 2  # trials for each slot that wait to be claimed; more would be proposed without knowing what runs now
PACK = 16  # of a family that may be trained as packs, so many lanes at a time
SOON_S = 0.02  # the longest wait for messages while a proposal is on its way and somebody may want it
END_S = 5.0


@dataclass
class Proposer:
    """The process, and the searches that it was asked for."""

    popen: subprocess.Popen[bytes]
    asked: set[int] = field(default_factory=set)
    received: bytes = b""


def propose(s: Scheduler, now: float) -> None:
    """Records the proposals that have come, and asks for more where few are left."""
    if s.proposer is not None:
        _take(s, s.proposer, now)
    if s.draining:
        return
    for row in searches.open_searches(s.db):
        if s.proposer is None or row["sweep"] not in s.proposer.asked:
            _ask(s, row)


def patience_s(s: Scheduler, timeout_s: float) -> float:
    """How long to wait for messages."""
    return min(timeout_s, SOON_S) if s.proposer is not None and s.proposer.asked else timeout_s


def end_proposer(s: Scheduler) -> None:
    """Ends the process; what it was asked for is asked again."""
    if s.proposer is not None:
        popen = s.proposer.popen
        s.proposer = None
        popen.kill()
        with suppress(subprocess.TimeoutExpired):
            popen.wait(END_S)
        for stream in (popen.stdin, popen.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def _ask(s: Scheduler, row: sqlite3.Row) -> None:
    ahead = _ahead(s, row["sweep"])
    waiting = searches.waiting(s.db, row["sweep"], ahead)
    if waiting > ahead // 2:
        return
    count = min(row["unproposed"], ceil((ahead - waiting) / row["replicates"]))
    proposer = s.proposer = s.proposer or _start(s)
    assert proposer.popen.stdin is not None, "BUG: a proposer without a pipe"
    with suppress(BrokenPipeError):  # it has ended, which is seen when it is read from
        proposer.popen.stdin.write(json.dumps({"sweep": row["sweep"], "count": count}).encode() + b"\n")
        proposer.popen.stdin.flush()
    proposer.asked.add(row["sweep"])


def _ahead(s: Scheduler, sweep: int) -> int:
    """How many trials should wait."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM trials WHERE sweep = ? AND engine = 'fused' AND state IN ('queued', 'running'))"
    )
    packs = bool(s.db.execute(query, (sweep,)).fetchone()[0]) if s.engine != "fit" else False
    undecided = s.engine != "fit" and not s.workers  # the first ones decide on the engine of their family
    return max(AHEAD * len(s.slots), PACK if packs or undecided else 1)


def _start(s: Scheduler) -> Proposer:
    log = open_log(s.root / "logs" / "proposer.log")
    try:
        popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "blueno.search.process", str(s.root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(log)
    assert popen.stdout is not None, "BUG: a proposer without a pipe"
    os.set_blocking(popen.stdout.fileno(), False)
    return Proposer(popen)


def _take(s: Scheduler, proposer: Proposer, now: float) -> None:
    """Takes in the answers that have come."""
    assert proposer.popen.stdout is not None, "BUG: a proposer without a pipe"
    while True:
        try:
            chunk = os.read(proposer.popen.stdout.fileno(), 1 << 20)
        except BlockingIOError:
            break
        if not chunk:
            _gone(s, proposer, now)
            break
        proposer.received += chunk
    *lines, proposer.received = proposer.received.split(b"\n")
    for line in lines:
        answer = json.loads(line)
        proposer.asked.discard(answer["sweep"])
        if answer["error"]:
            _pause(s, answer["sweep"], answer["error"], now)
            continue
        if searches.record(s.db, answer["sweep"], answer["proposals"], now) and s.shares:
            _announce(s, answer["proposals"], now)
        if answer["why"]:
            searches.exhaust(s.db, answer["sweep"], answer["why"], now)
            s.tell(f"the search ends: {answer['why']}")


def _announce(s: Scheduler, proposals: list[dict[str, Any]], now: float) -> None:
    """Machines that share a cache hear of datasets and trials that nobody knew of when the sweep was submitted."""
    recipes = {id: recipe for each in proposals for id, recipe in each.get("datasets", [])}
    new = [json.loads(recipe) for id, recipe in recipes.items() if id not in s.announced]
    s.announced |= recipes.keys()
    trials = [trial[0] for each in proposals for trial in each.get("trials", ())] if s.publish != "none" else []
    if new or trials:
        try:
            announce_later(local_cache(s.root), outbox_of(s.root), meta(s.db)["store_id"], new, now, trials)
        except OSError as error:  # a full disk: the search goes on all the same
            s.tell(f"what the search wants is not announced to the shared cache: {error.strerror}")


def _gone(s: Scheduler, proposer: Proposer, now: float) -> None:
    code = proposer.popen.wait()
    asked = set(proposer.asked)
    end_proposer(s)
    for sweep in asked:
        _pause(s, sweep, f"the process that makes proposals ended (exit {code}; see logs/proposer.log)", now)


def _pause(s: Scheduler, sweep: int, why: str, now: float) -> None:
    transitions.pause(s.db, sweep, f"nothing can be proposed: {why}", now)
    s.tell(f"paused: nothing can be proposed: {why}")
