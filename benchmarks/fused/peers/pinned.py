"""The same work in one process a core, each pinned to its core."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
Share = TypeVar("Share")


def on_each_core(work: Callable[[Share], T], shares: Sequence[Share]) -> list[T]:
    """What `work` makes of each share, a core for each. The processes start anew and inherit only variables."""
    pools = [
        ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_pin, initargs=(core,))
        for core, _ in zip(cores(), shares, strict=True)
    ]
    futures = [pool.submit(work, share) for pool, share in zip(pools, shares, strict=True)]
    found = [future.result() for future in futures]
    for pool in pools:
        pool.shutdown()
    return found


def cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def _pin(core: int) -> None:
    os.sched_setaffinity(0, {core})
