"""Which trials of a family can be trained by one program: those on data of one shape, whose parameters differ only
where the program that was compiled takes numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..ml.stages import stages_of

if TYPE_CHECKING:
    from ..etl.dataset import Dataset
    from ..ml.engines.fused.family import Family
    from ..ml.job import Job


class Opened(NamedTuple):
    """A family as it was compiled, and what its trials must have in common with those it was compiled from."""

    key: str
    alike: str
    fixed: dict[str, Any]  # numbers that did not vary among them
    family: Family


def alike(job: Job) -> str:
    """What the data of trials of one pack have in common."""
    dataset: Dataset | None = job.dataset
    assert dataset is not None, "BUG: an architecture without a dataset"
    arrays = [[*array.shape[1:], str(array.dtype)] for array in (dataset.features, dataset.target)]
    rows = {name: len(part) for name, part in dataset.parts.items() if name != "test"}
    facts = (arrays, rows, dataset.task, dataset.classes, dataset.published, dataset.target_scale is None)
    return json.dumps(facts, sort_keys=True, default=str)


def _numbers(job: Job) -> dict[str, Any]:
    numbers = {f"model.{key}": value for key, value in job.recipe["model"].items()}
    for stage, train in enumerate(stages_of(job.recipe["train"])):
        for parameters in train["optimizer"].values():
            numbers |= {f"{stage}.{key}": value for key, value in (parameters or {}).items()}
    for layer, choice in enumerate(job.recipe["augment"]):
        for parameters in choice.values():
            numbers |= {f"augment.{layer}.{key}": value for key, value in (parameters or {}).items()}
    return numbers


def fixed(jobs: Sequence[Job]) -> dict[str, Any]:
    """Parameters that are the same in all, with their values."""
    first, *others = map(_numbers, jobs)
    return {name: value for name, value in first.items() if all(each[name] == value for each in others)}


def opened_fits(opened: Opened, job: Job) -> bool:
    """Whether the program that was compiled can train the job."""
    return opened.alike == alike(job) and opened.fixed.items() <= _numbers(job).items()
