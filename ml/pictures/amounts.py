"""A regression: predicted over true values, and residuals; a panel for each output."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..scored import Scored
from .style import BLUE, ORANGE, grid, plain

MOST_OUTPUTS = 9
MOST_POINTS = 20_000  # of more, so many evenly spaced ones are drawn


def draw_predicted(scored: Scored) -> Figure:
    """Predicted over true values; on the line they are equal."""
    columns = list(_outputs(scored))
    made, axes = grid(len(columns), 3, 4.4, 4.2)
    for number, (each, (true, predicted)) in enumerate(zip(axes, columns, strict=True), start=1):
        _points(each, true, predicted, _title(number, len(columns), true, predicted))
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        each.plot(ends, ends, color=ORANGE, linewidth=1)
        each.set_xlabel("true", fontsize=9)
        each.set_ylabel("predicted", fontsize=9)
        each.set_aspect("equal", adjustable="datalim")
    return made


def draw_residuals(scored: Scored) -> Figure:
    """Residuals (true minus predicted) over predicted values, and how often which occurs."""
    columns = list(_outputs(scored))
    made, axes = grid(2 * len(columns), 2, 4.6, 3.4)
    for number, (true, predicted) in enumerate(columns, start=1):
        over, often = axes[2 * number - 2 : 2 * number]
        residual = true - predicted
        of_output = f"output {number}: " if len(columns) > 1 else ""
        _points(over, predicted, residual, f"{of_output}mean {residual.mean():.3g}, deviation {residual.std():.3g}")
        over.axhline(0, color=ORANGE, linewidth=1)
        over.set_xlabel("predicted", fontsize=9)
        over.set_ylabel("true - predicted", fontsize=9)
        plain(often)
        often.hist(residual, bins=min(60, max(10, int(len(residual) ** 0.5))), color=BLUE)
        often.axvline(0, color=ORANGE, linewidth=1)
        often.set_xlabel("true - predicted", fontsize=9)
        often.set_ylabel("samples", fontsize=9)
    return made


def _outputs(scored: Scored) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    assert scored.scores is not None, "BUG: a regression without values"
    count = len(scored.target)
    true, predicted = scored.target.reshape(count, -1), scored.scores.reshape(count, -1)
    for column in range(min(true.shape[1], MOST_OUTPUTS)):
        yield true[:, column], predicted[:, column]


def _title(number: int, outputs: int, true: np.ndarray, predicted: np.ndarray) -> str:
    spread = float(np.sum((true - true.mean()) ** 2))
    r2 = f"R² {1 - float(np.sum((true - predicted) ** 2)) / spread:.3f}, " if spread else ""
    mean = f"mean absolute error {np.mean(np.abs(true - predicted)):.3g}"
    return (f"output {number}: " if outputs > 1 else "") + r2 + mean


def _points(axes: Axes, x: np.ndarray, y: np.ndarray, title: str) -> None:
    plain(axes, title)
    step = -(-len(x) // MOST_POINTS)
    strength = float(np.clip(400 / len(x), 0.08, 0.7))
    axes.scatter(x[::step], y[::step], s=12, color=BLUE, alpha=strength, linewidths=0)
