"""The verbs that act on what ran: stop, retry, rm."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blueno.canonical import short
from blueno.cli import run
from blueno.commands import request, retry, rm, stop, verify
from blueno.errors import BluenoError
from blueno.store import read, requests
from blueno.store.database import open_store, scheduler_lock

from .command_line import document, failed_sweep, model_files, output, trials, with_model
from .test_scheduler import Bench, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


@contextmanager
def another_scheduler(root: Path) -> Iterator[None]:
    """Somebody else holds the lock, and works off one round of requests in a moment."""
    with scheduler_lock(root) as mine:
        assert mine
        timer = threading.Timer(0.2, obey_once, [root])
        timer.start()
        try:
            yield
        finally:
            timer.join()


def obey_once(root: Path) -> None:
    db = open_store(root, 0.0)
    for waiting in requests.waiting(db):
        requests.work_off(db, waiting, 0.0)
    db.close()


# ---- asking a scheduler


def test_a_scheduler_that_runs_answers(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2))
    with another_scheduler(bench.root):
        answer = request.ask(bench.db, bench.root, "stop", {"sweep": sweep, "now": False})
    assert answer == {"cancelled": 2, "ended": []}


def test_a_scheduler_that_is_busy_is_not_waited_for_for_ever(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2))
    with scheduler_lock(bench.root):
        assert request.ask(bench.db, bench.root, "stop", {"sweep": sweep, "now": False}, within_s=0.2) is None
    assert len(requests.waiting(bench.db)) == 1
    # Whoever comes next and finds no scheduler works it off, before its own.
    assert request.ask(bench.db, bench.root, "stop", {"sweep": sweep, "now": False}) == {"cancelled": 0, "ended": []}
    assert requests.waiting(bench.db) == []
    assert bench.counts(sweep) == {"cancelled": 2}


def test_what_a_dead_scheduler_left_running_can_be_stopped(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2))
    bench.steps()
    bench.begin_all()
    assert request.ask(bench.db, bench.root, "stop", {"sweep": sweep, "now": False}) == {"cancelled": 2, "ended": []}
    assert bench.counts(sweep) == {"cancelled": 2}


# ---- stop


def test_stop_twice(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = bench.submit(values=(1, 2, 3))
    text = output(capsys, bench, "stop", "small")
    assert text == "small: 3 trials taken back\n  go on with: blueno sweep small.yaml\n"
    assert output(capsys, bench, "stop") == "small: nothing to stop\n"
    assert bench.counts(sweep) == {"cancelled": 3}
    found = document(capsys, bench, "stop", "--now")
    assert found == {
        "sweep": read.sweep_by_number(bench.db, sweep).id, "name": "small", "cancelled": 0, "ended": [], "running": 0,
        "answered": True,
    }  # fmt: skip


def test_stop_says_what_still_runs(bench: Bench) -> None:
    sweep = read.sweep_by_number(bench.db, bench.submit(values=(1, 2, 3)))
    bench.steps()
    bench.begin_all()
    with another_scheduler(bench.root):
        found = stop.stop(bench.db, bench.root, sweep, False)
    assert (found["cancelled"], found["running"]) == (1, 2)
    assert "2 that run may end; to end them now: blueno stop small --now" in stop.stop_text(found, sweep)
    with another_scheduler(bench.root):
        found = stop.stop(bench.db, bench.root, sweep, True)
    assert (found["cancelled"], len(found["ended"]), found["running"]) == (2, 2, 0)
    assert "2 trials taken back, 2 of them while they ran" in stop.stop_text(found, sweep)


def test_stop_leaves_what_another_sweep_wants(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    first = bench.submit(name="first", values=(1, 2))
    second = bench.submit(name="second", values=(2, 3))
    output(capsys, bench, "stop", "first")
    assert bench.counts(first) == {"cancelled": 2}
    assert bench.counts(second) == {"queued": 2}


# ---- retry


def test_retry_of_a_sweep(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = failed_sweep(bench)
    text = output(capsys, bench, "retry")
    assert text.startswith("small: 3 trials queued again")
    assert "run: blueno sweep small.yaml" in text
    assert bench.counts(sweep) == {"succeeded": 1, "queued": 3}
    assert output(capsys, bench, "retry") == "small: nothing to retry\n"
    bench.run(good)
    assert bench.counts(sweep) == {"succeeded": 4}


@pytest.mark.parametrize("cause", ["user_code", "out_of_memory", "diverged"])
def test_retry_by_cause(cause: str, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = failed_sweep(bench)
    assert document(capsys, bench, "retry", "--cause", cause)["queued"] == 1
    assert bench.counts(sweep)["queued"] == 1


def test_retry_of_trials(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = failed_sweep(bench)
    other = bench.submit(name="other", values=(2, 7))
    ids = trials(bench)
    found = document(capsys, bench, "retry", ids[1][:12], ids[2], ids[0])
    assert [(part["name"], part["queued"]) for part in found["sweeps"]] == [("small", 1), ("other", 0)]
    assert bench.counts(sweep) == {"succeeded": 1, "diverged": 1, "queued": 2}
    assert bench.counts(other) == {"queued": 2}
    text = output(capsys, bench, "retry", ids[0])
    assert text == f"small: nothing to retry: {short(ids[0])} is succeeded\n"


def test_a_cause_that_nothing_has(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    failed_sweep(bench)
    text = output(capsys, bench, "retry", "--cause", "timeout")
    assert text == "small: nothing to retry; it has failures of other causes: 1 user_code, 1 out_of_memory\n"
    assert run(["retry", "--cause", "usercode", "--root", str(bench.root)]) == 1
    assert "did you mean user_code?" in capsys.readouterr().err


def test_a_word_that_is_neither_sweep_nor_trial(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    failed_sweep(bench)
    assert run(["retry", "nothing", "--root", str(bench.root)]) == 1
    said = capsys.readouterr().err
    assert "no sweep goes by 'nothing'" in said
    assert "there are: small" in said


def test_digits_that_begin_a_sweep_and_a_trial(bench: Bench) -> None:
    sweep = bench.submit(values=(0,))
    id = read.sweep_by_number(bench.db, sweep).id
    bench.db.execute("UPDATE sweeps SET id = ?", (trials(bench)[0][:8] + id[8:],))
    with pytest.raises(BluenoError, match="of a sweep and of a trial"):
        retry.targets(bench.db, (trials(bench)[0][:6],))
    [target] = retry.targets(bench.db, (trials(bench)[0],))
    assert target.trials == trials(bench)


# ---- rm


def test_rm_shows_then_forgets_what_no_other_sweep_has(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    first = bench.submit(name="first", values=(1, 2), data=True)
    second = bench.submit(name="second", values=(2, 3))
    bench.run(with_model(bench))
    assert len(model_files(bench)) == 4
    found = document(capsys, bench, "rm", "first")
    assert {key: found[key] for key in ("trials", "shared", "models", "bytes", "datasets", "removed")} == {
        "trials": 2, "shared": 0, "models": 2, "bytes": 128, "datasets": 1, "removed": False,
    }  # fmt: skip
    assert {sweep.number for sweep in read.sweeps(bench.db)} == {first, second}
    text = output(capsys, bench, "rm", "first", "--yes")
    assert "2 trials with their results; 0 more stay" in text
    assert "2 files in models/, 128 B" in text
    assert text.endswith("removed\n")
    assert [sweep.number for sweep in read.sweeps(bench.db)] == [second]
    assert {key.split("/")[1] for key in model_files(bench)} == set(trials(bench))
    assert not list((bench.root / "models").glob("*/*/*/none"))
    assert len(list((bench.root / "models").glob("*/*"))) == 2
    assert verify.verify(bench.db, bench.root, None)["ok"]


def test_rm_keeps_what_is_shared(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1, 2))
    second = bench.submit(name="second", values=(2, 3))
    bench.run(with_model(bench))
    sweep = read.sweep_by_number(bench.db, first)
    assert rm.removable(bench.db, sweep)["shared"] == 1
    assert rm.rm(bench.db, bench.root, sweep)
    assert bench.counts(second) == {"succeeded": 2}
    assert len(model_files(bench)) == 2


def test_rm_asks(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    assert run(["rm", "small", "--root", str(bench.root)]) == 1
    said = capsys.readouterr()
    assert "1 trial with their results" in said.out
    assert "blueno rm small --yes" in said.err
    assert len(read.sweeps(bench.db)) == 1


def test_rm_of_what_runs_is_refused_with_what_to_do(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2, 3))
    bench.steps()
    bench.begin_all()
    with another_scheduler(bench.root), pytest.raises(BluenoError, match="2 of its trials are running") as error:
        rm.rm(bench.db, bench.root, read.sweep_by_number(bench.db, sweep))
    assert "blueno stop small --now" in error.value.fix
    assert bench.counts(sweep) == {"running": 2, "queued": 1}


def test_models_that_an_interrupted_rm_left_go_with_the_next(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1,))
    second = bench.submit(name="second", values=(2,))
    bench.run(with_model(bench))
    request.ask(bench.db, bench.root, "remove", {"sweep": first})  # and then its process died
    assert len(model_files(bench)) == 2
    assert rm.rm(bench.db, bench.root, read.sweep_by_number(bench.db, second))
    assert model_files(bench) == []


def test_a_trial_that_came_back_keeps_its_models(bench: Bench) -> None:
    first = bench.submit(name="first", values=(1,))
    bench.run(with_model(bench))
    rm.rm(bench.db, bench.root, read.sweep_by_number(bench.db, first))
    bench.submit(name="again", values=(1,))
    bench.run(with_model(bench))
    other = bench.submit(name="other", values=(5,))
    rm.rm(bench.db, bench.root, read.sweep_by_number(bench.db, other))
    assert len(model_files(bench)) == 1
    assert verify.verify(bench.db, bench.root, None)["ok"]
