"""Machines: how busy they are, how many trials an hour they train, memory, and what runs on them.

The index has no prices and no load of GPUs, so that there is no panel of either; time of training is there by machine.
"""

from __future__ import annotations

from ..templates import alias
from .lens import bars, big, count, lens, lines, newest, newest_time, number, over_time, table, terms
from .overview import hours
from .saved import Control, Dashboard, Panel
from .slots import busy_slots
from .vega import panel
from .views import view_id

CONTROLS = [
    Control("host", "host.name", "Machine"),
    Control("sweeps", "sweeps", "Sweep"),
    Control("owner", "owner", "Owner"),
    Control("executor", "executor", "Executor"),
]


def machines(prefix: str) -> Dashboard:
    """The dashboard of machines."""
    view = view_id(prefix, "trials")
    return Dashboard(
        f"{prefix}-machines",
        f"Blueno: machines ({prefix})",
        "Who trains, how much, and with how much memory.",
        [
            _numbers(view),
            [panel("busy", "Busy slots", (48, 14), busy_slots(alias(prefix, "trials")))],
            [_an_hour(view), hours(view, "host.name", "Hours of training by machine", (24, 14))],
            [_memory(view), _time_of_trials(view)],
            [_machines(view)],
        ],
        CONTROLS,
        view,
        since="now-24h",
    )


def _numbers(view: str) -> list[Panel]:
    columns = {
        "machines": number("unique_count", "host.name", "machines"),
        "running": count("running trials", "state:running"),
        "took": number("sum", "duration_s", "time of training"),
        "memory": number("max", "resources.peak_memory_bytes", "most memory of a worker"),
    }
    return [
        lens(f"{name}-n", column["label"], (12, 6), view, {"n": column}, big("n")) for name, column in columns.items()
    ]


def _an_hour(view: str) -> Panel:
    columns = {
        "host": terms("host.name", "machine", "n", 20),
        "at": over_time("finished", "ended", "1h"),
        "n": count("trials an hour"),
    }
    shape = bars("at", ["n"], "host")
    return lens("an-hour", "Trials an hour, by machine", (24, 14), view, columns, shape, "_exists_:finished")


def _memory(view: str) -> Panel:
    columns = {
        "host": terms("host.name", "machine", "most", 20),
        "at": over_time("finished", "ended", "1h"),
        "most": number("max", "resources.peak_memory_bytes", "most memory of a worker"),
    }
    shape = lines("at", ["most"], "host")
    query = "_exists_:resources.peak_memory_bytes"
    return lens("memory", "Most memory of a worker", (24, 14), view, columns, shape, query)


def _time_of_trials(view: str) -> Panel:
    columns = {
        "host": terms("host.name", "machine", "took", 20),
        "at": over_time("finished", "ended", "1h"),
        "took": number("median", "duration_s", "a trial takes"),
    }
    shape = lines("at", ["took"], "host")
    return lens("time", "What a trial takes (median)", (24, 14), view, columns, shape, "_exists_:duration_s")


def _machines(view: str) -> Panel:
    columns = {
        "host": terms("host.name", "machine", "n", 100),
        "n": count("trials"),
        "failed": count("failed", "state:failed"),
        "slots": number("unique_count", "host.slot", "slots"),
        "took": number("sum", "duration_s", "time of training"),
        "memory": number("max", "resources.peak_memory_bytes", "most memory"),
        "gpu": newest("host.gpu", "GPU"),
        "gpu_memory": number("max", "host.gpu_memory_bytes", "memory of its GPU"),
        "executor": newest("executor", "executor"),
        "platform": newest("host.platform", "platform"),
        "python": newest("host.python", "Python"),
        "blueno": newest("code.blueno", "Blueno"),
        "changed": newest_time("newest trial"),
    }
    return lens("machines", "Machines", (48, 12), view, columns, table(list(columns), "n"))
