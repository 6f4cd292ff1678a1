"""The space of a search: configs put together from it have the ids that a grid gives them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from blueno.errors import SpecErrors
from blueno.planning import compile_spec
from blueno.planning.proposed import Picks, proposed, walk
from blueno.planning.searching import drawn_picks, sampled
from blueno.search.matching import picks_of
from blueno.spec import load

from .specs import FUNCTION, compiled

SPECS = [
    path
    for path in sorted(Path("specs").rglob("*.yaml"))
    if path.stem not in ("files", "search", "pruning", "objectives")  # paths with {fold}; searches themselves
]


def all_picks(space: dict[str, Any]) -> list[Picks]:
    """Every way through a space in which nothing is drawn."""
    found: list[Picks] = []
    waiting: list[list[int]] = [[]]
    while waiting:
        prefix = waiting.pop()
        picks, sizes = followed(space, prefix)
        waiting += [[*prefix, index] for index in range(sizes[0])] if sizes else []
        found += [] if sizes else [picks]
    return found


def followed(space: dict[str, Any], prefix: list[int]) -> tuple[Picks, list[int]]:
    """The picks that begin so, and how many values each of the others could take."""
    given, sizes = iter(prefix), list[int]()

    def choose(variable: dict[str, Any]) -> int:
        index = next(given, None)
        if index is None:
            sizes.append(len(variable["values"]))
        return index or 0

    return walk(space, choose), sizes


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_space_has_the_configs_of_its_grid(path: Path, tmp_path: Path) -> None:
    grid = compile_spec(load(path, root=Path()), tmp_path)
    if len(grid.configs) > 500:
        pytest.skip("too many to write out")
    lines = [line for line in path.read_text().split("\n") if not line.startswith("baseline:")]
    beside = path.with_name(f"{path.stem}-{tmp_path.name}-searched.yaml")
    beside.write_text("\n".join([*lines, "search: {method: random, configs: 5}", ""]))
    try:
        plan = compile_spec(load(beside, root=Path()), tmp_path)
    finally:
        beside.unlink()
    assert plan.search is not None
    space = json.loads(json.dumps(plan.search["space"]))
    made = [proposed(space, picks, 0) for picks in all_picks(space)]
    kept = [each for each in made if not each.excluded]
    assert {each.config.id for each in kept} == {config.id for config in grid.configs}
    assert {trial.id for each in kept for trial in each.trials} == {trial.id for trial in grid.trials}
    assert {node.id for each in kept for node in each.datasets} == {node.id for node in grid.datasets}
    for each in kept[:50]:
        assert picks_of(space, each.config.id, each.config.params) is not None


DRAWN = (
    FUNCTION
    + """\
search: {method: random, configs: 5, seed: 1}
model:
  function: job.py:train
  rate: {log_uniform: [1e-3, 1]}
  size: {int_uniform: [1, 3]}
  one_of: [{a: {uniform: [0, 1]}}, {b: {range: [1, 5, 1]}, as: bee}]
train: {epochs: {log_int_uniform: [2, 64]}, batch_size: {ref: train.epochs}}
"""
)


def test_what_is_drawn_is_the_config_that_says_it(tmp_path: Path) -> None:
    plan = compiled(DRAWN, tmp_path)
    assert plan.search is not None
    chance = random.Random(4)
    for _ in range(20):
        picks = drawn_picks(plan.search["space"], chance)
        made = proposed(plan.search["space"], picks, 0)
        lines = [f"  {key}: {json.dumps(value)}" for key, value in made.config.params["model"].items()]
        epochs = made.config.params["train"]["epochs"]
        train = f"train: {{epochs: {epochs}, batch_size: {{ref: train.epochs}}}}\n"
        written = compiled(FUNCTION + "model:\n" + "\n".join(lines) + "\n" + train, tmp_path)
        assert written.configs[0].id == made.config.id
        assert written.trials[0].id == made.trials[0].id
        assert picks_of(plan.search["space"], made.config.id, made.config.params) == picks


def test_axes_that_depend_on_each_other_are_refused(tmp_path: Path) -> None:
    text = FUNCTION + "search: {method: random, configs: 5}\nmodel: {function: job.py:train, x: {uniform: [1, 2]}}\n"
    with pytest.raises(SpecErrors, match="occurs nowhere"):
        compiled(text + "exclude: [{model.y: 1}]\n", tmp_path)
    with pytest.raises(SpecErrors, match="drop each of"):
        compiled(text + "exclude: [{model.x: {gt: 0.5}}]\n", tmp_path)


def test_some_configs_of_a_search_can_be_looked_at(tmp_path: Path) -> None:
    plan = compiled(DRAWN, tmp_path)
    some = sampled(plan, 20)
    assert some.search is None
    assert len(some.configs) == len({config.id for config in some.configs}) == len(some.trials) == 20
