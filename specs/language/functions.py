"""A function that trains whatever it likes, for the example specs beside it."""

from __future__ import annotations

from typing import Any


def train(trial: Any, width: int = 8, rate: float = 0.1) -> dict[str, float]:
    """Learns nothing and says how wide it was."""
    trial.report(1, {"score": width * rate})
    return {"score": width * rate}


def load(rows: int = 20) -> tuple[list[list[float]], list[int]]:
    """A source: two features, and whether the first is above the second."""
    features = [[float(row % 7), float(row % 5)] for row in range(rows)]
    return features, [int(first > second) for first, second in features]
