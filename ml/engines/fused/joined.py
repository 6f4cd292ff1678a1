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
    from .family import Family, Lane


class Joined(NamedTuple):
    """Arrays, and where in them the samples of each dataset begin."""

    arrays: Data
    begins: dict[tuple[Any, ...], int]

    def rows(self, lane: Lane, part: str) -> np.ndarray:
        """Where the samples of a lane's part are, (n,) int32."""
        dataset = lane.setup.dataset
        return (lane.setup.rows[part] + self.begins[_same(dataset)]).astype(np.int32)


def join(lanes: Sequence[Lane], family: Family) -> Joined:
    """The samples of all datasets that the lanes train on, each once."""
    datasets = {_same(lane.setup.dataset): lane.setup.dataset for lane in lanes}
    features = [as_float32(np.asarray(each.features)) for each in datasets.values()]
    target = [
        task.target_for(family.stage.loss, each, np.arange(len(each.target)), family.setup.units)
        for each in datasets.values()
    ]
    begins = np.cumsum([0, *map(len, features[:-1])]).tolist()
    arrays = Data(jnp.asarray(np.concatenate(features)), jnp.asarray(np.concatenate(target)))
    return Joined(arrays, dict(zip(datasets, begins, strict=True)))


def _same(dataset: Dataset) -> tuple[Any, ...]:
    """Equal for datasets of the same samples, such as the folds of one preparation: their arrays are the same files."""
    files = [getattr(each, "filename", None) for each in (dataset.features, dataset.target)]
    scale = repr(dataset.target_scale)
    return (dataset.id,) if None in files else (*map(str, files), scale)
