"""All sweeps: how many trials are in which state, what each sweep has reached, what it took."""

from __future__ import annotations

from .lens import bars, big, count, donut, lens, newest, newest_time, number, over_time, table, terms
from .saved import Control, Dashboard, Panel
from .views import view_id

CONTROLS = [
    Control("sweeps", "sweeps", "Sweep"),
    Control("model", "model", "Model"),
    Control("owner", "owner", "Owner"),
    Control("host", "host.name", "Machine"),
]
STATES = ("running", "queued", "succeeded", "diverged", "failed")


def overview(prefix: str) -> Dashboard:
    """The dashboard of all sweeps."""
    view = view_id(prefix, "trials")
    numbers = [_big(view, "trials", "")] + [_big(view, state, f"state:{state}") for state in STATES]
    return Dashboard(
        f"{prefix}-overview",
        f"Blueno: all sweeps ({prefix})",
        "Every sweep of every store that sends here.",
        [
            numbers,
            [states(view, (12, 14)), an_hour(view, (36, 14))],
            [_sweeps(view)],
            [_models(view), hours(view, "sweeps", "Hours of training by sweep", (24, 14))],
        ],
        CONTROLS,
        view,
    )


def _big(view: str, name: str, query: str) -> Panel:
    return lens(f"count-{name}", name, (8, 6), view, {"n": count(name)}, big("n"), query)


def states(view: str, size: tuple[int, int]) -> Panel:
    """Trials by state."""
    columns = {"state": terms("state", "state", "n", 8), "n": count("trials")}
    return lens("states", "Trials by state", size, view, columns, donut("state", "n"))


def an_hour(view: str, size: tuple[int, int]) -> Panel:
    """How many trials ended in each hour, by state."""
    columns = {
        "state": terms("state", "state", "n", 8),
        "at": over_time("finished", "ended", "1h"),
        "n": count("trials an hour"),
    }
    shape = bars("at", ["n"], "state")
    return lens("an-hour", "Trials an hour, by state", size, view, columns, shape, "_exists_:finished")


def hours(view: str, field: str, title: str, size: tuple[int, int]) -> Panel:
    """What training took, by a field."""
    columns = {"by": terms(field, field, "took", 15), "took": number("sum", "duration_s", "time of training")}
    return lens(f"took-{field.replace('.', '-')}", title, size, view, columns, bars("by", ["took"], horizontal=True))


def _sweeps(view: str) -> Panel:
    columns = {
        "sweep": terms("sweeps", "sweep", "changed", 50),
        "changed": newest_time("changed last"),
        "n": count("trials"),
        "succeeded": count("succeeded", "state:succeeded"),
        "failed": count("failed", "state:failed"),
        "waiting": count("waiting or running", "state:(queued OR running)"),
        "metric": newest("objective.metric", "objective"),
        "direction": newest("objective.direction", "direction"),
        "most": number("max", "objective.value", "highest"),
        "least": number("min", "objective.value", "lowest"),
        "took": number("median", "duration_s", "a trial takes"),
    }
    shape = table(list(columns), "changed")
    return lens("sweeps", "Sweeps", (48, 14), view, columns, shape, "_exists_:sweeps")


def _models(view: str) -> Panel:
    columns = {
        "model": terms("model", "model", "n", 15), "state": terms("state", "state", "n", 8), "n": count("trials"),
    }  # fmt: skip
    return lens("models", "Models", (24, 14), view, columns, bars("model", ["n"], "state", horizontal=True))
