"""Epochs keep the numbers that a function or a program gave them, wherever they are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blueno import api
from blueno.cli import run
from blueno.commands.failures import failures
from blueno.elastic.documents import Owner, documents
from blueno.ml.function import train
from blueno.ml.pictures.curves import draw_curves
from blueno.store import outbox, prunings, read

from .command_line import trials
from .ml_jobs import code, job, quiet
from .plans import good_result
from .test_scheduler import Bench, bench

__all__ = ["bench"]

FIVES = [5, 10, 15]


def outcome(message: dict[str, Any]) -> dict[str, Any]:
    history = {"val_score": [0.1, 0.2, 0.3], "loss": [3.0, 2.0, None]}
    told = good_result(message["trial"], message["attempt"]) | {"history": history, "epoch": 15, "epochs": FIVES}
    return told | {"state": "diverged", "nonfinite": ["loss"]} if message["recipe"]["model"]["x"] == 2 else told


def test_a_function_says_which_epochs_it_reports(tmp_path: Path) -> None:
    text = "def f(trial):\n    for epoch in (5, 10, 15):\n        trial.report(epoch, {'val_accuracy': epoch})\n"
    made = job(tmp_path / "job", None, {"function": "f.py:f"}, code=code(tmp_path / "code", f=text))
    told = train(made, quiet)
    assert told.epochs == (5, 10, 15) and told.epoch == 15 and told.history == {"val_accuracy": [5.0, 10.0, 15.0]}


def test_everything_that_shows_epochs_agrees(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = bench.submit(values=(1, 2))
    bench.run(outcome)
    first, second = trials(bench)
    assert read.trial(bench.db, first)["result"]["epochs"] == FIVES
    assert run(["show", first, "--root", str(bench.root)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if len(row) == 3][-3:] == [["5", "0.1", "3"], ["10", "0.2", "2"], ["15", "0.3", "-"]]
    assert run(["find", "epoch = 15", "--json", "--root", str(bench.root)]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 2
    assert api.results(root=bench.root).history(first).index.tolist() == FIVES
    [group] = failures(bench.db, read.find_sweep(bench.db, None))["groups"]
    assert group["epochs"] == {second: 15}
    past = next(prunings.ended(bench.db, sweep, "val_score"))
    assert past.values == [[5, 0.1], [10, 0.2], [15, 0.3]]
    made = documents(outbox.part(bench.db, [first]), Owner("s", "o"), str, {})
    epochs = {(each.source["split"], each.source["epoch"]) for each in made if each.kind == "epochs" and each.source}
    assert epochs == {(split, epoch) for split in ("val", "other") for epoch in FIVES}
    history, epochs_of = (read.trial(bench.db, first)["result"][key] for key in ("history", "epochs"))
    lines = draw_curves(history, epochs_of, 15).axes[0].get_lines()
    assert list(lines[0].get_xdata()) == FIVES  # type: ignore[arg-type]


def test_a_result_from_before_counts_from_one(bench: Bench) -> None:
    bench.submit(values=(1,))
    bench.run(lambda message: {key: value for key, value in outcome(message).items() if key != "epochs"})
    [trial] = trials(bench)
    assert bench.db.execute("SELECT epochs FROM results").fetchone()[0] is None
    assert read.trial(bench.db, trial)["result"]["epochs"] == [1, 2, 3]
