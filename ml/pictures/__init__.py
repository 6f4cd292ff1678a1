"""Pictures of what a trial left, as PNG files: curves over epochs, confusion, ROC, residuals, mistakes.

Only names are light here: matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from blueno.errors import BluenoError, MissingLibrary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blueno.etl.dataset import Dataset

    from ..scored import Predictions


CHANNELS = (1, 3, 4)  # of an image: grey, colours, colours and how opaque it is


class Left(NamedTuple):
    """What a trial left, as far as pictures need it. A text says why something is not there."""

    history: Mapping[str, Sequence[float | None]]  # empty where there are no epochs
    epochs: Sequence[int]  # of the history
    epoch: int | None  # the one that counts, from 1
    predictions: Path | str
    shape: list[int]  # of a sample
    dataset: Callable[[], Dataset]  # raises BluenoError when it is not there


class Drawn(NamedTuple):
    """Which files were written, and why others were not, by the names of the pictures."""

    written: list[Path]
    left_out: dict[str, str]


def draw(left: Left, folder: Path) -> Drawn:
    """Draws everything that can be drawn of a trial into `folder`, which is made.

    Raises MissingLibrary without matplotlib or Pillow, and OSError when the folder cannot be written to.
    """
    save = _saver()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = Drawn([], {})
    for name, picture in _pictures(left).items():
        if isinstance(picture, str):
            drawn.left_out[name] = picture
            continue
        try:
            drawn.written.append(save(picture(), folder / f"{name}.png"))
        except BluenoError as error:
            drawn.left_out[name] = error.message
    return drawn


class Compared(NamedTuple):
    """What pictures of a whole sweep are made of. A text says why something is not there."""

    objectives: Sequence[tuple[str, str]]  # metric and direction
    configs: Sequence[Sequence[float]]  # the objectives of each config that is complete
    front: Sequence[bool]  # of each config
    allowed: Sequence[bool]  # whether it keeps to the limits
    best: Sequence[tuple[int, float]]  # of a search: configs tried, and the best then
    tried: int
    method: str  # of the search; "" for other sweeps


def draw_sweep(compared: Compared, folder: Path) -> Drawn:
    """Draws the front of several objectives, and how the best of a search became better, into `folder`, which is made.

    Raises MissingLibrary without matplotlib or Pillow, and OSError when the folder cannot be written to.
    """
    save = _saver()
    from .front import draw_front
    from .searched import draw_best

    folder.mkdir(parents=True, exist_ok=True)
    drawn = Drawn([], {})
    if len(compared.objectives) > 1 and compared.configs:
        made = draw_front(np.array(compared.configs), compared.objectives, compared.front, compared.allowed)
        drawn.written.append(save(made, folder / "front.png"))
    elif len(compared.objectives) > 1:
        drawn.left_out["front"] = "no config is complete"
    if compared.best:
        made = draw_best(compared.best, compared.tried, compared.objectives[0][0], compared.method)
        drawn.written.append(save(made, folder / "best_so_far.png"))
    elif compared.method:
        drawn.left_out["best_so_far"] = "no config is complete"
    return drawn


def draw_contact_sheet(images: np.ndarray, captions: list[str], heading: str, path: Path) -> Path:
    """Draws images, (m, height, width, channels), into a PNG file, each with its caption: at most the first 40.

    Raises MissingLibrary without matplotlib or Pillow, and OSError when the file cannot be written.
    """
    save = _saver()
    from .sheet import ACROSS, DOWN, draw_sheet
    from .style import short

    count = ACROSS * DOWN
    texts = ["\n".join(short(line, 20, head=0) for line in caption.split("\n")) for caption in captions[:count]]
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(draw_sheet(images[:count], texts, heading), path)


def is_images(shape: list[int] | tuple[int, ...]) -> bool:
    """Whether samples of this shape are images: height, width and 1, 3 or 4 channels."""
    return len(shape) == 3 and shape[-1] in CHANNELS and min(shape[:2]) >= 4


Picture = Callable[[], "Figure"]


def _saver() -> Callable[[Figure, Path], Path]:
    try:
        from .style import save
    except ModuleNotFoundError as error:
        library = {"PIL": "pillow"}.get(error.name or "", error.name)  # matplotlib itself needs Pillow
        raise MissingLibrary(f"pictures need {library}, which is not installed", f"pip install {library}") from error
    return save


def _pictures(left: Left) -> dict[str, Picture | str]:
    """Those that fit the task, by their names, each as what draws it or why it cannot be drawn."""
    from .curves import draw_curves

    found: dict[str, Picture | str] = {"curves": "it was trained in one go, so there is no history"}
    if left.history:
        found["curves"] = lambda: draw_curves(left.history, left.epochs, left.epoch)
    if isinstance(left.predictions, str):
        return found | {"predictions": left.predictions}
    from ..scored import load_predictions

    try:
        kept = load_predictions(left.predictions)
    except BluenoError as error:
        return found | {"predictions": error.message}
    return found | _of_predictions(kept) | _of_images(left, kept)


def _of_predictions(kept: Predictions) -> dict[str, Picture | str]:
    from . import amounts, confusion, ranked

    scored, classes = kept.scored, kept.classes or []
    if scored.task == "regression":
        return {
            "predicted_and_true": lambda: amounts.draw_predicted(scored),
            "residuals": lambda: amounts.draw_residuals(scored),
        }
    found: dict[str, Picture | str] = {"confusion": lambda: confusion.draw_confusion(scored, classes)}
    if scored.scores is None:
        reason = "the model gave no scores, only classes"
        return found | {"roc": reason, "precision_recall": reason}
    if not ranked.curves(scored, classes, lambda true, scores: (true, scores, 0.0)):
        reason = "all samples are of one class"
        return found | {"roc": reason, "precision_recall": reason}
    return found | {
        "roc": lambda: ranked.draw_roc(scored, classes),
        "precision_recall": lambda: ranked.draw_precision_recall(scored, classes),
    }


def _of_images(left: Left, kept: Predictions) -> dict[str, Picture | str]:
    from .mistakes import draw_mistakes, worst
    from .sheet import ACROSS, DOWN

    if not is_images(left.shape):
        return {}
    chosen = worst(kept.scored)
    if not len(chosen):
        return {"mistakes": "there are none"}
    return {
        "mistakes": lambda: draw_mistakes(kept, _features(left.dataset(), kept.ids[chosen[: ACROSS * DOWN]]), chosen)
    }


def _features(dataset: Dataset, ids: np.ndarray) -> np.ndarray:
    """The features of these samples. Raises BluenoError when the dataset has not all of them."""
    place = {str(id): row for row, id in enumerate(dataset.ids)}
    missing = [str(id) for id in ids if str(id) not in place]
    if missing:
        raise BluenoError(f"its dataset has no sample {missing[0]!r}")
    return np.asarray(dataset.features[[place[str(id)] for id in ids]])
