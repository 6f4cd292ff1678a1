"""What is hashed to ids: the canonical JSON of a config's, a trial's and a dataset's recipe. Ids are for ever: a change
here changes every one of them.

A trial's recipe is {"augment", "code", "dataset": id, "model", "recipe": 1, "seed", "train"}; a config's is the same
without `seed`, and with the dataset's recipe (without `fold`) in place of its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NamedTuple

from ..spec.data_section import Data

Replicate = tuple[int | None, int | None]  # seed and fold
RECIPE = 1  # the version of docs/recipe.md that trials are trained by


class Preparation(NamedTuple):
    """A dataset's recipe around its fold, as text; both empty for a trial that brings its own data."""

    before: str  # up to the fold
    after: str
    num_folds: int | None


def preparation(data: Data, steps: str, text_of: Callable[[Any], str]) -> Preparation:
    """The recipe of the datasets of one `data` and `preprocess`, whose steps are given as canonical JSON."""
    if data.source is None:
        return Preparation("", "", data.num_folds)
    columns, source, split = (text_of(value) for value in (data.columns, data.source, data.split))
    after = f'"source":{source},"split":{split},"steps":{steps}}}'
    return Preparation(f'{{"columns":{columns},', after, data.num_folds)


def dataset_text(made: Preparation, fold: int | None) -> str:
    """A dataset's recipe."""
    return f'{made.before}"fold":{"null" if fold is None else fold},{made.after}'


def config_text(made: Preparation, augment: str, code: str, model: str, train: str) -> str:
    """A config's recipe."""
    dataset = made.before + made.after or "null"
    head = f'{{"augment":{augment},"code":{{{code}}},"dataset":{dataset}'
    return f'{head},"model":{model},"recipe":{RECIPE},"train":{train}}}'


def trial_text(dataset_id: str | None, augment: str, code: str, model: str, seed: int | None, train: str) -> str:
    """A trial's recipe."""
    dataset = "null" if dataset_id is None else f'"{dataset_id}"'
    shown = "null" if seed is None else seed
    return (
        f'{{"augment":{augment},"code":{{{code}}},"dataset":{dataset},"model":{model},"recipe":{RECIPE},'
        f'"seed":{shown},"train":{train}}}'
    )


def joined_code(*members: str) -> str:
    """The members of `code` from sections whose keys sort one after the other."""
    return ",".join(filter(None, members))


def replicates(seeds: list[int], takes_seed: bool, num_folds: int | None) -> list[Replicate]:
    """Those of a config; one a fold, without a seed, if its model takes none."""
    folds: Iterable[int | None] = [None] if num_folds is None else range(num_folds)
    used: Iterable[int | None] = seeds if takes_seed else [None]
    return [(seed, fold) for seed, fold in product(used, folds)]
