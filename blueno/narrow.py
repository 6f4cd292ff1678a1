"""A table made to fit a terminal: long cells are shortened, and if that is not enough, some columns are left out."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import NamedTuple

GAP = 2  # between columns
LEAST_WORDS = 20  # characters of a column of words
LEAST = 6  # characters that a shortened column keeps
ID = 8  # digits of an id where there is little place; still told apart, mostly


class Table(NamedTuple):
    """Cells, and which columns may suffer when there is little place."""

    head: list[str]
    rows: list[list[str]]
    ids: int  # the column of ids, which are cut
    words: range  # columns that are shortened, then left out
    extras: range  # columns that are left out when all words are


class Narrowed(NamedTuple):
    """A table and the heads of the columns that it has no place for."""

    head: list[str]
    rows: list[list[str]]
    left_out: list[str]


def terminal_width() -> int | None:
    """Columns of the terminal that output goes to; None where it goes to a file or a pipe, which take any width."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def narrowed(given: Table, width: int | None) -> Narrowed:
    """The table in at most `width` characters, if that can be. Of words the widest columns are shortened first, and the
    last ones left out first.
    """
    widths = [max(map(len, column)) for column in zip(given.head, *given.rows, strict=True)]
    if width is None or sum(widths) + GAP * (len(widths) - 1) <= width:
        return Narrowed(given.head, given.rows, [])
    widths[given.ids] = min(widths[given.ids], max(ID, len(given.head[given.ids])))
    droppable = [*given.extras, *given.words]
    least = [min(each, LEAST) if index in given.words else each for index, each in enumerate(widths)]
    shown = list(range(len(widths)))
    while droppable and sum(least[index] + GAP for index in shown) - GAP > width:
        shown.remove(droppable.pop())
    words = [index for index in shown if index in given.words]
    limits = _limits(widths, words, sum(widths[index] + GAP for index in shown) - GAP, width)

    def line(cells: list[str]) -> list[str]:
        cut = {**dict(enumerate(cells)), given.ids: cells[given.ids][: widths[given.ids]]}
        return [shortened(cut[index], limits.get(index, widths[index])) for index in shown]

    missing = [name for index, name in enumerate(given.head) if index not in shown]
    return Narrowed(line(given.head), [line(row) for row in given.rows], missing)


def _limits(widths: list[int], words: list[int], taken: int, space: int) -> dict[int, int]:
    """How many characters each of these columns keeps: the widest give way until what is taken fits the space."""
    limits = {index: widths[index] for index in words}
    while taken > space and any(limit > LEAST for limit in limits.values()):
        limits[max(limits, key=lambda index: limits[index])] -= 1
        taken -= 1
    return limits


def folded(text: str, width: int | None) -> str:
    """Lines of words, each broken between words where it is too long and indented further from there on.

    >>> print(folded("  model  mlp, logistic, forest", 24))
      model  mlp, logistic,
          forest
    """
    if width is None:
        return text
    return "\n".join("\n".join(_folded(line, width)) for line in text.splitlines())


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    start = " " * (len(line) - len(line.lstrip()))
    wrapper = textwrap.TextWrapper(
        width, drop_whitespace=True, initial_indent=start, subsequent_indent=start + "    ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return wrapper.wrap(line.strip())


def last_folded(head: list[str], rows: list[list[str]], width: int | None) -> list[list[str]]:
    """The rows of a table whose last column is words: these go on in rows of their own where they are too long, and the
    first column is shortened.
    """
    if width is None or not rows:
        return rows
    rows = [[shortened(row[0], width // 3), *row[1:]] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)][:-1]
    place = max(width - sum(widths) - GAP * len(widths), LEAST_WORDS)
    made = []
    for *cells, words in rows:
        first, *others = textwrap.wrap(words, place, break_on_hyphens=False) or [""]
        made += [[*cells, first], *([*[""] * len(cells), each] for each in others)]
    return made


def shortened(text: str, most: int) -> str:
    """At most so many characters, the middle left out: beginnings and ends tell values apart.

    >>> shortened("sklearn.linear_model:RidgeClassifier", 16), shortened("mlp", 16)
    ('sklearn…assifier', 'mlp')
    """
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail - 1]}…{text[len(text) - tail :]}"
