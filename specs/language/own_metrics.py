"""A metric of one's own, for the examples: what wrong answers cost."""

import numpy as np


def cost(y_true: np.ndarray, y_score: np.ndarray, miss: float = 5.0, threshold: float = 0.5) -> float:
    """The mean cost of a sample, where a missed case costs `miss` times as much as a false alarm."""
    positive = y_score > threshold
    return float(np.mean(miss * ((y_true == 1) & ~positive) + ((y_true == 0) & positive)))
