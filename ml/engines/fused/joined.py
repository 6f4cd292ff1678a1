"""The samples that a pack's lanes need: folds of the same data share them, other preparations of the same shape follow
behind. In one pair of arrays on the device, or, where they are too large for that, left in their files and collected
block by block (streaming).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from blueno.etl.dataset import Dataset

from .. import task
from ..feeding import as_float32
from ..scoring import chunk_of
from .program import Data

if TYPE_CHECKING:
    from .family import Family
    from .lane import Lane

RESIDENT_SHARE = 1 / 2  # of the memory, that samples on the device may take
BLOCK_SHARE = 1 / 8  # and that those of one block may take
BLOCK_BYTES = 2**28  # larger blocks gain nothing
BLOCKS = 4  # that there are at a time: the one that is computed and the next, each on the device and as it was read


class Joined(NamedTuple):
    """Where the samples of each dataset begin; and all of them, or what collects some."""

    arrays: Data | None  # None: they do not fit
    begins: dict[tuple[Any, ...], int]
    family: Family  # in a stage: the targets are as its loss takes them
    datasets: list[Dataset]  # in the order of `begins`
    block: int  # samples of a block

    def rows(self, lane: Lane, part: str) -> np.ndarray:
        """Where the samples of a lane's part are, (n,) int32."""
        dataset = lane.setup.dataset
        return (lane.setup.rows[part] + self.begins[_same(dataset)]).astype(np.int32)

    def collected(self, rows: np.ndarray) -> Data:
        """The samples of these rows, ascending, with zeros behind them: as many as a block has, whatever they are."""
        edges = np.searchsorted(rows, [*self.begins.values(), np.iinfo(rows.dtype).max])
        whole = Data(*(np.zeros((self.block, *one.shape[1:]), one.dtype) for one in _samples(self, 0, np.arange(1))))
        for number, begin in enumerate(self.begins.values()):
            own = slice(edges[number], edges[number + 1])
            for array, part in zip(whole, _samples(self, number, rows[own] - begin), strict=True):
                array[own] = part
        return Data(*map(jnp.asarray, whole))


def join(
    lanes: Sequence[Lane], family: Family, budget: int | None = None, width: int = 0, before: Joined | None = None
) -> Joined:
    """The samples of all datasets that the lanes train on, each once; what there was `before`, where it will do.

    They stay in their files where that is too much for a pack of this width and `budget` bytes (None: no limit). The
    arrays only grow, and by doubling: each length is a program of its own.
    """
    at_least = 0 if before is None or before.arrays is None else len(before.arrays.target)
    planned, length = _planned(lanes, family, budget, width, at_least)
    if before is not None and planned.begins.keys() <= before.begins.keys() and _holds(before, planned.block):
        return _in_stage(before, family)
    if not length:
        return planned
    whole = [_samples(planned, number, None) for number in range(len(planned.datasets))]
    return planned._replace(arrays=Data(*(_padded(list(each), length) for each in zip(*whole, strict=True))))


def shapes_of(lanes: Sequence[Lane], family: Family, budget: int) -> Joined:
    """What `join` gives to a pack of these lanes, with the shapes of arrays instead of arrays."""
    planned, length = _planned(lanes, family, budget, len(lanes))
    if not length:
        return planned
    samples = (jax.ShapeDtypeStruct((length, *each.shape[1:]), jax.dtypes.canonicalize_dtype(each.dtype))
               for each in _samples(planned, 0, np.arange(1)))  # fmt: skip
    return planned._replace(arrays=Data(*samples))


def bytes_of(lanes: Sequence[Lane], family: Family, budget: int) -> int:
    """What the samples of the lanes take, on the device or in blocks."""
    planned, length = _planned(lanes, family, budget, len(lanes))
    return (length or BLOCKS * planned.block) * sample_bytes(family)


def _planned(
    lanes: Sequence[Lane], family: Family, budget: int | None, width: int, at_least: int = 0
) -> tuple[Joined, int]:  # fmt: skip
    """Where the samples are to be, and the length of the arrays: 0 where they do not fit."""
    datasets = {_same(lane.setup.dataset): lane.setup.dataset for lane in lanes}
    sizes = [len(each.target) for each in datasets.values()]
    begins = dict(zip(datasets, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    length, block = _length(sizes, at_least), 0 if budget is None else _block(lanes, family, budget, width)
    fits = budget is None or length * sample_bytes(family) <= budget * RESIDENT_SHARE
    return Joined(None, begins, family, list(datasets.values()), block), length if fits else 0


def _holds(joined: Joined, block: int) -> bool:
    """Whether so many samples can be looked at at a time."""
    return joined.arrays is not None or block <= joined.block


def _in_stage(joined: Joined, family: Family) -> Joined:
    """The same samples, with the targets that the loss of the family's stage takes; the features are no others."""
    if joined.arrays is None or joined.family.stage.train["loss"] == family.stage.train["loss"]:
        return joined._replace(family=family)
    target = [_target(family, each, np.arange(len(each.target))) for each in joined.datasets]
    arrays = joined.arrays._replace(target=_padded(target, len(joined.arrays.target)))
    return joined._replace(family=family, arrays=arrays)


def is_read_at_once(samples: int, size: int) -> bool:
    """Whether samples are too few to be read in blocks of batches: XLA computes a loop that has one turn otherwise."""
    return samples < 2 * size


def sample_bytes(family: Family) -> int:
    """What one sample takes, with its target."""
    dataset = family.setup.dataset
    features, target = as_float32(dataset.features[:1]), _target(family, dataset, np.arange(1))
    return int(features.nbytes + target.nbytes)


def _block(lanes: Sequence[Lane], family: Family, budget: int, width: int) -> int:
    """The samples of a block: at least a batch of each lane, and of each split of the data a chunk that is scored."""
    size, rows = family.stage.train["batch_size"], family.setup.rows
    chunk, splits = chunk_of(family.stage.parts["train"], size), {lane.setup.dataset.id for lane in lanes}
    batch = len(rows["train"]) if is_read_at_once(len(rows["train"]), size) else size
    scored = max(len(each) if is_read_at_once(len(each), chunk) else chunk for each in rows.values())
    least = max(width * batch, len(splits) * scored)
    return max(int(min(budget * BLOCK_SHARE, BLOCK_BYTES)) // sample_bytes(family), least)


def _samples(joined: Joined, number: int, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Some of a dataset's samples (None: all), as programs take them; of a file only these are read."""
    dataset = joined.datasets[number]
    features = dataset.features if rows is None else dataset.features[rows]
    rows = np.arange(len(dataset.target)) if rows is None else rows
    return as_float32(np.asarray(features)), _target(joined.family, dataset, rows)


def _target(family: Family, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    return task.target_for(family.stage.loss, dataset, rows, family.setup.units)


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
