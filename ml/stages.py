"""`train` as a list of stages, each with all keys settled; without `train.stages` there is one."""

from __future__ import annotations

from typing import Any

from .stopping import selection


def stages_of(train: dict[str, Any]) -> list[dict[str, Any]]:
    """The `train` of each stage: what it says itself, over what `train` says; `trainable` is None if it says nothing.

    `select` is that of the whole: what `train` says, else the best epoch by the `early_stopping` of the last stage if
    it has one, else the last epoch.
    """
    merged = [{**train, "trainable": None, **stage, "stages": None} for stage in train["stages"] or [{}]]
    best = selection({**train, "early_stopping": merged[-1]["early_stopping"]})
    return [{**stage, "select": {"best": best} if best else "last"} for stage in merged]
