"""What `results` and `show` say of searches, several objectives and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.commands.results import best_trials, results_text, table_of
from blueno.commands.show import show, show_text
from blueno.plots import plots_of_sweep
from blueno.store import read, searches

from . import searched
from .specs import compiled

SPEC = """\
version: 1
name: several
objective: [{maximize: score}, {minimize: cost}]
where: {score: {ge: 0.2}, cost: {le: 8}}
"""
GRID = "model: {function: job.py:train, size: {grid: [1, 2, 4, 6, 9]}}\n"
SCORES = {1: 0.1, 2: 0.5, 4: 0.4, 6: 0.9, 9: 1.0}


def outcome(model: dict[str, Any]) -> dict[str, float]:
    return {"score": SCORES[model["size"]], "cost": float(model["size"])}


def test_the_front_stands_first_and_what_is_beyond_limits_last(tmp_path: Path) -> None:
    db, number = searched.opened(compiled(SPEC + GRID, tmp_path), tmp_path)
    sweep = read.find_sweep(db, "several")
    before = results_text(table_of(db, sweep))
    assert "5 of 5 have no result to hold against where" in before and "do not keep" not in before
    searched.do_waiting(db, number, outcome)
    document = table_of(db, sweep)
    rows = [(row["params"]["model"]["size"], row["allowed"], row["front"]) for row in document["rows"]]
    assert rows == [(6, True, True), (2, True, True), (4, True, False), (9, False, False), (1, False, False)]
    assert list(document["rows"][0]["metrics"]) == ["cost"], "the objective has its column already"
    text = results_text(document)
    assert f"{document['rows'][0]['config_id'][:16]}*" in text
    assert "the front, 2 of 5" in text and "maximize score and minimize cost" in text
    named = ", ".join(row["config_id"][:16] for row in document["rows"][:2])
    assert f"the front: {named}\n" in results_text(document, top=1), "named where they are not shown, too"
    assert "2 of 5 do not keep to where (score ge 0.2, cost le 8)" in text
    assert best_trials(db, sweep) == document["rows"][0]["trials"]
    db.close()


def test_without_limits_and_others_nothing_is_marked(tmp_path: Path) -> None:
    plain = "version: 1\nname: plain\nobjective: {maximize: score}\n"
    db, number = searched.opened(compiled(plain + GRID, tmp_path), tmp_path)
    searched.do_waiting(db, number, outcome)
    document = table_of(db, read.find_sweep(db, "plain"))
    assert not {"allowed", "front"} & document["rows"][0].keys()
    assert "*" not in results_text(document) and "search" not in document
    db.close()


def test_a_search_says_how_its_best_became_better_and_where_a_config_is_from(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    text = "version: 1\nname: found\nobjective: {minimize: score}\n"
    text += "search: {method: tpe, configs: 12, startup: 3, first: [{model.rate: 0.9}]}\n"
    text += "model: {function: job.py:train, rate: {uniform: [0.0, 1.0]}}\n"
    db, number = searched.run(compiled(text, tmp_path), tmp_path, lambda model: abs(model["rate"] - 0.3), count=1)
    document = table_of(db, read.find_sweep(db, "found"))
    told = document["search"]
    assert (told["method"], told["configs"], told["tried"]) == ("tpe", 12, 12)
    assert told["best_so_far"][0] == [1, pytest.approx(0.6)]
    assert [value for _, value in told["best_so_far"]] == sorted((v for _, v in told["best_so_far"]), reverse=True)
    assert told["best_so_far"][-1][1] == document["rows"][0]["mean"]
    assert "tpe: 12 of 12 configs tried\nbest so far: 0.6 after 1" in results_text(document)
    origins = [row.origin for row in searches.rows(db, number)]
    assert origins == ["first", "startup", "startup", *["tpe"] * 9]
    first = next(row for row in document["rows"] if row["mean"] == pytest.approx(0.6))
    assert "proposal 0 of found (tpe): named under search.first" in show_text(show(db, tmp_path, first["trials"][0]))
    db.close()


def test_the_front_and_the_best_so_far_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    pytest.importorskip("matplotlib")
    search = "search: {method: random, configs: 5}\n"
    db, _ = searched.run(compiled(SPEC + search + GRID, tmp_path), tmp_path, outcome)
    drawn = plots_of_sweep(table_of(db, read.find_sweep(db, "several")), tmp_path / "pictures")
    assert [Path(path).name for path in drawn["written"]] == ["front.png", "best_so_far.png"]
    assert drawn["left_out"] == {}
    db.close()


def test_three_objectives_are_drawn_two_at_a_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from blueno.ml.pictures.front import draw_front

    values = np.array([[0.5, 10.0, 1.0], [0.7, 1000.0, 2.0], [0.4, 20.0, 3.0], [0.9, 1.0, 9.0]])
    objectives = [("score", "maximize"), ("cost", "minimize"), ("time", "minimize")]
    made = draw_front(values, objectives, [True, True, False, False], [True, True, True, False])
    first, second, third = made.axes
    assert [axes.get_xlabel().split()[0] for axes in (first, second, third)] == ["score", "score", "cost"]
    assert [len(each.get_offsets()) for each in first.collections] == [1, 1, 2]
    assert first.get_yscale() == third.get_xscale() == "log" and not first.lines


def test_the_line_of_a_front_has_what_is_beaten_on_one_side() -> None:
    pytest.importorskip("matplotlib")
    from blueno.ml.pictures.front import draw_front

    values = np.array([[3.0, 1.0], [1.0, 3.0], [2.0, 2.0]])
    for direction, steps in (("minimize", "steps-post"), ("maximize", "steps-pre")):
        made = draw_front(values, [("a", direction), ("b", direction)], [True] * 3, [True] * 3)
        [line] = made.axes[0].lines
        assert line.get_drawstyle() == steps and list(line.get_xdata()) == [1.0, 2.0, 3.0]
