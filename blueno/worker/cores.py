"""A core for each worker that computes on one: two threads that share a core are each half as quick."""

from __future__ import annotations

import os

from ..devices.locks import Lock, take


def pin() -> Lock | None:
    """Binds this process to a core that no other worker on this machine is bound to, for as long as it lives. Returns
    None, and binds nothing, where all are taken or the system knows no binding.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    for core in sorted(os.sched_getaffinity(0)):
        lock = take(f"core-{core}")
        if isinstance(lock, Lock):
            os.sched_setaffinity(0, {core})
            return lock
    return None
