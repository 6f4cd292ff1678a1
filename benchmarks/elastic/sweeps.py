"""What a sweep takes with Elasticsearch on, beside the same without it. The server is on the same machine: once it
gives way to trials, so that it costs what a server elsewhere would, and once it takes its share of the cores.
"""

from __future__ import annotations

import os
import uuid

import psutil

from tests.elastic_server import Running, Server

from ..commands import SPECS, Run, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from ..tables import Table, main, met
from .server import served

MORE = 0.02
LEAST = 19  # of all priorities


def measure(quick: bool) -> Table:
    """Whole sweeps of trials that compute, from the command line."""
    rounds, trials = (1, 4) if quick else (3, 200)
    with served() as beside, served() as aside:
        _gives_way(aside)
        arms = {
            "off": lambda: _sweep(trials, {}),
            "on": lambda: _sweep(trials, _where(aside)),
            "on, and the server takes its share": lambda: _sweep(trials, _where(beside)),
        }
        runs = interleaved(arms, rounds)
    taken = {arm: median_wall_s(found) for arm, found in runs.items()}
    more, shared = (taken[arm] / taken["off"] - 1 for arm in arms if arm != "off")
    return Table(
        "elastic.sweeps",
        ["Elasticsearch", "the sweep", "CPU of the sweep"],
        [[arm, f"{taken[arm]:.1f} s", f"{median_cpu_s(found):.1f} s"] for arm, found in runs.items()],
        [
            f"{trials} trials of half a second of computing and ten epochs each; medians of {rounds}, interleaved;"
            " start and end of all processes included, up to five seconds for what is sent at the end, too",
            f"load of the machine when it was measured: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ],
        [
            f"at most {MORE:.0%} longer; where the server gives way it is {more:+.1%} ({met(more, MORE)}), where it"
            f" takes its share {shared:+.1%} ({met(shared, MORE)})"
        ],
    )


def _gives_way(server: Server) -> None:
    """Lowers the priority of all the threads that a server has, and with them of those that it will have."""
    if isinstance(server, Running) or server.process is None:  # that of the tests
        return
    for process in (first := psutil.Process(server.process.pid), *first.children(recursive=True)):
        for thread in process.threads():
            os.setpriority(os.PRIO_PROCESS, thread.id, LEAST)


def _where(server: Server) -> dict[str, str]:
    """Settings for indices of its own."""
    where = {"BLUENO_ELASTIC_URL": server.url, "BLUENO_ELASTIC_PREFIX": f"bench-{uuid.uuid4().hex[:8]}"}
    run(blueno("elastic", "setup"), variables=where)
    return where


def _sweep(trials: int, where: dict[str, str]) -> Run:
    size = f"model.x={{range: [1, {trials}, 1]}}"
    with temporary_root() as root:
        command = blueno("sweep", SPECS / "elastic" / "busy.yaml", "--root", root, "--set", size)
        return run(command, variables=where)


if __name__ == "__main__":
    main(measure)
