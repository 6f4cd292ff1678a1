"""An executor whose workers do what a test says, one message at a time."""

from __future__ import annotations

from typing import Any

from blueno.executors import Slot, WorkerSpec
from blueno.messages import Message


class ScriptedExecutor:
    """The smallest executor: remembers what was sent; `say` makes a worker speak at the next `receive`."""

    def __init__(self, ready: bool = True) -> None:
        self.ready = ready
        self.alive: dict[str, WorkerSpec] = {}
        self.sent: dict[str, list[Message]] = {}
        self.stopped: list[tuple[str, str]] = []  # worker and trial of each order to stop one
        self.went_on: list[tuple[str, str]] = []  # worker and trial of each that asked and may go on
        self.inbox: list[tuple[str, Message]] = []

    def start(self, worker: WorkerSpec) -> None:
        self.alive[worker.id] = worker
        self.sent[worker.id] = []
        if self.ready:
            self.say(worker.id, {"kind": "ready", "pid": 1, "environment": {"python": "3"}})

    def send(self, worker_id: str, message: Message) -> None:
        if worker_id not in self.alive:
            return
        if message["kind"] == "finish":
            self.die(worker_id, "exited 0")
        elif message["kind"] == "go":
            self.went_on.append((worker_id, message["trial"]))
        elif message["kind"] == "stop":
            self.stopped.append((worker_id, message["trial"]))
            self.sent[worker_id] = [each for each in self.sent[worker_id] if each["trial"] != message["trial"]]
        else:
            self.sent[worker_id].append(message)

    def say(self, worker_id: str, message: Message) -> None:
        self.inbox.append((worker_id, message))

    def receive(self, timeout_s: float) -> list[tuple[str, Message]]:
        said, self.inbox = self.inbox, []
        return said

    def die(self, worker_id: str, reason: str = "killed by SIGKILL") -> None:
        if self.alive.pop(worker_id, None):
            self.sent.pop(worker_id)
            self.say(worker_id, {"kind": "gone", "reason": reason, "output": ""})

    def kill(self, worker_id: str) -> None:
        self.die(worker_id)

    def process(self, worker_id: str) -> None:
        return None

    def close(self) -> None:
        self.alive, self.sent, self.inbox = {}, {}, []

    def waiting(self) -> list[tuple[str, dict[str, Any]]]:
        """The first unanswered piece of work of each worker."""
        return [(id, work[0]) for id, work in self.sent.items() if work]

    def answer(self, worker_id: str, message: Message) -> None:
        """The worker says what came of its first piece of work."""
        self.sent[worker_id].pop(0)
        self.say(worker_id, message)


def two_slots(resources: dict[str, Any]) -> list[Slot]:
    return [Slot(f"cpu:{i}", "cpu", 1, "", 1.0) for i in range(2)]
