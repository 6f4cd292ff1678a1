"""A trial that does nothing, so that what is left is what Blueno itself takes."""

from typing import Any


def train(trial: Any) -> dict[str, float]:
    return {"value": float(trial.params["x"])}
