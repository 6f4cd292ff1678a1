"""A pack: trials of one family that train together, each by its own rules, until the last of them is done.

Lanes advance by whole epochs. What an epoch computes is one program's; what follows from it (which epoch counts, when
to stop, when to lower the rate) is decided lane by lane, as `fit` does. Lanes that are done make room for others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import keras
import numpy as np

from ... import batches
from ...job import Job, Outcome, Report
from ...metrics import Wanted
from ..scoring import chunk_of
from . import joined, resuming, room
from .ending import outcomes
from .family import Family, Programs, programs_of
from .lane import Lane, end_epoch, lane_of, next_rates
from .measuring import Measured, Pass, measured
from .numbers import Values, pairs
from .program import Epoch, State
from .states import chosen, moved, with_lane
from .streaming import scored, trained
from .template import lane_seeds
from .ways import Ways, notes_of, ways_of
from .worth import Best, Worth

Task = tuple[Job, Report]
More = Callable[[int], Sequence[Task]]  # at most so many further trials of the family
Done = Callable[[Job, Outcome], None]
Failed = Callable[[Job, Exception], None]
Waits = Callable[[Job], None]
T = TypeVar("T")


@dataclass
class Pack:
    """What changes from epoch to epoch. Arrays have a row for each place; the lanes have the first ones, in order."""

    family: Family
    width: int
    programs: Programs
    notes: tuple[str, ...]
    failed: Failed
    budget: int  # bytes
    lanes: list[Lane]
    data: joined.Joined
    numbers: dict[str, Values]  # of each place
    state: State
    kept: State  # at the epoch that counts, where a rule selects

    def passed(self, part: str, lanes: Sequence[Lane], state: State) -> Pass:
        """What the model of each of these lanes says of its own rows of a part."""
        numbers = self.numbers
        if list(lanes) != self.lanes:
            numbers = _numbers(self.family, lanes, self.width)
            order = np.array(filled_up([self.lanes.index(lane) for lane in lanes], self.width))
            state = moved(state, order, state, order, np.zeros(self.width, bool))
        rows = np.stack(filled_up([self.data.rows(lane, part) for lane in lanes], self.width))
        outputs, losses = scored(self.programs, state, rows, numbers, self.data, len(lanes))
        train = self.family.stage.parts["train"]
        chunk = chunk_of(train, self.family.stage.train["batch_size"])
        count = len(lanes)
        return Pass(part, outputs[:count], losses[:count], chunk, self.family.stage.loss)


def train_pack(
    family: Family,
    tasks: Sequence[Task],
    more: More,
    done: Done,
    how: Literal["auto", "map", "vmap"] | Ways = "auto",
    worth: Worth | None = None,
    failed: Failed | None = None,
    waits: Waits | None = None,
    budget: int | None = None,
) -> None:
    """Trains `tasks`, and what `more` gives when places come free; `done` is told of each as it ends.

    `how`: by the device (ways.ways_of), or map or vmap with the numbers that `fit` would draw. `worth` says whose
    weights are written; without it those that can be among the best N of the pack's trials, if N are kept. `failed` is
    told of a trial whose rules, metrics or outputs will not do, and the others go on; without it that ends the pack.
    `waits` is told of those of `tasks` for which there is no room beside the others within `budget` (bytes; by the
    device), the last first, and `more` gives them again; without it there is room for all.
    """
    ways = ways_of() if how == "auto" else how if isinstance(how, Ways) else Ways(how)
    keras.config.set_dtype_policy("mixed_float16" if family.stage.train["mixed_precision"] else "float32")
    worth, failed = worth or Best().worth, failed or _raise
    lanes = _lanes(family, tasks, failed)
    if not lanes:
        return
    pack = _begun(family, lanes, ways, failed, room.budget_of(lanes[0].job) if budget is None else budget, waits)
    while pack.lanes:
        if not any(lane.progress.over for lane in pack.lanes):
            _epoch(pack)
        over = [lane for lane in pack.lanes if lane.progress.over]
        for lane, outcome in outcomes(pack, [lane for lane in over if not lane.lost], worth, _lose(pack)):
            done(lane.job, outcome)
        if over:
            _replace(pack, _lanes(family, more(len(over) + pack.width - len(pack.lanes)), failed))


def _raise(job: Job, error: Exception) -> None:
    raise error


def _lose(pack: Pack) -> Callable[[Lane, Exception], None]:
    def lose(lane: Lane, error: Exception) -> None:
        lane.lost = lane.progress.over = True
        pack.failed(lane.job, error)

    return lose


# ---- an epoch


def _epoch(pack: Pack) -> None:
    """Trains every lane for its next epoch, measures it, and obeys its rules."""
    count = len(pack.lanes)
    pack.state, means = trained(pack.programs, pack.state, _inputs(pack), pack.data, count)
    parts = pack.lanes[0].setup.monitored.each_epoch
    found = {part: _measured(pack, part) for part in parts}
    told = {name: np.asarray(values).tolist() for name, values in means.items()}
    counts = np.zeros(pack.width, bool)
    for i, lane in enumerate(pack.lanes):
        own = {part: each[i] for part, each in found.items()}
        if not lane.lost:
            counts[i] = end_epoch(lane, {name: values[i] for name, values in told.items()}, own)  # type: ignore[arg-type]
    selects = any(lane.rules.select for lane in pack.lanes)
    pack.kept = chosen(pack.state, pack.kept, counts) if selects else pack.state
    for i, lane in enumerate(pack.lanes):
        resuming.save_if_due(pack.family, lane, pack.state, pack.kept, i)


def _inputs(pack: Pack) -> Epoch:
    """What the lanes train on; places without a lane repeat the first."""
    lanes = filled_up(pack.lanes, pack.width)
    orders: dict[tuple[int, int, int], np.ndarray] = {}  # lanes of the same seed and size read in the same order
    for lane in pack.lanes:
        if _order(lane) not in orders:
            orders[_order(lane)] = batches.order(*_order(lane))[: lane.steps * lane.train["batch_size"]]
    chosen_rows = [orders[_order(lane)] for lane in lanes]
    rows = [pack.data.rows(lane, "train")[order] for lane, order in zip(lanes, chosen_rows, strict=True)]
    weights = None
    if pack.family.weighted:
        own = [np.asarray(lane.weights) for lane in lanes]
        weights = np.stack([each[order] for each, order in zip(own, chosen_rows, strict=True)])
    return Epoch(np.stack(rows), weights, np.stack([next_rates(lane) for lane in lanes]), pack.numbers)


def _order(lane: Lane) -> tuple[int, int, int]:
    return lane.seed, lane.progress.epoch + 1, len(lane.setup.rows["train"])


def _measured(pack: Pack, part: str) -> list[Measured | None]:
    """A pass of each lane over its own rows of a part."""
    wanted: list[list[Wanted]] = [lane.setup.monitored.each_epoch[part] for lane in pack.lanes]
    return measured(pack.lanes, pack.passed(part, pack.lanes, pack.state), wanted, _lose(pack))


# ---- lanes that come and go


def _lanes(family: Family, tasks: Sequence[Task], failed: Failed) -> list[Lane]:
    found = []
    for job, report in tasks:
        try:
            found.append(lane_of(family, job, report))
        except Exception as error:
            failed(job, error)
    return found


def _begun(
    family: Family, lanes: list[Lane], ways: Ways, failed: Failed, budget: int, waits: Waits | None
) -> Pack:  # fmt: skip
    """A pack of the first lanes, as many as there is room for if others may wait."""
    width = room.by_states(family, lanes, budget) if waits else len(lanes)
    pack = _drawn(family, lanes[:width], ways, failed, budget)
    while waits and (fewer := room.by_program(pack, ways.how)) < pack.width:
        data = pack.data if pack.data.arrays else None
        pack = _drawn(family, lanes[:fewer], ways, failed, budget, data)
    for lane in reversed(lanes[pack.width :]):
        family.most[ways] = pack.width
        assert waits is not None, "BUG: there was room for all"
        waits(lane.job)
    _go_on(pack, pack.lanes)
    return pack


def _drawn(
    family: Family, lanes: list[Lane], ways: Ways, failed: Failed, budget: int, before: joined.Joined | None = None
) -> Pack:
    """A pack of these lanes, with their first weights."""
    programs, width = programs_of(family, ways), len(lanes)
    state = programs.draw(lane_seeds(family.template, [lane.seed for lane in lanes], width), width)
    data = joined.join(lanes, family, budget, width, before)
    notes, numbers = notes_of(ways, family.setup.trainee), _numbers(family, lanes, width)
    return Pack(family, width, programs, notes, failed, budget, lanes, data, numbers, state, state)


def _replace(pack: Pack, coming: list[Lane]) -> None:
    """Moves the lanes that go on to the front, and puts new ones after them."""
    staying = [i for i, lane in enumerate(pack.lanes) if not lane.progress.over]
    first = len(staying)
    pack.lanes = [pack.lanes[i] for i in staying] + coming
    if not pack.lanes:
        return
    order = np.array(filled_up(staying or [0], pack.width))
    fresh, is_fresh = pack.state, np.zeros(pack.width, bool)
    if coming:
        seeds = lane_seeds(pack.family.template, [lane.seed for lane in coming], pack.width)
        fresh, is_fresh[first : len(pack.lanes)] = pack.programs.draw(seeds, len(coming)), True
    fresh_order = np.maximum(np.arange(pack.width) - first, 0)
    are_one = pack.kept is pack.state
    pack.state = moved(pack.state, order, fresh, fresh_order, is_fresh)
    pack.kept = pack.state if are_one else moved(pack.kept, order, fresh, fresh_order, is_fresh)
    pack.data = joined.join(pack.lanes, pack.family, pack.budget, pack.width, pack.data)
    pack.numbers = _numbers(pack.family, pack.lanes, pack.width)
    _go_on(pack, coming)


def _go_on(pack: Pack, coming: Sequence[Lane]) -> None:
    """Lanes that an earlier attempt left go on from there."""
    for lane in coming:
        states = resuming.states_of(pack.family, lane)
        if states is not None:
            place = pack.lanes.index(lane)
            pack.state, pack.kept = with_lane(pack.state, place, states[0]), with_lane(pack.kept, place, states[1])


def _numbers(family: Family, lanes: Sequence[Lane], width: int) -> dict[str, Values]:
    whole = filled_up(lanes, width)
    return {name: pairs(np.array([lane.numbers[name] for lane in whole])) for name in family.places}


def filled_up(values: Sequence[T], width: int) -> list[T]:
    """So many values: the first one again where there are fewer."""
    return [*values, *[values[0]] * (width - len(values))]
