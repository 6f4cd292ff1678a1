"""What a sweep takes with Elasticsearch on, beside the same without it. The server is on the same machine: once it
gives way to trials, so that it costs what a server elsewhere would, and once it takes its share of the cores.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack

import psutil

from tests.elastic_server import Running, Server

from ..commands import SPECS, Run, blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from ..tables import Table, main, met

MORE = 0.02
LEAST = 19  # of all priorities


def measure(quick: bool) -> Table:
    """Whole sweeps of trials that compute, from the command line."""
    rounds, trials = (1, 4) if quick else (2, 60)
    with ExitStack() as held:
        beside, aside = _server(held), _server(held)
        if aside.process is not None:
            for process in (server := psutil.Process(aside.process.pid), *server.children(recursive=True)):
                for thread in process.threads():
                    os.setpriority(os.PRIO_PROCESS, thread.id, LEAST)
        arms = {
            "off": lambda: _sweep(trials, {}),
            "on": lambda: _sweep(trials, _where(aside)),
            "on, and the server takes its share": lambda: _sweep(trials, _where(beside)),
        }
        runs = interleaved(arms, rounds)
    taken = {arm: median_wall_s(found) for arm, found in runs.items()}
    more = taken["on"] / taken["off"] - 1
    return Table(
        "elastic.sweeps",
        ["Elasticsearch", "the sweep", "CPU of the sweep"],
        [[arm, f"{taken[arm]:.1f} s", f"{median_cpu_s(found):.1f} s"] for arm, found in runs.items()],
        [
            f"{trials} trials of half a second of computing and ten epochs each; medians of {rounds}, interleaved;"
            " start and end of all processes included, up to five seconds for what is sent at the end, too",
            f"load of the machine when it was measured: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ],
        [f"at most {MORE:.0%} longer; it is {more:+.1%} ({met(more, MORE)})"],
    )


def _server(held: ExitStack) -> Server:
    """A server of its own; that of the tests, where there is one."""
    port = os.environ.get("BLUENO_TEST_ELASTIC_PORT")
    server = Running(int(port)) if port else Server()
    held.callback(server.close)
    if not port:
        server.start()
    return server


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
