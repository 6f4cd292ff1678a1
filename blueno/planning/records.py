"""A plan: everything known before running. Frozen; the store, the scheduler and the commands read nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple

from .snapshot import Snapshot


class Config(NamedTuple):
    """One assignment of all axes: what is compared. `params` is nested, as written."""

    id: str
    params: dict[str, Any]
    position: int


class Trial(NamedTuple):
    """One config with one replicate. `recipe` is the canonical JSON whose SHA-256 is the id."""

    id: str
    config_id: str
    dataset_id: str | None
    seed: int | None
    fold: int | None
    recipe: str
    position: int


class DatasetNode(NamedTuple):
    """One preparation for one split and fold. `recipe` is the canonical JSON whose SHA-256 is the id."""

    id: str
    recipe: str


class Plan(NamedTuple):
    """What a spec compiles to, and the sweep's own words."""

    name: str
    objective: dict[str, str]  # {"metric": "val_accuracy", "direction": "maximize"}
    axes: list[dict[str, Any]]  # [{"path": ..., "values": [...]}], in the order of the text
    configs: list[Config]
    trials: list[Trial]
    datasets: list[DatasetNode]
    excluded: int
    duplicates: int
    warnings: list[str]
    snapshot: Snapshot
    files: dict[str, str]  # SHA-256 of each data file that recipes name -> its absolute path
    spec_text: str
    spec_file: str
    tags: list[str]
    notes: str
    metrics: list[Any]  # beside the defaults of the task: names, or {name: {parameters}}
    resources: dict[str, Any]  # gpus, cpus, memory_bytes, gpu_memory_bytes, time_s: those that are written
    keep: dict[str, str]  # {"weights": "best 5", "predictions": "all", "logs": "all"}
    baseline: str | None  # id of the config that others are compared with
    seeds: list[int]
    search: dict[str, Any] | None = None  # method, configs, options, space, ...: then no config is known beforehand
    prune: dict[str, Any] | None = None  # method, options, after, ...

    others: list[dict[str, str]] = []  # objectives beside the first
    where: list[list[Any]] = []  # metric, operator, limit: what a config must keep to

    @property
    def num_configs(self) -> int:
        """How many configs there are; of a search, how many there will be."""
        return self.search["configs"] if self.search else len(self.configs)

    @property
    def num_trials(self) -> int:
        """How many trials there are; of a search, at most how many there will be."""
        return self.search["planned"] if self.search else len(self.trials)
