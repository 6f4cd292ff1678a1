"""A trial that computes for about half a second and tells of ten epochs."""

import time
from typing import Any


def train(trial: Any) -> dict[str, float]:
    for epoch in range(1, 11):
        end = time.process_time() + 0.05
        while time.process_time() < end:
            sum(range(1000))
        trial.report(epoch, {"value": trial.params["x"] / epoch})
    return {"value": float(trial.params["x"])}
