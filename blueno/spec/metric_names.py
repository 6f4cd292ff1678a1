"""Metrics as a spec names them: the objective, those measured beside the defaults, and what is monitored."""

from __future__ import annotations

from typing import Any, NamedTuple

from .arguments import argument, report_missing
from .language import Key
from .metrics import CLASSES, LOSS, METRICS, PARTS, Name, direction_of, nearest_metric, read_name, required
from .node import Broken, Node, found, plain
from .problems import join_path
from .references import is_reference
from .signatures import Signature
from .types import FLOAT, STR
from .values import Code, Context, Named, checked, is_mapping, named, signature


class Listed(NamedTuple):
    """What `metrics` adds: items for whoever computes them, and the names that results will have."""

    items: list[Any]
    names: dict[str, str | None]  # name -> direction, None for the user's own
    references: list[str]
    definitions: dict[str, list[Any]]  # of those whose name does not say all: metric, parameters, code


class Known(NamedTuple):
    """What a metric may be called in this spec."""

    listed: dict[str, str | None]
    definitions: dict[str, list[Any]]  # as in Listed
    objective: dict[str, str]  # metric and direction, as far as it could be read
    free: bool  # functions and commands report what they like
    only_free: bool  # nothing but functions and commands
    others: list[dict[str, str]] = []  # objectives beside the first


def read_metrics(node: Node | None, context: Context) -> Listed:
    """The list under `metrics`: names, `{name: {parameters, as}}`, and functions of the user's."""
    listed = Listed([], {}, [], {})
    if node is None or isinstance(node.value, Broken):
        return listed
    if not isinstance(node.value, list):
        context.problems.add(node.mark, "metrics", f"expected a list of metrics, {found(node)}", "write metrics: [f1]")
        return listed
    for index, item in enumerate(node.value):
        _read_listed(item, f"metrics[{index}]", listed, context)
    return listed


def _read_listed(item: Node, path: str, listed: Listed, context: Context) -> None:
    choice = named(item, path, "a metric", context)
    if choice is None:
        return
    if not is_mapping(choice.parameters, path, context, "{cohen_kappa: {weights: quadratic}}"):
        return
    found = (_own if is_reference(choice.name) else _built_in)(choice, path, context)
    if found is None:
        return
    called = found.values.get("as")
    full = f"{found.name.part or 'val'}_{called}" if called else found.name.full
    if full in listed.names:
        message, fix = f"{full} is listed already", "remove it, or rename it with as: ..."
        context.problems.add(choice.node.mark, path, message, fix)
    listed.names[full] = None if is_reference(found.written) else direction_of(found.name)
    listed.items.append({found.written: found.values} if found.values else found.written)
    parameters = {key: value for key, value in found.values.items() if key != "as"}
    if is_reference(found.written):
        listed.references.append(found.written)
        listed.definitions[full] = [found.written, parameters, Code(found.written, choice.node.mark)]
    elif called or parameters:
        listed.definitions[full] = [found.written, parameters]


class Item(NamedTuple):
    """One of the list."""

    name: Name
    written: str  # the standard name, or the reference
    values: dict[str, Any]


def _own(choice: Named, path: str, context: Context) -> Item | None:
    """A function of the user's of (y_true, y_score) and parameters of its own."""
    sign = signature("metric", choice.name, choice.node, path, context)
    if sign is None:
        return None
    return Item(Name("", choice.name.rpartition(":")[2]), choice.name, _arguments(sign, choice, path, context))


def _built_in(choice: Named, path: str, context: Context) -> Item | None:
    name = read_name(choice.name)
    if not _is_computed(name, choice.node, path, context):
        return None
    written = f"{name.part}_{name.bare}" if name.part else name.bare
    return Item(name, written, _parameters(name.bare, choice, path, context))


def _parameters(name: str, choice: Named, path: str, context: Context) -> dict[str, Any]:
    """The parameters that are written, `as` among them."""
    known = {"as": Key(STR), **METRICS[name].parameters}
    needed = required(read_name(name))
    if needed and needed not in choice.parameters.value:
        context.problems.add(choice.node.mark, path, f"{name} needs {needed}", f"write {{{name}: {{{needed}: ...}}}}")
    values: dict[str, Any] = {}
    for key, child in choice.parameters.value.items():
        if key in known:
            values[key] = checked(child, known[key].type, join_path(path, key), context)
        else:
            context.problems.unknown_key(choice.parameters.keys[key], path, key, known)
    return values


def _arguments(sign: Signature, choice: Named, path: str, context: Context) -> dict[str, Any]:
    """Those of a function of the user's, as far as they are written, and `as`."""
    values: dict[str, Any] = {}
    for key, child in choice.parameters.value.items():
        if key == "as":
            values[key] = checked(child, STR, join_path(path, key), context)
        else:
            values[key] = argument(sign, key, child, choice.parameters, path, context)
    report_missing(sign, choice.parameters.value, choice.node, path, context)
    return values


def _is_computed(name: Name, node: Node, path: str, context: Context) -> bool:
    if name.part == "test":
        message = "the test part takes part in nothing while a sweep trains"
        context.problems.add(node.mark, path, message, f"write val_{name.bare}")
        return False
    if name.bare in METRICS:
        return True
    context.problems.add(node.mark, path, f"nothing computes a metric called '{plain(node)}'", nearest_metric(name))
    return False


PARAMETERS = "parameters"  # how many weights a network has: known of every network, whatever is measured


def read_objectives(node: Node, known: Known, context: Context) -> list[dict[str, str]]:
    """One objective, or a list of several: metric and direction of each that could be read."""
    if not isinstance(node.value, list):
        found = read_objective(node, known, context)
        return [] if found is None else [found]
    if len(node.value) < 2:
        fix = "write objective: {maximize: val_accuracy}, or add another"
        context.problems.add(node.mark, "objective", "expected at least two objectives in a list", fix)
    listed: list[dict[str, str]] = []
    for item in node.value:
        found = read_objective(item, known, context, several=bool(listed))
        if found is not None and any(found["metric"] == other["metric"] for other in listed):
            context.problems.add(item.mark, "objective", f"{found['metric']} is there already", "remove it")
        elif found is not None:
            listed.append(found)
    return listed


def read_where(node: Node | None, known: Known, context: Context) -> list[list[Any]]:
    """The limits of `where`: metric, operator and number of each."""
    limits: list[list[Any]] = []
    if node is None or not is_mapping(node, "where", context, "where: {latency_ms: {le: 5}}"):
        return limits
    for key, child in node.value.items():
        name = metric_name(Node(key, node.keys[key]), "where", known, context, counted=True)
        if not is_mapping(child, f"where.{key}", context, "{le: 5}"):
            continue
        for operator, operand in child.value.items():
            if operator not in LIMITS:
                context.problems.unknown_key(child.keys[operator], f"where.{key}", operator, LIMITS)
                continue
            limit = checked(operand, FLOAT, f"where.{key}.{operator}", context)
            if name is not None and limit is not None:
                limits.append([name, operator, limit])
    return limits


LIMITS = ("le", "lt", "ge", "gt")


def read_objective(node: Node, known: Known, context: Context, several: bool = False) -> dict[str, str] | None:
    """`{maximize: METRIC}` or `{minimize: METRIC}`, the metric under its standard name."""
    example = "objective: {maximize: val_accuracy}"
    if not isinstance(node.value, dict) or len(node.value) != 1:
        wrong = f"a mapping of {len(node.value)} keys" if isinstance(node.value, dict) else found(node)[6:]
        if not isinstance(node.value, Broken):
            message = f"expected maximize or minimize with a metric, found {wrong}"
            context.problems.add(node.mark, "objective", message, f"write {example}")
        return None
    direction, inner = next(iter(node.value.items()))
    if direction not in ("maximize", "minimize"):
        context.problems.unknown_key(node.keys[direction], "objective", direction, ("maximize", "minimize"))
        return None
    path = f"objective.{direction}"
    name = metric_name(inner, path, known, context, counted=several)
    if name is None:
        return None
    wanted = known.listed.get(name) or direction_of(read_name(name))
    if wanted and wanted != direction:
        better = "lower" if wanted == "minimize" else "higher"
        context.problems.add(
            node.keys[direction], "objective", f"{name} is better when it is {better}", f"write {wanted}: {name}"
        )
    return {"metric": name, "direction": direction}


def metric_name(node: Node, path: str, known: Known, context: Context, counted: bool = False) -> str | None:
    """A metric under its standard name; None, and a problem, if nothing computes it. What is `counted`, not measured,
    will do if that is said.
    """
    if counted and node.value == PARAMETERS and not known.only_free:
        return PARAMETERS
    if not isinstance(node.value, str):
        if not isinstance(node.value, Broken):
            context.problems.add(node.mark, path, f"expected the name of a metric, {found(node)}", "write val_accuracy")
        return None
    written, name = node.value, read_name(node.value)
    if written in known.listed:
        return written
    if name.part == "test":
        message = "the test part takes part in no choice"
        context.problems.add(node.mark, path, message, f"write val_{name.bare}")
        return None
    if known.only_free and name.part not in PARTS:
        return written
    if name.bare not in METRICS and known.free:
        return written
    if name.bare not in METRICS:
        message = f"nothing computes a metric called '{written}'"
        context.problems.add(node.mark, path, message, nearest_metric(name))
        return None
    if needed := required(name):
        fix = f"write it with {needed} under metrics, as {{{name.bare}: {{{needed}: ...}}}}"
        context.problems.add(node.mark, path, f"{name.bare} needs {needed}", fix)
        return None
    if not name.part:
        fix = f"write val_{name.bare}, or train_{name.bare}"
        context.problems.add(node.mark, path, f"'{written}' does not say of which part", fix)
        return None
    return name.full


def what_decides(name: str, known: Known) -> list[Any] | None:
    """What a metric is that training looks at, where its name does not say it all: its definition, its code, and which
    direction is better where only the objective says it. It counts for the trial; None where the name is enough.
    """
    definition = known.definitions.get(name, [])
    is_objective = known.objective.get("metric") == name
    direction = known.objective.get("direction") if is_objective else known.listed.get(name)
    usual = direction_of(read_name(name)) if not definition else None
    told = [direction] if direction is not None and direction != usual else []
    return [*definition, *told] if definition or (is_objective and told) else None


def is_direction_known(name: str, known: Known) -> bool:
    """Whether it is known which direction of a metric is better, so that the best epoch can be chosen by it."""
    return (
        direction_of(read_name(name)) is not None
        or known.listed.get(name) is not None
        or known.objective.get("metric") == name
    )


def is_of_task(name: str, task: str) -> bool:
    """Whether a metric can be computed for a task, as `data.task` says it."""
    metric = METRICS.get(read_name(name).bare)
    tasks = CLASSES if task == "classification" else (task,)
    return metric is None or bool(set(metric.tasks) & set(tasks))


def needs_loss(name: str) -> bool:
    """Whether only a model with a loss has this metric."""
    return read_name(name).bare == LOSS
