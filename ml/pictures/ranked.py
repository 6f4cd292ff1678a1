"""Curves over all thresholds, ROC and precision over recall: of the positive class, or of each against the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics as sk

from ..scored import Scored
from .style import COLOURS, DASHES, GREY, figure, plain, short

MOST_NAMED = 12  # curves; of more, those with the smallest area have a name and a colour


class Curve(NamedTuple):
    """One class or label against the rest."""

    name: str
    x: np.ndarray
    y: np.ndarray
    area: float
    share: float  # of samples that are of it


def draw_roc(scored: Scored, classes: list[Any]) -> Figure:
    """True positive rate over false positive rate, with the area under each curve."""
    made, axes = _square("false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    _draw(made, axes, curves(scored, classes, _roc), "AUC")
    return made


def draw_precision_recall(scored: Scored, classes: list[Any]) -> Figure:
    """Precision over recall, with the average precision of each curve; dotted is what chance gives."""
    made, axes = _square("recall", "precision")
    found = curves(scored, classes, _precision_recall)
    if len(found) == 1:
        axes.axhline(found[0].share, color=GREY, linewidth=1, linestyle=":")
    _draw(made, axes, found, "AP")
    return made


def curves(scored: Scored, classes: list[Any], of: Callable[..., tuple[np.ndarray, np.ndarray, float]]) -> list[Curve]:
    """One for each class or label that some samples are of and others not; of two classes that of the positive one."""
    assert scored.scores is not None, "BUG: a curve was asked of hard labels"
    if scored.task == "binary":
        columns = [(classes[1], scored.target == 1, scored.scores)]
    else:
        several = scored.task == "multilabel"
        true = scored.target == 1 if several else scored.target[:, np.newaxis] == np.arange(len(classes))
        columns = [(name, true[:, code], scored.scores[:, code]) for code, name in enumerate(classes)]
    return [
        Curve(str(name), *of(true, scores), float(np.mean(true)))
        for name, true, scores in columns
        if 0 < np.count_nonzero(true) < len(true)
    ]


def _roc(true: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    false_rate, true_rate, _ = sk.roc_curve(true, scores)
    return false_rate, true_rate, float(sk.auc(false_rate, true_rate))


def _precision_recall(true: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    precision, recall, _ = sk.precision_recall_curve(true, scores)
    return recall, precision, float(sk.average_precision_score(true, scores))


def _square(across: str, up: str) -> tuple[Figure, Axes]:
    made = figure(6.8, 4.4)
    axes = plain(made.add_subplot())
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    return made, axes


def _draw(made: Figure, axes: Axes, found: list[Curve], measure: str) -> None:
    """The smallest areas first; of many curves the others are grey. Names with their areas stand beside the axes."""
    ordered = sorted(found, key=lambda curve: curve.area)
    named = ordered[:MOST_NAMED]
    step = "steps-post" if measure == "AP" else "default"
    for curve in ordered[len(named) :]:
        axes.plot(curve.x, curve.y, color="#CCCCCC", linewidth=0.7, drawstyle=step)
    for index, curve in enumerate(named):
        colour, dash = COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)]
        label = f"{curve.area:.3f}  {short(curve.name)}"
        axes.plot(curve.x, curve.y, color=colour, linestyle=dash, linewidth=1.5, label=label, drawstyle=step)
    if len(ordered) > len(named):
        rest = f"{named[-1].area:.3f} and more: {len(ordered) - len(named)} others"
        axes.plot([], [], color="#CCCCCC", label=rest)
    mean = f"{measure}, mean {np.mean([curve.area for curve in found]):.3f}" if len(found) > 1 else measure
    legend = made.legend(title=mean, fontsize=8, title_fontsize=8, frameon=False, loc="outside right upper")
    legend.set_alignment("left")
