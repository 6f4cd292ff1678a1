"""A contact sheet: images side by side, each with a caption."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import figure

ACROSS, DOWN = 8, 5


def draw_sheet(images: np.ndarray, captions: list[str], heading: str) -> Figure:
    """`images`, (m, height, width, channels), m at least 1 and at most 40, with a caption of few lines each."""
    across = min(ACROSS, len(images))
    down = -(-len(images) // across)
    made = figure(max(4.0, 1.75 * across), 2.15 * down + 0.5)
    panels = made.subplots(down, across, squeeze=False).ravel().tolist()
    for panel in panels:
        panel.set_axis_off()
    for panel, caption, image in zip(panels, captions, _brightness(images), strict=False):
        _image(panel, image, caption)
    made.suptitle(heading, fontsize=10, ha="left", x=0.01)
    return made


def _brightness(images: np.ndarray) -> np.ndarray:
    """Values for the screen, from 0 to 1: those of shares and bytes as they are, others stretched, each image by itself
    and without its few extremes, since what a step scaled by pixels has some far off.
    """
    floats = np.asarray(images, dtype=np.float32)
    low, high = float(np.nanmin(floats)), float(np.nanmax(floats))
    if low >= 0 and high <= 1:
        return floats
    if low >= 0 and 32 < high <= 255:
        return floats / 255
    darkest, brightest = np.nanpercentile(floats, (2, 98), axis=(1, 2, 3), keepdims=True)
    return np.clip((floats - darkest) / np.maximum(brightest - darkest, 1e-12), 0, 1)


def _image(axes: Axes, image: np.ndarray, text: str) -> None:
    grey = image.shape[-1] == 1
    axes.imshow(
        image[:, :, 0] if grey else image, cmap="gray" if grey else None, vmin=0, vmax=1, interpolation="nearest"
    )
    axes.set_title(text, fontsize=7, pad=3)
