"""A look into a prepared dataset or node: shapes, types, classes of each part, a few rows as the model gets them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from blueno.cache import Cache
from blueno.cache.manifests import node_key, read_complete

from .dataset import PARTS, Dataset, open_dataset
from .nodes import read_node

COLUMNS_SHOWN = 12


def preview_dataset(dataset_id: str, cache: Cache, rows: int) -> dict[str, Any]:
    """Arrays with shape and dtype, samples and classes of each part, and the first `rows` of the training part.

    NotFound when it was never built or is incomplete.
    """
    dataset = open_dataset(dataset_id, cache)
    first = np.asarray(dataset.parts["train"][:rows])
    return {
        "arrays": {name: _array(getattr(dataset, name)) for name in ("features", "target", "ids")},
        "parts": {name: _part(dataset, name) for name in PARTS if name in dataset.parts},
        "rows": _rows(dataset, first),
    }


def preview_node(node_id: str, cache: Cache, rows: int) -> dict[str, Any] | None:
    """The same of a node, which has no parts yet. None when it is not there as a whole."""
    manifest = read_complete(node_key(node_id), cache)
    if manifest is None:
        return None
    samples = read_node(manifest, cache)
    features = samples.features
    shown = features.iloc[:rows] if isinstance(features, pd.DataFrame) else features[:rows]
    return {
        "arrays": {
            "features": {"shape": list(features.shape), "dtype": _dtypes(features)},
            "target": _array(samples.target), "ids": _array(samples.ids),
        },
        "parts": {},
        "rows": _table(samples.ids[:rows], _labels(samples.target[:rows], samples.classes), shown, None),
    }  # fmt: skip


def images_of(id: str, cache: Cache, most: int) -> tuple[np.ndarray, list[str]]:
    """Arrays of samples, (m, *shape), and a caption for each: its id and target. Of a dataset they are of the training
    part, the classes in turn; of a node they are spread over all.
    """
    manifest = read_complete(node_key(id), cache)
    if manifest is not None:
        samples = read_node(manifest, cache)
        chosen = _evenly(len(samples.ids), most)
        features, target, ids, classes = samples.features, samples.target, samples.ids, samples.classes
    else:
        dataset = open_dataset(id, cache)
        chosen = _spread(dataset, most)
        features, target, ids, classes = dataset.features, dataset.target, dataset.ids, dataset.classes
    labels = _labels(np.asarray(target[chosen]), classes)
    captions = [f"{id}\n{label}" for id, label in zip(ids[chosen], labels, strict=True)]
    return np.asarray(features[chosen]), captions


def _evenly(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(most, count)).astype(int)


def _array(array: np.ndarray) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": str(array.dtype)}


def _dtypes(features: np.ndarray | pd.DataFrame) -> str:
    """The type of an array; of a table how many columns have which."""
    if isinstance(features, np.ndarray):
        return str(features.dtype)
    counts = features.dtypes.map(lambda each: "text" if each.hasobject else str(each)).value_counts()
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _part(dataset: Dataset, name: str) -> dict[str, Any]:
    """How many samples a part has, and of each class how many."""
    target = np.asarray(dataset.target[dataset.parts[name]])
    found: dict[str, Any] = {"samples": len(target)}
    if dataset.classes is not None:
        counts = np.bincount(target, minlength=len(dataset.classes)) if target.ndim == 1 else target.sum(axis=0)
        found["classes"] = {str(label): int(count) for label, count in zip(dataset.classes, counts, strict=True)}
    elif len(target):
        found["target"] = {name: float(getattr(target, name)()) for name in ("min", "mean", "max")}
    return found


def _rows(dataset: Dataset, rows: np.ndarray) -> dict[str, Any]:
    """A few samples: of a table its columns, of arrays the smallest and largest value of each."""
    labels = _labels(dataset.target[rows], dataset.classes)
    return _table(dataset.ids[rows], labels, np.asarray(dataset.features[rows]), dataset.summary.get("columns"))


def _labels(target: np.ndarray, classes: list[Any] | None) -> list[Any]:
    """Targets as a person knows them."""
    if classes is None:
        return np.asarray(target).tolist()
    if np.ndim(target) == 1:
        return [classes[code] for code in target]
    return [" ".join(str(name) for name, is_one in zip(classes, row, strict=True) if is_one) or "-" for row in target]


def _table(ids: np.ndarray, labels: list[Any], features: Any, columns: list[str] | None) -> dict[str, Any]:
    """{"columns", "values", "more_columns"}: a row a sample."""
    if isinstance(features, pd.DataFrame):
        columns, values = [str(name) for name in features.columns], features.astype(object).values.tolist()
    elif features.ndim == 2:
        columns = (
            columns if columns and len(columns) == features.shape[1] else [str(i) for i in range(features.shape[1])]
        )
        values = features.tolist()
    else:
        flat = features.reshape(len(features), -1)
        columns, values = ["smallest", "largest"], np.stack([flat.min(axis=1), flat.max(axis=1)], axis=1).tolist()
    return {
        "columns": ["id", "target", *columns[:COLUMNS_SHOWN]],
        "values": [
            [str(id), label, *map(_plain, row[:COLUMNS_SHOWN])]
            for id, label, row in zip(ids, labels, values, strict=True)
        ],
        "more_columns": max(0, len(columns) - COLUMNS_SHOWN),
    }


def _plain(value: Any) -> Any:
    """A value that JSON can hold; a gap is None."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, int | str | bool) or value is None else str(value)


def _spread(dataset: Dataset, most: int) -> np.ndarray:
    """Rows of the training part, the classes in turn where there are any."""
    rows = np.asarray(dataset.parts["train"])
    if dataset.classes is None or dataset.target.ndim > 1:
        return rows[_evenly(len(rows), most)]
    target = np.asarray(dataset.target[rows])
    turn = np.empty(len(rows), dtype=np.int64)
    for code in range(len(dataset.classes)):
        turn[target == code] = np.arange(np.count_nonzero(target == code))
    return rows[np.lexsort((target, turn))[:most]]
