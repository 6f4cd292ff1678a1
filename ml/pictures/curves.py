"""Losses and metrics over epochs, a panel each, the parts in one panel; the epoch that counts is marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import BLUE, GREEN, GREY, ORANGE, grid, plain, say, short

History = Mapping[str, Sequence[float | None]]  # name -> one value an epoch; None where it is not finite
PREFIXES = {"train_": "training", "val_": "validation", "stop_": "stop part"}
LOOKS = {"training": (BLUE, "-"), "validation": (ORANGE, "-"), "stop part": (GREEN, "--"), "": (BLUE, "-")}
MOST_PANELS = 24
FEW_EPOCHS = 30  # of which each is a point
LOG_RANGE = 50.0  # a loss that spans more than this is drawn on a logarithmic scale


def draw_curves(history: History, epochs: Sequence[int], epoch: int | None) -> Figure:
    """A figure of all metrics of a history, the loss first; `epoch` is the one of `epochs` that counts."""
    found = panels(history)
    names = list(found)[:MOST_PANELS]
    made, axes = grid(len(names), 3, 4.2, 2.9)
    for name, each in zip(names, axes, strict=True):
        _panel(each, name, found[name], epochs, epoch)
    if len(found) > len(names):
        made.supxlabel(f"and {len(found) - len(names)} more: `blueno show --json` has them", fontsize=8, color=GREY)
    return made


def panels(history: History) -> dict[str, dict[str, np.ndarray]]:
    """For each metric its values by part: {"loss": {"training": ..., "validation": ...}}. The loss stands first.

    A name without a part is Keras's running average of the training part where other parts have that metric, too.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, values in history.items():
        prefix = next((each for each in PREFIXES if name.startswith(each)), "")
        floats = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        found.setdefault(name.removeprefix(prefix), {})[PREFIXES.get(prefix, "")] = floats
    for lines in found.values():
        if "" in lines and len(lines) > 1 and "training" not in lines:
            lines["training"] = lines.pop("")
    return dict(sorted(found.items(), key=lambda each: (each[0] != "loss", "validation" not in each[1])))


def _panel(axes: Axes, name: str, lines: dict[str, np.ndarray], epochs: Sequence[int], epoch: int | None) -> None:
    plain(axes, short(name, 40))
    axes.set_xlabel("epoch", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    finite = np.concatenate([values[np.isfinite(values)] for values in lines.values()])
    if not len(finite):
        say(axes, "never a finite number")
        return
    for part in (each for each in LOOKS if each in lines):
        _line(axes, part, lines[part], epochs, epoch)
    if name == "loss" and finite.min() > 0 and finite.max() / finite.min() > LOG_RANGE:
        axes.set_yscale("log")
    if epoch is not None:
        axes.axvline(epoch, color=GREY, linewidth=1, linestyle=":", label=f"epoch {epoch} counts")
    if len(axes.get_legend_handles_labels()[1]) > 0:
        axes.legend(fontsize=7, framealpha=0.8, edgecolor="none")
    margin = max(0.5, (epochs[-1] - epochs[0] + 1) * 0.02)
    axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)


def _line(axes: Axes, part: str, values: np.ndarray, epochs: Sequence[int], epoch: int | None) -> None:
    colour, dash = LOOKS[part]
    looks: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 1.4, "label": part or None}
    axes.plot(epochs[: len(values)], values, marker=".", markersize=4, markevery=_points(values), **looks)
    if epoch is not None and epoch in epochs[: len(values)]:
        axes.plot([epoch], [values[epochs.index(epoch)]], "o", color=colour, markersize=5, markeredgecolor="white")


def _points(values: np.ndarray) -> list[int]:
    """The places that are drawn as points: all of few, else those between gaps, which no line shows."""
    finite = np.pad(np.isfinite(values), 1)
    alone = finite[1:-1] & ~finite[:-2] & ~finite[2:]
    return np.flatnonzero(alone | (len(values) <= FEW_EPOCHS)).tolist()
