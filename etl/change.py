"""Steps that change what a sample is: a volume becomes slabs, a series windows. They run inside each part, after the
split, so that no sample is made of two parts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from blueno.errors import DataError

from .opening import Step
from .samples import Samples
from .seeded import seeded
from .tables import normalised

SHOWN = 3  # ids in a message


class PartSamples(NamedTuple):
    """The n samples of one part, in the order of the data: what a function `step(samples)` gets and returns."""

    x: np.ndarray | pd.DataFrame  # (n, *shape), or a table of n rows
    y: np.ndarray  # (n,) or (n, k): numbers, or of a classification int64 codes of the sorted classes
    ids: np.ndarray  # (n,), text
    groups: np.ndarray | None  # (n,), int64 codes
    times: np.ndarray | None  # (n,), int64, float64 or datetime64[ns]
    places: np.ndarray  # (n,), int64: place in the series of its group, by time if there is one, over all parts

    def take(self, rows: np.ndarray, x: np.ndarray | pd.DataFrame | None = None) -> PartSamples:
        """New samples, the i-th made of the old one `rows[i]`, with new features `x` (those of that row, if not said).

        Rows may repeat and be left out. Target, id, group and time are those of the old sample.
        """
        rows = np.asarray(rows, dtype="int64")
        if x is None:
            x = self.x.iloc[rows] if isinstance(self.x, pd.DataFrame) else self.x[rows]
        groups, times = _some(self.groups, rows), _some(self.times, rows)
        return PartSamples(x, self.y[rows], self.ids[rows], groups, times, self.places[rows])


def _some(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]


def change_samples(step: Step, samples: Samples, parts: dict[str, np.ndarray]) -> tuple[Samples, dict[str, np.ndarray]]:
    """The samples that a step makes of those of each part, and which of them belong to which part.

    An id that occurs several times gets a number: `scan7` becomes `scan7#0`, `scan7#1`, ...
    DataError when a part is left without samples, or what the step returns does not fit together.
    """
    places = _places(samples)
    changed = {name: _changed(step, _part(samples, places, np.sort(rows)), name) for name, rows in parts.items()}
    _check_alike(step, changed)
    ends = np.cumsum([len(part.ids) for part in changed.values()]).tolist()
    rows = {name: np.arange(end - len(changed[name].ids), end) for name, end in zip(changed, ends, strict=True)}
    joined = {name: _joined([getattr(part, name) for part in changed.values()]) for name in PartSamples._fields[:5]}
    made = samples._replace(
        features=joined["x"],
        target=joined["y"],
        ids=joined["ids"],
        groups=joined["groups"],
        times=joined["times"],
        marks=None,
        guessed=[*samples.guessed, f"{step.name} made {ends[-1]} samples of {len(samples.ids)}"],
    )
    return made, rows


def _places(samples: Samples) -> np.ndarray:
    """The place of each sample in the series of its group, from 0, by time and then in the order of the data."""
    num_samples = len(samples.ids)
    groups = np.zeros(num_samples, "int64") if samples.groups is None else samples.groups
    times = np.arange(num_samples) if samples.times is None else samples.times
    order = np.lexsort((times, groups))  # stable; the last key counts first
    sizes = np.unique(groups, return_counts=True)[1]
    places = np.empty(num_samples, "int64")
    places[order] = np.concatenate([np.arange(size) for size in sizes])
    return places


def _part(samples: Samples, places: np.ndarray, rows: np.ndarray) -> PartSamples:
    """A copy, since user code may write to what it gets."""
    table = samples.features
    features = table.iloc[rows].reset_index(drop=True) if isinstance(table, pd.DataFrame) else table[rows]
    groups, times = _some(samples.groups, rows), _some(samples.times, rows)
    return PartSamples(features, samples.target[rows], samples.ids[rows], groups, times, places[rows])


def _changed(step: Step, before: PartSamples, part: str) -> PartSamples:
    with seeded():
        made = step.transformer.transform(before)
    if not isinstance(made, PartSamples):
        raise _misfit(step, f"returned a {type(made).__name__}, not samples")
    made = made._replace(x=_features(step, made.x), y=np.asarray(made.y), ids=_numbered(made.ids))
    for name in ("groups", "times"):
        if (getattr(made, name) is None) != (getattr(before, name) is None):
            raise _misfit(step, f"changed whether samples have {name}")
    lengths = {name: len(values) for name, values in made._asdict().items() if values is not None and name != "places"}
    if len(set(lengths.values())) > 1:
        raise _misfit(step, f"returned {', '.join(f'{number} {name}' for name, number in lengths.items())}")
    if not lengths["ids"]:
        raise DataError(
            f"{step.name} leaves no sample of the {len(before.ids)} of the {part} part",
            f"change the parameters of {step.name}, make the part larger, or split by time or group",
        )
    return made._replace(y=_target(step, made.y, before.y))


def _features(step: Step, x: Any) -> np.ndarray | pd.DataFrame:
    if isinstance(x, pd.DataFrame):
        return normalised(x)
    values = np.asarray(x)
    if values.dtype.hasobject:
        raise _misfit(step, "returned an array of Python objects")
    return values[:, None] if values.ndim == 1 else values


def _target(step: Step, made: np.ndarray, before: np.ndarray) -> np.ndarray:
    if made.shape[1:] != before.shape[1:] or made.dtype.kind not in "biuf":
        raise _misfit(step, f"returned y of {made.dtype} {list(made.shape)}")
    values = made.astype(before.dtype)
    if before.dtype.kind == "i" and not np.isin(values, before).all():
        raise _misfit(step, "returned classes in y that none of its samples had")
    return values


def _numbered(ids: Any) -> np.ndarray:
    """The ids as text; those that occur several times with `#0`, `#1`, ... in order."""
    texts = pd.Series([str(id) for id in ids], dtype=object)
    counts = texts.groupby(texts).cumcount()
    several = texts.duplicated(keep=False)
    return np.array([f"{id}#{i}" if more else id for id, i, more in zip(texts, counts, several, strict=True)], np.str_)


def _check_alike(step: Step, changed: dict[str, PartSamples]) -> None:
    """All ids differ, and all parts have samples of one shape."""
    ids = pd.Series(_joined([part.ids for part in changed.values()]))
    twice = ids[ids.duplicated()].head(SHOWN).tolist()
    if twice:
        raise _misfit(step, f"made the same ids twice: {', '.join(twice)}")
    shapes = {name: _shape(part.x) for name, part in changed.items()}
    if len({str(shape) for shape in shapes.values()}) > 1:
        shown = "; ".join(f"{name}: {shape}" for name, shape in shapes.items())
        raise _misfit(step, f"made samples of several shapes: {shown}")


def _shape(x: np.ndarray | pd.DataFrame) -> list[Any]:
    return list(x.columns) if isinstance(x, pd.DataFrame) else list(x.shape[1:])


def _joined(values: list[Any]) -> Any:
    if values[0] is None:
        return None
    return pd.concat(values, ignore_index=True) if isinstance(values[0], pd.DataFrame) else np.concatenate(values)


def _misfit(step: Step, what: str) -> DataError:
    return DataError(f"{step.name} {what}", "return samples.take(rows, x), or samples._replace(x=..., ...)")
