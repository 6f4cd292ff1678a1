"""Configs of a search, put together from its space: the same ids as if the spec had listed them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from ..canonical import canonical, digest_text
from ..spec.conditions import holds
from ..spec.language import CLASHING, SECTIONS
from .families import family_of
from .identity import Preparation, dataset_text, preparation, replicates, trial_text
from .identity import config_text as text_of_config
from .records import Config, DatasetNode, Trial
from .space import Space, patterns_of

Picks = dict[str, Any]  # name of a variable -> index, or number; only of those that are there
Choose = Callable[[dict[str, Any]], Any]


class Proposed(NamedTuple):
    """A config with all that is new about it."""

    config: Config
    trials: list[Trial]
    datasets: list[DatasetNode]
    families: list[str]  # of each trial
    excluded: bool


def walk(space: Space, choose: Choose) -> Picks:
    """Chooses a value for each variable that is there, given those chosen before."""
    taken: dict[int, Any] = {}
    picks: Picks = {}
    variables = {variable["order"]: variable for variable in space["variables"]}

    def settle(order: int) -> bool:
        """Whether the variable is there; then it has a value."""
        if order in taken:
            return True
        variable = variables[order]
        under = variable["under"]
        if under is not None and (not settle(under[0]) or taken[under[0]] != under[1]):
            return False
        leader = variable["leader"]
        if leader is not None and settle(leader):
            taken[order] = taken[leader]
            return True
        taken[order] = picks[variable["name"]] = choose(variable)
        return True

    for order in sorted({order for frame in space["frames"] for order, _ in frame["picks"]}):
        settle(order)
    frame = _frame(space, taken)
    orders: set[int] = set()
    for factor in _there(frame):
        for form in factor["forms"]:
            orders |= {order for order, _ in form["picks"]} | {int(order) for order in form["axes"]}
    for order in sorted(orders):
        settle(order)
    return picks


def _frame(space: Space, taken: dict[int, Any]) -> Space:
    return next(frame for frame in space["frames"] if all(taken.get(order) == index for order, index in frame["picks"]))


def _there(frame: Space) -> list[Space]:
    """The factors that say something of this kind of model."""
    absent = ("train", "augment") if frame["kind"] == "estimator" else ()
    return [factor for factor in frame["factors"] if factor["section"] not in absent]


def proposed(space: Space, picks: Picks, position: int) -> Proposed:
    """The config of some picks, at its place in the sweep, with its trials and datasets."""
    taken = _taken(space, picks)
    frame = _frame(space, taken)
    parts = {section: [] for section in SECTIONS}  # type: dict[str, list[tuple[Space, Space]]]
    for factor in _there(frame):
        parts[factor["section"]].append((factor, _outcome(factor, taken)))
    values = dict(frame["names"])
    for _, outcome in (each for section in parts.values() for each in section):
        values |= outcome["paths"]
    excluded = any(all(holds(each, values) for each in pattern.conditions) for pattern in patterns_of(space))
    return _made(space, frame, parts, position, excluded)


def _taken(space: Space, picks: Picks) -> dict[int, Any]:
    """The picks by the numbers of their variables, with those that go along."""
    taken = {each["order"]: picks[each["name"]] for each in space["variables"] if each["name"] in picks}
    for each in space["variables"]:
        if each["leader"] in taken:
            taken[each["order"]] = taken[each["leader"]]
    return taken


def _outcome(factor: Space, taken: dict[int, Any]) -> Space:
    """What a factor comes to."""
    form = next(each for each in factor["forms"] if all(taken.get(order) == index for order, index in each["picks"]))
    if not form["axes"]:
        return form["base"]
    outcome = copy.deepcopy(form["base"])
    for order, holes in form["axes"].items():
        value = taken[int(order)]
        for place, content in holes:
            if content == "float":
                _put(outcome, place, [float(value)])
            elif content == "int":
                _put(outcome, place, [value])
            else:
                _put(outcome, place, content[value])
    return outcome


def _put(document: Any, place: list[Any], value: list[Any]) -> None:
    *outer, last = place
    for key in outer:
        document = document[key]
    if value:
        document[last] = copy.deepcopy(value[0])
    else:
        document.pop(last, None)


def _made(
    space: Space, frame: Space, parts: dict[str, list[tuple[Space, Space]]], position: int, excluded: bool
) -> Proposed:
    [(_, data)], [(_, preprocess)] = parts["data"], parts["preprocess"]
    made = _preparation(data["resolved"], preprocess["resolved"])
    augment = parts["augment"][0][1] if parts["augment"] else None
    code = {**(augment["code"] if augment else {}), **frame["code"]}
    for _, outcome in (*parts["model"], *parts["train"]):
        code |= outcome["code"]
    texts = (
        canonical(augment["resolved"] if augment else []),
        ",".join(f"{canonical(key)}:{canonical(code[key])}" for key in sorted(code)),
        canonical(_model(frame, parts["model"])),
    )
    train = canonical(_train(frame, parts["train"]))
    id = digest_text(text_of_config(made, *texts, train))
    seeded = frame["seeded"] or any(outcome["seeded"] for _, outcome in parts["model"])
    wanted = replicates(space["seeds"], seeded, data["resolved"]["num_folds"])
    trials: list[Trial] = []
    datasets: dict[str, DatasetNode] = {}
    for number, (seed, fold) in enumerate(wanted):
        dataset = None
        if made.before:
            text = dataset_text(made, fold)
            node = DatasetNode(digest_text(text), text)
            datasets[node.id], dataset = node, node.id
        recipe = trial_text(dataset, *texts, seed, train)
        trials.append(Trial(digest_text(recipe), id, dataset, seed, fold, recipe, position * len(wanted) + number))
    family = family_of(json.loads(trials[0].recipe)).key
    config = Config(id, _params(frame, parts), position)
    return Proposed(config, trials, list(datasets.values()), [family] * len(trials), excluded)


def _preparation(data: Space, steps: list[Any]) -> Preparation:
    from ..spec.data_section import Data

    return preparation(Data(data["source"], data["columns"], data["split"]), canonical(steps), canonical)


def _model(frame: Space, factors: list[tuple[Space, Space]]) -> dict[str, Any]:
    model: Space = dict(frame["constants"])
    inner: Space = {}
    for factor, outcome in factors:
        name = factor["key"].removeprefix("params.")
        if outcome["is_there"]:
            (inner if factor["key"] != name and name in CLASHING else model)[name] = outcome["resolved"]
    return {**model, "params": inner} if inner else model


def _train(frame: Space, factors: list[tuple[Space, Space]]) -> dict[str, Any] | None:
    if frame["kind"] == "estimator":
        return None
    train = dict(frame["train"])
    train |= {factor["key"]: outcome["resolved"] for factor, outcome in factors if outcome["is_there"]}
    return train or None


def _params(frame: Space, parts: dict[str, list[tuple[Space, Space]]]) -> dict[str, Any]:
    """The config as written."""
    params: dict[str, Any] = {"arm": frame["names"]["arm"]} if "arm" in frame["names"] else {}
    for section in SECTIONS:
        if section in ("model", "train"):
            written = _written(section, frame, parts[section])
        else:
            outcomes = [outcome["written"] for _, outcome in parts[section] if outcome["is_there"]]
            written = outcomes[0] if outcomes else None
        if written is not None:
            params[section] = written
    return params


def _written(section: str, frame: Space, factors: list[tuple[Space, Space]]) -> dict[str, Any] | None:
    if section == "train" and (not frame["has_train"] or frame["kind"] == "estimator"):
        return None
    written: dict[str, Any] = {} if section == "train" else {frame["kind"]: frame["name"]}
    for factor, outcome in factors:
        key = factor["key"]
        if outcome["is_there"] and key.startswith("params."):
            written.setdefault("params", {})[key.removeprefix("params.")] = outcome["written"]
        elif outcome["is_there"]:
            written[key] = outcome["written"]
    if section == "model" and frame["uses"]:
        written["uses"] = frame["uses"]
    return written
