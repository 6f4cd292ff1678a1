"""Weights of classes: by label or balanced, as weights of class codes and of training samples."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset


def sample_weights(choice: str | dict[str, float] | None, dataset: Dataset, rows: np.ndarray) -> np.ndarray | None:
    """(n,) float32, a weight for each training sample; None without `class_weight`.

    `balanced` is scikit-learn's n / (classes * count), counted over these rows.
    Raises ModelError for a regression, for several labels at once and for labels that do not exist.
    """
    if choice is None:
        return None
    if dataset.classes is None:
        raise ModelError("class_weight belongs to a classification", "leave it out")
    if dataset.task == "multilabel":
        message = "class_weight weighs samples by their one class, and here each has several labels"
        raise ModelError(message, "leave it out, or write a loss that weighs the labels: train.loss: file.py:function")
    target = np.asarray(dataset.target[rows])
    weights = np.ones(len(dataset.classes))
    if choice == "balanced":
        counts = np.bincount(target, minlength=len(weights))
        weights = len(target) / (len(weights) * np.maximum(counts, 1))
    else:
        for code, weight in weights_of_codes(choice, dataset.classes).items():
            weights[code] = weight
    return weights[target].astype(np.float32)


def weights_of_codes(choice: Any, classes: list[Any]) -> dict[int, float]:
    """A mapping by label as one by class code. Labels are compared as text, since keys in JSON are text."""
    codes = {str(label).lower() if isinstance(label, bool) else str(label): code for code, label in enumerate(classes)}
    unknown = [label for label in choice if label not in codes]
    if unknown:
        near = get_close_matches(unknown[0], codes, n=1)
        hint = f"write {near[0]}" if near else f"the classes are {', '.join(codes)}"
        raise ModelError(f"class_weight: there is no class {unknown[0]!r}", hint)
    return {codes[label]: float(weight) for label, weight in choice.items()}
