"""What the dashboard of a sweep is made for: its axes in the order that matters, their scales, and the objective."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from blueno.cli import run
from blueno.commands.elastic.dashboards import facts
from blueno.elastic.kibana.axes import MOST_AXES, axes_of, is_log, weight
from blueno.elastic.kibana.scatter import nice
from blueno.elastic.kibana.sweep import dashboard_id
from blueno.settings import Settings

from . import kibana_data as data
from .stores import Bench


def params(rate: Any, units: int, **more: Any) -> dict[str, Any]:
    return {"model": {"architecture": "mlp", "units": units, **more}, "train": {"learning_rate": rate}}


def test_the_axis_that_explains_the_most_comes_first() -> None:
    found = [params(rate, units) for rate in (0.001, 0.01, 0.1) for units in (8, 16, 24, 32)]
    by_rate = [each["train"]["learning_rate"] for each in found]
    by_units = [float(each["model"]["units"]) for each in found]
    assert [axis.label for axis in axes_of(found, list(by_rate))] == ["learning_rate", "units"]
    assert [axis.label for axis in axes_of(found, list(by_units))] == ["units", "learning_rate"]
    assert [axis.label for axis in axes_of(found, [None] * len(found))] == ["units", "learning_rate"], "by their values"


def test_names_are_those_of_the_index() -> None:
    found = [params(0.1, 8, pool="max"), params(0.1, 8, pool="mean"), params("auto", 8, pool="max")]
    assert {(axis.field, axis.numeric) for axis in axes_of(found, [None] * 3)} >= {("hp.cat.model.pool", False)}
    assert all(axis.field.startswith(("hp.num.", "hp.cat.")) for axis in axes_of(found, [None] * 3))
    assert {axis.field for axis in data.facts().axes} == {
        "hp.num.train.learning_rate", "hp.num.model.units", "hp.cat.model",
    }  # fmt: skip


def test_scales() -> None:
    assert is_log([1e-5, 1e-4, 1e-3, 1e-2])
    assert is_log([0.001 * 1.1**step for step in range(60)])
    assert not is_log([0.001 * step for step in range(1, 60)])
    assert not is_log([0, 0.001, 1])
    assert not is_log([5])
    assert nice(0.1) == 0.1


def test_weight_is_not_taken_in_by_many_values() -> None:
    noise = [0.1, 0.5, 0.3, 0.2, 0.4, 0.6, 0.15, 0.45]
    assert weight(list(range(8)), list(noise)) == 0.0
    assert weight(["a", "b"] * 4, [0.1, 0.9] * 4) == 1.0
    assert weight(["a", "b"] * 4, [0.5] * 8) == 0.0


def test_a_sweep_of_the_store(tmp_path: Path, capsys: Any) -> None:
    bench = Bench(tmp_path)
    bench.submit()
    with closing(bench.db):
        [found] = facts(Settings(bench.root), None)
        name = bench.db.execute("SELECT name, metric, direction FROM sweeps").fetchone()
    assert (found.name, found.metric, found.direction) == tuple(name)
    assert found.axes and len(found.axes) <= MOST_AXES
    root = ["--root", str(bench.root)]
    assert run(["elastic", "dashboards", *root, "--sweep", found.name]) == 0
    ids = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert dashboard_id("blueno", found.name) in ids
    assert run(["elastic", "dashboards", *root, "--sweep", "no-such"]) == 1
    assert "no sweep goes by 'no-such'" in capsys.readouterr().err
