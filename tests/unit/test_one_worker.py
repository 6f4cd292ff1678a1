"""One worker that is asked one thing at a time: answers, ends, and beginning again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from blueno.errors import BluenoError
from blueno.executors import Slot, WorkerSpec
from blueno.messages import Message
from blueno.one_worker import OneWorker, ask, last_words
from blueno.worker.output import trial_log

from .scripted import ScriptedExecutor


class Answering(ScriptedExecutor):
    """A scripted executor whose workers answer each message by a function of the test's."""

    def __init__(self, answers: Callable[[Message], list[Message]]) -> None:
        super().__init__()
        self.answers, self.started, self.killed = answers, 0, 0

    def start(self, worker: WorkerSpec) -> None:
        self.started += 1
        super().start(worker)

    def send(self, worker_id: str, message: Message) -> None:
        for answer in self.answers(message):
            self.say(worker_id, answer)

    def kill(self, worker_id: str) -> None:
        self.killed += 1
        super().kill(worker_id)


def one(executor: ScriptedExecutor, root: Path) -> OneWorker:
    return OneWorker(executor, WorkerSpec("", Slot("cpu:0", "cpu", 1, "", 1.0), root, "", ""))


def test_the_answer_is_the_last_word(tmp_path: Path) -> None:
    result = {"kind": "result", "trial": "t"}
    worker = one(Answering(lambda message: [{"kind": "started"}, {"kind": "epoch"}, result]), tmp_path)
    assert ask(worker, {"kind": "train"}) == result
    assert ask(worker, {"kind": "train"}) == result
    assert worker.executor.started == 1  # type: ignore[attr-defined]


def test_a_worker_that_ended_is_followed_by_another(tmp_path: Path) -> None:
    gone = {"kind": "gone", "reason": "exited 3", "output": "its last words"}
    worker = one(Answering(lambda message: [gone] if message["kind"] == "train" else [{"kind": "built"}]), tmp_path)
    answer = ask(worker, {"kind": "train"})
    assert answer == {**gone, "timed_out": False}
    assert last_words(worker, answer, "t") == "its last words"
    assert ask(worker, {"kind": "build"}) == {"kind": "built"}
    assert worker.executor.started == 2  # type: ignore[attr-defined]


def test_a_worker_that_was_worn_out_is_asked_again(tmp_path: Path) -> None:
    left = [[{"kind": "gone", "reason": "recycled", "output": ""}], [{"kind": "built"}]]
    worker = one(Answering(lambda message: left.pop(0)), tmp_path)
    assert ask(worker, {"kind": "build"}) == {"kind": "built"}


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    worker = one(Answering(lambda message: []), tmp_path)
    answer = ask(worker, {"kind": "train"}, limit_s=0.0)
    assert (answer["kind"], answer["timed_out"]) == ("gone", True)
    assert worker.executor.killed == 1  # type: ignore[attr-defined]


def test_a_worker_that_cannot_start(tmp_path: Path) -> None:
    class Failing(ScriptedExecutor):
        def start(self, worker: WorkerSpec) -> None:
            self.say(worker.id, {"kind": "gone", "reason": "could not start: exited 1", "output": "no Python"})

    with pytest.raises(BluenoError, match="could not start: exited 1\nno Python"):
        ask(one(Failing(), tmp_path), {"kind": "build"})


def test_last_words_are_those_in_the_trials_log(tmp_path: Path) -> None:
    log = trial_log(tmp_path, "t")
    log.parent.mkdir(parents=True)
    log.write_text("Fatal Python error: Segmentation fault")
    gone = {"kind": "gone", "reason": "killed by SIGSEGV", "output": ""}
    assert last_words(one(ScriptedExecutor(), tmp_path), gone, "t") == "Fatal Python error: Segmentation fault"
