"""The section `model`: which of the four kinds it is, what it names, and what that can be given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .alternatives import KINDS
from .arguments import argument, code_of, defaults, is_taken, nested_estimators, report_missing
from .choices import Tree
from .expand import Chosen, Layout, Variant, expand, join, variants
from .language import PUBLISHED
from .node import Broken, Node, found, is_broken
from .programs import check_command, program_files
from .signatures import Signature
from .train_section import Resolved
from .types import STR, list_of, nearest
from .values import Code, Context, checked, signature


class Model(NamedTuple):
    """A model whose kind and name are settled; its parameters may still vary.

    `keys` are the parameters: path below `model` as written -> (name, tree, the mapping that it stands in).
    """

    kind: str
    name: Node
    node: Node
    chosen: Chosen
    keys: dict[str, tuple[str, Tree, Node]]
    sign: Signature | None
    uses: tuple[str, ...]


def models(tree: Tree | None, layout: Layout, context: Context) -> list[Model]:
    """Every kind of model that a tree may be: by its alternatives, its name and its `params`."""
    return [model for variant in variants(tree, layout) for model in _settled(variant, layout, context)]


def _settled(variant: Variant, layout: Layout, context: Context) -> Iterator[Model]:
    node = variant.chosen.node
    if node is None:
        return
    kind = _kind(variant, node, context)
    if not kind:
        return
    for name in expand(variant.fields[kind], layout):
        for params in _params(variant, layout, context):
            for uses in expand(variant.fields.get("uses"), layout):
                chosen = join((variant.chosen, name, params.chosen, uses))
                if chosen is not None and name.node is not None:
                    yield _model(kind, name.node, node, chosen, variant, params, uses.node, context)


def _kind(variant: Variant, node: Node, context: Context) -> str:
    kinds = [kind for kind in variant.fields if kind in KINDS]
    if not kinds:
        _report_no_kind(node, context)
        return ""
    for other in kinds[1:]:
        message = f"the model is {_article(kinds[0])} already"
        context.problems.add(node.keys[other], f"model.{other}", message, "name one of them, or use one_of")
    return kinds[0]


def _report_no_kind(node: Node, context: Context) -> None:
    """Adds a problem: at a key that was probably meant to be the kind, else at the whole mapping."""
    if isinstance(node.value, Broken):
        return
    misspelt = next((key for key in node.keys if nearest(key, list(KINDS))), "")
    if misspelt:
        context.problems.unknown_key(node.keys[misspelt], "model", misspelt, KINDS)
    else:
        context.problems.add(node.mark, "model", f"one of {', '.join(KINDS)} is missing", "add architecture: mlp")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "ae" else f"a {kind}"


def _params(variant: Variant, layout: Layout, context: Context) -> list[Variant]:
    """What stands under `params`, where parameters may hide whose names clash with the language's."""
    tree = variant.fields.get("params")
    if tree is None:
        return [Variant(Chosen(None), {})]
    found_variants = variants(tree, layout)
    if not found_variants and isinstance(tree, Node) and not isinstance(tree.value, Broken):
        context.problems.add(tree.mark, "model.params", f"expected a mapping, {found(tree)}", "write params: {C: 1.0}")
    return found_variants


def _model(
    kind: str, name: Node, node: Node, chosen: Chosen, variant: Variant, params: Variant, uses: Node | None,
    context: Context,
) -> Model:  # fmt: skip
    keys = {
        key: (key, tree, node) for key, tree in variant.fields.items() if key not in (kind, "params", "uses", *KINDS)
    }
    below = params.chosen.node or node
    for key, tree in params.fields.items():
        if key in keys:
            message = f"{key} stands beside params already"
            context.problems.add(below.keys[key], f"model.params.{key}", message, "remove one of the two")
        keys[f"params.{key}"] = (key, tree, below)
    sign = _signature(kind, name, context)
    patterns = () if uses is None else tuple(checked(uses, list_of(STR), "model.uses", context) or ())
    model = Model(kind, name, node, chosen, keys, sign, patterns)
    if patterns and sign is not None and sign.kind != "user" and kind != "command":
        message = f"uses says what code of one's own reads, and {name.value} is none"
        context.problems.add(node.keys["uses"], "model.uses", message, "remove it")
    if sign is not None:
        _check_keys(model, context)
    return model


def _signature(kind: str, name: Node, context: Context) -> Signature | None:
    path = f"model.{kind}"
    if is_broken(name) or checked(name, STR, path, context) is None:
        return None
    if kind == "command":
        check_command(name, context)
        return Signature(name.value, {}, True, "third_party", None, "")
    return signature(kind, name.value, name, path, context)


def _check_keys(model: Model, context: Context) -> None:
    assert model.sign is not None, "BUG: keys are checked against a signature"
    given = [name for name, _, _ in model.keys.values()]
    allowed = PUBLISHED if model.kind == "architecture" else ()
    report_missing(model.sign, given, model.name, f"model.{model.kind}", context, allowed)
    for path, (name, _, node) in model.keys.items():
        if not is_taken(model.sign, name):
            below = "model" if path == name else "model.params"
            context.problems.unknown_key(node.keys[name], below, name, model.sign.parameters)
        elif model.kind == "estimator" and name == "random_state":
            message = "an estimator's random_state is the seed of each trial"
            context.problems.add(node.keys[name], f"model.{path}", message, "remove it, and say seeds: [0]")


def resolve_parameter(model: Model, path: str, node: Node, context: Context) -> tuple[Resolved, bool]:
    """The value of one parameter, and whether an estimator in it takes a seed."""
    name, _, given = model.keys[path]
    if model.sign is None or is_broken(node):
        return Resolved(None), False
    if not is_taken(model.sign, name):
        return Resolved(None), False
    below = "model" if path == name else "model.params"
    value = argument(model.sign, name, node, given, below, context)
    if model.kind != "estimator":
        return Resolved(value), False
    made, code, seeded = nested_estimators(value, node, f"model.{path}", context)
    return Resolved(made, code), seeded


def constants(model: Model) -> dict[str, Any]:
    """What is resolved without looking at any parameter: the kind with its name, and defaults."""
    if model.sign is None:
        return {}
    given = [name for name, _, _ in model.keys.values()]
    return {**defaults(model.sign, given), model.kind: model.name.value}


def model_code(model: Model, context: Context) -> dict[str, Any]:
    """What counts of the code behind the model's name."""
    if model.sign is None:
        return {}
    if model.kind == "command":
        return _command_code(model, context)
    code = code_of(model.sign, model.name, model.uses)
    return {} if code is None else {"model": code}


def _command_code(model: Model, context: Context) -> dict[str, Any]:
    """A program counts by the files of the project that its words name, and by what `uses` names."""
    files = program_files(str(model.name.value), context.folders)
    return {"model": Code("", model.name.mark, model.uses, tuple(files))} if files or model.uses else {}


def is_seeded(model: Model) -> bool:
    """Whether the model takes the trial's seed, estimators in its parameters aside."""
    return model.kind != "estimator" or model.sign is None or "random_state" in model.sign.parameters
