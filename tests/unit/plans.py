"""Small plans for tests of the store and the scheduler, made without the language."""

from __future__ import annotations

from typing import Any

from blueno.canonical import canonical, digest_text
from blueno.planning import Config, DatasetNode, Plan, Snapshot, Trial


def small_plan(
    name: str = "small", values: tuple[int, ...] = (1, 2, 3), seeds: int = 1, data: bool = False, **changes: Any
) -> Plan:
    """A plan of `len(values) * seeds` trials, on one dataset if `data`."""
    source = {"name": "csv", "params": {}, "code": 1, "fingerprint": None}
    recipe = canonical({"columns": {}, "fold": None, "source": source, "split": None, "steps": []})
    datasets = [DatasetNode(digest_text(recipe), recipe)] if data else []
    configs, trials = [], []
    for position, x in enumerate(values):
        config = digest_text(canonical({"x": x}))
        configs.append(Config(config, {"model": {"x": x}}, position))
        for seed in range(seeds):
            dataset = datasets[0].id if data else None
            facts = {"augment": [], "code": {}, "dataset": dataset, "model": {"x": x}, "recipe": 1, "train": None}
            text = canonical({**facts, "seed": seed})
            trials.append(Trial(digest_text(text), config, dataset, seed, None, text, len(trials)))
    words: dict[str, Any] = {
        "name": name, "objective": {"metric": "val_score", "direction": "maximize"}, "configs": configs,
        "trials": trials, "datasets": datasets, "axes": [], "excluded": 0, "duplicates": 0, "warnings": [],
        "snapshot": Snapshot("", (), ""), "files": {}, "spec_text": "", "spec_file": "small.yaml", "tags": [],
        "notes": "", "metrics": [], "resources": {}, "keep": {}, "baseline": None, "seeds": list(range(seeds)),
    }  # fmt: skip
    return Plan(**{**words, **changes})


def good_result(trial: str, attempt: int, value: float = 0.5, state: str = "succeeded") -> dict[str, Any]:
    """The message of a worker whose trial went well."""
    return {
        "kind": "result", "trial": trial, "attempt": attempt, "state": state, "metrics": {"val_score": value},
        "nonfinite": [], "history": {"val_score": [value]}, "artefacts": {}, "notes": [],
        "engine": "function", "epoch": 1,
        "started": "2026-01-01T00:00:00.000Z", "duration_s": 0.1, "peak_memory_bytes": 1, "log": "a line\n",
        "error": None,
    }  # fmt: skip


def failure(kind: str = "user_code", group: str = "g1") -> dict[str, str]:
    """An Error as workers send it."""
    return {"class": kind, "type": "ValueError", "message": "no", "traceback": "...", "group": group}
