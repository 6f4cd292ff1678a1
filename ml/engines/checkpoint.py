"""The state of a training between two epochs, in a file that survives the process: what goes on from it computes the
same bits as if it had never been interrupted.

A file of arrays without pickle, written beside and renamed, so that it is whole or absent; zip archives hold checksums.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import keras
import numpy as np

from blueno.canonical import digest

from .. import stopping
from ..batches import RECIPE_VERSION
from ..job import Job
from .progress import Kept, Progress

NAME = "training.npz"
WRITING = "training.part"  # without its final name until it is whole


class Found(NamedTuple):
    """A state to go on from."""

    progress: Progress
    model: list[np.ndarray]  # weights and the states of random layers
    optimizer: list[np.ndarray]  # empty at the beginning of a stage, which makes one of its own


@dataclass
class Saver:
    """Where a training's state goes, and how often."""

    path: Path | None  # None: nowhere
    fits: str  # what the file is good for: this trial, with these versions
    interval_s: float
    clock: Callable[[], float] = time.monotonic
    last_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.last_s = self.clock()


def saver_of(job: Job, trainee: keras.Model) -> Saver:
    """A trial's saver. A model that holds optimizers of its own cannot be gone on with: their state is not known."""
    held = [each for each in vars(trainee).values() if isinstance(each, keras.optimizers.Optimizer)]
    others = [each for each in held if each is not getattr(trainee, "optimizer", None)]
    path = None if job.checkpoint is None or others else job.checkpoint / NAME
    fits = digest([RECIPE_VERSION, keras.__version__, keras.backend.backend(), job.recipe])
    return Saver(path, fits, job.checkpoint_s)


# ---- writing


def save_if_due(saver: Saver, progress: Progress, trainee: keras.Model) -> None:
    """Leaves the state, if the last one is old enough. A disk that does not take it is told by a note, and no more."""
    if is_due(saver):
        begins_stage = progress.epoch == progress.begun
        optimizer = [] if begins_stage else trainee.optimizer.variables
        values = ([keras.ops.convert_to_numpy(each) for each in some] for some in (trainee.variables, optimizer))
        save(saver, progress, *values)


def is_due(saver: Saver) -> bool:
    """Whether the last state is old enough, and there is a place for the next."""
    return saver.path is not None and saver.clock() - saver.last_s >= saver.interval_s


def save(saver: Saver, progress: Progress, model: list[np.ndarray], optimizer: list[np.ndarray]) -> None:
    """Leaves the state: the values of the model's variables and of its optimizer's, none where a stage begins."""
    assert saver.path is not None, "BUG: a state without a place"
    try:
        _write(saver.path, _arrays(saver, progress, model, optimizer))
    except OSError as error:
        note = f"the state of the training could not be kept: {error.strerror or error}"
        progress.notes += [] if note in progress.notes else [note]
    saver.last_s = saver.clock()


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(WRITING)
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _arrays(
    saver: Saver, progress: Progress, model: list[np.ndarray], optimizer: list[np.ndarray]
) -> dict[str, np.ndarray]:
    arrays = _numbered("model", model) | _numbered("optimizer", optimizer)
    kept = progress.kept
    if kept is not None:
        arrays |= _numbered("kept", kept.weights or [])
        arrays |= {} if kept.scores is None else {"scores": kept.scores}
    return arrays | {"facts": np.asarray(json.dumps({"fits": saver.fits, **_facts(progress)}))}


def _facts(progress: Progress) -> dict[str, Any]:
    kept = progress.kept
    return {
        "epoch": progress.epoch,
        "stage": progress.stage,
        "begun": progress.begun,
        "history": progress.history,
        "state": progress.state,
        "kept": kept and [kept.epoch, kept.stage, kept.weights is not None, kept.loss],
        "notes": progress.notes,
        "python": random.getstate(),
        "numpy": [each.tolist() if isinstance(each, np.ndarray) else each for each in np.random.get_state()],
    }


def _numbered(name: str, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{name}_{number}": value for number, value in enumerate(values)}


# ---- reading


def load(saver: Saver, trainee: keras.Model) -> tuple[Found | None, list[str]]:
    """What an earlier attempt left, and a note. A file that is damaged or of something else is not used.

    Python's and NumPy's random state are put back at once.
    """
    if saver.path is None or not saver.path.exists():
        return None, []
    try:
        with saver.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = json.loads(str(arrays["facts"]))
        if facts["fits"] != saver.fits:
            return None, ["the state that an earlier attempt left is of another version; training began again"]
        found = Found(_progress(facts, arrays), _list(arrays, "model"), _list(arrays, "optimizer"))
        _check_shapes(found.model, trainee)
        _restore_chance(facts)
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, BadZipFile):
        return None, ["the state that an earlier attempt left is damaged; training began again"]
    found.progress.notes.append(f"went on after epoch {found.progress.epoch}, from what an earlier attempt left")
    return found, []


def _progress(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> Progress:
    kept = None
    if facts["kept"]:
        epoch, stage, has_weights, loss = facts["kept"]
        weights = _list(arrays, "kept") if has_weights else None
        kept = Kept(epoch, stage, weights, arrays.get("scores"), loss)
    state = stopping.State(*(stopping.Waiting(*each) for each in facts["state"]))
    return Progress(
        facts["epoch"], facts["stage"], facts["begun"], facts["history"], state, kept, notes=facts["notes"]
    )  # fmt: skip


def _list(arrays: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    count = sum(key.startswith(f"{name}_") for key in arrays)
    return [arrays[f"{name}_{number}"] for number in range(count)]


def _restore_chance(facts: dict[str, Any]) -> None:
    version, numbers, gauss = facts["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, key, *rest = facts["numpy"]
    np.random.set_state((name, np.asarray(key, np.uint32), *rest))


def _check_shapes(values: list[np.ndarray], trainee: keras.Model) -> None:
    """ValueError unless the values are those of such a model."""
    if [each.shape for each in values] != [tuple(each.shape) for each in trainee.variables]:
        raise ValueError("they are of another model")


def put_back(variables: list[Any], values: list[np.ndarray]) -> None:
    """Gives variables the values that they had."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
