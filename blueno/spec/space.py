"""All that a spec can be: frames (the same sections, the same kind of model), each a product of factors.

A config is one outcome of each factor of one frame; outcomes whose ties are unequal never meet.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .choices import Tree
from .csv_header import Header, header_of
from .data_section import resolve_data
from .expand import Chosen, Layout, Pick, Tie, Variant, expand, variants
from .factors import STEP_SECTIONS, Draft, Factor, Resolver, draft_of
from .language import TRAIN
from .links import linked
from .metric_names import Known
from .model_section import Model, constants, model_code, models, resolve_parameter
from .node import Broken, Node, plain
from .step_items import is_steps, resolve_augment, resolve_preprocess
from .train_section import Resolved, resolve_train
from .values import Context, is_mapping


class Frame(NamedTuple):
    """Sections with settled keys. `names` are paths of alternatives that belong to no factor; `rank` is theirs."""

    model: Model
    factors: list[Factor]
    constants: dict[str, Any]  # of the model: its kind, and defaults of parameters that are not written
    code: dict[str, Any]
    names: dict[str, Any]
    rank: int
    ties: tuple[Tie, ...]
    has_train: bool
    picks: tuple[Pick, ...] = ()


class Arm(NamedTuple):
    """The trees of the five sections, those of one arm merged in; absent ones are left out."""

    chosen: Chosen
    sections: dict[str, Tree]
    node: Node  # of the arm, or the whole spec


def frames(arm: Arm, layout: Layout, known: Known, context: Context) -> list[Frame]:
    """The frames of one arm, everything in them checked."""
    sections = {name: _well_formed(name, tree, context) for name, tree in arm.sections.items()}
    data = _data(sections, layout, context)
    common = [data, *_steps(sections, layout, _header_of(data), context)]
    trains = _train_variants(sections, layout, known, context)
    found = []
    for model in models(sections.get("model"), layout, context):
        own = _model_drafts(model, layout, context)
        for variant, train in trains:
            found.append(_frame(arm, model, variant, [*common, *own, *train], context))
    return found


EXAMPLES = {"data": "{source: {sklearn: digits}}", "model": "{architecture: mlp}", "train": "{epochs: 10}"}


def _well_formed(name: str, tree: Tree, context: Context) -> Tree:
    """The tree of a section; after a problem, one that says nothing if it is no list of steps or no mapping."""
    if not isinstance(tree, Node):
        return tree
    if name in STEP_SECTIONS:
        return tree if is_steps(tree, name, context) else tree._replace(value=Broken())
    if is_mapping(tree, name, context, f"{name}: {EXAMPLES[name]}"):
        return tree
    return tree._replace(value={} if name == "train" else Broken())


def _data(sections: dict[str, Tree], layout: Layout, context: Context) -> Draft:
    def resolve(node: Node | None) -> tuple[Resolved, bool]:
        return Resolved(resolve_data(node, context)), False

    return draft_of("data", "data", "", expand(sections.get("data"), layout), resolve)


def _header_of(data: Draft) -> Header | None:
    """The columns that the data may have, whichever of it is chosen; None where that cannot be told."""
    known = [each for each in data.ready if each is not None]
    return header_of(each.resolved.source for each in known) if len(known) == len(data.ready) else None


def _steps(sections: dict[str, Tree], layout: Layout, header: Header | None, context: Context) -> list[Draft]:
    def preprocess(node: Node | None) -> tuple[Resolved, bool]:
        return Resolved(resolve_preprocess(node, context, header)), False

    def augment(node: Node | None) -> tuple[Resolved, bool]:
        return resolve_augment(node, context), False

    return [
        draft_of(name, name, "", expand(sections.get(name), layout), resolve)
        for name, resolve in (("preprocess", preprocess), ("augment", augment))
    ]


def _train_variants(
    sections: dict[str, Tree], layout: Layout, known: Known, context: Context
) -> list[tuple[Variant, list[Draft]]]:
    found = []
    for variant in variants(sections.get("train"), layout):
        for key in variant.fields:
            node = variant.chosen.node
            if key not in TRAIN and node is not None:
                context.problems.unknown_key(node.keys[key], "train", key, TRAIN)
        drafts = [
            draft_of("train", f"train.{key}", key, expand(tree, layout), _train_resolver(key, known, context))
            for key, tree in variant.fields.items()
            if key in TRAIN
        ]
        found.append((variant, drafts))
    return found


def _train_resolver(key: str, known: Known, context: Context) -> Resolver:
    def resolve(node: Node | None) -> tuple[Resolved, bool]:
        return (Resolved(None) if node is None else resolve_train(key, node, known, context)), False

    return resolve


def _model_drafts(model: Model, layout: Layout, context: Context) -> list[Draft]:
    return [
        draft_of("model", f"model.{path}", path, expand(tree, layout), _model_resolver(model, path, context))
        for path, (_, tree, _) in model.keys.items()
    ]


def _model_resolver(model: Model, path: str, context: Context) -> Resolver:
    def resolve(node: Node | None) -> tuple[Resolved, bool]:
        return (Resolved(None), False) if node is None else resolve_parameter(model, path, node, context)

    return resolve


def _frame(arm: Arm, model: Model, train: Variant, drafts: list[Draft], context: Context) -> Frame:
    names = dict((*arm.chosen.names, *train.chosen.names))
    kind_name = plain(model.name)
    names |= {"model": kind_name, f"model.{model.kind}": kind_name} | dict(model.chosen.names)
    return Frame(
        model=model,
        factors=linked(drafts, names, context.problems),
        constants=constants(model),
        code=model_code(model, context),
        names=names,
        rank=arm.chosen.rank + model.chosen.rank + train.chosen.rank,
        ties=(*arm.chosen.ties, *model.chosen.ties, *train.chosen.ties),
        has_train=bool(train.fields),
        picks=tuple(pick for each in (arm.chosen, model.chosen, train.chosen) for pick in (*each.picks, *each.values)),
    )
