"""The build of a dataset: source and steps that learn nothing (shared nodes), split, the other steps, arrays.

It may be killed anywhere and called again; what is published under an id is whole, and never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from blueno.cache import Cache
from blueno.cache.manifests import dataset_key, read_complete
from blueno.cache.parts import parts_in
from blueno.canonical import digest
from blueno.files import located

from .change import change_samples
from .fitted import save_fitted
from .lineage import node_recipe
from .nodes import Building, Progress, history_of, load_node
from .numbers import check_numeric
from .opening import Step, open_step
from .samples import Samples
from .split import make_parts
from .storage import put_array, put_json, workplace
from .summary import summarise
from .target import target_scale
from .transform import apply_step, as_array

if TYPE_CHECKING:
    from blueno.usercode import CodeFolder


Parts = dict[str, np.ndarray]  # int64 row numbers


class Fitted(NamedTuple):
    """A step after it was applied, and the columns of the table that it took (None of an array)."""

    step: Step
    columns: list[str] | None


class Prepared(NamedTuple):
    """A dataset's samples after all its steps, which of them belong where, the steps, and `nodes.History.inputs`."""

    samples: Samples
    parts: Parts
    fitted: list[Fitted]
    inputs: dict[str, Any]


class BuildReport(NamedTuple):
    """What a build did: `computed` are the ids of nodes and datasets made now; nothing when all was there."""

    computed: list[str]
    bytes: int  # of the dataset's arrays
    summary: dict[str, Any]


def build(
    recipe: dict[str, Any],
    cache: Cache,
    code: CodeFolder | None = None,
    progress: Progress = lambda _: None,
    files: Mapping[str, str] = MappingProxyType({}),
) -> BuildReport:
    """Publishes the dataset of a recipe under its id (the digest of the recipe), unless it is there.

    `files` says where the data files are that the recipe names by their SHA-256.

    DataError when source, columns, split or steps cannot be as the recipe says.
    """
    id = digest(recipe)
    building = Building(cache, code, progress, [], files)
    with workplace(id, cache) as folder:
        manifest = read_complete(dataset_key(id), cache)
        if manifest is None:
            manifest = {"id": id, "recipe": recipe, **_made(recipe, building, folder)}
            put_json(dataset_key(id), manifest, cache, folder)
            building.computed.append(id)
    return BuildReport(building.computed, sum(part["bytes"] for part in parts_in(manifest)), manifest["summary"])


def _made(recipe: dict[str, Any], building: Building, folder: Path) -> dict[str, Any]:
    """The arrays of a dataset, stored, and what its manifest says of them."""
    cache = building.cache
    samples, parts, fitted, inputs = fit_steps(recipe, building)
    if not isinstance(samples.features, np.ndarray):
        check_numeric(samples.features, recipe["source"]["name"])
    features = as_array(samples.features)
    return {
        "features": put_array(features, cache, folder),
        "target": put_array(samples.target, cache, folder),
        "ids": put_array(samples.ids, cache, folder),
        "parts": {name: put_array(rows, cache, folder) for name, rows in parts.items()},
        "inputs": inputs,
        "steps": [_keep(one, cache, folder) for one in fitted],
        "classes": samples.classes,
        "task": samples.task,
        "positive": samples.positive,
        "target_scale": _target_scale(samples, parts["train"], recipe),
        "published": _published(fitted),
        "summary": summarise(samples, features, parts),
    }


def fit_steps(recipe: dict[str, Any], building: Building) -> Prepared:
    """What a dataset's recipe makes of its source, and the steps as they are after their fit."""
    steps = [open_step(located(step, building.files), building.code) for step in recipe["steps"]]
    num_plain = len(list(takewhile(lambda step: not step.fitted and not step.changes_samples, steps)))
    node = node_recipe(recipe, num_plain)
    samples = load_node(node, building)
    inputs, taken = history_of(node, building.cache)
    plain = [Fitted(step, columns) for step, columns in zip(steps, taken, strict=False)]
    parts = make_parts(samples, recipe["split"], recipe["fold"])
    samples, parts, fitted = _apply(steps[num_plain:], samples, parts, building.progress)
    return Prepared(samples, parts, plain + fitted, inputs)


def _target_scale(samples: Samples, train: np.ndarray, recipe: dict[str, Any]) -> dict[str, list[float]] | None:
    is_wanted = recipe["columns"].get("target_scale") is not None
    return target_scale(samples.target, train, samples.task) if is_wanted else None


def _published(fitted: list[Fitted]) -> dict[str, Any]:
    """What fitted steps tell the model, in Python's own types."""
    told = [getattr(one.step.transformer, "published", {}) for one in fitted]
    return {name: np.asarray(value).tolist() for one in told for name, value in one.items()}


def _apply(
    steps: list[Step], samples: Samples, parts: Parts, progress: Progress
) -> tuple[Samples, Parts, list[Fitted]]:
    fitted = []
    for step in steps:
        progress(f"step {step.name}")
        if step.changes_samples:
            samples, parts = change_samples(step, samples, parts)
            fitted.append(Fitted(step, None))
            continue
        features, columns = apply_step(step, samples.features, samples.target, parts["train"])
        idle = [f"{step.name} did nothing, since no column is {step.takes}"] if columns == [] else []
        samples = samples._replace(features=features, guessed=samples.guessed + idle)
        fitted.append(Fitted(step, columns))
    return samples, parts, fitted


def _keep(fitted: Fitted, cache: Cache, folder: Path) -> dict[str, Any]:
    """What is needed to treat new samples alike; a step without a file is fitted again from the recipe."""
    file = save_fitted(fitted.step, cache, folder)
    return {"name": fitted.step.name, "columns": fitted.columns, "file": file}
