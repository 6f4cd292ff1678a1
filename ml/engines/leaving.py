"""What a trial leaves: its model as plain Keras loads it, and its predictions."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from ..scored import Scored, save_predictions
from .setup import Setup
from .stage import as_built


def leave(setup: Setup, validation: Scored | None) -> tuple[dict[str, Path], list[str]]:
    """The artefacts that are to be kept, by name, and what to say of them. The model has the weights that count."""
    job = setup.job
    artefacts: dict[str, Path] = {}
    notes: list[str] = []
    if validation is not None and job.keep.get("predictions") != "none":
        ids = np.asarray(setup.dataset.ids[setup.rows["validation"]])
        path = job.folder / "predictions.npz"
        artefacts["predictions"] = save_predictions(path, validation, ids, setup.dataset.classes)
    if job.keep.get("weights") != "none":
        as_built(setup)
        artefacts["weights"], notes = save_model(setup.model, job.folder)
    return artefacts, notes


def save_model(model: keras.Model, folder: Path) -> tuple[Path, list[str]]:
    """Writes `model.keras`, without optimizer, loss and metrics; or, where Keras cannot describe the model, its weights
    alone as `model.weights.h5`, and a note.
    """
    model.optimizer = None  # its slots would make the file three times as large
    model.compiled = False  # a loss of the user's is not there where the file is loaded
    path = folder / "model.keras"
    try:
        model.save(path)
        return path, []
    except OSError:
        raise
    except Exception as error:  # the user's get_config may raise anything
        path.unlink(missing_ok=True)
        weights = folder / "model.weights.h5"
        model.save_weights(weights)
        reason = str(error).strip().partition("\n")[0]
        return weights, [f"only the weights are kept, since Keras cannot describe the model: {reason}"]
