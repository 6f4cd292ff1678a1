"""Fitted steps are saved with skops, never pickle, since caches are shared: a file makes only types that are known."""

from __future__ import annotations

from pathlib import Path

import skops.io

from blueno.cache import Cache
from blueno.cache.parts import Part

from .opening import Step
from .storage import put_file

OURS = "blueno.etl.steps."  # what is trusted beside what skops trusts by itself
THEIRS = {
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
}


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


def load_fitted(step: Step, file: Part | None, cache: Cache) -> Step | None:
    """The step as it was after its fit. None when there is no file, or it holds types that are not known: then it has
    to be fitted again. KeyError when the file is gone from the cache.
    """
    if not step.fitted:
        return step
    if file is None:
        return None
    path = cache.get(file["key"])
    unknown = skops.io.get_untrusted_types(file=path)
    if not all(name in THEIRS or name.startswith(OURS) for name in unknown):
        return None
    return step._replace(transformer=skops.io.load(path, trusted=unknown))
