"""The sections of a frame's configs as text: each section's outcomes are made canonical once, however many configs
they are in. A row is one outcome of a whole section.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import product
from operator import and_
from typing import Any, NamedTuple, Protocol, TypeVar

from ..canonical import canonical
from ..spec.data_section import Data
from ..spec.expand import Tie
from ..spec.factors import Factor, Outcome
from ..spec.language import CLASHING, TRAIN
from ..spec.space import Frame
from .contents import Reader
from .exclude import Masks, mask_of_factor


class Row(NamedTuple):
    """`written` is None where the section is absent; `code` are the members of the recipe's `code`, joined."""

    written: Any
    text: str
    rank: int = 0
    mask: int = -1
    ties: tuple[Tie, ...] = ()
    code: str = ""
    seeded: bool = False
    watched: dict[str, Any] = {}
    data: Data | None = None


class Tied(Protocol):
    """Whatever may only meet what has equal ties."""

    @property
    def ties(self) -> tuple[Tie, ...]: ...


T = TypeVar("T", bound=Tied)


def joined(lists: Sequence[Sequence[T]], ties: tuple[Tie, ...] = ()) -> Iterator[tuple[T, ...]]:
    """The product of lists, but for combinations whose ties are unequal."""
    if not ties and not any(each.ties for items in lists for each in items):
        yield from product(*lists)
        return
    partial: list[tuple[dict[Any, int], list[list[T]]]] = [(dict(ties), [])]
    for items in lists:
        by_ties: dict[tuple[Tie, ...], list[T]] = {}
        for each in items:
            by_ties.setdefault(each.ties, []).append(each)
        partial = [
            (known | dict(own), [*chosen, same])
            for known, chosen in partial
            for own, same in by_ties.items()
            if all(known.get(tie, index) == index for tie, index in own)
        ]
    for _, chosen in partial:
        yield from product(*chosen)


def rows_of(section: str, frame: Frame, masks: Masks, reader: Reader) -> list[Row]:
    """Every row of one section of a frame."""
    factors = [factor for factor in frame.factors if factor.section == section]
    if section in ("model", "train"):
        return _mapping_rows(section, factors, frame, masks, reader)
    absent = section == "augment" and frame.model.kind == "estimator"
    (factor,) = factors
    return [_whole_row(factor, outcome, absent, masks, reader) for outcome in factor.outcomes]


def _whole_row(factor: Factor, outcome: Outcome, absent: bool, masks: Masks, reader: Reader) -> Row:
    """The row of a section that is one factor; `absent` if it does not exist for this kind of model."""
    paths = {} if absent else outcome.paths
    return Row(
        written=outcome.written if outcome.is_there and not absent else None,
        text="[]" if absent else "" if factor.section == "data" else reader.text(outcome.resolved),
        rank=outcome.rank,
        mask=mask_of_factor(masks, factor.path, paths),
        ties=outcome.ties,
        code="" if absent else _members(outcome.code, reader),
        watched={path: paths[path] for path in masks.watched if path in paths},
        data=outcome.resolved if factor.section == "data" else None,
    )


def _members(values: dict[str, Any], reader: Reader) -> str:
    return ",".join(f"{canonical(key)}:{reader.text(values[key])}" for key in sorted(values))


class _Piece(NamedTuple):
    """An outcome of a factor, ready to be joined with others to a row."""

    fragment: str  # `"epochs":20`, "" where there is nothing
    written: Any
    is_there: bool
    rank: int
    mask: int
    ties: tuple[Tie, ...]
    code: dict[str, Any]
    seeded: bool
    watched: dict[str, Any]


def _mapping_rows(section: str, factors: list[Factor], frame: Frame, masks: Masks, reader: Reader) -> list[Row]:
    absent = section == "train" and frame.model.kind == "estimator"
    defaults = _defaults(section, frame, reader)
    lists = [[_piece(factor, each, defaults, absent, masks, reader) for each in factor.outcomes] for factor in factors]
    text_of = _joiner([_name(factor.key) for factor in factors], defaults)
    code = frame.code if section == "model" else {}
    shared_code = _members(code, reader)
    rows = []
    for pieces in joined(lists):
        text = text_of(pieces)
        more = {key: each for piece in pieces for key, each in piece.code.items()}
        rows.append(
            Row(
                written=None if absent else _written(section, factors, pieces, frame),
                text="null" if absent or (section == "train" and text == "{}") else text,
                rank=sum(piece.rank for piece in pieces),
                mask=reduce(and_, (piece.mask for piece in pieces), -1),
                ties=tuple(dict(tie for piece in pieces for tie in piece.ties).items()),
                code=_members({**code, **more}, reader) if more else shared_code,
                seeded=any(piece.seeded for piece in pieces),
                watched={path: value for piece in pieces for path, value in piece.watched.items()},
            )
        )
    return rows


def _defaults(section: str, frame: Frame, reader: Reader) -> dict[str, str]:
    """What a section's text says of keys that are not written, as members of a JSON object."""
    if section == "model":
        values = frame.constants
    else:
        values = {key: default for key, (_, default) in TRAIN.items()} if frame.model.kind == "architecture" else {}
    return {key: _member(key, value, reader) for key, value in values.items()}


def _member(key: str, value: Any, reader: Reader) -> str:
    return f"{canonical(key)}:{reader.text(value)}"


def _piece(
    factor: Factor, outcome: Outcome, defaults: dict[str, str], absent: bool, masks: Masks, reader: Reader
) -> _Piece:
    name = factor.key.removeprefix("params.")
    paths = {} if absent else outcome.paths
    return _Piece(
        fragment=_member(name, outcome.resolved, reader) if outcome.is_there else defaults.get(name, ""),
        written=outcome.written,
        is_there=outcome.is_there,
        rank=outcome.rank,
        mask=mask_of_factor(masks, factor.path, paths),
        ties=outcome.ties,
        code={} if absent else outcome.code,
        seeded=outcome.seeded,
        watched={path: paths[path] for path in masks.watched if path in paths},
    )


def _name(key: str) -> str:
    """What the recipe calls a parameter: one under `params` stands beside the others if its name clashes with none."""
    name = key.removeprefix("params.")
    return key if name in CLASHING else name


def _joiner(names: list[str], defaults: dict[str, str]) -> Callable[[tuple[_Piece, ...]], str]:
    """A function from pieces (in the order of `names`) to the section's canonical JSON."""
    constant = [(key, -1, text) for key, text in defaults.items() if key not in names]
    slots = sorted([*constant, *((name, index, "") for index, name in enumerate(names))])
    inner = [index for name, index, _ in slots if name.startswith("params.")]
    place = sum(name < "params" for name, _, _ in slots)
    outer = [(index, text) for name, index, text in slots if not name.startswith("params.")]

    def text_of(pieces: tuple[_Piece, ...]) -> str:
        fragments = [text or pieces[index].fragment for index, text in outer]
        if inner:
            fragments.insert(place, '"params":{' + ",".join([pieces[index].fragment for index in inner]) + "}")
        return "{" + ",".join([fragment for fragment in fragments if fragment]) + "}"

    return text_of


def _written(section: str, factors: list[Factor], pieces: tuple[_Piece, ...], frame: Frame) -> dict[str, Any] | None:
    """The section as written; None for one that is not there at all."""
    if section == "train" and not frame.has_train:
        return None
    written: dict[str, Any] = {} if section == "train" else {frame.model.kind: frame.model.name.value}
    for factor, piece in zip(factors, pieces, strict=True):
        if piece.is_there and factor.key.startswith("params."):
            written.setdefault("params", {})[factor.key.removeprefix("params.")] = piece.written
        elif piece.is_there:
            written[factor.key] = piece.written
    if section == "model" and frame.model.uses:
        written["uses"] = list(frame.model.uses)
    return written
