"""Which engine the networks of a sweep are trained with here, as far as that is known before there are trials."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

from .errors import MissingLibrary
from .settings import Settings


class Choice(NamedTuple):
    """`fit`, and why nothing is fused; or `fused`, or `auto` (families that are large enough are)."""

    engine: str
    why_not: str = ""


def engine_here(
    settings: Settings,
    resources: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    finds_gpus: Callable[[], bool] = lambda: False,
) -> Choice:
    """What the setting `engine` comes to, by the sweep's resources, and by GPUs that would be taken without being asked
    for. MissingLibrary where it asks for packs, and JAX is not installed.
    """
    if settings.engine == "fit":
        return Choice("fit", "engine is set to fit")
    if settings.executor == "inline":
        return Choice("fit", "the inline executor trains one trial at a time")
    if find_spec("jax") is None:
        if settings.engine == "fused":
            raise MissingLibrary("packs are trained with JAX, which is not installed", "pip install jax")
        return Choice("fit", "JAX is not installed (pip install jax)")
    if settings.engine == "fused":
        return Choice("fused")
    backend = environment.get("KERAS_BACKEND", "jax")
    if backend != "jax":
        return Choice("fit", f"KERAS_BACKEND is {backend}")
    devices, gpus = settings.devices.strip(), resources.get("gpus")
    if gpus or devices not in ("", "cpu") or (devices == "" and gpus is None and finds_gpus()):
        return Choice("fit", "on GPUs packs are trained where engine is set to fused")
    return Choice("auto")
