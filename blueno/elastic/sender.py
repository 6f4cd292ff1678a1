"""Sends what the outbox says has changed, a batch at a time, and remembers how far it has come.

A crash between sending and remembering sends a batch again: the same ids, the same versions, the same documents.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clock import iso
from ..redaction import Redact, redactor
from ..store import outbox, read
from ..store.database import open_store, reading
from ..store.outbox import Change, Part
from . import state
from .access import Target
from .client import (
    BAD_DOCUMENT,
    CHUNK_DOCUMENTS,
    TIMEOUT_S,
    TOO_LARGE,
    Outcome,
    Unreachable,
    connect,
    found_ids,
    newest_seq,
    send,
)
from .documents import Document, Owner, documents, live_documents, safe_document
from .fields import KINDS
from .state import Refused

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

BATCH = 400  # trials, with their epochs and configs
LIVE = 2000  # epochs of running trials


@dataclass
class Sender:
    """A store that is read, a place that is sent to, and the file that says how far it has come."""

    store: sqlite3.Connection
    state: sqlite3.Connection
    client: Elasticsearch
    target: Target
    whose: Owner
    redact: Redact
    batch: int = BATCH
    live: int = 0  # the newest note of a running trial's epoch that was sent

    def close(self) -> None:
        self.client.close()
        self.state.close()
        self.store.close()


@dataclass
class Sent:
    """What came of a turn."""

    trials: int = 0
    refused: list[Refused] = field(default_factory=list)
    waits: str = ""  # why some had to wait; empty when all was sent
    more: bool = False  # waits already: what one turn takes was not all


def open_sender(root: Path, target: Target, now: float, timeout_s: float = TIMEOUT_S) -> Sender:
    """A sender for the project at `root`; only for the holder of the sender's lock. Raises BluenoError."""
    client = connect(target, timeout_s)
    store = open_store(root, now, read_only=True)
    facts = read.meta(store)
    file = state.open_state(root, target, facts["store_id"], outbox.newest(store))
    secrets = redactor(
        {**os.environ, "BLUENO_ELASTIC_PASSWORD": target.password, "BLUENO_ELASTIC_API_KEY": target.api_key}
    )
    return Sender(store, file, client, target, Owner(facts["store_id"], facts["owner"]), secrets)


def turn(s: Sender) -> Sent:
    """Sends one batch of what waits, and then epochs of running trials if nothing else does."""
    sent = _tried(s, lambda: _next(s))
    s.batch = max(1, s.batch // 2) if sent.waits else min(BATCH, s.batch * 2)
    with suppress(sqlite3.Error):  # it is for `status` only
        if (sent.waits or None) != state.fact(s.state, "waits"):
            state.note(s.state, waits=sent.waits or None)
    return sent


def _lift(s: Sender) -> int:
    """What versions of documents are above the store's own numbers: 0, unless the index has documents of this store
    with higher numbers than it has by now. So it is where the store is an older copy that was put back.
    """
    told = state.fact(s.state, "lift")
    if told is None:
        highest, newest = _highest(s), outbox.newest(s.store)
        told = str(highest + 1 - newest if highest > newest else 0)
        state.note(s.state, lift=told)
    return int(told)


def _highest(s: Sender) -> int:
    """The highest version among this store's documents in the index."""
    return max(newest_seq(s.client, s.target.prefix, kind, s.whose.store) for kind in KINDS)


def _part(s: Sender, trials: Iterable[str]) -> Part:
    """What documents of these trials are made of, under the number that is to be their version."""
    found = outbox.part(s.store, trials)
    return found._replace(seq=found.seq + _lift(s))


def _next(s: Sender) -> Sent:
    found = outbox.changes(s.store, state.position(s.state), s.batch)
    sent = _changes(s, found) if found else Sent()
    sent.more = len(found) >= s.batch
    if not sent.waits and not sent.more:
        sent.waits, sent.more = _live(s)
    return sent


def _tried(s: Sender, attempt: Callable[[], Sent]) -> Sent:
    """What came of an attempt; what was in its way, on the server or on this disk, is why it waits."""
    try:
        return attempt()
    except Unreachable as error:
        return Sent(waits=str(error))
    except (sqlite3.Error, OSError) as error:
        for db in (s.state, s.store):
            with suppress(sqlite3.Error):
                db.rollback()
        return Sent(waits=f"what was swept here, or how far it was sent, cannot be read or written ({error})")


def _changes(s: Sender, found: list[Change]) -> Sent:
    trials = [change.id for change in found if change.kind == "trial"]
    with reading(s.store):
        part = _part(s, trials)
        gone_sweeps = [
            change.id for change in found if change.kind == "sweep" and not outbox.sweep_is_there(s.store, change.id)
        ]
    unmade: dict[str, str] = {}
    outcomes = _sent(s, lambda: _all(s, part, gone_sweeps, unmade))
    waiting = {outcome.document.trial: outcome.reason for outcome in outcomes if outcome.verdict == "waits"}
    first = next((change.seq for change in found if change.id in waiting), None)
    reached = found[-1].seq if first is None else min(first - 1, found[-1].seq)
    if first is None and waiting:  # of a sweep that is gone
        return Sent(waits=next(iter(waiting.values())))
    at = iso(time.time())
    refused = [
        Refused(each.document.kind, each.document.id, each.document.trial, each.reason, at)
        for each in outcomes
        if each.verdict == "refused"
    ]
    refused += [Refused("trials", f"{s.whose.store}:{id}", id, reason, at) for id, reason in unmade.items()]
    done = [change for change in found if change.seq <= reached]
    state.advance(s.state, reached, [change.id for change in done], refused, at)
    return Sent(len(done), refused, next(iter(waiting.values()), ""))


def _all(s: Sender, part: Part, gone_sweeps: list[str], unmade: dict[str, str]) -> Iterator[Document]:
    """The documents of a batch, and deletions of what an earlier state of the store had left."""
    yield from documents(part, s.whose, s.redact, unmade)
    again = {
        each.row["id"]: each.row["attempt"]
        for each in part.trials
        if each.row["attempt"] > 1 and each.row["ended"] and each.row["id"] not in unmade
    }
    if again or part.gone:
        yield from _old_epochs(s, part, again)
    for trial in part.gone:
        yield Document("trials", f"{s.whose.store}:{trial}", part.seq, trial, None)
    for sweep in gone_sweeps:
        query = _ours(s, {"term": {"sweep_id": sweep}})
        for hit in found_ids(s.client, s.target.prefix, "configs", query, []):
            yield Document("configs", hit["_id"], part.seq, sweep, None)


def _old_epochs(s: Sender, part: Part, again: dict[str, int]) -> Iterator[Document]:
    """Deletions of epochs of trials that are gone, and of attempts before the newest, which may be longer."""
    query = _ours(s, {"terms": {"trial_id": [*again, *part.gone]}})
    for hit in list(found_ids(s.client, s.target.prefix, "epochs", query, ["trial_id", "attempt"])):
        trial = hit["_source"]["trial_id"]
        if trial not in again or hit["_source"]["attempt"] < again[trial]:
            at = _place(hit["_id"])
            if trial not in again or at not in _places(part, trial):
                yield Document("epochs", hit["_id"], part.seq, trial, None)


def _place(id: str) -> tuple[str, int]:
    """Split and epoch of the id of an epoch's document."""
    *_, split, epoch = id.split(":")
    return split, int(epoch)


def _places(part: Part, trial: str) -> set[tuple[str, int]]:
    """Splits and epochs of the history that a trial has now."""
    from .documents import epochs_of

    facts = next(each for each in part.trials if each.row["id"] == trial)
    base = {"store": "", "trial_id": trial}
    return {_place(each.id) for each in epochs_of(facts, base, 0, str)}


def _ours(s: Sender, clause: dict[str, Any]) -> dict[str, Any]:
    """A query for what this store has sent."""
    return {"bool": {"filter": [{"term": {"store": s.whose.store}}, clause]}}


def _sent(s: Sender, made: Callable[[], Iterable[Document]]) -> list[Outcome]:
    """Sends documents. After a request that is refused as a whole they are made and sent again (those of long histories
    are too many to keep), in ever smaller requests, to find which is to blame.
    """
    try:
        return send(s.client, s.target.prefix, made())
    except Unreachable as error:
        if error.status not in (BAD_DOCUMENT, TOO_LARGE):
            raise
    again, outcomes = iter(made()), list[Outcome]()
    while chunk := list(islice(again, CHUNK_DOCUMENTS)):
        outcomes += _halves(s, chunk)
    return outcomes


def _halves(s: Sender, chunk: list[Document]) -> list[Outcome]:
    try:
        return send(s.client, s.target.prefix, chunk)
    except Unreachable as error:
        if error.status not in (BAD_DOCUMENT, TOO_LARGE):
            raise
        if len(chunk) == 1:
            return [Outcome(chunk[0], "refused", str(error))]
    middle = len(chunk) // 2
    return _halves(s, chunk[:middle]) + _halves(s, chunk[middle:])


def _live(s: Sender) -> tuple[str, bool]:
    """Sends what running trials said of their epochs. Why some had to wait, or '', and whether there may be more."""
    with reading(s.store):
        notes = outbox.live_epochs(s.store, s.live, LIVE)
        part = _part(s, dict.fromkeys(note["trial"] for note in notes)) if notes else None
    if part is None:
        return "", False
    sources = {}
    for t in part.trials:
        with suppress(Exception):  # it is set aside with its trial's document
            sources[t.row["id"]] = safe_document(t, part, s.whose, s.redact)
    made = {
        document.id: document  # the newest of an epoch
        for note in notes
        if note["trial"] in sources
        for document in live_documents(note, sources[note["trial"]], part.seq, s.redact)
    }
    outcomes = _sent(s, made.values)
    waiting = [outcome.reason for outcome in outcomes if outcome.verdict == "waits"]
    if not waiting:
        s.live = notes[-1]["number"]
    return waiting[0] if waiting else "", len(notes) == LIVE


def rest(s: Sender) -> Iterator[Sent]:
    """Sends what waits and tries again what was set aside, turn by turn, up to one in which something has to wait."""
    again = dict.fromkeys(each.trial for each in state.refused(s.state))
    if again:
        yield _again(s, list(again))
    while outbox.waiting(s.store, state.position(s.state))[0]:
        sent = turn(s)
        yield sent
        if sent.waits:
            return


def _again(s: Sender, trials: list[str]) -> Sent:
    """Sends trials whose documents were set aside; the position stays where it is."""
    before, total = state.position(s.state), Sent()
    for start in range(0, len(trials), BATCH):
        found = [Change(before, "trial", trial) for trial in trials[start : start + BATCH]]
        sent = _tried(s, lambda found=found: _changes(s, found))  # type: ignore[misc]
        total = Sent(total.trials + sent.trials, total.refused + sent.refused, sent.waits)
        if sent.waits:
            break
    return total


# ---- beginning anew


def rebuild(s: Sender) -> Iterator[Sent]:
    """Sends everything that the store has, turn by turn, then deletes what else is said to come from this store.

    Documents of other stores are not touched. Ends after a turn in which something has to wait.
    """
    begun = outbox.newest(s.store)
    try:
        lift = max(0, _highest(s) + 1 - begun)  # a document of this very number may be of a history that is gone
    except Unreachable as error:
        yield Sent(waits=str(error))
        return
    state.reset(s.state)
    state.note(s.state, store=s.whose.store, lift=str(lift))
    begun += lift
    while outbox.waiting(s.store, state.position(s.state))[0]:
        sent = turn(s)
        yield sent
        if sent.waits:
            return
    # what was sent just now has at least this number; so, too, has what is younger
    yield from _sweep_out(s, begun)


def _sweep_out(s: Sender, begun: int) -> Iterator[Sent]:
    for kind in KINDS:
        query = _ours(s, {"bool": {"must_not": [{"range": {"seq": {"gte": begun}}}]}})
        try:
            hits = list(found_ids(s.client, s.target.prefix, kind, query, []))
            # under the version that was seen: one that was sent again since then stays
            old = [Document(kind, hit["_id"], hit["_version"], "", None) for hit in hits]
            waits = [outcome.reason for outcome in _sent(s, old.copy)]
            yield Sent(waits=waits[0] if waits else "")
        except Unreachable as error:
            yield Sent(waits=str(error))
