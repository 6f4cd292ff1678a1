"""The keys of `train`: what each may hold, with defaults inside it filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .arguments import arguments, code_of
from .language import COSINE, EARLY_STOPPING, REDUCE_ON_PLATEAU, STAGE_ONLY, TRAIN
from .metric_names import Known, is_direction_known, metric_name
from .node import Broken, Node, found, is_broken
from .problems import join_path
from .types import STR, Type, list_of, union_of
from .values import Context, checked, filled, is_mapping, named, signature

RATE = Type("float", gt=0)


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
    return Resolved(values)


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
    return Resolved({"best": _directed(node.value["best"], f"{path}.best", known, context)})


def _stages(node: Node, path: str, known: Known, context: Context) -> Resolved:
    if node.value is None:
        return Resolved(None)
    if not isinstance(node.value, list) or not node.value:
        context.problems.add(
            node.mark, path, f"expected a list of stages, {found(node)}", "write stages: [{epochs: 5}]"
        )
        return Resolved(None)
    context.refuse("train.stages", node, path)
    made = [_stage(stage, f"{path}[{index}]", known, context) for index, stage in enumerate(node.value)]
    code = {key: value for stage in made for key, value in stage.code.items()}
    return Resolved([stage.value for stage in made], code)


def _stage(node: Node, path: str, known: Known, context: Context) -> Resolved:
    if not is_mapping(node, path, context, "{epochs: 5, trainable: head}"):
        return Resolved(None)
    values: dict[str, Any] = {}
    code: dict[str, Any] = {}
    for key, child in node.value.items():
        if key in STAGE_ONLY:
            values[key] = checked(child, union_of(STR, list_of(STR)), join_path(path, key), context)
        elif key in TRAIN and key != "stages":
            values[key], inner = resolve_train(key, child, known, context, path)
            code |= inner
        else:
            known_keys = [each for each in (*STAGE_ONLY, *TRAIN) if each != "stages"]
            context.problems.unknown_key(node.keys[key], path, key, known_keys)
    return Resolved(values, code)


_READERS: dict[str, Callable[[Node, str, Known, Context], Resolved]] = {
    "optimizer": _optimizer,
    "learning_rate": _learning_rate,
    "loss": _loss,
    "early_stopping": _early_stopping,
    "reduce_on_plateau": _plateau,
    "select": _select,
    "stages": _stages,
}
