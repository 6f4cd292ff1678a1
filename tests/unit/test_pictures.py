"""Pictures: which ones a trial has, why others are missing, and what is drawn in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blueno.errors import NotFound
from blueno.ml.pictures import Left, draw, is_images
from blueno.ml.pictures.confusion import draw_confusion
from blueno.ml.pictures.curves import draw_curves, panels
from blueno.ml.pictures.mistakes import worst
from blueno.ml.pictures.ranked import MOST_NAMED, draw_roc
from blueno.ml.pictures.style import LARGEST_IN, short
from blueno.ml.scored import Scored, hard_labels, save_predictions

RANDOM = np.random.default_rng(0)
HISTORY = {"loss": [1.0, 0.5, None], "val_loss": [1.1, 0.7, 0.9], "val_f1": [0.1, 0.5, 0.4], "learning_rate": [0.1] * 3}
EPOCHS = [1, 2, 3]


def scored(task: str, classes: int = 3, samples: int = 60) -> Scored:
    if task == "regression":
        return Scored(task, RANDOM.normal(size=samples), RANDOM.normal(size=samples), None, 0, False)
    if task == "binary":
        target, scores = np.arange(samples) % 2, RANDOM.random(samples)
    elif task == "multilabel":
        target, scores = RANDOM.integers(0, 2, (samples, classes)), RANDOM.random((samples, classes))
    else:
        target, scores = np.arange(samples) % classes, RANDOM.random((samples, classes))
    return Scored(task, target, scores, hard_labels(task, scores), 2 if task == "binary" else classes, True)


def left(folder: Path, found: Scored, classes: list[Any] | None, **changes: Any) -> Left:
    """What a trial left whose samples are images of 8x8."""
    ids = np.array([f"s{row}" for row in range(len(found.target))])
    features = RANDOM.normal(size=(len(ids), 8, 8, 1))
    path = save_predictions(folder / "predictions.npz", found, ids, classes)
    dataset = SimpleNamespace(ids=ids, features=features)
    return Left(HISTORY, EPOCHS, 2, path, [8, 8, 1], lambda: dataset)._replace(**changes)  # type: ignore[arg-type, return-value]


NAMES = {
    "binary": ["curves", "confusion", "roc", "precision_recall", "mistakes"],
    "multiclass": ["curves", "confusion", "roc", "precision_recall", "mistakes"],
    "multilabel": ["curves", "confusion", "roc", "precision_recall", "mistakes"],
    "regression": ["curves", "predicted_and_true", "residuals", "mistakes"],
}
HARD_NAMES = ["$x_1$ of a class with a very long name", "_hidden", "日本\nnew line", "ordinary"]


@pytest.mark.slow
@pytest.mark.parametrize("task", NAMES)
def test_every_task_has_its_pictures(task: str, tmp_path: Path) -> None:
    found = scored(task, 4)
    classes = {"regression": None, "binary": HARD_NAMES[:2]}.get(task, HARD_NAMES)
    drawn = draw(left(tmp_path, found, classes), tmp_path / "pictures")
    assert [path.stem for path in drawn.written] == NAMES[task] and drawn.left_out == {}
    for path in drawn.written:
        with Image.open(path) as image:
            colours = image.convert("RGB").getcolors(maxcolors=image.width * image.height)
            assert image.format == "PNG" and colours is not None and len(colours) > 20
            assert max(image.size) <= LARGEST_IN * 120


def test_a_regression_of_two_outputs(tmp_path: Path) -> None:
    two = Scored("regression", RANDOM.normal(size=(40, 2)), RANDOM.normal(size=(40, 2)), None, 0, False)
    drawn = draw(left(tmp_path, two, None, shape=[5]), tmp_path)
    assert [path.stem for path in drawn.written] == ["curves", "predicted_and_true", "residuals"]


def test_what_cannot_be_drawn_is_named_with_the_reason(tmp_path: Path) -> None:
    hard = scored("multiclass")._replace(scores=None, probabilities=False)
    nothing = left(tmp_path, hard, ["a", "b", "c"], history={}, epoch=None)
    assert draw(nothing, tmp_path).left_out == {
        "curves": "it was trained in one go, so there is no history",
        "roc": "the model gave no scores, only classes",
        "precision_recall": "the model gave no scores, only classes",
    }
    assert draw(nothing._replace(predictions="none were kept"), tmp_path).left_out["predictions"] == "none were kept"
    right = hard._replace(labels=hard.target)
    assert draw(left(tmp_path, right, ["a", "b", "c"]), tmp_path).left_out["mistakes"] == "there are none"
    alone = Scored("binary", np.zeros(5, dtype=np.int64), np.zeros(5), np.zeros(5, dtype=np.int64), 2, True)
    assert draw(left(tmp_path, alone, ["a", "b"]), tmp_path).left_out["roc"] == "all samples are of one class"


def test_a_dataset_that_is_gone_costs_only_the_sheet_of_mistakes(tmp_path: Path) -> None:
    def gone() -> Any:
        raise NotFound("dataset d is not in the cache")

    hard = scored("binary")._replace(scores=None)
    drawn = draw(left(tmp_path, hard, ["a", "b"], dataset=gone), tmp_path)
    assert drawn.left_out["mistakes"] == "dataset d is not in the cache" and len(drawn.written) == 2
    other = SimpleNamespace(ids=np.array(["s1"]), features=np.zeros((1, 8, 8, 1)))
    drawn = draw(left(tmp_path, hard, ["a", "b"], dataset=lambda: other), tmp_path)
    assert drawn.left_out["mistakes"].startswith("its dataset has no sample 's")


def test_a_damaged_file_of_predictions_costs_only_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    drawn = draw(left(tmp_path, scored("binary"), ["a", "b"], predictions=tmp_path / "cut.npz"), tmp_path)
    assert [path.stem for path in drawn.written] == ["curves"] and "does not hold" in drawn.left_out["predictions"]


def test_parts_of_a_metric_share_a_panel() -> None:
    found = panels({"val_f1": [0.5], "learning_rate": [0.1], "val_loss": [1.0], "loss": [2.0], "stop_loss": [3.0]})
    assert {name: list(lines) for name, lines in found.items()} == {
        "loss": ["validation", "stop part", "training"],
        "f1": ["validation"],
        "learning_rate": [""],
    }
    assert list(panels({"train_score": [1.0], "val_score": [1.0]})["score"]) == ["training", "validation"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "history",
    [
        {"loss": [1.0], "val_loss": [2.0]},
        {"loss": [None, None], "val_loss": [float("nan")] * 2},
        {"loss": [1000 / epoch if epoch % 50 else None for epoch in range(1, 501)], "val_loss": [1.0] * 400},
        {f"val_{name}": [0.5, 0.6] for name in range(40)},
    ],
)
def test_histories_that_are_hard_to_draw(history: dict[str, list[float | None]], tmp_path: Path) -> None:
    drawn = draw(Left(history, range(1, 501), 1, "none were kept", [], lambda: pytest.fail("not asked for")), tmp_path)
    assert [path.name for path in drawn.written] == ["curves.png"]


def test_the_epoch_that_counts_is_marked() -> None:
    texts = [text.get_text() for text in draw_curves(HISTORY, EPOCHS, 2).axes[0].get_legend().get_texts()]  # type: ignore[union-attr]
    assert texts == ["training", "validation", "epoch 2 counts"]


def test_a_steep_loss_is_drawn_on_a_logarithmic_scale() -> None:
    assert draw_curves({"loss": [100.0, 0.1]}, [1, 2], None).axes[0].get_yscale() == "log"
    assert draw_curves({"loss": [100.0, -0.1]}, [1, 2], None).axes[0].get_yscale() == "linear"


def test_a_confusion_matrix_says_counts_and_shares() -> None:
    found = Scored("binary", np.array([0, 0, 0, 1]), None, np.array([0, 0, 1, 1]), 2, False)
    axes = draw_confusion(found, ["no", "yes"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["2\n67%", "1\n33%", "1\n100%"]
    assert axes.get_title(loc="left") == "3 of 4 right (75.0%)"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no", "yes"]


def test_many_classes_are_colours_with_some_names() -> None:
    many = scored("multiclass", 150, 600)
    axes = draw_confusion(many, [f"class {code}" for code in range(150)]).axes[0]
    assert len(axes.texts) == 0 and len(axes.get_yticklabels()) == 50


def test_of_many_curves_the_worst_are_named() -> None:
    many = scored("multiclass", 30, 300)
    [legend] = draw_roc(many, list(range(30))).legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == MOST_NAMED + 1 and texts[-1].endswith(f"{30 - MOST_NAMED} others")
    assert texts[:MOST_NAMED] == sorted(texts[:MOST_NAMED], key=lambda text: text[:5])


def test_the_most_confident_mistakes_stand_first() -> None:
    found = Scored("binary", np.array([0, 0, 1, 1]), np.array([0.6, 0.9, 0.2, 0.8]), np.array([1, 1, 0, 1]), 2, True)
    assert worst(found).tolist() == [1, 2, 0]
    several = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.01]])
    target = np.array([[0, 0], [0, 0], [0, 1]])
    labels = Scored("multilabel", target, several, hard_labels("multilabel", several), 2, True)
    assert worst(labels).tolist() == [2, 0, 1]
    values = Scored("regression", np.array([1.0, 2.0, 3.0]), np.array([1.5, 0.0, 3.0]), None, 0, False)
    assert worst(values).tolist() == [1, 0, 2]


def test_what_is_an_image() -> None:
    assert is_images([8, 8, 1]) and is_images((224, 224, 3))
    assert not is_images([30]) and not is_images([8, 8, 7]) and not is_images([2, 2, 1]) and not is_images([])


def test_long_names_keep_their_ends() -> None:
    assert short("images/validation/IMG_00015.png", 12, head=0) == "…G_00015.png"
    assert short("a class with a long name", 12) == "a clas… name"
    assert len(short("x" * 100, 22)) == 22 and short("$5") == r"\$5"


def test_drawing_leaves_pyplot_alone(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from blueno.ml.pictures import Left, draw\n"
        f"draw(Left({{'loss': [1.0]}}, [1], 1, 'none', [], None), Path({str(tmp_path)!r}))\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
    assert (tmp_path / "curves.png").exists()


@pytest.mark.parametrize(("module", "library"), [("matplotlib", "matplotlib"), ("PIL", "pillow")])
def test_a_missing_library_is_named(tmp_path: Path, module: str, library: str) -> None:
    program = (
        f"import sys; sys.modules['{module}'] = None\n"
        "from pathlib import Path; from blueno.errors import MissingLibrary\n"
        "from blueno.ml.pictures import Left, draw\n"
        "try: draw(Left({'loss': [1.0]}, [1], 1, 'none', [], None), Path('nowhere'))\n"
        "except MissingLibrary as error: print(error.message, error.fix)"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert (
        f"need {library}, " in said.stdout
        and said.stdout.endswith(f"pip install {library}\n")
        and not (tmp_path / "nowhere").exists()
    )
