"""A trial is in the index soon after each change of its state, and its epochs as they come: the sender's loop, while it
serves.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.elastic.process import LONGEST_PAUSE_S, PAUSE_S, Talk, serve
from blueno.store import requests

from ..acceptance.project import wait_for
from ..elastic_server import Server
from ..unit.test_scheduler import Bench, bad
from .stores import outcome, say_epoch, sender, set_up, target

PROMISED_S = 10.0  # docs/elastic.md


@pytest.fixture
def bench(tmp_path: Path, server: Server, prefix: str) -> Iterator[Bench]:
    """A store beside which a sender serves."""
    set_up(server, prefix)
    bench = Bench(tmp_path / "project")
    bench.scheduler.live_epochs = True
    ours, theirs = os.pipe()

    def serving() -> None:
        s = sender(bench, target(server, prefix))
        serve(s, Talk("it", io.StringIO()), ours)
        s.close()

    thread = threading.Thread(target=serving)
    thread.start()
    yield bench
    os.close(theirs)
    thread.join()
    os.close(ours)
    bench.db.close()


def test_each_change_of_state_and_each_epoch_is_there_before_the_next(
    bench: Bench, server: Server, prefix: str
) -> None:
    def state(word: str) -> None:
        wait_for(lambda: [each["state"] for each in server.documents(f"{prefix}-trials")] == [word])

    sweep = bench.submit(values=(1,))
    state("queued")
    bench.steps(2)
    [(worker, message)] = bench.begin_all()
    state("running")
    for epoch in (5, 10):
        say_epoch(bench, worker, message, epoch, val_score=0.1)
        bench.steps(1)
        wait_for(lambda epoch=epoch: len(server.documents(f"{prefix}-epochs")) == epoch // 5)
    bench.executor.answer(worker, bad(message))
    bench.steps(1)
    state("failed")
    requests.append(bench.db, "retry", {"sweep": sweep}, bench.now)
    bench.steps(1)
    state("running")
    bench.run(outcome)
    state("succeeded")
    [found] = server.documents(f"{prefix}-trials")
    assert found["attempt"] == 2 and found["trial_id"] == message["trial"]


def test_a_look_is_never_later_than_promised() -> None:
    """The test above shows that a look takes all there is; so long it is until the next one."""
    assert 2 * PAUSE_S < PROMISED_S
    assert LONGEST_PAUSE_S < PROMISED_S, "and after a trouble"
