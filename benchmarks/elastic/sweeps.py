"""What a sweep takes with Elasticsearch on, beside the same without it: with the server on a core of its own, where it
costs the sweep what a server elsewhere would, and with the server on the cores that trials compute on.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager
from functools import partial

from blueno.elastic.templates import alias
from tests.elastic_server import Server

from ..commands import SPECS, Run, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from ..tables import Table, main, met
from .server import served

MORE = 0.02
APART, SHARED = "the server on the other core", "the server on these cores, too"


def measure(quick: bool) -> Table:
    """Whole sweeps of trials that compute, from the command line."""
    rounds, trials = (1, 4) if quick else (3, 200)
    there: dict[str, list[int]] = {APART: [], SHARED: []}  # trials that the index has as done when a sweep has ended
    every = os.sched_getaffinity(0)
    one = {min(every)}
    with ExitStack() as stack:
        with _on(every - one or every):
            apart = stack.enter_context(served())
        shared = stack.enter_context(served())
        arms = {
            "one core, off": partial(_sweep, trials, one, {}),
            f"one core, on, {APART}": partial(_sent, trials, one, apart, there[APART]),
            "all cores, off": partial(_sweep, trials, every, {}),
            f"all cores, on, {SHARED}": partial(_sent, trials, every, shared, there[SHARED]),
        }
        runs = interleaved(arms, rounds)
    off, on, all_off, all_on = (median_wall_s(found) for found in runs.values())
    more, with_server = on / off - 1, all_on / all_off - 1
    return Table(
        "elastic.sweeps",
        ["Elasticsearch", "the sweep", "CPU of the sweep"],
        [[arm, f"{median_wall_s(found):.1f} s", f"{median_cpu_s(found):.1f} s"] for arm, found in runs.items()],
        [
            f"{trials} trials of half a second of computing and ten epochs each; medians of {rounds}, interleaved;"
            " start and end of all processes included; what is left at the end is sent by a process that goes on alone",
            f"trials that the index had as done when the sweep ended, of {trials}, at least: {min(there[APART])} with"
            f" {APART}, {min(there[SHARED])} with {SHARED}",
            f"load of the machine when it was measured: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ],
        [
            f"at most {MORE:.0%} longer; with {APART} it is {more:+.1%} ({met(more, MORE)}), with {SHARED}"
            f" {with_server:+.1%} ({met(with_server, MORE)})"
        ],
    )


@contextmanager
def _on(cores: Set[int]) -> Iterator[None]:
    """Processes that are started meanwhile compute on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _sent(trials: int, cores: Set[int], server: Server, there: list[int]) -> Run:
    where = {"BLUENO_ELASTIC_URL": server.url, "BLUENO_ELASTIC_PREFIX": f"bench-{uuid.uuid4().hex[:8]}"}
    run(blueno("elastic", "setup"), variables=where)
    found = _sweep(trials, cores, where)
    there.append(len(server.documents(alias(where["BLUENO_ELASTIC_PREFIX"], "trials"), state="succeeded")))
    return found


def _sweep(trials: int, cores: Set[int], where: dict[str, str]) -> Run:
    size = f"model.x={{range: [1, {trials}, 1]}}"
    with temporary_root() as root, _on(cores):
        command = blueno("sweep", SPECS / "elastic" / "busy.yaml", "--root", root, "--set", size)
        return run(command, variables=where)


if __name__ == "__main__":
    main(measure)
