"""results: a row a config or a trial, other metrics, what fits a terminal, pictures of the best."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.cache.folder import FolderCache
from blueno.canonical import digest_file, short
from blueno.cli import run
from blueno.commands.results import results_text, table_of
from blueno.ml.scored import Scored, save_predictions
from blueno.store import read

from .command_line import document, output, trials
from .plans import good_result
from .test_scheduler import Bench, bad


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A sweep of two configs of two seeds: 0.5 and 0.7, 0.9 and a failure."""
    bench = Bench(tmp_path)
    bench.submit(values=(1, 2), seeds=2)
    scores = dict(zip(trials(bench), (0.5, 0.7, 0.9, None), strict=True))
    bench.run(lambda message: _outcome(bench, message, scores[message["trial"]]))
    yield bench
    bench.db.close()


def _outcome(bench: Bench, message: dict[str, Any], score: float | None) -> dict[str, Any]:
    if score is None:
        return bad(message)
    left = good_result(message["trial"], message["attempt"], score)
    file = save_predictions(
        bench.root / "made.npz",
        Scored("binary", np.array([0, 1, 1]), np.array([0.1, 0.4, 0.9]), np.array([0, 0, 1]), 2, True),
        np.array(["a", "b", "c"]),
        ["no", "yes"],
    )
    key = f"{message['trial'][:2]}/{message['trial']}/{message['attempt']}/predictions.npz"
    told = {"key": key, "sha256": digest_file(file), "bytes": file.stat().st_size}
    FolderCache(bench.root / "models").put_if_absent(key, file)
    metrics = {"val_score": score, "val_f1": score / 2}
    return {**left, "metrics": metrics, "artefacts": {"predictions": told}, "engine": "estimator", "history": {}}


def test_configs_that_several_engines_trained_are_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert "mixed" not in output(capsys, bench, "results")
    first = trials(bench)[0]
    bench.db.execute("UPDATE results SET engine = 'fused' WHERE trial = ?", (first,))
    text = output(capsys, bench, "results")
    config = bench.db.execute("SELECT config FROM trials WHERE id = ?", (first,)).fetchone()["config"]
    assert f"1 config mixed of replicates that estimator and fused trained: {short(config)}" in text
    [mixed] = [row for row in document(capsys, bench, "results")["rows"] if row["config_id"] == config]
    assert mixed["engines"] == ["estimator", "fused"]


def test_a_row_a_trial(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third, failed = trials(bench)
    found = document(capsys, bench, "results", "--by", "trial", "--metrics", "f1")
    assert found["by"] == "trial"
    assert [(each["id"], each["value"], each["metrics"]) for each in found["rows"]] == [
        (third, 0.9, {"val_f1": 0.45}),
        (second, 0.7, {"val_f1": 0.35}),
        (first, 0.5, {"val_f1": 0.25}),
        (failed, None, {"val_f1": None}),
    ]
    text = output(capsys, bench, "results", "--by", "trial", "--metrics", "val_f1")
    lines = [line.split() for line in text.splitlines()]
    assert lines[1] == ["trial", "x", "seed", "state", "val_score", "val_f1"]
    assert lines[3] == ["1", short(third), "2", "0", "succeeded", "0.9000", "0.4500"]
    assert lines[6] == ["4", short(failed), "2", "1", "failed", "-", "-"]


def test_other_metrics_of_configs(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, bench, "results", "--metrics", "val_f1")
    assert [each["metrics"]["val_f1"]["mean"] for each in found["rows"]] == [pytest.approx(0.3), 0.45]
    text = output(capsys, bench, "results", "--metrics", "f1_score, val_score")
    assert text.splitlines()[1].split() == ["config", "x", "val_score", "val_f1", "val_score", "n"]
    assert "0.60 ± 0.14" in text and "0.300 ± 0.071" in text and "1/2" in text


def test_a_metric_that_no_trial_has_says_which_there_are(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert run(["results", "--metrics", "val_f2", "--root", str(bench.root)]) == 1
    assert "no trial of small has a metric val_f2\n  fix: write val_f1" in capsys.readouterr().err


def test_csv_of_both_forms(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(output(capsys, bench, "results", "--csv", "--metrics", "f1"))))
    assert rows[0]["model.x"] == "1" and rows[0]["replicates"] == "2"
    assert float(rows[0]["val_f1_mean"]) == pytest.approx(0.3) and rows[1]["val_f1_std"] == ""
    made = output(capsys, bench, "results", "--csv", "--by", "trial", "--top", "1")
    [best] = csv.DictReader(io.StringIO(made))
    assert (best["id"], best["model.x"], best["seed"], best["state"]) == (trials(bench)[2], "2", "0", "succeeded")
    assert (best["fold"], best["val_score"]) == ("", "0.9")


def test_the_best_few(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert "... and 3 more trials" in output(capsys, bench, "results", "--by", "trial", "--top", "1")
    assert len(document(capsys, bench, "results", "--top", "1")["rows"]) == 1


def test_a_narrow_terminal(bench: Bench) -> None:
    made = table_of(bench.db, read.find_sweep(bench.db, None), "trial", ["f1"])
    text = results_text(made, width=48)
    assert all(len(line) <= 48 for line in text.splitlines()[1:-1])
    assert text.splitlines()[-1] == "no place for x: use a wider terminal"
    assert text.splitlines()[1].split() == ["trial", "seed", "state", "val_score", "val_f1"]


def test_pictures_of_the_best_config(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *_ = trials(bench)
    folder = tmp_path / "pictures"
    found = document(capsys, bench, "results", "--plots", str(folder))
    assert [each["trial"] for each in found["plots"]] == [first, second]
    assert sorted(path.name for path in (folder / short(first)).iterdir()) == [
        "confusion.png",
        "precision_recall.png",
        "roc.png",
    ]
    assert found["plots"][0]["left_out"] == {"curves": "it was trained in one go, so there is no history"}
    text = output(capsys, bench, "results", "--plots", str(folder))
    assert f"3 pictures of trial {short(first)} in {folder / short(first)}\n  confusion.png" in text


def test_pictures_where_a_file_is_in_the_way(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    (tmp_path / "file").write_text("")
    assert run(["show", trials(bench)[0], "--plots", str(tmp_path / "file"), "--root", str(bench.root)]) == 1
    assert "a file is there" in capsys.readouterr().err


def test_pictures_say_why_there_are_none(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _, _, failed = trials(bench)
    next((bench.root / "models").rglob(f"{first}/*/predictions.npz")).unlink()
    [drawn] = document(capsys, bench, "show", first, "--plots", str(tmp_path / "a"))["plots"]
    assert drawn["written"] == [] and drawn["left_out"]["predictions"].endswith("predictions.npz is gone")
    [drawn] = document(capsys, bench, "show", failed, "--plots", str(tmp_path / "b"))["plots"]
    assert drawn["left_out"]["predictions"] == "a function keeps none"


def test_a_trial_that_has_left_nothing_cannot_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path)
    bench.submit(values=(1,))
    assert run(["show", trials(bench)[0], "--plots", str(tmp_path / "p"), "--root", str(tmp_path)]) == 1
    assert "has left nothing to draw yet" in capsys.readouterr().err
    assert run(["results", "--plots", str(tmp_path / "p"), "--root", str(tmp_path)]) == 1
    assert "has a val_score yet" in capsys.readouterr().err
    bench.db.close()
