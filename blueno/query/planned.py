"""Queries over a plan, before anything is trained: what `sweep --only` runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BluenoError
from ..planning import Plan, Trial
from ..planning.describe import resolved
from ..tables import flat
from .ask import Values, asks, check_names
from .fields import FIELDS
from .operands import Value, of_params
from .parse import parse
from .tree import QueryError, comparisons


class Planned:
    """A trial of a plan (`ask.Record`)."""

    def __init__(self, trial: Trial, written: Mapping[str, Any], params: Mapping[str, Value]) -> None:
        self.trial, self._written, self._params = trial, written, params

    def field(self, name: str) -> Values:
        found = LOOKED_UP[name](self)
        return () if found is None else (float(found) if isinstance(found, int) else found,)

    def metrics(self) -> Mapping[str, float]:
        return {}

    def params(self) -> Mapping[str, Value]:
        return self._params

    def written(self) -> Mapping[str, Any]:
        return self._written


LOOKED_UP: dict[str, Callable[[Planned], Any]] = {
    "trial": lambda record: record.trial.id,
    "config": lambda record: record.trial.config_id,
    "dataset": lambda record: record.trial.dataset_id,
    "model": lambda record: record.params().get("model"),
    "seed": lambda record: record.trial.seed,
    "fold": lambda record: record.trial.fold,
}


def slice_of(plan: Plan, query: str) -> set[str]:
    """Ids of the plan's trials that a query asks for.

    Raises QueryError for what is not known before training and for names that no trial has, BluenoError for a query
    that no trial fits.
    """
    node = parse(query)
    for test in comparisons(node):
        field = test.field
        if field.group == "metric" or (field.group == "field" and not FIELDS[field.name].planned):
            known = ", ".join(name for name, told in FIELDS.items() if told.planned)
            message = f"{field.name} is not known of what is not trained yet"
            raise QueryError(query, field.column, message, f"--only takes hp.NAME, {known}")
    records = _records(plan)
    check_names(query, node, (), {path for record in records for path in record.params()})
    wanted = asks(node)
    chosen = {record.trial.id for record in records if wanted(record)}
    if not chosen:
        raise BluenoError(
            f"--only: none of the {len(records)} trials is so: {query}", "see `blueno plan SPEC --trials`"
        )
    return chosen


def _records(plan: Plan) -> list[Planned]:
    recipes = {dataset.id: json.loads(dataset.recipe) for dataset in plan.datasets}
    configs = {config.id: flat(config.params) for config in plan.configs}
    made: dict[str, tuple[dict[str, Any], dict[str, Value]]] = {}
    for trial in plan.trials:
        if trial.config_id not in made:
            recipe = resolved(json.loads(trial.recipe), recipes.get(trial.dataset_id or ""))
            defaults = {path: value for path, value in flat(recipe).items() if value is not None}
            whole = {**defaults, **configs[trial.config_id]}
            made[trial.config_id] = whole, of_params(whole)
    return [Planned(trial, *made[trial.config_id]) for trial in plan.trials]
