"""`ref`: a factor that refers to another gets an outcome for each value of that other, and the two are tied, so that
only outcomes that agree ever meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from itertools import product
from typing import Any

from .expand import Chosen
from .factors import Draft, Factor, Outcome, outcome_of, paths_in
from .node import Node
from .paths import is_below, owner, references, with_references
from .problems import Problems, nearest


def linked(drafts: list[Draft], names: Mapping[str, Any], problems: Problems) -> list[Factor]:
    """The factors of drafts, their references followed; `names` are the values of paths that no factor has."""
    if all(None not in draft.ready for draft in drafts):
        return [_factor(draft, []) for draft in drafts]
    return _Linker(drafts, names, problems).factors()


def _factor(draft: Draft, bound: list[Outcome]) -> Factor:
    ready = [outcome for outcome in draft.ready if outcome is not None]
    return Factor(draft.section, draft.path, draft.key, [*ready, *bound])


class _Linker:
    """Follows the references of one frame, first those of what is referred to."""

    def __init__(self, drafts: list[Draft], names: Mapping[str, Any], problems: Problems) -> None:
        self._drafts = {draft.path: draft for draft in drafts}
        self._names = names
        self._problems = problems
        self._done: dict[str, Factor] = {}
        self._open: list[str] = []

    def factors(self) -> list[Factor]:
        for path in self._drafts:
            self._settle(path)
        return [self._done[path] for path in self._drafts]

    def _settle(self, path: str) -> None:
        if path in self._done:
            return
        self._open.append(path)
        draft, bound = self._drafts[path], []
        targets = self._targets(draft)
        if not self._goes_round(path, targets):
            for target in targets:
                self._settle(target)
                self._number(target)
            for chosen, ready in zip(draft.chosen, draft.ready, strict=True):
                bound += [] if ready is not None else self._bound(draft, chosen, list(targets))
        self._open.pop()
        self._done[path] = _factor(draft, bound)

    def _targets(self, draft: Draft) -> dict[str, Node]:
        """The other factors that a draft refers to, each with the node of one such reference."""
        nodes = [node for chosen in draft.chosen for node in references(chosen.node)]
        found = {owner(node.value.path, self._drafts): node for node in nodes}
        return {path: node for path, node in found.items() if path is not None and path != draft.path}

    def _goes_round(self, path: str, targets: Mapping[str, Node]) -> bool:
        for target, node in targets.items():
            if target in self._open:
                circle = " -> ".join([*self._open[self._open.index(target) :], target])
                self._problems.add(node.mark, path, f"the references go round: {circle}", "write one of them out")
                return True
        return False

    def _number(self, target: str) -> None:
        """Ties each outcome of a factor that is referred to to its own number, once."""
        factor, key = self._done[target], ("ref", target)
        if not any(key == tie for outcome in factor.outcomes for tie, _ in outcome.ties):
            numbered = [each._replace(ties=(*each.ties, (key, i))) for i, each in enumerate(factor.outcomes)]
            self._done[target] = factor._replace(outcomes=numbered)

    def _bound(self, draft: Draft, chosen: Chosen, targets: list[str]) -> list[Outcome]:
        """An outcome of `chosen` for each combination of the outcomes that it refers to."""
        wanted = list(references(chosen.node))
        used = [path for path in targets if any(is_below(node.value.path, path) for node in wanted)]
        outcomes = []
        for others in product(*(self._done[path].outcomes for path in used)):
            values, ties = {**self._names, **paths_in(draft, chosen)}, dict(chosen.ties)
            if all(_agree(ties, other) for other in others):
                picks, axes = dict(chosen.picks), dict(chosen.values)
                for other in others:
                    values |= other.paths
                    picks |= dict(other.picks)
                    axes |= dict(other.values)
                made = chosen._replace(ties=tuple(ties.items()), picks=tuple(picks.items()), values=tuple(axes.items()))
                outcomes += self._made(draft, made, wanted, values)
        return outcomes

    def _made(self, draft: Draft, chosen: Chosen, wanted: list[Node], values: Mapping[str, Any]) -> list[Outcome]:
        """The outcome in which each reference has the value of its path; none, and a problem, if that is not there."""
        lacking = [node for node in wanted if node.value.path not in values]
        for node in lacking:
            message = f"{node.value.path} is not there in every config that refers to it"
            self._problems.add(node.mark, draft.path, message, nearest(node.value.path, self._known()))
        if lacking or chosen.node is None:
            return []
        return [outcome_of(draft, chosen._replace(node=with_references(chosen.node, values)))]

    def _known(self) -> Set[str]:
        drafts = self._drafts.values()
        return {path for draft in drafts for each in draft.ready if each is not None for path in each.paths}


def _agree(ties: dict[Any, int], other: Outcome) -> bool:
    """Whether an outcome may meet what has these ties, which become its own too."""
    return all(ties.setdefault(tie, index) == index for tie, index in other.ties)
