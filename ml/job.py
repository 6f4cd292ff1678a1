"""What training is asked for and what it leaves: the records that a worker and the engines share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from blueno.etl.dataset import Dataset
    from blueno.usercode import CodeFolder

# Called after each epoch with (epoch counted from 1, planned epochs or 0 if unknown, metrics). True means: stop now.
Report = Callable[[int, int, dict[str, float]], bool]

State = Literal["succeeded", "diverged"]


class Job(NamedTuple):
    """One trial to train."""

    recipe: dict[str, Any]  # what is hashed to the trial's id: augment, code, dataset, model, recipe, seed, train
    dataset: Dataset | None  # None for a function that brings its own data
    objective: dict[str, str]  # {"metric": "val_accuracy", "direction": "maximize"}
    metrics: list[Any]  # beside the defaults of the task: names or {name: {parameters}}
    keep: dict[str, Any]  # {"weights": "best 5", "predictions": "all"}; "none" is not written at all
    folder: Path  # exists and is empty; artefacts are left here
    code: CodeFolder | None  # the snapshot that user code is loaded from
    threads: int  # CPU threads to train with
    batches: int | None = None  # end each epoch (and validation) after so many batches: `blueno try`
    fold: int | None = None  # told to functions
    checkpoint: Path | None = None  # survives attempts; None: functions get a folder inside `folder`, others none
    checkpoint_s: float = 300.0  # a Keras trial leaves its state there at most so often


class Outcome(NamedTuple):
    """What a trial left."""

    state: State
    metrics: dict[str, float]  # all from one epoch; NaN where undefined (a note says why) or diverged
    history: dict[str, list[float]]  # one value an epoch
    artefacts: dict[str, Path]  # name -> file in the job's folder
    engine: Literal["fit", "fused", "estimator", "function", "command"]
    epoch: int | None  # the epoch that counts, from 1; None where there are no epochs
    notes: tuple[str, ...] = ()  # what the user may want to know: why a metric is NaN, what could not be saved
    epochs: tuple[int, ...] = ()  # those of the history, where they are not 1, 2, 3 and so on
    nonfinite: tuple[str, ...] = ()  # of the epoch in which it diverged, beside metrics: names in its history
