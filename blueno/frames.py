"""What trials left as data frames, for the Python face. Imported when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from .ml.scored import Predictions


def of_history(history: dict[str, list[float | None]], epochs: list[int]) -> pd.DataFrame:
    """A row an epoch; a column a metric."""
    frame = pd.DataFrame({name: pd.Series(values, dtype="float64") for name, values in history.items()})
    frame.index = pd.Index(epochs, dtype="int64", name="epoch")
    return frame


def of_predictions(kept: Predictions) -> pd.DataFrame:
    """A row a sample, indexed by its id: `target`, `predicted`, and the scores of a classifier."""
    scored, classes = kept.scored, None if kept.classes is None else np.asarray(kept.classes)
    index = pd.Index(kept.ids, name="id")
    if scored.task == "regression":
        return pd.DataFrame(_columns("target", scored.target) | _columns("predicted", scored.scores), index=index)
    assert classes is not None, "BUG: a classification without classes"
    if scored.task == "multilabel":
        named = {str(name): scored.target[:, i] for i, name in enumerate(classes)}
        said = {} if scored.scores is None else {f"score {c}": scored.scores[:, i] for i, c in enumerate(classes)}
        return pd.DataFrame(named | said, index=index)
    columns = {"target": classes[scored.target], "predicted": classes[scored.labels]}
    if scored.scores is not None:
        one = scored.scores.ndim == 1
        columns |= {"score": scored.scores} if one else {str(c): scored.scores[:, i] for i, c in enumerate(classes)}
    return pd.DataFrame(columns, index=index)


def _columns(name: str, values: Any) -> dict[str, Any]:
    """A column, or one for each output."""
    return {name: values} if values.ndim == 1 else {f"{name}_{i}": values[:, i] for i in range(values.shape[1])}
