"""What is said where a model meets features with missing values and cannot have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset

SHOWN_COLUMNS = 10  # in a message


def gaps_error(dataset: Dataset, model: str) -> ModelError | None:
    """The error of a `model` that cannot train on features with missing values: the columns that have gaps, with how
    many, and the step that fills them. None where there are none.
    """
    missing = dataset.summary.get("missing")
    if not missing:
        return None
    listed = [f"{name} ({count})" for name, count in list(missing.items())[:SHOWN_COLUMNS]]
    more = f" and {len(missing) - SHOWN_COLUMNS} more" if len(missing) > SHOWN_COLUMNS else ""
    message = f"{model} cannot train on features with missing values: {', '.join(listed)}{more}"
    return ModelError(message, "add impute to preprocess, such as preprocess: [impute, one_hot, scale]")


@contextmanager
def gaps_told(dataset: Dataset, model: str) -> Iterator[None]:
    """Many a library's model takes gaps, and only it knows: its ValueError about them becomes the ModelError."""
    try:
        yield
    except ValueError as error:
        is_about_gaps = "NaN" in str(error) or "missing values" in str(error)
        refused = gaps_error(dataset, model) if is_about_gaps else None
        if refused is None:
            raise
        raise refused from None
