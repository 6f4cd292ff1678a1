"""All that a spec can be: frames (the same sections, the same kind of model), each a product of factors.

A factor is the smallest part of a config that is chosen, checked and resolved by itself: a key of `model` or `train`,
or the whole of `data`, `preprocess` or `augment`. A config is one outcome of each factor of one frame. Outcomes whose
ties (pairs of `zip`, values that refer to others) are unequal never meet.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

from .choices import Tree
from .data_section import resolve_data
from .expand import Chosen, Layout, Tie, Variant, expand, variants
from .language import TRAIN
from .metric_names import Known
from .model_section import Model, constants, model_code, models, resolve_parameter
from .node import Mark, Node, plain
from .paths import is_below, owner, paths_below, paths_of_steps, references, with_references
from .problems import nearest
from .step_items import is_steps, resolve_augment, resolve_preprocess
from .train_section import Resolved, resolve_train
from .values import Context, is_mapping

STEP_SECTIONS = ("preprocess", "augment")


class Outcome(NamedTuple):
    """One value of a factor. `written` and `resolved` are None and absent where `is_there` is false."""

    is_there: bool
    written: Any
    resolved: Any
    paths: dict[str, Any]
    rank: int = 0
    ties: tuple[Tie, ...] = ()
    code: dict[str, Any] = {}
    seeded: bool = False
    mark: Mark | None = None


class Factor(NamedTuple):
    """`path` as written (`train.epochs`), and what the recipe calls it below the section (`epochs`)."""

    section: str
    path: str
    key: str
    outcomes: list[Outcome]


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


class Arm(NamedTuple):
    """The trees of the five sections, those of one arm merged in; absent ones are left out."""

    chosen: Chosen
    sections: dict[str, Tree]
    node: Node  # of the arm, or the whole spec


Resolver = Callable[[Node | None], tuple[Resolved, bool]]


class _Draft(NamedTuple):
    """A factor before its references are followed. `ready` has the outcomes of what refers to nothing."""

    section: str
    path: str
    key: str
    chosen: list[Chosen]
    resolve: Resolver
    ready: list[Outcome | None]


def _draft(section: str, path: str, key: str, chosen: list[Chosen], resolve: Resolver) -> _Draft:
    draft = _Draft(section, path, key, chosen, resolve, [])
    for each in chosen:
        draft.ready.append(None if next(references(each.node), None) else _outcome(draft, each))
    return draft


def frames(arm: Arm, layout: Layout, known: Known, context: Context) -> list[Frame]:
    """The frames of one arm, everything in them checked."""
    sections = {name: tree for name, tree in arm.sections.items() if _is_well_formed(name, tree, context)}
    common = [_data(sections, layout, context), *_steps(sections, layout, context)]
    trains = _train_variants(sections, layout, known, context)
    found = []
    for model in models(sections.get("model"), layout, context):
        for variant, train in trains:
            drafts = [*common, *_model_drafts(model, layout, context), *train]
            found.append(_frame(arm, model, variant, drafts, context))
    return found


def _is_well_formed(name: str, tree: Tree, context: Context) -> bool:
    if name in STEP_SECTIONS:
        return not isinstance(tree, Node) or is_steps(tree, name, context)
    return not isinstance(tree, Node) or is_mapping(tree, name, context, f"{name}: {{key: value}}")


def _data(sections: dict[str, Tree], layout: Layout, context: Context) -> _Draft:
    def resolve(node: Node | None) -> tuple[Resolved, bool]:
        return Resolved(resolve_data(node, context)), False

    return _draft("data", "data", "", expand(sections.get("data"), layout), resolve)


def _steps(sections: dict[str, Tree], layout: Layout, context: Context) -> list[_Draft]:
    def preprocess(node: Node | None) -> tuple[Resolved, bool]:
        return Resolved(resolve_preprocess(node, context)), False

    def augment(node: Node | None) -> tuple[Resolved, bool]:
        return resolve_augment(node, context), False

    return [
        _draft(name, name, "", expand(sections.get(name), layout), resolve)
        for name, resolve in (("preprocess", preprocess), ("augment", augment))
    ]


def _train_variants(
    sections: dict[str, Tree], layout: Layout, known: Known, context: Context
) -> list[tuple[Variant, list[_Draft]]]:
    found = []
    for variant in variants(sections.get("train"), layout):
        for key in variant.fields:
            node = variant.chosen.node
            if key not in TRAIN and node is not None:
                context.problems.unknown_key(node.keys[key], "train", key, TRAIN)
        drafts = [
            _draft("train", f"train.{key}", key, expand(tree, layout), _train_resolver(key, known, context))
            for key, tree in variant.fields.items()
            if key in TRAIN
        ]
        found.append((variant, drafts))
    return found


def _train_resolver(key: str, known: Known, context: Context) -> Resolver:
    def resolve(node: Node | None) -> tuple[Resolved, bool]:
        return (Resolved(None) if node is None else resolve_train(key, node, known, context)), False

    return resolve


def _model_drafts(model: Model, layout: Layout, context: Context) -> list[_Draft]:
    return [
        _draft("model", f"model.{path}", path, expand(tree, layout), _model_resolver(model, path, context))
        for path, (_, tree, _) in model.keys.items()
    ]


def _model_resolver(model: Model, path: str, context: Context) -> Resolver:
    def resolve(node: Node | None) -> tuple[Resolved, bool]:
        return (Resolved(None), False) if node is None else resolve_parameter(model, path, node, context)

    return resolve


def _frame(arm: Arm, model: Model, train: Variant, drafts: list[_Draft], context: Context) -> Frame:
    names = dict((*arm.chosen.names, *train.chosen.names))
    kind_name = plain(model.name)
    names |= {"model": kind_name, f"model.{model.kind}": kind_name} | dict(model.chosen.names)
    return Frame(
        model=model,
        factors=_linked(drafts, names, context),
        constants=constants(model),
        code=model_code(model, context),
        names=names,
        rank=arm.chosen.rank + model.chosen.rank + train.chosen.rank,
        ties=(*arm.chosen.ties, *model.chosen.ties, *train.chosen.ties),
        has_train=bool(train.fields),
    )


# ---- references: a factor that refers to another gets an outcome for each value of that other, tied to it


def _linked(drafts: list[_Draft], names: dict[str, Any], context: Context) -> list[Factor]:
    """The factors of drafts, in an order in which whatever is referred to comes first."""
    by_path = {draft.path: draft for draft in drafts}
    done: dict[str, Factor] = {}
    waiting: list[str] = []

    def settle(path: str) -> None:
        if path in done:
            return
        waiting.append(path)
        targets = _targets(by_path[path], by_path)
        for target, node in targets.items():
            if target in waiting:
                context.problems.add(
                    node.mark,
                    path,
                    f"the references go round: {' -> '.join([*waiting, target])}",
                    "write one of them out",
                )
                by_path[path] = by_path[path]._replace(chosen=[], ready=[])
                break
            settle(target)
        else:
            _mark_targets(targets, done)
        waiting.pop()
        done[path] = _factor(
            by_path[path], {target: done[target] for target in targets if target in done}, names, context
        )

    for draft in drafts:
        settle(draft.path)
    return [done[draft.path] for draft in drafts]


def _targets(draft: _Draft, by_path: dict[str, _Draft]) -> dict[str, Node]:
    """The other factors that a draft refers to, each with the node of one such reference."""
    nodes = [node for chosen in draft.chosen for node in references(chosen.node)]
    found = {owner(node.value.path, by_path): node for node in nodes}
    return {path: node for path, node in found.items() if path is not None and path != draft.path}


def _mark_targets(targets: dict[str, Node], done: dict[str, Factor]) -> None:
    """Ties each outcome of what is referred to to its own number, once."""
    for target in targets:
        factor = done[target]
        key = ("ref", target)
        if not any(key == tie for outcome in factor.outcomes for tie, _ in outcome.ties):
            numbered = [each._replace(ties=(*each.ties, (key, i))) for i, each in enumerate(factor.outcomes)]
            done[target] = factor._replace(outcomes=numbered)


def _factor(draft: _Draft, targets: dict[str, Factor], names: dict[str, Any], context: Context) -> Factor:
    outcomes: list[Outcome] = []
    for chosen, ready in zip(draft.chosen, draft.ready, strict=True):
        if ready is not None:
            outcomes.append(ready)
            continue
        wanted = list(references(chosen.node))
        paths = {node.value.path for node in wanted}
        used = [factor for path, factor in targets.items() if any(is_below(each, path) for each in paths)]
        for combination in product(*(factor.outcomes for factor in used)):
            made = _bound(draft, chosen, wanted, combination, names, context)
            if made is not None:
                outcomes.append(made)
    return Factor(draft.section, draft.path, draft.key, outcomes)


def _bound(
    draft: _Draft, chosen: Chosen, wanted: list[Node], others: tuple[Outcome, ...], names: dict[str, Any],
    context: Context,
) -> Outcome | None:  # fmt: skip
    """An outcome whose references have the values of other outcomes; None if these cannot meet, or lack a path."""
    values = {**names, **_paths(draft, chosen)}
    ties = dict(chosen.ties)
    for other in others:
        values |= other.paths
        for tie, index in other.ties:
            if ties.setdefault(tie, index) != index:
                return None
    lacking = [node for node in wanted if node.value.path not in values]
    for node in lacking:
        context.problems.add(
            node.mark,
            draft.path,
            f"{node.value.path} is not there in every config that refers to it",
            nearest(node.value.path, values),
        )
    if lacking or chosen.node is None:
        return None
    node = with_references(chosen.node, values)
    return _outcome(draft, chosen._replace(node=node, ties=tuple(ties.items())))


def _outcome(draft: _Draft, chosen: Chosen) -> Outcome:
    resolved, seeded = draft.resolve(chosen.node)
    return Outcome(
        is_there=chosen.node is not None,
        written=None if chosen.node is None else plain(chosen.node),
        resolved=resolved.value,
        paths=_paths(draft, chosen),
        rank=chosen.rank,
        ties=chosen.ties,
        code=resolved.code,
        seeded=seeded,
        mark=None if chosen.node is None else chosen.node.mark,
    )


def _paths(draft: _Draft, chosen: Chosen) -> dict[str, Any]:
    found = (
        paths_of_steps(chosen.node, draft.path)
        if draft.section in STEP_SECTIONS
        else paths_below(chosen.node, draft.path)
    )
    return found | dict(chosen.names)
