"""Weights & Biases: runs as its web page exports them (CSV), or one JSON object a run with `config` and `summary`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..spec.metrics import METRICS, read_name
from .result import EMPTY, Result, nested, number, scalar, time

STATES = {"finished": "succeeded", "failed": "failed", "crashed": "failed", "killed": "cancelled"}
OF_A_RUN = {
    "name", "id", "state", "notes", "user", "tags", "created", "created_at", "runtime", "sweep", "project", "entity",
    "github", "hostname", "commit", "updated", "description", "end time", "job type", "group", "path", "url",
}  # fmt: skip
PARTS = re.compile(r"^(train|val|valid|validation|test|eval|best|final)[_/. ]")


def knows(columns: frozenset[str]) -> bool:
    """Whether rows are runs."""
    lower = {name.lower() for name in columns}
    return {"config", "summary"} <= lower or ({"name", "state"} <= lower and bool(lower & {"runtime", "created"}))


def read_rows(rows: Iterator[dict[str, Any]], name: str) -> Iterator[Result]:
    """Results of runs that have ended; `name` stands for a project that they do not say."""
    for row in rows:
        told = {key.lower(): value for key, value in row.items() if key.lower() in OF_A_RUN and value not in EMPTY}
        state = STATES.get(str(told.get("state", "finished")).lower())
        if state is None:
            continue
        config, summary = _of_json(row) if isinstance(row.get("config"), dict) else _of_csv(row)
        metrics = {
            re.sub(r"[/. ]", "_", key): found for key, value in summary.items() if (found := number(value)) is not None
        }
        duration = number(told.get("runtime", summary.get("_runtime")))
        facts = {
            "started": time(told.get("created_at", told.get("created"))), "duration_s": duration,
            "owner": told.get("user"), "host": told.get("hostname"), "tags": _tags(told.get("tags")),
            "seed": number(config.get("seed")),
        }  # fmt: skip
        shown = {key: value for key, value in metrics.items() if not key.startswith("_")}
        place = str(told.get("project") or name)
        yield Result("wandb", place, str(told.get("id", told.get("name"))), state, config, shown, facts)


def _of_json(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    config = {key: value for key, value in nested(row["config"]).items() if not key.startswith("_")}
    return config, nested(row.get("summary") or {})


def _of_csv(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The page writes config and summary side by side: what sounds like a metric is one."""
    cells = {key: scalar(value) for key, value in row.items() if key.lower() not in OF_A_RUN and value not in EMPTY}
    summary = {key: value for key, value in cells.items() if sounds_like_a_metric(key)}
    return {key: value for key, value in cells.items() if key not in summary and not key.startswith("_")}, summary


def sounds_like_a_metric(name: str) -> bool:
    """Whether a column is a metric by its name.

    >>> [sounds_like_a_metric(name) for name in ("val/auc", "test_x", "loss", "lr", "validation_split", "_step")]
    [True, True, True, False, False, True]
    """
    plain = name.replace("/", "_").replace(".", "_").lower()
    if name.startswith("_") or read_name(plain).bare in METRICS:
        return True
    return bool(PARTS.match(name.lower())) and not plain.endswith(("split", "size", "share", "fraction"))


def _tags(value: Any) -> list[str]:
    found = value.split(",") if isinstance(value, str) else value or []
    return [str(tag).strip() for tag in found if str(tag).strip()]
