"""A prepared dataset as training sees it: immutable arrays, memory-mapped from the cache, and facts about them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from blueno.cache import Cache
from blueno.cache.folder import mark_used
from blueno.cache.manifests import dataset_key, read_json
from blueno.cache.parts import Part, parts_in
from blueno.canonical import digest_file, short
from blueno.errors import NotFound

from .storage import get_array

PARTS = ("train", "stop", "validation", "test")
Label = str | int | float | bool


class Dataset(NamedTuple):
    """n samples, whole: `parts` says which of them belong where. Arrays are read-only."""

    id: str
    features: np.ndarray  # (n, *shape); float32 or float64, unless a source or step leaves integers
    target: np.ndarray  # (n,) int64 codes into `classes`; (n, k) int64 0 and 1, of labels; or float64 of a regression
    ids: np.ndarray  # (n,), text
    parts: dict[str, np.ndarray]  # "train", "validation", "test", "stop" (those that exist): int64 row numbers
    classes: list[Label] | None  # of a classification; binary: negative, positive; multilabel: names of the k labels
    task: str  # "binary", "multiclass", "multilabel" or "regression"
    positive: Label | None  # the positive class, of a binary task
    published: dict[str, Any]  # what fitted steps tell the model, such as {"vocabulary_size": 1000}
    summary: dict[str, Any]  # what was found, chosen and dropped: JSON
    target_scale: dict[str, list[float]] | None = None  # {"mean": [k], "deviation": [k]} of the training part


def open_dataset(dataset_id: str, cache: Cache) -> Dataset:
    """The dataset of that id, its arrays memory-mapped. NotFound when it was never built or is incomplete."""
    manifest = read_json(dataset_key(dataset_id), cache)
    if manifest is None:
        raise NotFound(f"dataset {short(dataset_id)} is not in the cache", "run the sweep again: it builds it")
    try:
        arrays: dict[str, Any] = {name: get_array(manifest[name], cache) for name in ("features", "target", "ids")}
        parts = {name: get_array(manifest["parts"][name], cache) for name in PARTS if name in manifest["parts"]}
    except KeyError as error:
        message = f"dataset {short(dataset_id)} is incomplete: {error.args[0]} is gone from the cache"
        raise NotFound(message, "run the sweep again: it builds the dataset anew") from None
    mark_used(cache.get(dataset_key(dataset_id)))
    facts = {name: manifest[name] for name in ("classes", "task", "positive", "published", "summary")}
    return Dataset(id=dataset_id, parts=parts, **arrays, **facts, target_scale=manifest.get("target_scale"))


def check_dataset(dataset_id: str, cache: Cache) -> list[str]:
    """What is wrong with a dataset, every byte read: parts that are missing or damaged. Empty when it is sound."""
    manifest = read_json(dataset_key(dataset_id), cache)
    if manifest is None:
        return [f"{dataset_key(dataset_id)}: missing or unreadable"]
    return [problem for part in parts_in(manifest) if (problem := _check_part(part, cache))]


def _check_part(part: Part, cache: Cache) -> str:
    try:
        path = cache.get(part["key"])
    except KeyError:
        return f"{part['key']}: missing"
    return "" if digest_file(path) == part["sha256"] else f"{part['key']}: damaged (its checksum is another)"
