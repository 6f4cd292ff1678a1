"""The keys of `train`: what each may hold, with defaults inside it filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .arguments import arguments, code_of
from .language import COSINE, EARLY_STOPPING, REDUCE_ON_PLATEAU, STAGE_ONLY, TRAIN
from .metric_names import Known, is_direction_known, metric_name, needs_loss, what_decides
from .node import Broken, Node, found, is_broken
from .problems import join_path
from .types import BOOL, STR, Type, list_of, union_of
from .values import Context, checked, filled, is_mapping, named, signature

RATE = Type("float", gt=0)
TRAINABLE = union_of(BOOL, STR, list_of(STR))
OF_THE_WHOLE = {  # keys of `train` that no stage may have, and why
    "stages": "stages hold no stages",
    "select": "which epoch counts is decided over all stages",
    "mixed_precision": "the model is built once, with one precision",
}
SCHEDULED = "reduce_on_plateau lowers a learning rate that is a number, and here a schedule sets it"
SCHEDULED_FIX = "leave out one of them, or give learning_rate a number"


class Resolved(NamedTuple):
    """A value with defaults filled in, and what counts of the code it names, by path."""

    value: Any
    code: dict[str, Any] = {}


def resolve_train(key: str, node: Node, known: Known, context: Context, path: str = "train") -> Resolved:
    """The value of one key of `train`."""
    inner = join_path(path, key)
    if isinstance(node.value, Broken):
        return Resolved(None)
    if key in _READERS:
        return _READERS[key](node, inner, known, context)
    return Resolved(checked(node, TRAIN[key].type, inner, context))


def _optimizer(node: Node, path: str, known: Known, context: Context) -> Resolved:
    return _named(node, path, "optimizer", "an optimizer", context)


def _named(node: Node, path: str, role: str, noun: str, context: Context) -> Resolved:
    choice = named(node, path, noun, context)
    if choice is None:
        return Resolved(None)
    sign = signature(role, choice.name, choice.node, path, context)
    if sign is None:
        return Resolved(None)
    inner = join_path(path, choice.name)
    given = choice.parameters
    if role == "optimizer" and isinstance(given.value, dict) and "learning_rate" in given.value:
        message = "the learning rate stands under train, where it may be an axis or a schedule"
        fix = f"write train.learning_rate: {given.value['learning_rate'].text or '...'}"
        context.problems.add(given.keys["learning_rate"], join_path(inner, "learning_rate"), message, fix)
    values = arguments(sign, given, choice.node, inner, context)
    code = code_of(sign, choice.node)
    return Resolved({choice.name: values}, {} if code is None else {path: code})


def _loss(node: Node, path: str, known: Known, context: Context) -> Resolved:
    return Resolved(None) if node.value is None else _named(node, path, "loss", "a loss", context)


def _learning_rate(node: Node, path: str, known: Known, context: Context) -> Resolved:
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return Resolved(checked(node, RATE, path, context))
    if isinstance(node.value, str) or not isinstance(node.value, dict):
        message = f"expected a number above 0 or a schedule, {found(node)}"
        context.problems.add(node.mark, path, message, "write 1e-3, or {cosine: {from: 1e-3}}")
        return Resolved(None)
    if "cosine" not in node.value or len(node.value) != 1:
        return _named(node, path, "schedule", "a schedule", context)
    inner = node.value["cosine"]
    if not is_mapping(inner, f"{path}.cosine", context, "{cosine: {from: 1e-3}}"):
        return Resolved(None)
    # a mapping without `from` is marked at the name that needs it
    marked = inner._replace(mark=node.keys["cosine"]) if "from" not in inner.value else inner
    return Resolved({"cosine": filled(marked, COSINE, f"{path}.cosine", context)})


def _early_stopping(node: Node, path: str, known: Known, context: Context) -> Resolved:
    return _monitoring(node, path, EARLY_STOPPING, "early_stopping: {patience: 5}", known, context)


def _plateau(node: Node, path: str, known: Known, context: Context) -> Resolved:
    return _monitoring(node, path, REDUCE_ON_PLATEAU, "reduce_on_plateau: {patience: 5}", known, context)


def _monitoring(node: Node, path: str, keys: Any, example: str, known: Known, context: Context) -> Resolved:
    if node.value is None or not is_mapping(node, path, context, example):
        return Resolved(None)
    values = filled(node, keys, path, context)
    monitor = node.value.get("monitor")
    if monitor is not None and not is_broken(monitor) and values["monitor"] is not None:
        values["monitor"] = _directed(monitor, join_path(path, "monitor"), known, context)
    return Resolved(values, _decides(values["monitor"], join_path(path, "monitor"), known))


def _decides(metric: str | None, path: str, known: Known) -> dict[str, Any]:
    """What counts of a metric that training looks at, beside its name."""
    found = what_decides(metric, known) if metric is not None else None
    return {} if found is None else {path: found}


def _directed(node: Node, path: str, known: Known, context: Context) -> str | None:
    """A metric whose better direction is known."""
    name = metric_name(node, path, known, context)
    if name is not None and not is_direction_known(name, known):
        message = f"whether more or less of {name} is better is known only of the objective"
        context.problems.add(node.mark, path, message, "make it the objective, or choose another metric")
    return name


def _select(node: Node, path: str, known: Known, context: Context) -> Resolved:
    if node.value is None or node.value == "last":
        return Resolved(node.value)
    if not isinstance(node.value, dict) or list(node.value) != ["best"]:
        wrong = next((key for key in node.value if key != "best"), "") if isinstance(node.value, dict) else ""
        mark = node.keys[wrong] if wrong else node.mark
        message = f"expected last, or {{best: METRIC}}, {found(node)}" if not wrong else f"unknown key {wrong}"
        context.problems.add(mark, path, message, "write select: last, or select: {best: val_accuracy}")
        return Resolved(None)
    best = _directed(node.value["best"], f"{path}.best", known, context)
    return Resolved({"best": best}, _decides(best, f"{path}.best", known))


def _stages(node: Node, path: str, known: Known, context: Context) -> Resolved:
    if node.value is None:
        return Resolved(None)
    if not isinstance(node.value, list) or not node.value:
        message = f"expected a list of stages, {found(node)}"
        context.problems.add(node.mark, path, message, "write stages: [{epochs: 5}]")
        return Resolved(None)
    made = [_stage(stage, f"{path}[{index}]", known, context) for index, stage in enumerate(node.value)]
    code = {key: value for stage in made for key, value in stage.code.items()}
    return Resolved([stage.value for stage in made], code)


def _stage(node: Node, path: str, known: Known, context: Context) -> Resolved:
    """What a stage says itself; the rest it takes from `train`, so that no defaults of keys are filled in."""
    if not is_mapping(node, path, context, "{epochs: 5, trainable: head}"):
        return Resolved(None)
    values: dict[str, Any] = {}
    code: dict[str, Any] = {}
    for key, child in node.value.items():
        if key in STAGE_ONLY:
            values[key] = checked(child, TRAINABLE, join_path(path, key), context)
        elif key in OF_THE_WHOLE:
            context.problems.add(node.keys[key], join_path(path, key), OF_THE_WHOLE[key], f"write it as train.{key}")
        elif key in TRAIN:
            values[key], inner = resolve_train(key, child, known, context, path)
            code |= inner
        else:
            known_keys = [each for each in (*STAGE_ONLY, *TRAIN) if each not in OF_THE_WHOLE]
            context.problems.unknown_key(node.keys[key], path, key, known_keys)
    if _is_lowered_though_scheduled(values):
        inner_path = join_path(path, "reduce_on_plateau")
        context.problems.add(node.keys["reduce_on_plateau"], inner_path, SCHEDULED, SCHEDULED_FIX)
    return Resolved(values, code)


def _is_lowered_though_scheduled(train: dict[str, Any]) -> bool:
    return bool(train.get("reduce_on_plateau")) and isinstance(train.get("learning_rate"), dict)


def contradictions(train: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a whole `train`, all defaults filled in, though each key is right: (key, message, fix)."""
    stages = [{**train, **stage} for stage in train["stages"] or []]
    for index, stage in enumerate(stages):
        if _is_lowered_though_scheduled(stage):
            yield f"stages[{index}]", SCHEDULED, SCHEDULED_FIX
    if not stages and _is_lowered_though_scheduled(train):
        yield "reduce_on_plateau", SCHEDULED, SCHEDULED_FIX
    losses = [stage["loss"] for stage in stages]
    monitor = _selected(train, stages)
    if needs_loss(monitor) and any(loss != losses[0] for loss in losses):
        message = f"the epoch that counts is chosen by {monitor}, which is another loss in each of these stages"
        yield "stages", message, "write train.select: {best: val_accuracy}, or train.select: last"


def _selected(train: dict[str, Any], stages: list[dict[str, Any]]) -> str:
    """The metric whose best epoch counts, "" if the last one does: the rule of ml/stages.py."""
    if isinstance(train["select"], dict):
        return str(train["select"]["best"])
    stop = stages[-1]["early_stopping"] if stages else None
    return str(stop["monitor"]) if stop and train["select"] is None else ""


_READERS: dict[str, Callable[[Node, str, Known, Context], Resolved]] = {
    "optimizer": _optimizer,
    "learning_rate": _learning_rate,
    "loss": _loss,
    "early_stopping": _early_stopping,
    "reduce_on_plateau": _plateau,
    "select": _select,
    "stages": _stages,
}
