"""Documents of Elasticsearch as JSON lines: Blueno's own (of another store), and `training_jobs` of its ancestor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .result import EMPTY, Result, nested, number, spread_s, time
from .wandb import sounds_like_a_metric

OURS = ("succeeded", "diverged", "failed", "pruned", "cancelled")
JOB = ("job_name", "author", "created_at", "ended_at", "params", "log", "raw_log", "model_url", "schema_version")


def knows_ours(columns: frozenset[str]) -> bool:
    return {"trial_id", "state", "store"} <= columns


def knows_jobs(columns: frozenset[str]) -> bool:
    return {"job_name", "created_at"} <= columns


def read_ours(rows: Iterator[dict[str, Any]], name: str) -> Iterator[Result]:
    """Results of another store. What was still at work there when it was written is none."""
    for row in rows:
        if "trial_id" not in row or row.get("state") not in OURS:
            continue  # of an epoch or a config, or at work
        hp, objective, error = row.get("hp") or {}, row.get("objective") or {}, row.get("error") or {}
        metrics = {key: value for key, value in nested(row.get("metrics") or {}).items() if number(value) is not None}
        facts = {key: row.get(key) for key in ("model", "engine", "seed", "fold", "started", "finished", "duration_s")}
        facts |= {"owner": row.get("owner"), "tags": row.get("tags"), "host": (row.get("host") or {}).get("name")}
        facts |= {"epoch": objective.get("epoch"), "metric": objective.get("metric"), "error": error or None}
        sweep = (row.get("sweeps") or [name])[0]
        params = {**nested(hp.get("num") or {}), **nested(hp.get("cat") or {})}
        yield Result(f"store:{row['store']}", sweep, row["trial_id"], row["state"], params, metrics, facts)


def read_jobs(rows: Iterator[dict[str, Any]], name: str) -> Iterator[Result]:
    """Results of the ancestor's jobs: numbers that sound like metrics are metrics, other values parameters."""
    for row in rows:
        if "job_name" not in row:
            continue
        values = {key: value for key, value in nested(row).items() if key not in JOB and value not in EMPTY}
        metrics = {key: found for key, value in values.items()
                   if sounds_like_a_metric(key) and (found := number(value)) is not None}  # fmt: skip
        params = {key: value for key, value in values.items() if key not in metrics}
        started, finished = time(row.get("created_at")), time(row.get("ended_at"))
        facts = {"started": started, "finished": finished, "duration_s": spread_s(started, finished)}
        facts |= {"owner": row.get("author"), "seed": number(row.get("seed"))}
        state = "succeeded" if metrics else "failed"
        place = f"{row['job_name']} {row.get('created_at', '')}".strip()
        yield Result("training_jobs", str(row["job_name"]), place, state, params, metrics, facts)
