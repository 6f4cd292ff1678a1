"""Which trials' weights are worth writing, where only the best are kept: writing them takes as long as training."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field

from ...job import Job

Worth = Callable[[Job, float], bool]  # a trial that is done, and its objective (NaN without one); best ones first


@dataclass
class Best:
    """The objectives of trials that are done, smaller is better, under each wish and objective."""

    found: dict[tuple[str, ...], list[float]] = field(default_factory=dict)

    def worth(self, job: Job, value: float) -> bool:
        """Whether a trial may be among the best N of its sweep, all of whose trials are told here: fewer than N so far
        are better.
        """
        wish = str(job.keep.get("weights", "all"))
        if not wish.startswith("best "):
            return True
        values = self.found.setdefault((wish, *sorted(map(str, job.objective.items()))), [])
        smaller = smaller_is_better(job, value)
        is_worth = bisect_left(values, smaller) < int(wish.removeprefix("best "))
        insort(values, smaller)
        del values[int(wish.removeprefix("best ")) :]
        return is_worth


def smaller_is_better(job: Job, value: float) -> float:
    """An objective as a number that orders trials, the best first; infinite without one."""
    if not math.isfinite(value):
        return math.inf
    return -value if job.objective["direction"] == "maximize" else value
