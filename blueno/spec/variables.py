"""What a search may choose: a variable for each axis and each `one_of`, and what each sampler can do with them."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from .axes import DRAWN
from .choices import Axis, OneOf, Under
from .conditions import equal
from .node import Mark, Node, plain
from .pairs import Pairs
from .problems import Problems, nearest
from .search_section import ALWAYS_THERE, NUMBERS_ONLY, Prune, Search
from .space import Frame

ORDERED = ("range", "linspace", "logspace")


class Variable(NamedTuple):
    """One choice. Its value is an index, or for what is drawn a number between `low` and `high`."""

    order: int
    name: str  # its path, told from others at the same path by a number
    path: str
    form: str  # one_of, grid, range, linspace, logspace, uniform, ...
    values: list[Any]  # that may be taken: names of alternatives, or values; the two ends of what is drawn
    under: Under
    leader: int | None  # of its zip group, if that is another
    mark: Mark

    @property
    def drawn(self) -> bool:
        return self.form in DRAWN

    @property
    def categorical(self) -> bool:
        return self.form in ("one_of", "grid")

    def document(self) -> dict[str, Any]:
        """What the store keeps of it."""
        return {
            "order": self.order, "name": self.name, "path": self.path, "form": self.form, "values": self.values,
            "under": self.under and list(self.under), "leader": self.leader,
        }  # fmt: skip


def variables_of(choices: list[Axis | OneOf], pairs: Pairs) -> list[Variable]:
    """A variable for each choice, in the order of the text."""
    seen: Counter[str] = Counter()
    leaders: dict[int, int] = {}
    found = []
    for choice in choices:
        seen[choice.path] += 1
        number = seen[choice.path]
        group = pairs.member_of.get(choice.order)
        leader = choice.order if group is None else leaders.setdefault(group, choice.order)
        found.append(
            Variable(
                order=choice.order,
                name=choice.path if number == 1 else f"{choice.path}~{number}",
                path=choice.path,
                form=choice.form if isinstance(choice, Axis) else "one_of",
                values=[plain(value) for value in choice.values] if isinstance(choice, Axis) else list(choice.names),
                under=choice.under,
                leader=None if leader == choice.order else leader,
                mark=choice.mark,
            )
        )
    return found


def check_variables(search: Search, variables: list[Variable], pairs: Pairs, problems: Problems) -> None:
    """Adds a problem for what the method cannot choose, and for `first` values that nothing can take."""
    for variable in variables:
        if variable.drawn and variable.order in pairs.member_of:
            message = f"{variable.form} has no values that could advance together with others"
            problems.add(variable.mark, variable.path, message, "list them: {linspace: [first, last, count]}")
        if search.method in NUMBERS_ONLY and variable.categorical and len(variable.values) > 1:
            message = f"{search.method} cannot choose among categories: it would draw {variable.path} at random"
            problems.add(search.mark, "search.method", message, "write method: tpe, or make the axis a range")
            break
        if search.method in ALWAYS_THERE and variable.under is not None:
            message = (
                f"{search.method} cannot choose what only some configs have: it would draw {variable.path} at random"
            )
            problems.add(search.mark, "search.method", message, "write method: tpe")
            break
    for index, (values, node) in enumerate(search.first):
        for path, value in values.items():
            _check_first(path, value, node.keys[path], f"search.first[{index}]", variables, problems)
        _check_together(values, node, f"search.first[{index}]", variables, problems)


def _check_first(path: str, value: Any, mark: Mark, where: str, variables: list[Variable], problems: Problems) -> None:
    named = [variable for variable in variables if variable.path == path]
    if not named:
        fix = nearest(path, {variable.path for variable in variables})
        problems.add(mark, where, f"no axis is at {path}", fix)
    elif all(index_of(variable, value) is None for variable in named):
        each = named[0]
        taken = f"from {each.values[0]} to {each.values[1]}" if each.drawn else ", ".join(map(str, each.values[:6]))
        problems.add(
            mark,
            where,
            f"{path} cannot be {value}",
            f"it is one of {taken}" if not each.drawn else f"write a number {taken}",
        )


def _check_together(
    values: dict[str, Any], node: Node, where: str, variables: list[Variable], problems: Problems
) -> None:
    """Adds a problem for values of a config that no config has together: of axes that advance together values at other
    places, and axes of two alternatives.
    """
    by_order = {variable.order: variable for variable in variables}
    fixed: dict[int, tuple[Any, str]] = {}  # what is chosen -> how, and which path says so
    for path, value in values.items():
        named = [each for each in variables if each.path == path and index_of(each, value) is not None]
        for variable in named:
            own = variable.order if variable.leader is None else variable.leader
            chosen = {own: index_of(variable, value)}
            under = variable.under if len(named) == 1 else None  # else it stands in several alternatives
            while under is not None:
                chosen[under[0]] = under[1]
                under = by_order[under[0]].under
            for order, index in chosen.items():
                before, other = fixed.setdefault(order, (index, path))
                if before == index:
                    continue
                if order == own and (by_order[order].form != "one_of" or variable.leader is not None):
                    message = f"{path} and {other} advance together (zip), and {value} is not at the same place"
                    fix = f"write {path}: {variable.values[before]}, or leave one of them out"
                else:
                    message = f"{path} and {other} do not come together in one alternative of {by_order[order].path}"
                    fix = "name the axes of one alternative in each config"
                problems.add(node.keys[path], where, message, fix)
                return


def index_of(variable: Variable, value: Any) -> Any:
    """What stands for a value of a variable: its index, or the number itself; None if it cannot be taken."""
    if not variable.drawn:
        return next((i for i, each in enumerate(variable.values) if equal(each, value)), None)
    low, high = variable.values
    kinds = int if "int_" in variable.form else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    return value if is_number and low <= value <= high else None


def size_of(variables: list[Variable]) -> int | None:
    """How many configs there are before `exclude`; None if something is drawn that is no integer."""
    if any(variable.drawn and "int_" not in variable.form for variable in variables):
        return None
    return _product(variables, None)


def _product(variables: list[Variable], under: Under) -> int:
    total = 1
    for variable in variables:
        if variable.under == under and variable.leader is None:
            total *= (
                sum(_product(variables, (variable.order, index)) for index in range(len(variable.values)))
                if variable.form == "one_of"
                else _count(variable)
            )
    return total


def _count(variable: Variable) -> int:
    """How many values a variable can take."""
    return variable.values[1] - variable.values[0] + 1 if variable.drawn else len(variable.values)


def check_prune(
    prune: Prune | None, frames: list[Frame], objective: dict[str, str], seeds: list[int], problems: Problems
) -> None:
    """Adds a problem where no trial says anything before it ends, which could be pruned by."""
    kinds = {frame.model.kind for frame in frames}
    if prune is None or not kinds:
        return
    if prune.method == "wilcoxon":
        folded = any(
            outcome.resolved.num_folds
            for frame in frames
            for factor in frame.factors
            if factor.section == "data"
            for outcome in factor.outcomes
        )
        if len(seeds) < 2 and not folded:
            message = "wilcoxon compares replicates, and each config has one"
            problems.add(prune.mark, "prune.method", message, "write split: {folds: 5}, or seeds: 5, or method: median")
        return
    if kinds == {"estimator"}:
        message = "an estimator reports nothing before it is done, so no trial could be pruned"
        problems.add(prune.mark, "prune.method", message, "remove prune, or write method: wilcoxon with folds")
    name = objective.get("metric", "")
    if "architecture" in kinds and name.startswith("train_"):
        message = f"{name} is measured only at the end, so no trial could be pruned by it"
        problems.add(prune.mark, "prune.method", message, f"make val_{name.removeprefix('train_')} the objective")
