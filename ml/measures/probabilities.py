"""Metrics of probabilities: how far they are from what was the case."""

from __future__ import annotations

import numpy as np

from ..scored import Scored
from .record import Undefined


def probabilities(scored: Scored) -> np.ndarray:
    """(n, classes) float64, rows that add up to one in float64 too."""
    assert scored.scores is not None, "BUG: a metric of probabilities was asked of hard labels"
    both = np.stack([1 - scored.scores, scored.scores], axis=1) if scored.task == "binary" else scored.scores
    return both / both.sum(axis=1, keepdims=True)


def log_loss(scored: Scored) -> float:
    """The mean of -ln of the probability of what was the case, at most 36. Source: `sklearn.metrics.log_loss`."""
    return _log_loss(probabilities(scored), scored.target)


def _log_loss(given: np.ndarray, target: np.ndarray) -> float:
    tiny = np.finfo(np.float64).eps
    return float(-np.mean(np.log(np.clip(given[np.arange(len(target)), target], tiny, 1 - tiny))))


def d2_log_loss(scored: Scored) -> float:
    """The share of log loss that is saved, beside always giving the shares of classes (McFadden's R squared, 1974).

    Source: `sklearn.metrics.d2_log_loss_score`.
    """
    shares = np.bincount(scored.target, minlength=scored.classes) / len(scored.target)
    if np.count_nonzero(shares) < 2:
        raise Undefined("all samples are of one class")
    alike = np.broadcast_to(shares, (len(scored.target), scored.classes))
    return 1 - log_loss(scored) / _log_loss(alike, scored.target)


def brier_score(scored: Scored) -> float:
    """Mean squared error of the probabilities (Brier, 1950): of the positive class, or summed over classes."""
    if scored.task == "binary":
        return float(np.mean((scored.scores - scored.target) ** 2))
    hits = np.eye(scored.classes)[scored.target]
    return float(np.mean(np.sum((probabilities(scored) - hits) ** 2, axis=1)))
