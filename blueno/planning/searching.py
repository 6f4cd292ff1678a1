"""The plan of a search: what is known before anything was drawn."""

from __future__ import annotations

import json
import random
from typing import Any

from ..spec.load import Spec
from ..spec.search_section import Search
from ..spec.train_section import contradictions
from ..spec.variables import Variable, index_of, size_of
from .contents import Reader
from .proposed import Picks, Proposed, proposed, walk
from .records import DatasetNode, Plan
from .space import Space, space_of

TRIED = 200  # configs that are drawn to see whether any can be


def search_plan(spec: Spec, search: Search, reader: Reader) -> tuple[dict[str, Any], list[DatasetNode]]:
    """What a plan says of its search, and the datasets that it needs in any case. Adds a problem for what cannot be
    searched.
    """
    space = space_of(spec, reader)
    if spec.baseline is not None:
        fix = "name the config under search.first, and compare with it in `blueno results`"
        spec.problems.add(spec.baseline.mark, "baseline", "a search does not know its configs beforehand", fix)
    for file in reader.templates:
        message = "a search cannot fill {seed} or {fold} into a path yet"
        spec.problems.add(file.mark, "", message, "write the path out, or use method: grid")
    spec.problems.raise_any()
    drawn = _drawn(space, search.seed)
    _check(spec, drawn)
    size = size_of(spec.variables)
    configs = search.configs if size is None else min(search.configs, size)
    each = replicates_of(space)
    datasets = {node.id: node for one in drawn for node in one.datasets} if not _prepares(space) else {}
    document = {
        **search.document(), "configs": configs, "asked": search.configs, "size": size, "replicates": each,
        "planned": configs * each, "first": [_fixed(values, spec.variables) for values, _ in search.first],
        "prepares": _prepares(space), "space": space,
    }  # fmt: skip
    return document, list(datasets.values())


def _fixed(values: dict[str, Any], variables: list[Variable]) -> Picks:
    """The picks of an entry of `first`, with the alternatives that they stand in."""
    by_order = {variable.order: variable for variable in variables}
    fixed: Picks = {}
    for path, value in values.items():
        for variable in variables:
            index = index_of(variable, value) if variable.path == path else None
            if index is None:
                continue
            leads = variable if variable.leader is None else by_order[variable.leader]
            fixed[leads.name] = index
            under = variable.under
            while under is not None:
                parent = by_order[under[0]]
                fixed.setdefault(parent.name, under[1])
                under = parent.under
    return fixed


def drawn_picks(space: Space, chance: random.Random) -> Picks:
    """Picks at random."""
    return walk(space, lambda variable: draw(variable, chance))


def draw(variable: dict[str, Any], chance: random.Random) -> Any:
    """A value of a variable at random."""
    form, values = variable["form"], variable["values"]
    if "uniform" not in form:
        return chance.randrange(len(values))
    low, high = values
    if form == "uniform":
        return chance.uniform(low, high)
    if form == "int_uniform":
        return chance.randint(low, high)
    value = low * (high / low) ** chance.random()
    return min(max(low, round(value) if "int_" in form else value), high)


def _drawn(space: Space, seed: int) -> list[Proposed]:
    chance = random.Random(seed)
    return [proposed(space, drawn_picks(space, chance), 0) for _ in range(TRIED)]


def _check(spec: Spec, drawn: list[Proposed]) -> None:
    """Whether any config is left, and whether what is drawn contradicts itself."""
    if spec.patterns and all(each.excluded for each in drawn):
        message = f"the patterns drop each of {len(drawn)} configs that were drawn"
        spec.problems.add(spec.patterns[0].mark, "exclude[0]", message, "remove a pattern, or narrow one")
    told: set[str] = set()
    for each in drawn:
        recipe = json.loads(each.trials[0].recipe)
        if each.excluded or "architecture" not in recipe["model"]:
            continue
        for key, message, fix in contradictions(recipe["train"]):
            if message not in told:
                told.add(message)
                spec.problems.add(_mark(spec, key.partition("[")[0]), f"train.{key}", message, fix)


def _mark(spec: Spec, key: str) -> Any:
    outcomes = (
        outcome
        for frame in spec.frames
        for factor in frame.factors
        if factor.path == f"train.{key}"
        for outcome in factor.outcomes
    )
    return next(outcome.mark for outcome in outcomes if outcome.mark is not None and outcome.resolved)


def replicates_of(space: Space) -> int:
    """The most replicates that a config has."""
    most = 1
    for frame in space["frames"]:
        seeded = frame["seeded"]
        folds = [1]
        for factor in frame["factors"]:
            for form in factor["forms"]:
                seeded |= form["base"]["seeded"]
                if factor["section"] == "data":
                    folds.append(form["base"]["resolved"]["num_folds"] or 1)
                    for order, holes in form["axes"].items():
                        folds += _folds(space, int(order), holes)
        most = max(most, (len(space["seeds"]) if seeded else 1) * max(folds))
    return most


def _folds(space: Space, order: int, holes: list[Any]) -> list[int]:
    variable = next(each for each in space["variables"] if each["order"] == order)
    found = [content for place, content in holes if place == ["resolved", "num_folds"]]
    return [
        number
        for content in found
        for number in ([variable["values"][1]] if content == "int" else [each[0] or 1 for each in content if each])
    ]


def _prepares(space: Space) -> bool:
    """Whether the search varies how data are prepared: then nobody knows the datasets beforehand."""
    return any(
        form["axes"]
        for frame in space["frames"]
        for factor in frame["factors"]
        if factor["section"] in ("data", "preprocess")
        for form in factor["forms"]
    )


def sampled(plan: Plan, count: int = 64) -> Plan:
    """A plan whose search is replaced by some of its configs, drawn at random; one that lists its configs as it is."""
    if plan.search is None:
        return plan
    space, chance = plan.search["space"], random.Random(plan.search["seed"])
    made = [proposed(space, drawn_picks(space, chance), position) for position in range(count)]
    kept = {each.config.id: each for each in made if not each.excluded}.values()
    datasets = {node.id: node for each in kept for node in each.datasets}
    return plan._replace(
        configs=[each.config for each in kept],
        trials=[trial for each in kept for trial in each.trials],
        datasets=list(datasets.values()),
        search=None,
    )
