"""A pack: trials of one family that train together, each by its own rules, until the last of them is done.

Lanes advance by whole epochs. What an epoch computes is one program's; what follows from it (which epoch counts, when
to stop, when to lower the rate) is decided lane by lane, as `fit` does. Lanes that are done make room for others.
In stages they march together: one whose stage has ended waits, as if it had been interrupted, for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from .states import chosen, moved, parted, stacked, whole, with_lane
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

    family: Family  # in the stage that the lanes are in
    width: int
    ways: Ways
    failed: Failed
    budget: int  # bytes
    lanes: list[Lane]
    waiting: list[Lane]  # for a later stage, without a place
    data: joined.Joined
    numbers: dict[str, Values]  # of each place
    state: State
    kept: State  # at the epoch that counts, where a rule selects

    @property
    def programs(self) -> Programs:
        """Those of the stage."""
        return programs_of(self.family, self.ways)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of every lane."""
        return notes_of(self.ways, self.family.setup.trainee)

    def in_stage(self, number: int) -> Pack:
        """What counts in each lane, as another stage has it: for a pass with the loss of that stage."""
        family = self.family.stages[number]
        if family is self.family:
            return self
        values = whole(self.family.setup.trainee, self.kept)
        kept = State(*parted(family.setup.trainee, values), [])
        data = joined.join(self.lanes, family, self.budget, self.width, self.data)
        numbers = _numbers(family, self.lanes, self.width)
        return replace(self, family=family, data=data, numbers=numbers, state=kept, kept=kept)

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
    budget = room.budget_of(lanes[0].job) if budget is None else budget
    if waits:
        lanes = _with_room(family, lanes, ways, budget, waits)
    places = room.places_for(family, lanes, ways, budget)
    pack = _begun(family, _gone_on(family, lanes), ways, failed, budget, places)
    while pack.lanes:
        if not any(lane.progress.over for lane in pack.lanes):
            _epoch(pack)
        over = [lane for lane in pack.lanes if lane.progress.over]
        for lane, outcome in outcomes(pack, [lane for lane in over if not lane.lost], worth, _lose(pack)):
            done(lane.job, outcome)
        if not all(_stays(pack, lane) for lane in pack.lanes):
            free = _free(pack)
            pack = _replaced(pack, _gone_on(family, _lanes(family, more(free), failed)) if free else [])


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
        resuming.leave(pack.family, lane, pack.state, pack.kept, i)


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


def _with_room(family: Family, lanes: list[Lane], ways: Ways, budget: int, waits: Waits) -> list[Lane]:
    """The first lanes, as many as there is room for in every stage; the others wait."""
    width = room.width_of(family, lanes, ways, budget)
    if width < len(lanes):
        family.most[ways] = width
    for lane in reversed(lanes[width:]):
        waits(lane.job)
    return lanes[:width]


def _gone_on(family: Family, lanes: list[Lane]) -> list[Lane]:
    """The lanes, each where an earlier attempt left it."""
    for lane in lanes:
        resuming.read(family, lane)
    return lanes


def _begun(
    family: Family, lanes: Sequence[Lane], ways: Ways, failed: Failed, budget: int, width: int,
    before: joined.Joined | None = None,
) -> Pack:  # fmt: skip
    """A pack of those lanes that are in the earliest stage; the others wait for theirs."""
    family = family.stages[min(lane.progress.stage for lane in lanes)]
    waiting = [lane for lane in lanes if lane.progress.stage != family.stage.number]
    lanes = [lane for lane in lanes if lane.progress.stage == family.stage.number]
    data, numbers = joined.join(lanes, family, budget, width, before), _numbers(family, lanes, width)
    states = _first(family, ways, lanes, width)
    return Pack(family, width, ways, failed, budget, lanes, waiting, data, numbers, *states)


def _first(family: Family, ways: Ways, lanes: Sequence[Lane], width: int) -> tuple[State, State]:
    """The states that lanes begin with, and those of their epochs that count: drawn, or what an earlier stage or
    attempt left.
    """
    left = {i: resuming.states_of(family, lane.left) for i, lane in enumerate(lanes) if lane.left is not None}
    for lane in lanes:
        lane.left = None
    if len(left) == len(lanes):
        states, kept = ([each[which] for each in left.values()] for which in (0, 1))
        state = stacked(filled_up(states, width))
        are_one = all(one is other for one, other in left.values())
        return state, state if are_one else stacked(filled_up(kept, width))
    seeds = lane_seeds(family.template, [lane.seed for lane in lanes], width)
    state = counts = programs_of(family, ways).draw(seeds, None, len(lanes))
    for place, own in left.items():
        state, counts = with_lane(state, place, own[0]), with_lane(counts, place, own[1])
    return state, counts


def _stays(pack: Pack, lane: Lane) -> bool:
    """Whether a lane goes on in the stage of its pack."""
    return not lane.progress.over and lane.progress.stage == pack.family.stage.number


def _free(pack: Pack) -> int:
    """How many further trials there are places for: with stages none until all lanes are done with the last."""
    there = sum(not lane.progress.over for lane in pack.lanes) + len(pack.waiting)
    return 0 if there and len(pack.family.stages) > 1 else pack.width - there


def _replaced(pack: Pack, coming: list[Lane]) -> Pack:
    """Moves the lanes that go on to the front, and puts new ones after them; when none does, the next stage begins."""
    staying = [i for i, lane in enumerate(pack.lanes) if _stays(pack, lane)]
    waiting = pack.waiting + [lane for lane in pack.lanes if not (lane.progress.over or _stays(pack, lane))]
    if not staying:
        lanes = waiting + coming
        if not lanes:
            return replace(pack, lanes=[])
        return _begun(pack.family, lanes, pack.ways, pack.failed, pack.budget, pack.width, pack.data)
    first, lanes = len(staying), [pack.lanes[i] for i in staying] + coming
    order = np.array(filled_up(staying, pack.width))
    fresh, fresh_kept, is_fresh = pack.state, pack.kept, np.zeros(pack.width, bool)
    if coming:
        fresh, fresh_kept = _first(pack.family, pack.ways, coming, pack.width)
        is_fresh[first : len(lanes)] = True
    fresh_order = np.maximum(np.arange(pack.width) - first, 0)
    are_one = pack.kept is pack.state and fresh_kept is fresh
    state = moved(pack.state, order, fresh, fresh_order, is_fresh)
    kept = state if are_one else moved(pack.kept, order, fresh_kept, fresh_order, is_fresh)
    data = joined.join(lanes, pack.family, pack.budget, pack.width, pack.data)
    numbers = _numbers(pack.family, lanes, pack.width)
    return replace(pack, lanes=lanes, waiting=waiting, data=data, numbers=numbers, state=state, kept=kept)


def _numbers(family: Family, lanes: Sequence[Lane], width: int) -> dict[str, Values]:
    numbers = [lane.stages[family.stage.number].numbers for lane in filled_up(lanes, width)]
    return {name: pairs(np.array([each[name] for each in numbers])) for name in family.places}


def filled_up(values: Sequence[T], width: int) -> list[T]:
    """So many values: the first one again where there are fewer."""
    return [*values, *[values[0]] * (width - len(values))]
