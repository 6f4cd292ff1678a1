"""The steps of `preprocess` and `augment`, each checked against the signature of what it names."""

from __future__ import annotations

import ast
from typing import Any

from .annotations import aliases_of
from .arguments import arguments, code_of
from .csv_header import KEEP_NAMES, Header, check_step
from .language import NAMES
from .modules import parse
from .node import Broken, Node, found
from .parameters import Parameter
from .references import Definition, find
from .signatures import Signature, builtin_file
from .steps import steps_of
from .train_section import Resolved
from .values import Context, named, signature

# Every step takes it, unless its own parameter of that name means something else.
COLUMNS = Parameter("columns", NAMES, None, None)


def is_steps(node: Node | None, section: str, context: Context) -> bool:
    """Whether a section is a list; a problem if it is something else."""
    if node is None or isinstance(node.value, (list, Broken)):
        return node is not None and not isinstance(node.value, Broken)
    context.problems.add(node.mark, section, f"expected a list of steps, {found(node)}", f"write {section}: [scale]")
    return False


def resolve_preprocess(node: Node | None, context: Context, header: Header | None = None) -> list[dict[str, Any]]:
    """The steps as a dataset's recipe has them. Columns are looked for in `header` until a step may make others."""
    steps = []
    for path, item in _items(node, "preprocess", context):
        choice = named(item, path, "a step", context)
        sign = choice and signature("step", choice.name, choice.node, path, context)
        if choice is None or sign is None:
            continue
        columns_too = {} if _changes_samples(sign, context) else {"columns": COLUMNS}
        taken = sign._replace(parameters=columns_too | sign.parameters)
        values = arguments(taken, choice.parameters, choice.node, path, context)
        if header is not None and "columns" not in sign.parameters and isinstance(choice.parameters.value, dict):
            check_step(path, choice.parameters.value.get("columns"), header, context)
        header = header if choice.name in KEEP_NAMES and not values.get("indicator") else None
        columns = None if "columns" in sign.parameters else values.pop("columns", None)
        columns = [columns] if isinstance(columns, str) else columns
        steps.append({"name": choice.name, "params": values, "columns": columns, "code": code_of(sign, choice.node)})
    return steps


def _changes_samples(sign: Signature, context: Context) -> bool:
    """Whether a step takes whole samples, and so no columns: a built-in that says so, a function of `samples`."""
    if sign.kind == "builtin":
        file = builtin_file("step", sign.reference)
        return "CHANGES_SAMPLES" in aliases_of(parse(file))
    definition = find(sign.reference, context.folders) if sign.kind == "user" else None
    node = definition.node if isinstance(definition, Definition) else None
    if not isinstance(node, ast.FunctionDef):
        return False
    positional = [*node.args.posonlyargs, *node.args.args]
    return bool(positional) and positional[0].arg == "samples"


def resolve_augment(node: Node | None, context: Context) -> Resolved:
    """The layers as a trial's recipe has them: `{name: {parameters}}`."""
    layers: list[Any] = []
    code: dict[str, Any] = {}
    for path, item in _items(node, "augment", context):
        choice = named(item, path, "a layer", context)
        sign = choice and signature("layer", choice.name, choice.node, path, context)
        if choice is None or sign is None:
            continue
        counted = code_of(sign, choice.node)
        if counted is not None:
            code[f"augment[{len(layers)}]"] = counted
        layers.append({choice.name: arguments(sign, choice.parameters, choice.node, path, context)})
    return Resolved(layers, code)


def _items(node: Node | None, section: str, context: Context) -> list[tuple[str, Node]]:
    """The steps with their paths; of something that is no step, the place in the list."""
    if node is None or not is_steps(node, section, context):
        return []
    named_steps = {id(item): f"{section}.{name}" for name, _, item in steps_of(node)}
    return [(named_steps.get(id(item), f"{section}[{index}]"), item) for index, item in enumerate(node.value)]
