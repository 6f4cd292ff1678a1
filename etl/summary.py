"""What is worth knowing about a dataset, as JSON: shown by the plan and the ledger, read by people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .samples import Samples
from .transform import missing_values


def summarise(samples: Samples, features: np.ndarray, parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """Shape, type and columns of the features, sizes of the parts, the task, and what was dropped or guessed.

    `inputs` says the kind of each column as the source yields it; `in_no_part` counts the samples in gaps of time.
    """
    missing = missing_values(samples.features)
    table = samples.features if isinstance(samples.features, pd.DataFrame) else None
    return {
        "samples": len(features),
        "shape": list(features.shape[1:]),
        "dtype": str(features.dtype),
        "inputs": samples.inputs,
        "columns": None if table is None else [str(name) for name in table.columns],
        "parts": {name: len(rows) for name, rows in parts.items()},
        "in_no_part": len(features) - sum(map(len, parts.values())),
        "task": samples.task,
        "classes": samples.classes,
        "positive": samples.positive,
        "counts": None if samples.classes is None else _counts(samples, parts),
        "groups": None if samples.groups is None else len(np.unique(samples.groups)),
        "dropped": samples.dropped,
        "guessed": samples.guessed,
        "remarks": list(samples.remarks),
        "has_missing": bool(missing),
        "missing": missing,
    }


def _counts(samples: Samples, parts: dict[str, np.ndarray]) -> dict[str, dict[str, int]]:
    """Samples of each class in each part; of several labels at once, those that have the label."""
    classes = list(map(str, samples.classes or []))
    return {
        name: dict(zip(classes, _class_counts(samples.target[rows], len(classes)), strict=True))
        for name, rows in parts.items()
    }


def _class_counts(target: np.ndarray, num_classes: int) -> list[int]:
    counts = np.bincount(target, minlength=num_classes) if target.ndim == 1 else target.sum(axis=0)
    return [int(count) for count in counts]
