"""The space of a search as JSON, from which configs are put together without the spec and the user's files: a sweep
runs what was submitted. Every value that can be listed has been checked and resolved here; of what is drawn, both ends.

A frame has factors; a factor has forms (one for each way through its alternatives); a form has an outcome at its
centre, and for each axis the places that the axis sets, with what stands there for each of its values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..spec.conditions import Condition, Pattern
from ..spec.expand import Pick
from ..spec.factors import Factor, Outcome
from ..spec.language import TRAIN
from ..spec.load import Spec
from ..spec.model_section import is_seeded
from ..spec.node import Mark, Ref
from ..spec.problems import Problems
from ..spec.space import Frame
from ..spec.variables import Variable
from .contents import Reader

Path = tuple[str | int, ...]
Space = dict[str, Any]
ABSENT: list[Any] = []  # a value stands in a list of one, so that its absence can be told from null


def space_of(spec: Spec, reader: Reader) -> Space:
    """The space of a spec that searches. Adds a problem for axes that cannot be told apart, or drawn."""
    variables = {variable.order: variable for variable in spec.variables}
    return {
        "variables": [variable.document() for variable in spec.variables],
        "frames": [_frame(frame, variables, reader, spec.problems) for frame in spec.frames],
        "patterns": [[_condition(each) for each in pattern.conditions] for pattern in spec.patterns],
        "seeds": spec.words.seeds,
    }


def _frame(frame: Frame, variables: dict[int, Variable], reader: Reader, problems: Problems) -> Space:
    settled = dict(frame.picks)
    return {
        "picks": [list(pick) for pick in settled.items()],
        "kind": frame.model.kind,
        "name": frame.model.name.value,
        "uses": list(frame.model.uses),
        "names": frame.names,
        "constants": reader.plain(frame.constants),
        "code": reader.plain(frame.code),
        "train": _train_defaults(frame, reader),
        "has_train": frame.has_train,
        "seeded": is_seeded(frame.model),
        "factors": [_factor(factor, settled, variables, reader, problems) for factor in frame.factors],
    }


def _train_defaults(frame: Frame, reader: Reader) -> dict[str, Any]:
    if frame.model.kind != "architecture":
        return {}
    return {key: reader.plain(default) for key, (_, default) in TRAIN.items()}


def _factor(
    factor: Factor, settled: dict[int, int], variables: dict[int, Variable], reader: Reader, problems: Problems
) -> Space:
    forms: dict[tuple[Pick, ...], list[Outcome]] = {}
    for outcome in factor.outcomes:
        if all(settled.get(order, index) == index for order, index in (*outcome.picks, *outcome.values)):
            forms.setdefault(tuple(sorted(set(outcome.picks))), []).append(outcome)
    made = [_form(picks, outcomes, variables, reader, problems) for picks, outcomes in forms.items()]
    return {"section": factor.section, "path": factor.path, "key": factor.key, "forms": made}


def _form(
    picks: tuple[Pick, ...], outcomes: list[Outcome], variables: dict[int, Variable], reader: Reader, problems: Problems
) -> Space:
    centre = next(each for each in outcomes if not any(index for _, index in each.values))
    base = _document(centre, reader)
    axes: dict[str, list[Any]] = {}
    taken: dict[Path, int] = {}
    for order in sorted({order for order, _ in centre.values}):
        values = {0: base} | {
            index: _document(each, reader) for each in outcomes for index in [_only(each, order)] if index is not None
        }
        listed = [values[index] for index in range(len(values))]
        places = _outermost({path for other in listed[1:] for path in _differences(base, other)})
        variable = variables[order]
        holes = [_hole(variable, place, listed, problems) for place in places]
        axes[str(order)] = [hole for hole in holes if hole is not None]
        _check_apart(places, order, taken, variables, problems)
    return {"picks": [list(pick) for pick in picks], "base": base, "axes": axes}


def _only(outcome: Outcome, order: int) -> int | None:
    """The index of an axis, if it alone is not at its first value."""
    away = {other: index for other, index in outcome.values if index}
    return away[order] if list(away) == [order] else None


def _document(outcome: Outcome, reader: Reader) -> Space:
    resolved = outcome.resolved
    if hasattr(resolved, "num_folds"):
        resolved = {"source": resolved.source, "columns": resolved.columns, "split": resolved.split,
                    "num_folds": resolved.num_folds}  # fmt: skip
    return {
        "is_there": outcome.is_there, "written": outcome.written, "resolved": reader.plain(resolved),
        "paths": outcome.paths, "code": reader.plain(outcome.code), "seeded": outcome.seeded,
    }  # fmt: skip


# ---- what an axis sets


def _differences(one: Any, other: Any, path: Path = ()) -> Iterator[Path]:
    """The places at which two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if key in one and key in other:
                yield from _differences(one[key], other[key], (*path, key))
            else:
                yield (*path, key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(left, right, (*path, index))
    elif type(one) is not type(other) or one != other:
        yield path


def _outermost(places: Iterable[Path]) -> list[Path]:
    """The places that are in no other one."""
    found: list[Path] = []
    for place in sorted(places, key=len):
        if not any(place[: len(outer)] == outer for outer in found):
            found.append(place)
    return sorted(found, key=str)


def _at(document: Any, place: Path) -> list[Any]:
    """What stands at a place, in a list; nothing if it is not there."""
    for key in place:
        if isinstance(document, dict) and key not in document:
            return ABSENT
        document = document[key]
    return [document]


def _hole(variable: Variable, place: Path, listed: list[Space], problems: Problems) -> Any:
    """`[place, values]`, or of what is drawn `[place, its type]`."""
    values = [_at(each, place) for each in listed]
    if not variable.drawn:
        return [list(place), values]
    kinds = {type(each[0]) if each else None for each in values}
    fits = all(each and each[0] == end for each, end in zip(values, variable.values, strict=True))
    if not fits or not kinds <= {int, float} or len(kinds) > 1:
        message = "a number that is drawn cannot stand inside of something else"
        problems.add(variable.mark, variable.path, message, "list the values: {grid: [...]}")
        return None
    kind = kinds.pop()
    if kind is int and "int_" not in variable.form and place[0] == "resolved":
        fix = f"write {{{variable.form.replace('uniform', 'int_uniform')}: {[int(each) for each in variable.values]}}}"
        problems.add(variable.mark, variable.path, "whole numbers are wanted here", fix)
        return None
    return [list(place), "float" if kind is float else "int"]


def _check_apart(
    places: list[Path], order: int, taken: dict[Path, int], variables: dict[int, Variable], problems: Problems
) -> None:
    for place in places:
        for other, owner in taken.items():
            length = min(len(place), len(other))
            if place[:length] == other[:length] and owner != order:
                one, two = variables[owner], variables[order]
                message = f"what {two.path} means here depends on {one.path}, and a search varies each by itself"
                problems.add(two.mark, two.path, message, "write the combinations as alternatives of a one_of")
                return
    taken.update(dict.fromkeys(places, order))


# ---- exclude


def _condition(condition: Condition) -> list[Any]:
    return [condition.path, condition.operator, _operand(condition.operand)]


def _operand(operand: Any) -> Any:
    if isinstance(operand, Ref):
        return {"ref": operand.path}
    return {"list": [_operand(each) for each in operand]} if isinstance(operand, list) else {"value": operand}


def patterns_of(space: Space) -> list[Pattern]:
    """The patterns of a space, as they were in the spec."""
    nowhere = Mark("", 0, 0)
    return [
        Pattern([Condition(path, operator, _read(operand)) for path, operator, operand in each], nowhere)
        for each in space["patterns"]
    ]


def _read(operand: Any) -> Any:
    if "ref" in operand:
        return Ref(operand["ref"])
    return [_read(each) for each in operand["list"]] if "list" in operand else operand["value"]
