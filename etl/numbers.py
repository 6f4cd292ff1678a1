"""Whether a table is numbers at last, and what a spec must say so that it becomes so."""

from __future__ import annotations

import pandas as pd
from pandas.api.types import is_numeric_dtype

from blueno.errors import DataError

from .tables import kinds_of

SHOWN = 10  # columns in a message


def check_numeric(table: pd.DataFrame) -> None:
    """DataError when columns are no numbers, with the kind of each and the steps that make numbers of them."""
    kinds = {name: kind for name, kind in kinds_of(table).items() if kind != "numeric"}
    if not kinds:
        return
    named = ", ".join(f"{name} ({kind})" for name, kind in list(kinds.items())[:SHOWN])
    more = f" and {len(kinds) - SHOWN} more" if len(kinds) > SHOWN else ""
    raise DataError(f"these columns are no numbers: {named}{more}", "; ".join(_advice(table, kinds)))


def _advice(table: pd.DataFrame, kinds: dict[str, str]) -> list[str]:
    """What to add to a spec so that columns of these kinds become numbers, and gaps in the others are filled."""
    of_kind: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        of_kind.setdefault(kind, []).append(name)
    has_gaps = any(is_numeric_dtype(table[name]) and table[name].isna().any() for name in table.columns)
    steps = ["impute"] * has_gaps + ["one_hot"] * ("categorical" in of_kind)
    steps += [f"{{tfidf: {{columns: [{name}]}}}}" for name in of_kind.get("text", [])[:SHOWN]]
    advice = [f"add to preprocess: [{', '.join(steps)}]"] if steps else []
    if "date" in of_kind:
        names = ", ".join(of_kind["date"][:SHOWN])
        advice.append(f"leave out dates with data.drop: [{names}], or make numbers of them in a step of your own")
    return advice
