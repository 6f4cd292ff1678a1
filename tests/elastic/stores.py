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


def begun(bench: Bench) -> tuple[str, dict[str, Any]]:
    """A trial that runs, and the worker that has it; what it says of epochs is kept."""
    bench.scheduler.live_epochs = True
    bench.submit(values=(1,))
    bench.steps(2)
    [(worker, message)] = bench.begin_all()
    return worker, message


def say_epoch(bench: Bench, worker: str, message: dict[str, Any], epoch: int, **metrics: float | None) -> None:
    """What a running trial says at the end of an epoch."""
    said = {"kind": "epoch", "trial": message["trial"], "attempt": 1, "epoch": epoch, "epochs": 15}
    bench.executor.say(worker, {**said, "metrics": metrics})


def outcome(message: dict[str, Any], epochs: int = 3, **changes: Any) -> dict[str, Any]:
    """A result with a history of so many epochs."""
    x = message["recipe"]["model"]["x"]
    history = {name: [x + 0.1 * epoch for epoch in range(epochs)] for name in ("val_score", "train_loss")}
    return {**good_result(message["trial"], message["attempt"], x / 10), "history": history, "epoch": epochs, **changes}
