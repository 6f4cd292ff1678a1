"""The samples that a pack's lanes need, in one pair of arrays: folds of the same data share it, other preparations of
the same shape follow behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from blueno.etl.dataset import Dataset

from .. import task
from ..feeding import as_float32
from .program import Data

if TYPE_CHECKING:
    from .family import Family
    from .lane import Lane


class Joined(NamedTuple):
    """Arrays, and where in them the samples of each dataset begin."""

    arrays: Data
    begins: dict[tuple[Any, ...], int]
    loss: Any  # as `train` says it: the targets are what it takes

    def rows(self, lane: Lane, part: str) -> np.ndarray:
        """Where the samples of a lane's part are, (n,) int32."""
        dataset = lane.setup.dataset
        return (lane.setup.rows[part] + self.begins[_same(dataset)]).astype(np.int32)


def join(lanes: Sequence[Lane], family: Family, before: Joined | None = None) -> Joined:
    """The samples of all datasets that the lanes train on, each once; what there was `before`, where it will do.

    The arrays only grow, and by doubling: each length is a program of its own.
    """
    datasets = {_same(lane.setup.dataset): lane.setup.dataset for lane in lanes}
    loss = family.stage.train["loss"]
    if before is not None and before.loss == loss and datasets.keys() <= before.begins.keys():
        return before
    features = [as_float32(np.asarray(each.features)) for each in datasets.values()]
    target = [
        task.target_for(family.stage.loss, each, np.arange(len(each.target)), family.setup.units)
        for each in datasets.values()
    ]
    begins = np.cumsum([0, *map(len, features[:-1])]).tolist()
    length = _length(list(map(len, features)), 0 if before is None else len(before.arrays.target))
    arrays = Data(_padded(features, length), _padded(target, length))
    return Joined(arrays, dict(zip(datasets, begins, strict=True)), loss)


def _length(samples: list[int], at_least: int) -> int:
    """The samples of one dataset; of several so many times the largest as is a power of two.

    >>> _length([100], 0), _length([100, 90, 100], 0), _length([100], 400)
    (100, 400, 400)
    """
    return max(at_least, max(samples) << (len(samples) - 1).bit_length())


def _padded(arrays: list[np.ndarray], length: int) -> Any:
    missing = length - sum(map(len, arrays))
    return jnp.asarray(np.concatenate([*arrays, np.zeros((missing, *arrays[0].shape[1:]), arrays[0].dtype)]))


def _same(dataset: Dataset) -> tuple[Any, ...]:
    """Equal for datasets of the same samples, such as the folds of one preparation: their arrays are the same files."""
    files = [getattr(each, "filename", None) for each in (dataset.features, dataset.target)]
    scale = repr(dataset.target_scale)
    return (dataset.id,) if None in files else (*map(str, files), scale)
