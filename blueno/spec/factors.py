"""Factors: the smallest parts of a config that are chosen, checked and resolved by themselves.

A factor is a key of `model` or `train`, or the whole of `data`, `preprocess` or `augment`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .expand import Chosen, Pick, Tie
from .node import Mark, Node, plain
from .paths import paths_below, paths_of_steps, references
from .train_section import Resolved

STEP_SECTIONS = ("preprocess", "augment")

Resolver = Callable[[Node | None], tuple[Resolved, bool]]  # (resolved, whether it takes a seed)


class Outcome(NamedTuple):
    """One value of a factor; `written` is None where it is absent (`is_there` tells that from null)."""

    is_there: bool
    written: Any
    resolved: Any
    paths: dict[str, Any]  # what `exclude` and `ref` see of it
    rank: int = 0
    ties: tuple[Tie, ...] = ()
    code: dict[str, Any] = {}
    seeded: bool = False
    mark: Mark | None = None
    picks: tuple[Pick, ...] = ()
    values: tuple[Pick, ...] = ()


class Factor(NamedTuple):
    """`path` as written (`train.epochs`), and what the recipe calls it below the section (`epochs`)."""

    section: str
    path: str
    key: str
    outcomes: list[Outcome]


class Draft(NamedTuple):
    """A factor before its references are followed. `ready` has the outcomes of what refers to nothing, else None."""

    section: str
    path: str
    key: str
    chosen: list[Chosen]
    resolve: Resolver
    ready: list[Outcome | None]


def draft_of(section: str, path: str, key: str, chosen: list[Chosen], resolve: Resolver) -> Draft:
    """A draft in which everything is checked but what refers to other paths."""
    draft = Draft(section, path, key, chosen, resolve, [])
    for each in chosen:
        draft.ready.append(None if next(references(each.node), None) else outcome_of(draft, each))
    return draft


def outcome_of(draft: Draft, chosen: Chosen) -> Outcome:
    """The outcome of one choice that refers to nothing (any more)."""
    resolved, seeded = draft.resolve(chosen.node)
    return Outcome(
        is_there=chosen.node is not None,
        written=None if chosen.node is None else plain(chosen.node),
        resolved=resolved.value,
        paths=paths_in(draft, chosen),
        rank=chosen.rank,
        ties=chosen.ties,
        code=resolved.code,
        seeded=seeded,
        mark=None if chosen.node is None else chosen.node.mark,
        picks=chosen.picks,
        values=chosen.values,
    )


def paths_in(draft: Draft, chosen: Chosen) -> dict[str, Any]:
    """The paths of one choice with their values; alternatives that have names go by these."""
    is_steps = draft.section in STEP_SECTIONS
    found = paths_of_steps(chosen.node, draft.path) if is_steps else paths_below(chosen.node, draft.path)
    return found | dict(chosen.names)
