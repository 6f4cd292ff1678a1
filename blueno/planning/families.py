"""Families: trials whose training is the same program but for numbers, so that one worker can train many as a pack.

What may differ from trial to trial of a family is left out of its key, or only its kind is in it. Whether datasets have
the same shape is not known before they are built: the worker looks at that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..canonical import digest
from ..counting import counted
from ..settings import FEWEST_OF_FAMILY
from .records import Trial

SHOWN = 6  # sizes of families, in text
PER_LANE = {"seed", "dataset"}
PER_LANE_OF_TRAIN = {"learning_rate", "epochs", "early_stopping", "reduce_on_plateau", "select"}
# What random layers keep as numbers that a program can be given (tests/jax/test_strengths.py), by their bare names.
STRENGTHS = {
    "randombrightness": {"factor"}, "randomcolordegeneration": {"factor"}, "randomcontrast": {"factor"},
    "randomerasing": {"factor"}, "randomhue": {"factor"}, "randomrotation": {"factor"},
    "randomsaturation": {"factor"}, "randomsharpness": {"factor"}, "randomshear": {"x_factor", "y_factor"},
    "randomtranslation": {"height_factor", "width_factor"}, "randomzoom": {"height_factor", "width_factor"},
    "gaussiannoise": {"stddev"}, "dropout": {"rate"},
}  # fmt: skip
NO_NETWORK = "no network"


class Family(NamedTuple):
    """The digest of what its trials have in common; or "", and why they are trained one at a time."""

    key: str
    why_not: str


class Share(NamedTuple):
    """How a plan's networks are shared out to the engines."""

    fused: list[int]  # trials of each family, in the order of the plan
    fit: dict[str, int]  # why not fused -> trials
    drawn: int = 0  # of a search, which does not know its own: so many configs at random are shared out instead

    def document(self) -> dict[str, Any]:
        """What `plan --json` says of it."""
        drawn = {"drawn": self.drawn} if self.drawn else {}
        listed = [{"trials": count, "why": why} for why, count in self.fit.items()]
        return {"fused": self.fused, "fit": listed, **drawn}

    def text(self) -> str:
        """The same in a line; "" without networks."""
        sizes = ", ".join(map(str, self.fused[:SHOWN])) + (", ..." if len(self.fused) > SHOWN else "")
        families = "1 family" if len(self.fused) == 1 else f"{len(self.fused)} families"
        parts = [f"fused: {families} ({sizes} trials)"] if self.fused else []
        parts += [f"fit: {counted(count, 'trial')} ({why})" for why, count in self.fit.items()]
        head = f"engine, of {counted(self.drawn, 'config')} drawn at random: " if self.drawn else "engine: "
        return head + "; ".join(parts) if parts else ""


def family_of(recipe: Mapping[str, Any]) -> Family:
    """The family of a trial, told from its recipe alone."""
    model, train = recipe["model"], recipe["train"]
    if "architecture" not in model or train is None:
        return Family("", NO_NETWORK)
    if train.get("mixed_precision"):
        return Family("", "mixed precision")
    shared = {key: value for key, value in recipe.items() if key not in PER_LANE}
    shared["augment"] = [_layer(choice) for choice in recipe["augment"]]
    stages = [_train({**train, **stage, "stages": None}) for stage in train.get("stages") or []]
    return Family(digest(shared | {"model": _kinds(model), "train": stages or _train(train)}), "")


def _train(train: Mapping[str, Any]) -> dict[str, Any]:
    name, parameters = next(iter(train["optimizer"].items()))
    shared = {key: value for key, value in train.items() if key not in PER_LANE_OF_TRAIN}
    return shared | {
        "optimizer": {name: _kinds(parameters or {})},
        "class_weight": train.get("class_weight") is not None,
    }


def _layer(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A layer of the augmentation with only the kinds of the numbers that may differ from lane to lane."""
    name, parameters = next(iter(choice.items()))
    numbers = STRENGTHS.get(name.replace("_", "").lower(), set())
    return {name: {key: _sign(value) if key in numbers and isinstance(value, float) else value
                   for key, value in (parameters or {}).items()}}  # fmt: skip


def _kinds(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with only the sign of numbers that a program can be given: at zero it may take another branch."""
    return {name: _sign(value) if isinstance(value, float) else value for name, value in parameters.items()}


def _sign(value: float) -> list[str]:
    return ["number", "0" if value == 0 else "+" if value > 0 else "-"]


def families(trials: Iterable[Trial]) -> Iterator[Family]:
    """The family of each trial, in order; looked into once for trials that differ in seed and dataset alone."""
    known: dict[str, Family] = {}
    for trial in trials:
        text = trial.recipe.replace(f'"dataset":"{trial.dataset_id}"', "").replace(f'"seed":{trial.seed},"train"', "")
        if text not in known:
            known[text] = family_of(json.loads(trial.recipe))
        yield known[text]


def share_out(trials: Sequence[Trial], engine: str, why_never: str = "", among: Sequence[Trial] = ()) -> Share:
    """Which of `trials` are trained as packs with the setting `engine`, and why other networks are not; `why_never` is
    why none can be here, if so. Families are counted `among` more trials, if there are such.
    """
    found = Counter(families(trials))
    all_of_it = Counter(families(among)) if len(among) > len(trials) > 0 else found
    fewest = FEWEST_OF_FAMILY if engine == "auto" else 1
    fused: list[int] = []
    fit: Counter[str] = Counter()
    for family, count in found.items():
        if family.why_not == NO_NETWORK:
            continue
        why = (
            family.why_not
            or why_never
            or ("" if all_of_it[family] >= fewest else f"fewer than {FEWEST_OF_FAMILY} of a family")
        )
        if why:
            fit[why] += count
        else:
            fused.append(count)
    return Share(fused, dict(fit))
