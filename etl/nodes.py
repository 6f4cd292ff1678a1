"""A node: a source and the first of its steps, as long as these learn nothing. Datasets share nodes, so its id leaves
out split and fold; each is computed once, however many datasets, processes or sweeps want it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from blueno.cache import Cache
from blueno.cache.folder import mark_used
from blueno.cache.manifests import node_key, read_complete, read_json
from blueno.cache.parts import Part
from blueno.canonical import digest
from blueno.errors import DataError
from blueno.files import DataFiles, located

from .columns import select
from .opening import open_step
from .samples import Samples
from .sources import load_source
from .storage import get_array, put_array, put_json, workplace
from .tables import text_column
from .transform import apply_step

if TYPE_CHECKING:
    from blueno.usercode import CodeFolder

ARRAYS = ("target", "ids", "groups", "times", "marks")  # of samples, beside the features; some may be None
Progress = Callable[[str], None]  # told in a few words what is being done


class Building(NamedTuple):
    """A build under way."""

    cache: Cache
    code: CodeFolder | None
    progress: Progress
    computed: list[str]  # ids of what was made and not found, in order
    files: Mapping[str, str] = MappingProxyType({})  # SHA-256 of each data file -> its path here


class History(NamedTuple):
    """What new samples need to be treated alike: what the source yields, and what each step took of it."""

    inputs: dict[str, Any]  # {"columns": {name: whether it is text}} of a table, {"shape": of a sample} of an array
    taken: list[list[str] | None]  # for each step, its columns; None of an array


def load_node(recipe: dict[str, Any], building: Building) -> Samples:
    """The samples of a node, from the cache or computed now."""
    id, cache = digest(recipe), building.cache
    found = read_complete(node_key(id), cache)
    if found is not None:
        mark_used(cache.get(node_key(id)))
        return read_node(found, cache)
    with workplace(id, cache) as folder:
        found = read_complete(node_key(id), cache)  # by whoever held the workplace until now
        if found is None:
            samples, history = _compute(recipe, building)
            found = {"id": id, "recipe": recipe, "history": history._asdict(), **_write(samples, cache, folder)}
            put_json(node_key(id), found, cache, folder)
            building.computed.append(id)
            if isinstance(samples.features, pd.DataFrame):  # quicker than to put it together again
                return samples
    return read_node(found, cache)


def history_of(recipe: dict[str, Any], cache: Cache) -> History:
    """How a node that is in the cache came about."""
    return History(**read_json(node_key(digest(recipe)), cache)["history"])


def _inputs(features: np.ndarray | pd.DataFrame) -> dict[str, Any]:
    if isinstance(features, np.ndarray):
        return {"shape": list(features.shape[1:])}
    return {"columns": {name: bool(features[name].dtype == object) for name in features.columns}}


def _compute(recipe: dict[str, Any], building: Building) -> tuple[Samples, History]:
    if not recipe["steps"]:
        building.progress(f"source {recipe['source']['name']}")
        source = located(recipe["source"], building.files)
        data = building.files if isinstance(building.files, DataFiles) else None
        loaded = load_source(source, building.code, data)
        samples = select(loaded, recipe["columns"])
        return samples, History(_inputs(samples.features), [])
    recipe_before = {**recipe, "steps": recipe["steps"][:-1]}
    before = load_node(recipe_before, building)
    step = open_step(located(recipe["steps"][-1], building.files), building.code)
    building.progress(f"step {step.name}")
    assert not step.fitted, f"BUG: {step.name} learns, and a node has no training part"
    applied = apply_step(step, before.features, before.target, np.arange(0))
    inputs, taken = history_of(recipe_before, building.cache)
    return before._replace(features=applied.features), History(inputs, [*taken, applied.columns])


def _write(samples: Samples, cache: Cache, folder: Path) -> dict[str, Any]:
    facts = samples._asdict()
    for name in ARRAYS:
        facts[name] = None if facts[name] is None else put_array(facts[name], cache, folder)
    return facts | {"features": _write_features(samples.features, cache, folder)}


def _write_features(features: np.ndarray | pd.DataFrame, cache: Cache, folder: Path) -> dict[str, Any]:
    if isinstance(features, pd.DataFrame):
        return _write_table(features, cache, folder)
    if features.dtype.hasobject:
        raise DataError("the features are an array of Python objects", "make them an array of numbers or a data frame")
    return {"array": put_array(features, cache, folder)}


def _write_table(table: pd.DataFrame, cache: Cache, folder: Path) -> dict[str, Any]:
    """One array for all columns of a type; text as JSON in bytes, so that a long value costs only its own length."""
    blocks = []
    for dtype in ("int64", "float64"):
        names = [name for name in table.columns if table[name].dtype == dtype]
        if names:
            blocks.append({"columns": names, "part": put_array(table[names].to_numpy(), cache, folder)})
    texts = {name: _text_part(table[name], cache, folder) for name in table.select_dtypes(object).columns}
    return {"columns": list(table.columns), "blocks": blocks, "texts": texts, "rows": len(table)}


def _text_part(column: pd.Series, cache: Cache, folder: Path) -> Part:
    values = [None if gap else value for value, gap in zip(column, column.isna(), strict=True)]
    return put_array(np.frombuffer(json.dumps(values).encode(), dtype="uint8"), cache, folder)


def read_node(manifest: dict[str, Any], cache: Cache) -> Samples:
    """The samples of a node whose manifest says what is stored."""
    facts = {name: manifest[name] for name in Samples._fields}
    for name in ARRAYS:
        facts[name] = None if facts[name] is None else get_array(facts[name], cache)
    stored = facts["features"]
    facts["features"] = get_array(stored["array"], cache) if "array" in stored else _read_table(stored, cache)
    return Samples(**facts)


def _read_table(stored: dict[str, Any], cache: Cache) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for block in stored["blocks"]:
        values = get_array(block["part"], cache)
        columns |= {name: values[:, i] for i, name in enumerate(block["columns"])}
    for name, part in stored["texts"].items():
        columns[name] = text_column(json.loads(get_array(part, cache).tobytes()))
    return pd.DataFrame({name: columns[name] for name in stored["columns"]}, index=pd.RangeIndex(stored["rows"]))
