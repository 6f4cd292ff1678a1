"""Which picks a config of another sweep is, if it lies in a space: the other way round of `planning.proposed`."""

from __future__ import annotations

from itertools import product
from typing import Any

from ..planning.proposed import Picks, proposed
from ..spec.conditions import equal

MOST = 64  # ways in which a config may be read


def picks_of(space: dict[str, Any], config: str, params: dict[str, Any]) -> Picks | None:
    """The picks that come to the config of this id; None if it is not in the space."""
    for frame in space["frames"]:
        if params.get("model", {}).get(frame["kind"]) != frame["name"]:
            continue
        ways = [_ways(factor, params) for factor in frame["factors"]]
        for number, together in enumerate(product(*ways)):
            if number == MOST:
                break
            taken = dict(frame["picks"])
            if all(taken.setdefault(order, value) == value for way in together for order, value in way.items()):
                picks = _named(space, taken)
                try:
                    if proposed(space, picks, 0).config.id == config:
                        return picks
                except (KeyError, StopIteration):
                    continue
    return None


def _named(space: dict[str, Any], taken: dict[int, Any]) -> Picks:
    own = {each["order"]: each["name"] for each in space["variables"] if each["leader"] is None}
    return {own[order]: value for order, value in taken.items() if order in own}


def _ways(factor: dict[str, Any], params: dict[str, Any]) -> list[dict[int, Any]]:
    """What each form of a factor must have been to be written so."""
    written = params.get(factor["section"])
    for key in factor["key"].split(".") if factor["key"] else []:
        written = written.get(key) if isinstance(written, dict) else None
    found = [way for form in factor["forms"] if (way := _way(form, written)) is not None]
    return found or [{}]


def _way(form: dict[str, Any], written: Any) -> dict[int, Any] | None:
    taken: dict[int, Any] = dict(form["picks"])
    holes = {}
    for order, listed in form["axes"].items():
        for place, content in listed:
            if place[0] == "written":
                holes[tuple(place[1:])] = (int(order), content)
    return taken if _fits(form["base"]["written"], written, (), holes, taken) else None


def _fits(base: Any, written: Any, place: tuple[Any, ...], holes: dict[Any, Any], taken: dict[int, Any]) -> bool:
    """Whether a value is as the centre has it, but for what axes set, which is noted."""
    if place in holes:
        order, content = holes[place]
        if isinstance(content, str):
            taken[order] = written
            return isinstance(written, int | float)
        taken[order] = next((i for i, each in enumerate(content) if each and equal(each[0], written)), None)
        return taken[order] is not None
    if isinstance(base, dict) and isinstance(written, dict):
        return base.keys() == written.keys() and all(
            _fits(base[key], written[key], (*place, key), holes, taken) for key in base
        )
    if isinstance(base, list) and isinstance(written, list):
        return len(base) == len(written) and all(
            _fits(one, other, (*place, index), holes, taken)
            for index, (one, other) in enumerate(zip(base, written, strict=True))
        )
    return equal(base, written)
