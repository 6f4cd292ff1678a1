"""Parts of plans whose recipes look like those that the compiler makes."""

from __future__ import annotations

from typing import Any

from blueno.canonical import canonical, digest_text
from blueno.planning import Config, DatasetNode, Trial

RECIPE: dict[str, Any] = {
    "augment": [],
    "code": {"model": "a" * 64},
    "model": {"architecture": "net.py:build", "width": 8},
    "recipe": 1,
    "seed": 0,
    "train": {"epochs": 3, "optimizer": {"adam": {}}, "learning_rate": 0.1},
}
DATA: dict[str, Any] = {
    "columns": {"target": "y"},
    "fold": None,
    "source": {"name": "csv", "params": {"path": "a.csv"}, "code": 1, "fingerprint": "f" * 64},
    "split": {"test": 0.2, "seed": 0},
    "steps": [{"name": "scale", "params": {"method": "standard"}, "columns": None, "code": 1}],
}


def recipe_plan(changes: list[dict[str, Any]], data: dict[str, Any] = DATA) -> dict[str, Any]:
    """The parts of a plan whose trials are RECIPE with one key or another changed."""
    node = DatasetNode(digest_text(canonical(data)), canonical(data))
    configs, made = [], []
    for position, change in enumerate(changes):
        recipe = {**RECIPE, "dataset": node.id, **change}
        config = digest_text(canonical({**recipe, "seed": None}))
        configs.append(Config(config, {"model": recipe["model"]}, position))
        text = canonical(recipe)
        made.append(Trial(digest_text(text), config, node.id, recipe["seed"], None, text, position))
    unique = list({config.id: config for config in configs}.values())
    return {"configs": unique, "trials": made, "datasets": [node]}
