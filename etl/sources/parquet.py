"""A table in a Parquet file, or in a folder of them."""

from __future__ import annotations

import pandas as pd
from pandas.api.types import infer_dtype

from blueno.errors import DataError

from . import FilePath, Loaded, as_table, first_line, need

VERSION = 2
FOLDERS = True  # a partitioned table is a folder


def load(path: FilePath) -> Loaded:
    """A Parquet file, or a folder of them that are one table. An index with a name is a column like the others.

    A column of integers with gaps stays one of integers, decimals become floating-point. MissingLibrary without
    pyarrow; DataError when it is none.
    """
    need("pyarrow", "parquet")
    from pyarrow import ArrowException

    try:
        table = pd.read_parquet(path, engine="pyarrow", dtype_backend="numpy_nullable")
    except (ArrowException, ValueError, OSError) as error:
        raise DataError(f"{path} is no Parquet file: {first_line(error)}", "write it with `to_parquet`") from None
    named = [name for name in table.index.names if name is not None and name not in table.columns]
    decimals = [name for name in table.select_dtypes(object) if infer_dtype(table[name]) == "decimal"]
    table = table.astype(dict.fromkeys(decimals, "Float64"))
    return as_table(table.reset_index(named) if named else table, path)


def files(path: FilePath, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
