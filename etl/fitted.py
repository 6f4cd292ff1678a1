"""Fitted steps are saved with skops, never pickle, since caches are shared."""

from __future__ import annotations

from pathlib import Path

import skops.io

from blueno.cache import Cache

from .opening import Step
from .storage import Part, put_file


def save_fitted(step: Step, cache: Cache, folder: Path) -> Part | None:
    """The stored transformer; None for a step that learns nothing, is user code, or is more than skops can hold."""
    if not step.fitted or step.own:
        return None
    path = folder / "step.skops"
    path.unlink(missing_ok=True)
    try:
        skops.io.dump(step.transformer, path)
    except Exception:  # whatever a third party's object does when it is taken apart: it is fitted again instead
        return None
    return put_file(path, cache)
