"""Trained models as they were kept: a Keras model or an estimator, from the file that a trial left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blueno.errors import MissingLibrary

from .train import kind_of

if TYPE_CHECKING:
    from blueno.etl.dataset import Dataset
    from blueno.usercode import CodeFolder


def restore(
    path: Path, recipe: dict[str, Any], code: CodeFolder | None, dataset: Callable[[], Dataset], threads: int = 1
) -> Any:
    """The model in a trial's weights file: a keras.Model, or an estimator with `predict`.

    `dataset` is asked only for a model that Keras cannot load by itself (own layers that are not registered): it is
    built again from the recipe, on that dataset's shape. Raises MissingLibrary, NotFound (the dataset is gone).
    """
    if kind_of(recipe["model"]) == "estimator":
        return _estimator(path)
    from .runtime import start_keras

    keras = start_keras(threads)
    if path.suffix == ".keras":
        try:
            if code is not None and ":" in recipe["model"]["architecture"]:
                _register(recipe["model"]["architecture"], code)
            return keras.saving.load_model(path)
        except (TypeError, ValueError):
            pass  # a class that only the user's builder knows
    from .model import build_model

    model = build_model(recipe["model"], dataset(), code).model
    model.load_weights(path)
    return model


def _register(reference: str, code: CodeFolder) -> None:
    """Loads the user's module, which may register the classes that a saved model names."""
    from blueno.usercode import load

    load(reference, code)


def _estimator(path: Path) -> Any:
    """The estimator, every type in it trusted: the file is of this store, and its checksum was compared."""
    import skops.io

    try:
        return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    except ModuleNotFoundError as error:
        message = f"the estimator needs {error.name}, which is not installed"
        raise MissingLibrary(message, f"pip install {error.name}") from error
