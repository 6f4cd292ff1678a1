"""New samples, treated as the steps of a dataset treated its own: what a model needs to say something about them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from blueno.cache import Cache
from blueno.cache.manifests import dataset_key, read_json
from blueno.canonical import short
from blueno.errors import DataError, NotFound
from blueno.files import located

from .build import fit_steps
from .fitted import load_fitted
from .nodes import Building
from .opening import Step, open_step
from .tables import normalised, text_column, with_names
from .transform import as_array, treat

if TYPE_CHECKING:
    from blueno.usercode import CodeFolder


def prepare(
    dataset_id: str,
    features: np.ndarray | pd.DataFrame,
    cache: Cache,
    code: CodeFolder | None = None,
    files: Mapping[str, str] = MappingProxyType({}),
) -> np.ndarray:
    """Features as a model trained on the dataset takes them: of n new samples, as its source would yield them, an array
    (n, *shape). A table may have other columns, too, in any order.

    Steps that could not be stored (user code, types of other libraries) are fitted again, from the dataset's source.
    NotFound when the dataset is not in the cache; DataError when the samples do not fit it, or a step changes what a
    sample is.
    """
    manifest = read_json(dataset_key(dataset_id), cache)
    if manifest is None:
        raise NotFound(f"dataset {short(dataset_id)} is not in the cache", "run the sweep again: it builds it")
    treated = _inputs(features, manifest["inputs"])
    ready = _ready(manifest, Building(cache, code, lambda _: None, [], files))
    for step, kept in zip(ready, manifest["steps"], strict=True):
        treated = treat(step, treated, kept["columns"])
    return as_array(treated)


def _ready(manifest: dict[str, Any], building: Building) -> list[Step]:
    """The dataset's steps as they were after their fit."""
    recipe = manifest["recipe"]
    steps = [open_step(located(step, building.files), building.code) for step in recipe["steps"]]
    for step in steps:
        if step.changes_samples:
            raise DataError(f"{step.name} makes other samples of those it gets", "prepare these samples by yourself")
    try:
        together = zip(steps, manifest["steps"], strict=True)
        loaded = [load_fitted(step, kept["file"], building.cache) for step, kept in together]
    except KeyError:
        loaded = [None]
    ready = [step for step in loaded if step is not None]
    return ready if len(ready) == len(steps) else [fitted.step for fitted in fit_steps(recipe, building).fitted]


def _inputs(features: np.ndarray | pd.DataFrame, inputs: dict[str, Any]) -> np.ndarray | pd.DataFrame:
    """New samples of the columns, or of the shape, that the dataset's source yields. DataError when they are not."""
    if "shape" in inputs:
        values = np.asarray(features)
        if list(values.shape[1:]) != inputs["shape"]:
            message = f"samples of shape {list(values.shape[1:])}, and the dataset has {inputs['shape']}"
            raise DataError(message, "give samples as the dataset's source yields them")
        return values
    if not isinstance(features, pd.DataFrame):
        raise DataError("the dataset is of a table, and these samples are an array", "give a data frame")
    table = with_names(features)
    missing = [name for name in inputs["columns"] if name not in table.columns]
    if missing:
        raise DataError(
            f"the samples lack columns of the dataset: {', '.join(missing)}", "add them, with gaps if need be"
        )
    table = normalised(table[list(inputs["columns"])])
    return pd.DataFrame({name: _column(table[name], is_text) for name, is_text in inputs["columns"].items()})


def _column(column: pd.Series, is_text: bool) -> pd.Series:
    """A column of the type that it has in the dataset."""
    if is_text:
        return text_column(None if gap else str(value) for value, gap in zip(column, column.isna(), strict=True))
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[numbers.isna() & column.notna()]
    if len(wrong):
        raise DataError(
            f"the column {column.name} has {wrong.iloc[0]!r}, which is no number", "correct it, or leave it empty"
        )
    return numbers
