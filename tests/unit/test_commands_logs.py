"""logs: of trials that have ended, run, or are followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.cli import run
from blueno.commands import logs
from blueno.errors import NotFound
from blueno.store import requests
from blueno.store.database import scheduler_lock
from blueno.worker.output import trial_log

from .command_line import document, output, trials
from .plans import good_result
from .test_scheduler import Bench, bad, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def test_logs_of_a_finished_trial_come_from_the_store(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.run(good)
    [id] = trials(bench)
    assert output(capsys, bench, "logs", id[:8]) == "a line\n"
    assert output(capsys, bench, "logs", id[:8], "--follow") == "a line\n"
    told = {"trial": id, "attempt": 1, "state": "succeeded", "log": "a line\n", "let_go": None}
    assert document(capsys, bench, "logs", id) == told


def test_logs_of_earlier_attempts(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = bench.submit(values=(1,))
    bench.run(lambda m: {**bad(m), "log": "first\n"})
    requests.append(bench.db, "retry", {"sweep": sweep}, bench.now)
    bench.steps(1)
    bench.run(lambda m: {**good(m), "log": "second\n"})
    [id] = trials(bench)
    assert output(capsys, bench, "logs", id) == "second\n"
    assert output(capsys, bench, "logs", id, "--attempt", "1") == "first\n"
    with pytest.raises(NotFound, match="attempt 3") as error:
        logs.logs(bench.db, bench.root, id, 3)
    assert error.value.fix == "there are: 1, 2"


def test_logs_of_a_running_trial_come_from_its_file(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.steps()
    [(_, message)] = bench.begin_all()
    write(bench, message["trial"], "epoch 1\n")
    assert output(capsys, bench, "logs", message["trial"]) == "epoch 1\n"
    assert run(["logs", message["trial"], "--root", str(bench.root)]) == 0
    assert "no scheduler runs" in capsys.readouterr().err


def test_following_ends_with_the_trial_and_misses_nothing(bench: Bench) -> None:
    bench.submit(values=(1,))
    bench.steps()
    [(worker, message)] = bench.begin_all()
    id = message["trial"]
    parts: list[bytes] = []

    def turn() -> None:
        """What happens between two looks: the trial writes, then ends, and its log is taken away."""
        write(bench, id, f"epoch {len(parts)} ü\n")
        if len(parts) == 3:
            bench.executor.answer(worker, good_result(id, message["attempt"]))
            bench.steps(1)
            assert not trial_log(bench.root, id).exists()

    write(bench, id, "begin\n")
    with scheduler_lock(bench.root):
        for part in logs.follow(bench.db, bench.root, id, turn):
            parts.append(part)
    assert b"".join(parts).decode() == "begin\nepoch 1 ü\nepoch 2 ü\nepoch 3 ü\n"


def test_following_what_nothing_runs_ends(bench: Bench) -> None:
    bench.submit(values=(1,))
    [id] = trials(bench)
    assert b"".join(logs.follow(bench.db, bench.root, id, lambda: pytest.fail("it waits"))) == b""


def write(bench: Bench, trial: str, text: str) -> None:
    path = trial_log(bench.root, trial)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)
