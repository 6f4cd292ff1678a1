"""A trial that tells of ten epochs and computes for so many seconds in each."""

import time
from typing import Any


def train(trial: Any) -> dict[str, float]:
    for epoch in range(1, 11):
        end = time.process_time() + trial.params["seconds"]
        while time.process_time() < end:
            sum(range(1000))
        trial.report(epoch, {"value": trial.params["x"] / epoch})
    return {"value": float(trial.params["x"])}
