"""Whether a table is numbers at last, and what a spec must say so that it becomes so."""

from __future__ import annotations

import json

import pandas as pd
from pandas.api.types import is_numeric_dtype

from blueno.errors import DataError

from .tables import kinds_of

SHOWN = 10  # columns, and words, in a message
NEARLY_ALL = 0.9  # of a column's values: it was meant to be one of numbers
TAKE_MISSING = ("csv", "excel")  # sources that can be told which words are gaps


def odd_words(column: pd.Series) -> dict[str, int]:
    """The texts that make text of a column whose other values, nearly all, are numbers: how often each is there, most
    frequent first. Empty of any other column.
    """
    values = column.dropna()
    if is_numeric_dtype(column) or values.empty:
        return {}
    is_odd = pd.to_numeric(values, errors="coerce").isna()
    if is_odd.mean() > 1 - NEARLY_ALL:
        return {}
    counts = values[is_odd].map(str).value_counts()
    return {str(word): int(count) for word, count in counts.items()}


def odd_text(words: dict[str, int]) -> str:
    """What a column with odd words is: `numbers, but for "?" (12 times) and "-" (once)`."""
    shown = [f"{_quoted(word)} ({'once' if count == 1 else f'{count} times'})" for word, count in words.items()]
    shown = [*shown[:SHOWN], f"{len(shown) - SHOWN} other texts"] if len(shown) > SHOWN else shown
    return "numbers, but for " + " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)


def remarks_on_numbers(table: pd.DataFrame) -> list[str]:
    """Which columns count as text because of a few odd words."""
    odd = {name: words for name in table.columns if (words := odd_words(table[name]))}
    return [
        f"the column {name} counts as text: {odd_text(words)}; if these are gaps, name them as `missing` of the source"
        for name, words in list(odd.items())[:SHOWN]
    ]


def check_numeric(table: pd.DataFrame, source: str = "") -> None:
    """DataError when columns are no numbers, with the kind of each and the steps that make numbers of them.

    `source` is the name of the source that the table is from, if that is known.
    """
    kinds = {name: kind for name, kind in kinds_of(table).items() if kind != "numeric"}
    if not kinds:
        return
    odd = {name: words for name in kinds if (words := odd_words(table[name]))}
    said = {name: odd_text(odd[name]) if name in odd else kind for name, kind in kinds.items()}
    named = ", ".join(f"{name} ({what})" for name, what in list(said.items())[:SHOWN])
    more = f" and {len(kinds) - SHOWN} more" if len(kinds) > SHOWN else ""
    plain = {name: kind for name, kind in kinds.items() if name not in odd}
    advice = [*(_advice_on_words(odd, source) if odd else []), *_advice(table, plain, bool(odd))]
    raise DataError(f"these columns are no numbers: {named}{more}", "; ".join(advice))


def _advice_on_words(odd: dict[str, dict[str, int]], source: str) -> list[str]:
    """How a spec says that some words are gaps."""
    if source in TAKE_MISSING:
        words = ", ".join(_quoted(word) for word in dict.fromkeys(word for each in odd.values() for word in each))
        return [f"if these words are gaps, say so: data.source: {{{source}: {{path: ..., missing: [{words}]}}}}"]
    names = ", ".join(list(odd)[:SHOWN])
    return [
        "if these words are gaps, make numbers of the rest in a step of your own, first in preprocess: "
        f"{{steps.py:numbers: {{columns: [{names}]}}}}, where numbers(table) returns "
        "table.apply(pandas.to_numeric, errors='coerce')"
    ]


def _advice(table: pd.DataFrame, kinds: dict[str, str], makes_gaps: bool) -> list[str]:
    """What to add to a spec so that columns of these kinds become numbers, and gaps in the others are filled."""
    of_kind: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        of_kind.setdefault(kind, []).append(name)
    has_gaps = any(is_numeric_dtype(table[name]) and table[name].isna().any() for name in table.columns)
    steps = ["impute"] * (has_gaps or makes_gaps) + ["one_hot"] * ("categorical" in of_kind)
    steps += [f"{{tfidf: {{columns: [{name}]}}}}" for name in of_kind.get("text", [])[:SHOWN]]
    advice = [f"add to preprocess: [{', '.join(steps)}]"] if steps else []
    if "date" in of_kind:
        names = ", ".join(of_kind["date"][:SHOWN])
        advice.append(f"leave out dates with data.drop: [{names}], or make numbers of them in a step of your own")
    return advice


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)
