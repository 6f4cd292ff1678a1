"""A result of another tool, as history keeps it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..canonical import digest
from ..clock import iso

EMPTY = ("", None)


class Result(NamedTuple):
    """`name` is what it is called there. `facts` may hold model, engine, seed, fold, epoch, host, owner, tags, metric,
    started, finished, duration_s, error.
    """

    origin: str  # optuna, wandb, training_jobs, or store:ID for another store of Blueno
    sweep: str  # study, project
    name: str
    state: str
    params: dict[str, Any]
    metrics: dict[str, float]
    facts: dict[str, Any]

    @property
    def id(self) -> str:
        """The same for the same result, however often it is read."""
        ours = self.origin.startswith("store:")  # its name says it all, and sweeps come and go
        return digest([self.origin, "" if ours else self.sweep, self.name])


def scalar(value: Any) -> Any:
    """A cell of CSV as the number or truth that it stands for."""
    if not isinstance(value, str):
        return value
    word = value.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return value


def number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    found = scalar(value)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return float(found)


def time(value: Any) -> str | None:
    """A time as Blueno writes it; without a zone it is UTC. None for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return iso(value / 1000 if value > 1e11 else value)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return iso((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def nested(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Mappings under dotted paths; W&B's {"value": x} is x."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and set(value) <= {"value", "desc"} and "value" in value:
            value = value["value"]
        if isinstance(value, dict):
            found |= nested(value, f"{before}{key}.")
        elif value not in EMPTY:
            found[f"{before}{key}"] = value
    return found


def spread_s(started: str | None, finished: str | None) -> float | None:
    """Seconds between two times."""
    if not started or not finished:
        return None
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
