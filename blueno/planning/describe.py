"""A plan in words: the JSON document that other programs rely on, and the text of `blueno plan`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from typing import Any, NamedTuple

from ..canonical import short
from ..clock import words
from ..counting import counted
from ..spec.node import shown
from .families import Share
from .records import Plan, Trial

DONE = ("succeeded", "diverged")  # states that count as done: only a result does
SHOWN_VALUES = 6  # of an axis, in text


class Known(NamedTuple):
    """What is there already: ids of datasets in the cache, and states of trials in the store."""

    datasets: Set[str] = frozenset()
    trials: Mapping[str, str] = {}


NOTHING_KNOWN = Known()


def about_plan(plan: Plan) -> dict[str, Any]:
    """What is kept of a plan for people, beside its configs and trials."""
    return {
        "name": plan.name,
        "objective": plan.objective,
        "axes": plan.axes,
        "configs": plan.num_configs,
        "trials": plan.num_trials,
        "excluded": plan.excluded,
        "duplicates": plan.duplicates,
        "warnings": plan.warnings,
        "baseline": plan.baseline,
        "tags": plan.tags,
        "notes": plan.notes,
        **({"search": {key: value for key, value in plan.search.items() if key != "space"}} if plan.search else {}),
        **({"prune": plan.prune} if plan.prune else {}),
        **({"objectives": [plan.objective, *plan.others]} if plan.others else {}),
        **({"where": plan.where} if plan.where else {}),
    }


def plan_document(plan: Plan, known: Known = NOTHING_KNOWN) -> dict[str, Any]:
    """The document of `plan --json`, without the list of trials."""
    datasets = [
        {"id": id, "state": state, "steps": [step["name"] for step in json.loads(recipe)["steps"]]}
        for id, recipe, state in _datasets(plan, known)
    ]
    return {**about_plan(plan), "datasets": datasets, "trial_states": trial_states(plan, known)}


def plan_json(
    plan: Plan, known: Known = NOTHING_KNOWN, with_trials: bool = False, engines: Share | None = None
) -> Iterator[str]:
    """The document as text, in pieces; with `trial_list`, which may be long, one trial a line."""
    told = {} if engines is None else {"engine": engines.document()}
    text = json.dumps(plan_document(plan, known) | told, ensure_ascii=False)
    if not with_trials:
        yield text
        return
    yield text[:-1] + ', "trial_list": ['
    configs = {config.id: config.params for config in plan.configs}
    recipes = {dataset.id: dataset.recipe for dataset in plan.datasets}
    for number, trial in enumerate(plan.trials):
        described = trial_document(trial, configs[trial.config_id], recipes.get(trial.dataset_id or ""))
        yield ("," if number else "") + "\n" + json.dumps(described, ensure_ascii=False)
    yield "\n]}"


def trial_document(trial: Trial, params: dict[str, Any], dataset_recipe: str | None) -> dict[str, Any]:
    """One trial of `trial_list`."""
    recipe = json.loads(trial.recipe)
    return {
        "id": trial.id,
        "config_id": trial.config_id,
        "dataset_id": trial.dataset_id,
        "seed": trial.seed,
        "fold": trial.fold,
        "params": params,
        "resolved": resolved(recipe, None if dataset_recipe is None else json.loads(dataset_recipe)),
    }


def resolved(recipe: dict[str, Any], dataset_recipe: dict[str, Any] | None) -> dict[str, Any]:
    """A trial's recipe in the form of its params, defaults filled in."""
    sections = {} if dataset_recipe is None else prepared(dataset_recipe)
    return {**sections, "augment": recipe["augment"], "model": recipe["model"], "train": recipe["train"]}


def prepared(dataset_recipe: dict[str, Any]) -> dict[str, Any]:
    """A dataset's recipe in the form of params: `data` and `preprocess`, defaults filled in."""
    source = dataset_recipe["source"]
    columns = {key: value for key, value in dataset_recipe["columns"].items() if value is not None}
    data = {"source": {source["name"]: source["params"]}, **columns, "split": dataset_recipe["split"]}
    return {"data": data, "preprocess": [_step(step) for step in dataset_recipe["steps"]]}


def _step(step: dict[str, Any]) -> dict[str, Any]:
    columns = {} if step["columns"] is None else {"columns": step["columns"]}
    return {step["name"]: {**step["params"], **columns}}


def trial_states(plan: Plan, known: Known = NOTHING_KNOWN) -> dict[str, int]:
    """How many trials are new, done, queued and so on."""
    states = Counter(known.trials.get(trial.id, "new") for trial in plan.trials) if known.trials else None
    if states is None:
        return {"new": plan.num_trials, "done": 0}
    done = sum(states.pop(state, 0) for state in DONE)
    new = states.pop("new", 0) + states.pop("idle", 0)
    return {"new": new, "done": done, **dict(sorted(states.items()))}


def _datasets(plan: Plan, known: Known) -> Iterator[tuple[str, str, str]]:
    for dataset in plan.datasets:
        yield dataset.id, dataset.recipe, "cached" if dataset.id in known.datasets else "to_build"


def plan_text(plan: Plan, known: Known = NOTHING_KNOWN) -> str:
    """What `blueno plan` prints."""
    lines = [f"{plan.name}: {plan.objective['direction']} {plan.objective['metric']}", "", *_axes_text(plan), ""]
    lines.append(_counts_text(plan))
    lines += search_text(plan)
    lines += _data_text(plan, known)
    states = trial_states(plan, known)
    lines.append("trials: " + ", ".join(f"{count} {state}" for state, count in states.items()))
    if plan.resources:
        lines.append(f"each trial needs: {_needs_text(plan.resources)}")
    if _looks_at_validation(plan):
        lines.append("no `stop` share: early stopping, plateaus and selection look at the validation part")
    if plan.baseline:
        lines.append(f"baseline: config {short(plan.baseline)}")
    lines += [f"warning: {warning}" for warning in plan.warnings]
    return "\n".join(lines)


def _axes_text(plan: Plan) -> list[str]:
    if not plan.axes:
        return ["nothing varies"]
    width = max(len(axis["path"]) for axis in plan.axes)
    return [f"  {axis['path']:<{width}}  {_size(axis):>4}  {_axis_text(axis)}" for axis in plan.axes]


def _size(axis: dict[str, Any]) -> str:
    return "any" if "drawn" in axis else str(len(axis["values"]))


def _axis_text(axis: dict[str, Any]) -> str:
    if "drawn" not in axis:
        return _values_text(axis["values"])
    low, high = axis["values"]
    return f"{axis['drawn']} from {shown(low)} to {shown(high)}"


def _values_text(values: list[Any]) -> str:
    texts = [value if isinstance(value, str) else shown(value) for value in values]
    if len(texts) > SHOWN_VALUES:
        texts = [*texts[: SHOWN_VALUES - 2], "...", texts[-1]]
    return ", ".join(texts)


def search_text(plan: Plan) -> list[str]:
    """What a plan can say of its search and its pruning."""
    lines = []
    if plan.search is not None:
        size = plan.search["size"]
        space = "a continuous space" if size is None else f"a space of {counted(size, 'config')}"
        tried = f"{counted(plan.num_configs, 'config')} of {space}"
        first = len(plan.search["first"])
        lines.append(
            f"search: {plan.search['method']} tries {tried}" + (f", the first {first} as written" if first else "")
        )
        if plan.num_configs < plan.search["asked"]:
            lines.append(f"  there are no {plan.search['asked']}, as search.configs asks for")
    if plan.prune is not None:
        lines.append(f"prune: {plan.prune['method']}, {_when(plan.prune)}")
    if plan.others:
        listed = ", ".join(f"{each['direction']} {each['metric']}" for each in (plan.objective, *plan.others))
        lines.append(f"objectives: {listed}")
    if plan.where:
        lines.append("where: " + ", ".join(f"{name} {operator} {limit:g}" for name, operator, limit in plan.where))
    return lines


def _when(prune: dict[str, Any]) -> str:
    """At which epochs a pruner decides, as far as it can be said."""
    if prune["method"] == "wilcoxon":
        return "between replicates: the others of a config that is worse are not trained"
    first, options = prune["after"], prune["options"]
    until = f", none after {prune['epochs']}" if prune["epochs"] else ""
    if prune["method"] in ("asha", "hyperband") and isinstance(options.get("min_resource", 1), int):
        factor = options.get("reduction_factor", 4 if prune["method"] == "asha" else 3)
        least = options.get("min_resource", 1)
        return f"at epochs {least}, {least * factor}, {least * factor**2}, ...{until}"
    each = "each epoch" if prune["interval"] == 1 else f"every {prune['interval']} epochs"
    waits = options.get("n_startup_trials", 5) if prune["method"] in ("median", "percentile") else 0
    after = f", once {waits} trials have ended" if waits else ""
    return f"{each} from epoch {first}{after}{until}"


def _counts_text(plan: Plan) -> str:
    most = "at most " if plan.search else ""
    parts = [counted(plan.num_configs, "config"), f"{most}{counted(plan.num_trials, 'trial')}"]
    if plan.excluded:
        parts.append(f"{plan.excluded} excluded")
    if plan.duplicates:
        parts.append(counted(plan.duplicates, "duplicate") + " folded")
    return ", ".join(parts)


def _data_text(plan: Plan, known: Known) -> list[str]:
    states = Counter(state for _, _, state in _datasets(plan, known))
    if not states and plan.search and plan.search["prepares"]:
        return ["datasets: prepared as the search proposes them"]
    if not states:
        return ["datasets: none, the models bring their own"]
    counts = [f"{states['cached']} cached", f"{states['to_build']} to build"]
    return [f"datasets: {len(plan.datasets)} ({', '.join(counts)})"]


def _needs_text(resources: dict[str, Any]) -> str:
    """What one trial needs, as it is heeded when workers are started."""
    said = {
        "gpus": lambda count: f"{count:g} GPU{'s' if count > 1 else ''}",
        "cpus": lambda count: f"{count:g} CPU core{'' if count == 1 else 's'}",
        "memory_bytes": lambda count: f"{_bytes(count)} of memory",
        "gpu_memory_bytes": lambda count: f"{_bytes(count)} of a GPU's memory",
        "time_s": lambda count: f"at most {words(count)}",
    }
    return ", ".join(said[key](value) for key, value in resources.items() if value is not None)


def _bytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB"


def _looks_at_validation(plan: Plan) -> bool:
    """Whether some training makes choices by the part that it is then measured on."""
    says_itself = '"split":{"column":'  # where the data marks the parts, stop may be one of them
    held_back = {each.id for each in plan.datasets if '"stop":null' not in each.recipe or says_itself in each.recipe}
    idle = ('"early_stopping":null', '"reduce_on_plateau":null')
    return any(
        '"architecture":' in trial.recipe
        and trial.dataset_id not in held_back
        and (any(each not in trial.recipe for each in idle) or '"select":{' in trial.recipe)
        for trial in plan.trials
    )
