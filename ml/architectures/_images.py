"""What the architectures for images say of data that is none."""

from __future__ import annotations

from math import isqrt, prod

from blueno.errors import ModelError


def no_images(name: str, shape: tuple[int, ...], channels: str = "") -> ModelError:
    """The error for samples of another shape than (height, width, channels). `channels` says which number is taken."""
    message = f"{name} needs images (height, width, channels){channels}, and the data has the shape {shape}"
    return ModelError(message, image_fix(shape))


def image_fix(shape: tuple[int, ...]) -> str:
    """What to do with samples of a shape that are no images."""
    exclude = "exclude this combination"
    if len(shape) == 2:
        return f"add the step {{reshape: {{shape: [{shape[0]}, {shape[1]}, 1]}}}}, or {exclude}"
    if len(shape) == 3:
        return f"add the step gray for one channel, or {exclude}"
    count = prod(shape)
    for channels in (1, 3):
        side = isqrt(count // channels)
        if len(shape) == 1 and side > 1 and side * side * channels == count:
            reshape = f"{{reshape: {{shape: [{side}, {side}, {channels}]}}}}"
            return f"{exclude}; if the {count} values are the pixels of an image, add the step {reshape}"
    return f"{exclude}: {count} values are no square image"
