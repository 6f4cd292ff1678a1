"""Rows of a table that are there twice, the same in every column."""

from __future__ import annotations

import numpy as np
import pandas as pd


def exact_copies(table: pd.DataFrame) -> np.ndarray:
    """(n,) bool: which rows are the same as an earlier one in everything, gaps included."""
    try:
        return table.duplicated().to_numpy(dtype=bool)
    except TypeError:  # lists and the like in cells
        return table.astype(str).duplicated().to_numpy(dtype=bool)


def remark_on_copies(count: int, rows: int) -> str:
    """What is said of copies that nothing tells from samples that merely are alike: they stay."""
    return (
        f"{count} of {rows} rows {'is an exact copy' if count == 1 else 'are exact copies'} of others, and may be "
        "learned from in one place and tested on in another: remove them from the file, or say with data.id or "
        "data.group what tells samples apart"
    )
