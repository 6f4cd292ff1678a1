"""failures and watch: what went wrong in a sweep, and what it looks like while it runs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import short
from blueno.commands import failures, watch
from blueno.store import read
from blueno.store.database import scheduler_lock

from .command_line import document, output, trials
from .plans import good_result
from .test_scheduler import Bench, bad, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


# ---- failures


def test_failures_are_grouped_by_cause(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=tuple(range(8)))

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        x = message["recipe"]["model"]["x"]
        if x in (1, 2):
            return bad(message, "out_of_memory", "g2")
        if x == 5:
            gone = good_result(message["trial"], message["attempt"], state="diverged")
            return {
                **gone,
                "metrics": {"val_score": None},
                "nonfinite": ["val_score"],
                "history": {"loss": [1.0, None]},
            }
        return good(message) if x == 0 else bad(message)

    bench.run(outcome)
    found = document(capsys, bench, "failures")
    assert [(group["class"], group["count"]) for group in found["groups"]] == [
        ("user_code", 4),
        ("out_of_memory", 2),
        ("diverged", 1),
    ]
    assert (found["failed"], found["diverged"], found["planned"]) == (6, 1, 8)
    assert found["groups"][2]["epochs"] == {trials(bench)[5]: 2}
    text = output(capsys, bench, "failures", "small")
    assert "6 of 8 trials failed, 1 diverged" in text
    assert "4 × user_code: ValueError: no" in text
    assert "blueno retry small --cause out_of_memory" in text
    assert "not finite: val_score, from epoch 2 to 2" in text


def test_a_sweep_without_failures_says_so(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.run(good)
    assert output(capsys, bench, "failures") == "small: nothing failed or diverged\n"
    assert document(capsys, bench, "failures")["groups"] == []


def test_why_a_sweep_is_paused_is_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=tuple(range(20)))
    bench.run(bad)
    assert "paused: its first" in output(capsys, bench, "failures")


def test_the_first_epoch_that_was_not_finite() -> None:
    assert failures.first_null({"loss": [1.0, 2.0, None], "val_loss": [1.0, None, None]}, [5, 10, 15]) == 10
    assert failures.first_null({"loss": [1.0]}, [1]) is None
    assert failures.first_null({}, []) is None


# ---- watch


def test_watch_shows_workers_best_and_failures(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1, 2, 3, 4))
    bench.steps()
    first, second = bench.begin_all()
    bench.executor.answer(first[0], good_result(first[1]["trial"], 1, value=0.9))
    bench.executor.answer(second[0], bad(second[1]))
    bench.steps(1)
    [(worker, message), _] = bench.begin_all()
    epoch = {
        "kind": "epoch",
        "trial": message["trial"],
        "attempt": 1,
        "epoch": 2,
        "epochs": 9,
        "metrics": {"loss": 1.5, "val_score": 0.25},
    }
    bench.executor.say(worker, epoch)
    bench.steps(1)
    with scheduler_lock(bench.root):
        found = document(capsys, bench, "watch")
        text = output(capsys, bench, "watch", "--once")
    assert (found["planned"], found["running"], found["succeeded"], found["failed"]) == (4, 2, 1, 1)
    assert found["scheduler"] is True
    assert found["best"] == {"trial": first[1]["trial"], "metric": "val_score", "value": 0.9}
    assert [found["class"] for found in found["failures"]] == ["user_code"]
    assert "4 trials: 2 running, 1 succeeded, 1 failed" in text
    assert "best so far: val_score 0.9" in text
    assert f"{short(message['trial'])}  2/9    val_score 0.25 loss 1.5" in text
    assert f"{short(second[1]['trial'])}  user_code: ValueError: no" in text


def test_watch_says_when_nothing_runs(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    assert "no scheduler runs: go on with blueno sweep small.yaml" in output(capsys, bench, "watch")


def test_watch_shows_what_a_worker_builds(bench: Bench) -> None:
    bench.submit(values=(1,), data=True)
    bench.steps()
    with scheduler_lock(bench.root):
        text = watch.screen(watch.watch(bench.db, bench.root, read.find_sweep(bench.db, None)), "small.yaml")
    [dataset] = bench.db.execute("SELECT id FROM datasets").fetchone()
    assert f"builds dataset {short(dataset)}" in text


def test_watching_draws_in_place_until_the_sweep_is_finished(bench: Bench) -> None:
    sweep = bench.submit(values=(1,))
    stream = io.StringIO()
    pauses: list[float] = []

    def pause(duration_s: float) -> None:
        pauses.append(duration_s)
        bench.run(good)

    watch.keep_watching(bench.db, bench.root, read.sweep_by_number(bench.db, sweep), stream, pause)
    assert pauses[0] >= 1.0
    first, second = stream.getvalue().split("\x1b[J")[1:]
    assert "1 queued" in first
    assert first.endswith(f"\x1b[{first.count(chr(10))}F")
    assert "finished: blueno results small" in second


def test_the_screen_is_cut_to_the_terminal() -> None:
    stream = io.StringIO()
    assert watch.redraw(stream, "abcdefgh\n" * 9, 0, (5, 4)) == 3
    assert stream.getvalue() == "\x1b[Jabcd\nabcd\nabcd\n"
