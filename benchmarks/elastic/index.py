"""The outbox of 10,000 trials with 200,000 documents of epochs into a real server, beside a bare `streaming_bulk` of
the same documents: as the client makes JSON by itself, and with orjson, which is how Blueno makes it.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from blueno.elastic.access import Target
from blueno.elastic.documents import Document, Owner, documents
from blueno.elastic.sender import open_sender, rest
from blueno.elastic.setup import set_up
from blueno.redaction import redactor
from blueno.store import outbox, read
from blueno.store.database import reading

from ..tables import Table, main, met
from .server import served
from .store import filled

LIMIT_S, SHARE = 60.0, 0.8
ROUNDS, TRIALS = 3, 10_000
ARMS = ("outbox", "bare", "bare with orjson")


def measure(quick: bool) -> Table:
    """The arms in turn, each into indices of its own; the documents of the bare ones lie ready in memory."""
    rounds, trials = (1, 200) if quick else (ROUNDS, TRIALS)
    found: dict[str, list[float]] = {arm: [] for arm in ARMS}
    held: list[tuple[float, float]] = []
    with served() as server, tempfile.TemporaryDirectory() as folder:
        db = filled(Path(folder), trials)
        db.close()
        for number in range(rounds):
            for place, arm in enumerate(ARMS if number % 2 else reversed(ARMS)):
                target = Target(server.url, "", f"bench-{os.getpid()}-{number}-{place}", "", "")
                found[arm].append(
                    _sender(Path(folder), target, held)
                    if arm == "outbox"
                    else _bare(Path(folder), target, "orjson" in arm)
                )
                server.ask("POST", f"/{target.prefix}-*/_refresh")
                counts = {kind: server.count(f"{target.prefix}-{kind}") for kind in ("trials", "epochs", "configs")}
                assert counts == {"trials": trials, "epochs": 20 * trials, "configs": trials}, counts
                for kind in counts:
                    server.ask("DELETE", f"/{target.prefix}-{kind}-v1")
    each = {arm: median(times) for arm, times in found.items()}
    total = 22 * trials
    rows = [[arm, f"{each[arm]:.1f} s", f"{total / each[arm]:,.0f}"] for arm in ARMS]
    share, stricter = (each[arm] / each["outbox"] for arm in ARMS[1:])
    early, late = (median(pair[place] for pair in held) / 1e6 for place in (0, 1))
    return Table(
        "elastic.index",
        ["arm", "taken", "documents a second"],
        rows,
        [
            f"{trials:,} trials, {20 * trials:,} epochs, {trials:,} configs; medians of {rounds}, interleaved; the"
            " server runs on the same cores",
            f"the sender holds {early:.0f} MB after a tenth of it and {late:.0f} MB at the end",
            f"of the bare rate with orjson the outbox reaches {stricter:.0%}",
            f"load of the machine when it was measured: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ],
        [
            f"under {LIMIT_S:.0f} s; it is {each['outbox']:.1f} s ({met(each['outbox'], LIMIT_S)})",
            f"at least {SHARE:.0%} of the bare rate (the client's own JSON); it is {share:.0%} ({met(-share, -SHARE)})",
        ],
    )


def _sender(root: Path, target: Target, held: list[tuple[float, float]]) -> float:
    """The outbox, in a process of its own, as beside a sweep: what it holds is then its own, too."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        taken, early, late = pool.submit(_outbox, root, target).result()
    held.append((early, late))
    return taken


def _outbox(root: Path, target: Target) -> tuple[float, float, float]:
    """Seconds, and what the process holds after 1,000 trials and at the end, in bytes."""
    sender = open_sender(root, target, time.time(), timeout_s=600.0)
    set_up(sender.client, target.prefix, lambda text: None)
    process, begun, done, early = psutil.Process(), time.perf_counter(), 0, 0.0
    for sent in rest(sender):
        assert not sent.waits and not sent.refused, sent
        done += sent.trials
        early = early or (float(process.memory_info().rss) if done >= 1000 else 0.0)
    taken = time.perf_counter() - begun
    late = float(process.memory_info().rss)
    sender.close()
    return taken, early or late, late


def _bare(root: Path, target: Target, with_orjson: bool) -> float:
    """What `streaming_bulk` alone takes for the same documents, which lie ready."""
    from elasticsearch import Elasticsearch, OrjsonSerializer
    from elasticsearch.helpers import streaming_bulk

    options: dict[str, Any] = {"serializers": {OrjsonSerializer.mimetype: OrjsonSerializer()}} if with_orjson else {}
    client = Elasticsearch(target.url, request_timeout=600, **options)
    set_up(client, target.prefix, lambda text: None)
    ready = list(_ready(root, target.prefix))
    gc.freeze()  # else the collector looks at all of them again and again
    begun = time.perf_counter()
    for ok, answer in streaming_bulk(client, ready, chunk_size=1000, raise_on_error=False):
        assert ok, answer
    taken = time.perf_counter() - begun
    gc.unfreeze()
    client.close()
    return taken


def _ready(root: Path, prefix: str) -> Any:
    """The documents as operations."""
    from blueno.store.database import open_store

    db = open_store(root, time.time(), read_only=True)
    facts = read.meta(db)
    whose, redact = Owner(facts["store_id"], facts["owner"]), redactor({})
    after = 0
    while changes := outbox.changes(db, after, 1000):
        after = changes[-1].seq
        with reading(db):
            part = outbox.part(db, [change.id for change in changes])
        for document in documents(part, whose, redact, {}):
            yield _operation(document, prefix)
    db.close()


def _operation(document: Document, prefix: str) -> dict[str, Any]:
    return {"_index": f"{prefix}-{document.kind}", "_id": document.id, "_source": document.source}


if __name__ == "__main__":
    main(measure)
