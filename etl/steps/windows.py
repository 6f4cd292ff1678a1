"""Windows of a series: samples that follow each other become one."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from annotated_types import Ge

from blueno.errors import DataError

from ..change import PartSamples

VERSION = 1
FITTED = False
COLUMNS = "all"
CHANGES_SAMPLES = True


class Windows(NamedTuple):
    """How long a window is, how far the next begins, and how many samples after its last its target is."""

    length: int
    stride: int
    horizon: int
    past_target: bool

    def transform(self, samples: PartSamples) -> PartSamples:
        """(n, *shape) to (windows, length, *shape); a table to (windows, length, columns)."""
        order = np.lexsort((samples.places, _groups(samples)))
        starts = self._starts(samples, order)
        inside = order[starts[:, None] + np.arange(self.length)]
        return samples.take(order[starts + self._reach()], self._values(samples)[inside])

    def _reach(self) -> int:
        """From a window's first sample to the one that its target is of."""
        return self.length - 1 + self.horizon

    def _starts(self, samples: PartSamples, order: np.ndarray) -> np.ndarray:
        """Where windows begin in `order`: every `stride`-th sample of a series whose followers are all in this part."""
        count = max(0, len(order) - self._reach())
        starts = np.arange(count)
        groups, places = _groups(samples)[order], samples.places[order]
        ends = starts + self._reach()
        whole = (groups[ends] == groups[starts]) & (places[ends] - places[starts] == self._reach())
        return starts[whole & (places[:count] % self.stride == 0)]

    def _values(self, samples: PartSamples) -> np.ndarray:
        values = _numbers(samples.x)
        if not self.past_target:
            return values
        if values.ndim > 2:
            raise DataError("windows: past_target needs samples of plain features", "leave past_target out")
        past = samples.y.reshape(len(values), -1)
        return np.concatenate([values, past.astype(np.result_type(values.dtype, past.dtype))], axis=1)


def _groups(samples: PartSamples) -> np.ndarray:
    return np.zeros(len(samples.ids), "int64") if samples.groups is None else samples.groups


def _numbers(x: np.ndarray | pd.DataFrame) -> np.ndarray:
    if not isinstance(x, pd.DataFrame):
        return x
    text = list(x.select_dtypes(exclude="number").columns)
    if text:
        raise DataError(
            f"windows: these columns are no numbers: {', '.join(text)}", "put one_hot before it, or drop them"
        )
    return x.to_numpy(dtype="float64")


def build(
    length: Annotated[int, Ge(1)],
    stride: Annotated[int, Ge(1)] = 1,
    horizon: Annotated[int, Ge(0)] = 0,
    past_target: bool = False,
) -> Windows:
    """Each run of `length` samples that follow each other in a group, by time if the data has one, as one sample; the
    next begins `stride` samples later. Target, id and time are those of the sample `horizon` after the last.

    No window reaches into another part, nor over samples that are in another. `past_target` adds the target of each
    sample in the window to its features, which needs a horizon.
    """
    if past_target and not horizon:
        raise DataError("windows: with past_target and no horizon the target is among the inputs", "say horizon: 1")
    return Windows(length, stride, horizon, past_target)
