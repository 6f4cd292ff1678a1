"""A search: how its best config became better with the number of configs tried."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import BLUE, figure, plain, short


def draw_best(steps: Sequence[tuple[int, float]], tried: int, metric: str, method: str) -> Figure:
    """The best value so far over the configs tried; `steps` are where it became better."""
    made = figure(5.6, 3.6)
    axes = plain(made.subplots(), short(f"{method}: the best of {tried} configs tried", 60))
    counts, values = [count for count, _ in steps], [value for _, value in steps]
    axes.plot([*counts, tried], [*values, values[-1]], color=BLUE, linewidth=1.4, drawstyle="steps-post")
    axes.plot(counts, values, "o", color=BLUE, markersize=4)
    axes.set_xlabel("configs tried", fontsize=8)
    axes.set_ylabel(short(metric, 40), fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    return made
