"""Which classes were taken for which: counts, and shares of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..measures.rates import confusion, counts_of
from ..scored import Scored
from .style import figure, short

MOST_WRITTEN = 26  # classes; above, cells are colours only
MOST_NAMED = 60
FEW = 6
LETTER_IN = 0.075
OUTCOMES = ("found", "missed", "false alarm", "rightly not")


def draw_confusion(scored: Scored, classes: list[Any]) -> Figure:
    """Truth down, prediction across; of several labels a row each, with what became of them."""
    if scored.task == "multilabel":
        return _of_labels(scored, classes)
    counts = confusion(scored)
    size = len(classes)
    cell_in = _cell_in(size, _longest(classes))
    margin_in = 0.8 + LETTER_IN * _longest(classes)
    made = figure(max(4.2, size * cell_in + margin_in + 1.1), max(3.4, size * cell_in + margin_in))
    axes = made.add_subplot()
    _cells(made, axes, counts)
    _name(axes, classes, classes, cell_in)
    axes.set_xlabel("predicted", fontsize=9)
    axes.set_ylabel("true", fontsize=9)
    right = np.trace(counts) / max(1, counts.sum())
    axes.set_title(f"{int(np.trace(counts))} of {int(counts.sum())} right ({right:.1%})", fontsize=10, loc="left")
    return made


def _cell_in(classes: int, letters: int) -> float:
    """The side of a cell: of few classes as wide as their names, of many as small as can be told apart."""
    if classes <= FEW:
        return min(1.7, max(0.7, letters * LETTER_IN + 0.1))
    return 0.62 if classes <= MOST_WRITTEN else max(0.11, 11 / classes)


def _of_labels(scored: Scored, classes: list[Any]) -> Figure:
    found = counts_of(scored)
    counts = np.stack(
        [found.true_positives, found.false_negatives, found.false_positives, found.true_negatives], axis=1
    )  # fmt: skip
    made = figure(5.2 + LETTER_IN * _longest(classes), max(2.4, 1.4 + 0.42 * len(classes)))
    axes = made.add_subplot()
    _cells(made, axes, counts, "share of the samples")
    _name(axes, list(OUTCOMES), classes, 1.0)
    axes.set_title(f"{len(scored.target)} samples", fontsize=10, loc="left")
    return made


def _longest(names: list[Any]) -> int:
    return max((len(short(name)) for name in names), default=0)


def _cells(made: Figure, axes: Axes, counts: np.ndarray, what: str = "share of the true class") -> None:
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal" if len(counts[0]) > 4 else "auto")
    bar = made.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label(what, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    axes.spines[:].set_visible(False)
    if len(counts) > MOST_WRITTEN:
        return
    size = 9 if len(counts) <= FEW else 7
    for (row, column), count in np.ndenumerate(counts):
        if count:
            text = f"{int(count)}\n{_percent(shares[row, column])}"
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour, linespacing=1.1)


def _percent(share: float) -> str:
    """A share of at most 4 characters; one that is not 0 is never shown as 0%, nor one below 1 as 100%."""
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def _name(axes: Axes, across: list[Any], down: list[Any], cell_in: float) -> None:
    """Names at the ticks, every second, third, ... one where there are too many; turned where they are too long."""
    for axis, names in ((axes.xaxis, across), (axes.yaxis, down)):
        step = -(-len(names) // MOST_NAMED)
        places = range(0, len(names), step)
        axis.set_ticks(list(places), [short(names[place]) for place in places])
    axes.tick_params(labelsize=8 if len(down) <= MOST_WRITTEN else 6, length=0)
    if _longest(across) * LETTER_IN > cell_in:
        axes.tick_params(axis="x", labelrotation=90)
