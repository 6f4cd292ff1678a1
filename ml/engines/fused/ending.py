"""What the lanes of a pack leave when they are done: metrics for all of them at once, predictions, weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import scored as scoring
from ...job import Outcome
from ...metrics import Wanted, measure_all
from .. import task
from ..checkpoint import put_back
from ..fit import values_of
from ..leaving import leave
from ..progress import diverged
from ..setup import Setup, alike
from . import places
from .family import shell_of
from .measuring import Failed, Measured, measured
from .states import of_lane, whole
from .worth import Worth, smaller_is_better

if TYPE_CHECKING:
    from .lane import Lane
    from .pack import Pack

Values = tuple[dict[str, float], list[str]]  # metrics, and why some have none


def outcomes(pack: Pack, over: Sequence[Lane], worth: Worth, failed: Failed) -> list[tuple[Lane, Outcome]]:
    """The outcome of each lane that is done, those with the best objective first."""
    validation = [_validation(lane) for lane in over]
    final = _final(pack, over, validation, failed)
    objective = [smaller_is_better(lane.job, values[0].get(lane.job.objective["metric"], np.nan)) if values else np.inf
                 for lane, values in zip(over, final, strict=True)]  # fmt: skip
    found = []
    for i in np.argsort(objective, kind="stable"):
        values = final[i]
        if values is None:
            continue
        try:
            found.append((over[i], _outcome(pack, over[i], validation[i], values, worth)))
        except Exception as error:
            failed(over[i], error)
    return found


def _validation(lane: Lane) -> scoring.Scored | None:
    kept, setup = lane.progress.kept, lane.setup
    assert kept is not None, "BUG: no epoch counts"
    return None if kept.scores is None else task.scored(setup.dataset, setup.rows["validation"], kept.scores)


def _final(
    pack: Pack, over: Sequence[Lane], validation: Sequence[scoring.Scored | None], failed: Failed
) -> list[Values | None]:
    """All metrics of the epochs that count; those of the training part in one more pass, if they are wanted."""
    of_training = _of_training(pack, over, failed)
    listed = [[each for each in lane.setup.monitored.at_end if each.part == "val"] for lane in over]
    known: Any = [{} for _ in over]
    if all(each is not None for each in validation):
        known = measure_all(listed, validation)  # type: ignore[arg-type]
    results: list[Values | None] = []
    for lane, scored, wanted, before, more in zip(over, validation, listed, known, of_training, strict=True):
        try:
            values, notes = ({}, []) if scored is None else values_of(wanted, scored, lane.progress.kept.loss, before)  # type: ignore[union-attr]
            results.append(None if more is None else (values | more[0], notes + more[1]))
        except Exception as error:
            failed(lane, error)
            results.append(None)
    return results


def _of_training(pack: Pack, over: Sequence[Lane], failed: Failed) -> list[Values | None]:
    wanted: list[list[Wanted]] = [[x for x in lane.setup.monitored.at_end if x.part == "train"] for lane in over]
    if not any(wanted):
        return [({}, []) for _ in over]
    found: dict[int, Measured | None] = {}
    for stage in {lane.progress.kept.stage for lane in over}:  # type: ignore[union-attr]
        some = [i for i, lane in enumerate(over) if lane.progress.kept.stage == stage]  # type: ignore[union-attr]
        lanes, view = [over[i] for i in some], pack.in_stage(stage)
        passed = view.passed("train", lanes, view.kept)
        found |= zip(some, measured(lanes, passed, [wanted[i] for i in some], failed), strict=True)
    return [None if each is None else (each.values, each.notes) for each in (found[i] for i in range(len(over)))]


def _outcome(
    pack: Pack, lane: Lane, validation: scoring.Scored | None, values: Values, worth: Worth
) -> Outcome:  # fmt: skip
    (metrics, notes), progress = values, lane.progress
    metrics = {**metrics, "parameters": float(lane.setup.model.count_params())}
    assert progress.kept is not None, "BUG: no epoch counts"
    notes = [*progress.notes, *pack.notes, *notes]
    if progress.diverged:
        return diverged(metrics, progress, "fused", notes)
    wish = lane.job.keep.get("weights", "all")
    writes = wish != "none" and worth(lane.job, metrics.get(lane.job.objective["metric"], np.nan))
    if wish != "none" and not writes:
        notes.append(f"its weights are not kept: {wish}")
    setup = _filled(pack, lane) if writes else lane.setup
    keep = lane.job.keep | ({} if writes else {"weights": "none"})
    artefacts, more = leave(setup._replace(job=lane.job._replace(keep=keep)), validation)
    return Outcome("succeeded", metrics, progress.history, artefacts, "fused", progress.kept.epoch, (*notes, *more))


def _filled(pack: Pack, lane: Lane) -> Setup:
    """The second model of the family with the lane's weights that count, and its numbers."""
    family = pack.family
    shell = alike(shell_of(family), lane.job)
    state = of_lane(pack.kept, pack.lanes.index(lane))
    put_back(shell.trainee.variables, whole(family.setup.trainee, state))
    for name, where in places.resolve(family.found, shell.model).items():
        for place in where:
            place.put(lane.numbers[f"model.{name}"])
    return shell
