"""Steps applied to small data, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blueno.etl.opening import Step, open_step
from blueno.etl.tables import normalised
from blueno.etl.transform import Applied, apply_step
from blueno.usercode import CodeFolder

TARGET = np.arange(20) % 2
TRAIN = np.arange(12)
NUMBERS = np.random.default_rng(0).normal(size=(20, 5))


def opened(name: str, code: CodeFolder | None = None, *, columns: Any = None, **params: Any) -> Step:
    """A step as a dataset's recipe names it."""
    return open_step({"name": name, "params": params, "columns": columns, "code": 1}, code)


def made_by(step: Step, x: Any, target: np.ndarray = TARGET) -> Applied:
    """What a step makes of 20 samples, of which the first 12 are the training part."""
    return apply_step(step, x, target[: len(x)], TRAIN)


def array(name: str, x: np.ndarray, target: np.ndarray = TARGET, **params: Any) -> np.ndarray:
    """What a step makes of an array."""
    made = made_by(opened(name, **params), x, target).features
    assert isinstance(made, np.ndarray)
    return made


def table(name: str, x: pd.DataFrame, target: np.ndarray = TARGET, **params: Any) -> pd.DataFrame:
    """What a step makes of a table, and leaves a table."""
    made = made_by(opened(name, **params), normalised(x), target).features
    assert isinstance(made, pd.DataFrame)
    return made


def code_folder(folder: Path, text: str) -> CodeFolder:
    """A snapshot with `own.py` in it."""
    (folder / "own.py").write_text(text)
    return CodeFolder(folder, "")
