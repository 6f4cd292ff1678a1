"""A sheet of the images that a model got wrong, the most confident mistakes first; for values, the largest errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..scored import Predictions, Scored
from .sheet import ACROSS, DOWN, draw_sheet
from .style import short


def worst(scored: Scored) -> np.ndarray:
    """The rows that are wrong, the most confident first; without scores in their order."""
    if scored.task == "regression":
        assert scored.scores is not None, "BUG: a regression without values"
        errors = np.abs(scored.target - scored.scores).reshape(len(scored.target), -1).sum(axis=1)
        return np.argsort(-errors, kind="stable")
    assert scored.labels is not None, "BUG: a classification without labels"
    differs = scored.labels != scored.target
    wrong = np.flatnonzero(differs.reshape(len(differs), -1).any(axis=1))
    return wrong if scored.scores is None else wrong[np.argsort(-_confidence(scored)[wrong], kind="stable")]


def _confidence(scored: Scored) -> np.ndarray:
    """(n,) how sure the model was of what it said; of several labels the surest one that is wrong."""
    assert scored.scores is not None and scored.labels is not None, "BUG: hard labels have no confidence"
    if scored.task == "multiclass":
        return np.take_along_axis(scored.scores, scored.labels[:, np.newaxis], axis=1)[:, 0]
    sure = np.where(scored.labels == 1, scored.scores, (1 if scored.probabilities else 0) - scored.scores)
    if scored.task == "binary":
        return sure
    return np.where(scored.labels != scored.target, sure, -np.inf).max(axis=1)


def draw_mistakes(kept: Predictions, images: np.ndarray, chosen: np.ndarray) -> Figure:
    """`images`, (m, height, width, channels), are those of the rows `chosen`, of which the first 40 are drawn."""
    count = min(len(chosen), ACROSS * DOWN)
    captions = [f"{short(kept.ids[row], 20, head=0)}\n{_caption(kept, row)}" for row in chosen[:count]]
    return draw_sheet(images[:count], captions, _heading(kept.scored, len(chosen), count))


def _heading(scored: Scored, wrong: int, shown: int) -> str:
    if scored.task == "regression":
        return f"the {shown} largest errors of {len(scored.target)} samples: id, true → predicted"
    first = f", the first {shown}" if wrong > shown else ""
    what = "id, − missed, + not there" if scored.task == "multilabel" else "id, true → predicted"
    return f"{wrong} of {len(scored.target)} samples are wrong{first}: {what}"


def _caption(kept: Predictions, row: int) -> str:
    """`true → predicted (0.98)`; of several labels `-` those that were missed and `+` those that are not there."""
    scored, names = kept.scored, kept.classes or []
    if scored.task == "regression":
        assert scored.scores is not None, "BUG: a regression without values"
        true, predicted = (
            ", ".join(f"{each:.4g}" for each in np.atleast_1d(of[row])[:2]) for of in (scored.target, scored.scores)
        )
        return f"{true} → {predicted}"
    assert scored.labels is not None, "BUG: a classification without labels"
    if scored.task == "multilabel":
        wrong = np.flatnonzero(scored.labels[row] != scored.target[row])
        return short(" ".join(("+" if scored.labels[row, label] else "−") + str(names[label]) for label in wrong), 24)
    sure = "" if scored.scores is None else f" ({_confidence(_row(scored, row))[0]:.2f})"
    return f"{short(names[scored.target[row]], 11)} → {short(names[scored.labels[row]], 11)}{sure}"


def _row(scored: Scored, row: int) -> Scored:
    parts: dict[str, Any] = {name: getattr(scored, name)[row : row + 1] for name in ("target", "scores", "labels")}
    return scored._replace(**parts)
