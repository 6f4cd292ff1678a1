"""How pictures look: figures without pyplot, colours that colour-blind people tell apart, labels that fit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

# Okabe and Ito, Color Universal Design, 2008, without yellow, which is hardly seen on white.
BLUE, ORANGE, GREEN, PINK, AMBER, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, "#000000", "#7F7F7F")
DASHES = ("-", "--", ":", "-.")
GREY = "#8C8C8C"
DPI = 120
LARGEST_IN = 16.0  # of either side


def figure(width_in: float, height_in: float) -> Figure:
    """An empty figure of this size, no side above LARGEST_IN."""
    size = min(width_in, LARGEST_IN), min(height_in, LARGEST_IN)
    return Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))


def grid(count: int, columns: int, width_in: float, height_in: float) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels of this size, at most so many in a row."""
    across = min(count, columns)
    down = -(-count // across)
    made = figure(across * width_in, down * height_in + 0.4)
    panels = made.subplots(down, across, squeeze=False).ravel().tolist()
    for panel in panels[count:]:
        panel.set_axis_off()
    return made, panels[:count]


def save(made: Figure, path: Path) -> Path:
    """Writes a PNG. A character that the font lacks becomes a box."""
    with warnings.catch_warnings(), matplotlib.rc_context({"text.usetex": False}):
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        made.savefig(path, dpi=DPI, format="png")
    return path


def short(text: Any, most: int = 22, head: float = 0.6) -> str:
    """A label of at most so many characters, what is after its `head` left out, and nothing that reads as a formula."""
    words = " ".join(str(text).split())
    if len(words) > most:
        first = int(head * (most - 1))
        words = f"{words[:first]}…{words[first + 1 - most :]}"
    return words.replace("$", r"\$")


def plain(axes: Axes, title: str = "") -> Axes:
    """Axes with a light grid and without a frame above and to the right."""
    axes.grid(color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if title:
        axes.set_title(title, fontsize=10, loc="left")
    return axes


def say(axes: Axes, text: str) -> None:
    """A sentence in the middle of empty axes."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, fontsize=9, color=GREY)
