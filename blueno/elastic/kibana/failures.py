"""What failed: by group with the newest message, by machine, by model, over time; and what diverged."""

from __future__ import annotations

from ..templates import alias
from .lens import bars, big, count, lens, newest, newest_time, number, over_time, table, terms
from .messages import messages
from .overview import CONTROLS
from .saved import Dashboard, Panel
from .vega import panel
from .views import view_id

FAILED = "state:failed"


def failures(prefix: str) -> Dashboard:
    """The dashboard of failures."""
    view = view_id(prefix, "trials")
    return Dashboard(
        f"{prefix}-failures",
        f"Blueno: failures ({prefix})",
        "Failures that are alike are one group.",
        [
            _numbers(view),
            [_over_time(view), _by(view, "host.name", "machine")],
            [panel("messages", "The newest message of each kind", (48, 14), messages(alias(prefix, "trials")))],
            [_groups(view)],
            [_by(view, "model", "model"), _diverged(view)],
        ],
        CONTROLS,
        view,
    )


def _numbers(view: str) -> list[Panel]:
    return [
        lens("failed", "Failed", (12, 6), view, {"n": count("failed")}, big("n"), FAILED),
        lens(
            "kinds",
            "Kinds of failures",
            (12, 6),
            view,
            {"n": number("unique_count", "error.group", "kinds")},
            big("n"),
            FAILED,
        ),
        lens("diverged-n", "Diverged", (12, 6), view, {"n": count("diverged")}, big("n"), "state:diverged"),
        lens("again", "Begun more than once", (12, 6), view, {"n": count("trials")}, big("n"), "attempt:>1"),
    ]


def _over_time(view: str) -> Panel:
    columns = {
        "class": terms("error.class", "class", "n", 10),
        "at": over_time("finished", "ended", "1h"),
        "n": count("failures an hour"),
    }
    return lens("over-time", "Failures an hour, by class", (24, 14), view, columns, bars("at", ["n"], "class"), FAILED)


def _by(view: str, field: str, label: str) -> Panel:
    columns = {
        "by": terms(field, label, "n", 20),
        "class": terms("error.class", "class", "n", 10),
        "n": count("failures"),
    }
    shape = bars("by", ["n"], "class", horizontal=True)
    return lens(f"by-{label}", f"Failures by {label}", (24, 14), view, columns, shape, FAILED)


def _groups(view: str) -> Panel:
    columns = {
        "group": terms("error.group", "group", "n", 50),
        "n": count("trials"),
        "class": newest("error.class", "class"),
        "type": newest("error.type", "type"),
        "message": newest("error.message.keyword", "newest message (up to 256 characters)"),
        "hosts": number("unique_count", "host.name", "machines"),
        "sweeps": number("unique_count", "sweeps", "sweeps"),
        "trial": newest("name", "newest trial"),
        "at": newest_time("newest"),
    }
    return lens("groups", "Kinds of failures", (48, 12), view, columns, table(list(columns), "n"), FAILED)


def _diverged(view: str) -> Panel:
    columns = {"metric": terms("nonfinite", "metric", "n", 20), "n": count("trials")}
    shape = bars("metric", ["n"], horizontal=True)
    return lens("diverged", "What was not finite", (24, 14), view, columns, shape, "_exists_:nonfinite")
