"""show, and what all verbs say about names that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.canonical import short
from blueno.cli import run
from blueno.commands import show

from .command_line import document, output, trials
from .recipe_plans import DATA, RECIPE, recipe_plan
from .test_scheduler import Bench, bad, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def test_show_says_what_a_trial_left(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(**recipe_plan([{}]))
    artefact = {"weights": {"key": "ab/x/1/weights.h5", "sha256": "0", "bytes": 1}}
    bench.run(lambda m: {**good(m), **({"artefacts": artefact} if m["kind"] == "train" else {})})
    [id] = trials(bench)
    found = document(capsys, bench, "show", id[:10])
    assert found["id"] == id
    assert found["state"] == "succeeded"
    assert (found["seed"], found["fold"], found["engine"], found["attempts"]) == (0, None, "function", 1)
    assert found["metrics"] == {"val_score": 0.5}
    assert found["history"] == {"val_score": [0.5]}
    assert found["artefacts"] == {"weights": str(bench.root / "models" / "ab/x/1/weights.h5")}
    assert found["environment"] == {"python": "3"}
    assert found["error"] is None
    assert found["params"] == {"model": RECIPE["model"]}
    assert found["resolved"]["model"] == RECIPE["model"]
    assert found["resolved"]["train"] == RECIPE["train"]
    assert list(found["resolved"]) == ["data", "preprocess", "augment", "model", "train"]
    assert found["resolved"]["preprocess"] == [{step["name"]: step["params"]} for step in DATA["steps"]]
    assert [sweep["name"] for sweep in found["sweeps"]] == ["small"]
    text = output(capsys, bench, "show", id)
    for part in (f"trial {short(id)} of small #1: succeeded", "seed 0", "val_score  0.5", "weights.h5", "python"):
        assert part in text


def test_show_of_a_trial_that_never_ran(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    [id] = trials(bench)
    found = show.show(bench.db, bench.root, id)
    assert (found["state"], found["engine"], found["attempts"], found["error"]) == ("queued", None, 0, None)
    assert found["metrics"] == found["history"] == found["artefacts"] == found["environment"] == {}
    assert output(capsys, bench, "show", id).startswith(f"trial {short(id)} of small #1: queued\n")


def test_show_of_a_failed_trial_has_its_traceback(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.run(bad)
    [id] = trials(bench)
    assert document(capsys, bench, "show", id)["error"]["class"] == "user_code"
    text = output(capsys, bench, "show", id)
    assert "error (user_code)\n  ValueError: no\n    ..." in text


def test_show_of_a_running_trial_says_where_it_is(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.steps()
    [(worker, message)] = bench.begin_all()
    epoch = {
        "kind": "epoch",
        "trial": message["trial"],
        "attempt": 1,
        "epoch": 2,
        "epochs": 9,
        "metrics": {"loss": 1.0},
    }
    bench.executor.say(worker, epoch)
    bench.steps(1)
    found = document(capsys, bench, "show", message["trial"])
    assert found["progress"] == {"slot": "cpu:0", "epoch": 2, "epochs": 9, "metrics": {"loss": 1.0}}
    assert "at epoch 2 on cpu:0" in output(capsys, bench, "show", message["trial"])


def test_only_the_last_epochs_are_printed(bench: Bench) -> None:
    bench.submit(values=(1,))
    history = {"loss": [float(i) for i in range(20)], "val_loss": [None] * 20}
    bench.run(lambda m: {**good(m), "history": history})
    text = show.show_text(show.show(bench.db, bench.root, trials(bench)[0]))
    lines = [line.split() for line in text.splitlines() if line.split()[2:] == ["-"]]
    assert lines == [[str(epoch), str(epoch - 1), "-"] for epoch in range(16, 21)]


@pytest.mark.parametrize("verb", ["show", "logs", "why"])
def test_an_unknown_id_is_told_with_some_that_exist(
    verb: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.submit(values=(1, 2))
    assert run([verb, "small", "--root", str(bench.root)]) == 1
    said = capsys.readouterr().err
    assert "begins with 'small'" in said
    assert short(trials(bench)[0]) in said
    assert run([verb, "", "--root", str(bench.root)]) == 1
    assert "give more digits" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["failures", "watch", "stop", "retry", "verify", "rm"])
def test_an_unknown_sweep_is_told_with_those_that_exist(
    verb: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.submit(values=(1, 2))
    assert run([verb, "digits", "--root", str(bench.root)]) == 1
    said = capsys.readouterr().err
    assert "no sweep goes by 'digits'" in said
    assert "there are: small" in said


@pytest.mark.parametrize(
    "arguments", [["show", "a"], ["logs", "a"], ["failures"], ["why", "a"], ["watch"], ["stop"], ["retry"], ["verify"]]
)
def test_without_a_store_all_say_how_to_begin(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--root", str(tmp_path)]) == 1
    assert "blueno sweep SPEC" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
