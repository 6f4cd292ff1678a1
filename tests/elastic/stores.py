"""Stores with results in them, and senders for them, without any process."""

from __future__ import annotations

from typing import Any

from blueno.elastic.access import Target
from blueno.elastic.sender import Sender, Sent, open_sender, turn
from tests.elastic_server import Server
from tests.unit.plans import good_result
from tests.unit.test_scheduler import Bench


def set_up(server: Server, prefix: str) -> None:
    """Makes templates and indices, without any of our own code that talks."""
    from blueno.elastic.templates import actions

    for action in actions(prefix):
        server.ask(action["method"], action["path"], action["body"])


def target(server: Server, prefix: str, url: str = "", **more: Any) -> Target:
    words: dict[str, Any] = {"cloud_id": "", "ca": "", "fingerprint": "", **more}
    return Target(url=url or server.url, prefix=prefix, **words)


def sender(bench: Bench, where: Target) -> Sender:
    return open_sender(bench.root, where, bench.now)


def send_all(bench: Bench, where: Target, most: int = 50) -> list[Sent]:
    """Turns until nothing is left or something has to wait."""
    s = sender(bench, where)
    found: list[Sent] = []
    try:
        for _ in range(most):
            found.append(turn(s))
            if found[-1].waits or not found[-1].trials:
                return found
    finally:
        s.close()
    raise AssertionError("there is no end to it")


def outcome(message: dict[str, Any], epochs: int = 3, **changes: Any) -> dict[str, Any]:
    """A result with a history of so many epochs."""
    x = message["recipe"]["model"]["x"]
    history = {name: [x + 0.1 * epoch for epoch in range(epochs)] for name in ("val_score", "train_loss")}
    return {**good_result(message["trial"], message["attempt"], x / 10), "history": history, "epoch": epochs, **changes}
