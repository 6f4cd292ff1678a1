"""The source of svc-digits.yaml."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def development(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the digits, in the order in which scikit-learn draws them: features (n, 64), digits (n,), ids (n,)."""
    features, target = load_digits(return_X_y=True)
    ids = np.arange(len(target))
    features, _, target, _, ids, _ = train_test_split(features, target, ids, test_size=0.5, random_state=seed)
    return features, target, ids
