"""One sweep: made for its axes, its objective and the direction that is better."""

from __future__ import annotations

from typing import Any

from ...canonical import digest
from ..templates import alias
from .axes import Axis, Facts
from .curves import best_curves, best_so_far
from .lens import Column, big, count, lens, newest, number, table, terms
from .messages import messages
from .overview import an_hour, states
from .parallel import parallel
from .saved import Control, Dashboard, Panel
from .scatter import against, heatmap
from .vega import panel
from .views import view_id

MOST_SCATTERS = 6
MOST_ROWS = 100


def sweep(prefix: str, facts: Facts) -> Dashboard:
    """The dashboard of a sweep."""
    trials, configs, epochs = (alias(prefix, kind) for kind in ("trials", "configs", "epochs"))
    view = view_id(prefix, "trials")
    rows = [
        [*_numbers(view), states(view, (12, 10)), an_hour(view, (20, 10))],
        [panel("best", "Best so far", (24, 14), best_so_far(trials, facts)),
         panel("curves", "Learning curves of the best configs", (24, 14), best_curves(epochs, facts))],
    ]  # fmt: skip
    if facts.axes:
        rows.append([panel("parallel", "Configs (parallel coordinates)", (48, 18), parallel(configs, facts))])
    if len(facts.axes) > 1:
        across, up = _two(facts.axes)
        title = f"{facts.metric} by {across.label} and {up.label}"
        rows.append(
            [panel("heatmap", title, (24, 18), heatmap(configs, facts, across, up)), _configs(prefix, facts, 24)]
        )
    else:
        rows.append([_configs(prefix, facts, 48)])
    rows += _scatters(configs, facts)
    rows.append([panel("messages", "Failures, with the newest message of each kind", (48, 12), messages(trials))])
    return Dashboard(
        dashboard_id(prefix, facts.name),
        f"Blueno: sweep {facts.name} ({prefix})",
        f"{facts.metric}, {facts.direction}. {_shown(facts)}",
        rows,
        [Control("owner", "owner", "Owner"), Control("model", "model", "Model")],
        view,
        only(facts.name),
        "now-90d",
    )


def dashboard_id(prefix: str, name: str) -> str:
    """The id of a sweep's dashboard: the same for every revision of it."""
    return f"{prefix}-sweep-{digest(name)[:16]}"


def only(name: str) -> tuple[str, dict[str, Any]]:
    """The filter that all panels obey: trials and epochs name their sweeps, configs their sweep."""
    either = [{"term": {"sweeps": name}}, {"term": {"sweep": name}}]
    return f"sweep {name}", {"bool": {"should": either, "minimum_should_match": 1}}


def _two(axes: list[Axis]) -> tuple[Axis, Axis]:
    """The two axes of the heatmap, those that matter most; numbers go across."""
    first, second = axes[:2]
    return (second, first) if second.numeric and not first.numeric else (first, second)


def _shown(facts: Facts) -> str:
    if not facts.varied:
        return "It varies nothing."
    names = ", ".join(axis.label for axis in facts.axes)
    more = f" ({facts.varied - len(facts.axes)} more are not shown)" if facts.varied > len(facts.axes) else ""
    return f"Axes, the most important first when this was made: {names}{more}."


def _numbers(view: str) -> list[Panel]:
    columns = {"n": count("trials succeeded", "state:succeeded")}
    took = {"took": number("sum", "duration_s", "time of training, all together")}
    return [
        lens("succeeded", "Succeeded", (8, 10), view, columns, big("n")),
        lens("took", "Time", (8, 10), view, took, big("took")),
    ]


def _configs(prefix: str, facts: Facts, width: int) -> Panel:
    """The table of configs, the best first."""
    down = facts.direction == "maximize"
    columns: dict[str, Column] = {
        "config": terms("config_id", "config", "mean", MOST_ROWS, down),
        "mean": number("average", "objective.mean", facts.metric),
        "std": number("average", "objective.std", "deviation"),
        "replicates": number("sum", "replicates", "replicates"),
        "planned": number("sum", "planned", "planned"),
    }
    for place, axis in enumerate(facts.axes):
        columns[f"axis{place}"] = newest(axis.field, axis.label, "number" if axis.numeric else "string")
    columns["time"] = number("sum", "duration_s", "time")
    shown = [
        "mean",
        "std",
        *(name for name in columns if name.startswith("axis")),
        "replicates",
        "planned",
        "time",
        "config",
    ]
    shape = table(shown, "mean", down)
    view = view_id(prefix, "configs")
    return lens("configs", "Configs, the best first", (width, 18), view, columns, shape, "_exists_:objective.mean")


def _scatters(index: str, facts: Facts) -> list[list[Panel]]:
    """The objective against each axis, three beside each other."""
    panels = [
        panel(f"against{place}", f"{facts.metric} against {axis.label}", (16, 12), against(index, facts, axis))
        for place, axis in enumerate(facts.axes[:MOST_SCATTERS])
    ]
    return [panels[start : start + 3] for start in range(0, len(panels), 3)]
