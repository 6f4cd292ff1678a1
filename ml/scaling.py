"""The target of a regression in units of its own spread (`data.target_scale: standard`), and back again."""

from __future__ import annotations

import numpy as np

from blueno.etl.dataset import Dataset


def scaled(target: np.ndarray, dataset: Dataset) -> np.ndarray:
    """What an engine trains on: (target - mean) / deviation, float64, shaped like the target, (n,) or (n, k).

    Mean and deviation are those of the training part. Without a scale the target is returned as it is.
    """
    if dataset.target_scale is None:
        return target
    mean, deviation = _fitted(dataset.target_scale, target)
    return (target - mean) / deviation


def unscaled(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Outputs of a model that was trained on the scaled target, in the target's own units; the inverse of `scaled`."""
    if dataset.target_scale is None:
        return values
    mean, deviation = _fitted(dataset.target_scale, values)
    return values * deviation + mean


def _fitted(scale: dict[str, list[float]], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation as they broadcast: numbers for (n,), rows for (n, k)."""
    shape = values.shape[1:]
    mean, deviation = (np.asarray(scale[name], dtype=np.float64).reshape(shape) for name in ("mean", "deviation"))
    return mean, deviation
