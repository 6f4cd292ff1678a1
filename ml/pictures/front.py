"""Several objectives: each config as a point, those of the Pareto front in a colour of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import BLUE, GREY, ORANGE, grid, plain, short

MOST_PANELS = 15
LOG_RANGE = 50.0  # positive values that span more than this are drawn on a logarithmic scale


def draw_front(
    values: np.ndarray, objectives: Sequence[tuple[str, str]], front: Sequence[bool], allowed: Sequence[bool]
) -> Figure:
    """A panel for each pair of objectives (metric and direction) of configs with `values`, (m, objectives). A line
    joins the front of two: what lies on its wrong side is beaten.
    """
    pairs = list(combinations(range(len(objectives)), 2))[:MOST_PANELS]
    made, panels = grid(len(pairs), 3, 4.8, 3.9)
    for axes, (x, y) in zip(panels, pairs, strict=True):
        _panel(axes, values[:, [x, y]], np.array(front, bool), np.array(allowed, bool))
        _name(axes, objectives[x], objectives[y], values[:, [x, y]])
        if len(objectives) == 2:
            _line(axes, values[np.array(front, bool)], objectives[0][1])
    panels[0].legend(fontsize=7, framealpha=0.8, edgecolor="none")
    return made


def _panel(axes: Axes, points: np.ndarray, front: np.ndarray, allowed: np.ndarray) -> None:
    plain(axes)
    groups: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "beyond the limits": (~allowed, {"facecolors": "none", "edgecolors": GREY, "s": 18}),
        "beaten": (allowed & ~front, {"color": BLUE, "s": 18, "alpha": 0.6, "linewidths": 0}),
        "the front": (front, {"color": ORANGE, "s": 30, "zorder": 3}),
    }
    for label, (chosen, looks) in groups.items():
        if chosen.any():
            axes.scatter(points[chosen, 0], points[chosen, 1], label=f"{label} ({chosen.sum()})", **looks)


def _line(axes: Axes, points: np.ndarray, direction: str) -> None:
    """Steps along the front: the best that there is of the one objective where the other is at least so good."""
    ordered = points[np.argsort(points[:, 0])]
    steps = "steps-post" if direction == "minimize" else "steps-pre"
    axes.plot(ordered[:, 0], ordered[:, 1], color=ORANGE, linewidth=1, drawstyle=steps, zorder=2)


def _name(axes: Axes, x: tuple[str, str], y: tuple[str, str], points: np.ndarray) -> None:
    better = {"maximize": "larger is better", "minimize": "smaller is better"}
    axes.set_xlabel(f"{short(x[0], 30)} ({better[x[1]]})", fontsize=8)
    axes.set_ylabel(f"{short(y[0], 30)} ({better[y[1]]})", fontsize=8)
    for column, set_scale in ((points[:, 0], axes.set_xscale), (points[:, 1], axes.set_yscale)):
        if column.min() > 0 and column.max() / column.min() > LOG_RANGE:
            set_scale("log")
