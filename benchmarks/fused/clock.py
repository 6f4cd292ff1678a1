"""What the fused engine says of its compiled programs, where the variable BLUENO_CLOCKED names a folder for it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

CLOCK = "BLUENO_CLOCKED"  # ml/engines/fused/clocking.py


class Ran(NamedTuple):
    """One run of a compiled program."""

    program: str  # "train", for an epoch or a block of one, or "score"
    seconds: float  # without compilation
    lanes: int  # trials that it ran for
    computed: int  # lanes that it computed


def read_clock(folder: Path) -> list[Ran]:
    """What all workers said, in the order of each one's runs."""
    return [
        Ran(**json.loads(line)) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()
    ]


def in_programs_s(ran: Sequence[Ran], cores: int) -> float:
    """The wall time that programs ran, the mean over the cores, each of which has a worker; NaN where none did."""
    return sum(each.seconds for each in ran) / cores if ran else math.nan


def lane_waste(ran: Sequence[Ran]) -> float:
    """The share of lanes' epochs that was computed for places without a trial; NaN where nothing was trained."""
    training = [each for each in ran if each.program == "train"]
    computed = sum(each.computed for each in training)
    return 1 - sum(each.lanes for each in training) / computed if computed else math.nan
