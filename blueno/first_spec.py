"""The spec that `blueno init FILE` writes: what was guessed of the data, with the reasons as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .counting import counted
from .spec.types import text

if TYPE_CHECKING:
    from .etl.guess import Column, Guess

MOST_LINES = 60  # columns that are listed one by one
MANY_VALUES = 30  # a category with more gets a column for each of the most frequent only
MAX_WORDS = 500  # of a text
SMALL, LARGE = 2_000, 20_000  # samples: up to the one a minute is enough for many epochs; beyond the other, for few


def slug(name: str) -> str:
    """A file's name as a spec's: letters, digits, - and _.

    >>> slug("Heart data (2).csv.gz")
    'Heart-data-2'
    """
    stem = PurePosixPath(name).name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-") or "data"


def spec_text(guess: Guess, name: str, path: str, command: str) -> str:
    """The spec; `path` is the data's, relative to the spec, `command` what was typed."""
    goal = guess.goal
    metric = {"binary": "val_roc_auc", "multiclass": "val_balanced_accuracy"}.get(goal.task)
    objective = f"{{maximize: {metric}}}" if metric else "{minimize: val_mean_absolute_error}"
    lines = [
        f"# Made by `{command}`. What was guessed says why: correct it, and sweep again.",
        "#",
        f"#   blueno plan specs/{name}.yaml    what would run; runs nothing",
        f"#   blueno sweep specs/{name}.yaml   runs it, in about a minute where the data is small",
        f"#   blueno results {name}            the table, best first",
        "version: 1",
        f"name: {text(name)}",
        f"objective: {objective}",
        "seeds: 2                            # each config is trained twice: how much is luck?",
        "",
        *_data(guess, path),
        "",
        *(_inputs(guess.columns) if guess.shape is None else []),
        *_steps(guess),
        "",
        *_model(guess),
    ]
    return "\n".join(lines) + "\n"


# ---- data


def _data(guess: Guess, path: str) -> Iterator[str]:
    goal = guess.goal
    params = "".join(f", {key}: {_value(value)}" for key, value in guess.params.items())
    source = f"{{path: {text(path)}{params}}}" if params else text(path)
    yield from (f"# {remark}" for remark in guess.remarks)
    yield "data:"
    yield f"  source: {{{guess.source}: {source}}}    # {guess.samples} {'rows' if guess.shape is None else 'pictures'}"
    if goal.name is not None:
        left_out = f"; {goal.missing} rows without it are left out" if goal.missing else ""
        yield f"  target: {text(goal.name)}    # {goal_words(guess)}{left_out}"
    else:
        yield f"  # {goal_words(guess)}"
    if goal.labels:
        same = ", ".join(f"{text(label)}: {text(other)}" for label, other in goal.labels.items())
        yield f"  labels: {{{same}}}    # guessed: they differ only in case"
    if goal.say_task:
        yield f"  task: {goal.say_task}    # guessed: {_task_reason(guess)}"
    if goal.task == "binary":
        yield f"  positive: {_value(goal.positive)}    # guessed: {goal.reason}"
    if goal.task == "regression":
        yield "  target_scale: standard    # for the network; metrics stay in the target's own units"
    yield from _roles(guess.columns)
    yield from _split(guess)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return text(value)


def goal_words(guess: Guess, most: int = 8) -> str:
    """The task, and the classes with how many samples each has."""
    goal = guess.goal
    if goal.task == "regression":
        return "an amount: a regression"
    shown = ", ".join(f"{text(label)}: {count}" for label, count in goal.classes[:most])
    return f"{len(goal.classes)} classes, {shown}" + (", ..." if len(goal.classes) > most else "")


def _task_reason(guess: Guess) -> str:
    if guess.goal.task == "regression":
        return "whole numbers with so many values are an amount"
    return "so few values are classes, though written as 1.0"


def _roles(columns: list[Column]) -> Iterator[str]:
    for role in ("id", "group", "time"):
        for each in (each for each in columns if each.role == role):
            yield f"  {role}: {text(each.name)}    # guessed: {each.reason}"
    dropped = [each for each in columns if each.role == "drop"]
    if dropped:
        yield "  drop:    # no inputs"
        yield from (f"    - {text(each.name)}    # {each.reason}" for each in dropped)


def _split(guess: Guess) -> Iterator[str]:
    goal = guess.goal
    stratify = ", stratify: true" if goal.stratify else ""
    if goal.task != "regression" and not goal.stratify:
        yield "  # classes cannot be spread evenly (stratify: true): the rarest has too few samples"
    if any(each.role == "time" for each in guess.columns):
        time = next(each.name for each in guess.columns if each.role == "time")
        yield f"  # to predict what comes later: split: {{time: {text(time)}, test: 0.2, validation: 0.2}}"
    yield f"  split: {{test: 0.2, validation: 0.2{stratify}}}    # the test part stays untouched while a sweep trains"


# ---- inputs and steps


def _inputs(columns: list[Column]) -> Iterator[str]:
    inputs = [each for each in columns if each.role == "input"]
    yield f"# {counted(len(inputs), 'input')}:"
    width = max((len(text(each.name)) for each in inputs[:MOST_LINES]), default=0)
    for each in inputs[:MOST_LINES]:
        yield f"#   {text(each.name):<{width}}  {column_words(each)}"
    if len(inputs) > MOST_LINES:
        yield f"#   ... and {len(inputs) - MOST_LINES} more"


def column_words(column: Column) -> str:
    """A column's kind, its gaps and what is worth knowing."""
    gaps = f", {column.gaps} gaps" if column.gaps else ""
    values = f", {column.values} values" if column.kind == "categorical" else ""
    return f"{column.kind}{values}{gaps}" + (f"; {column.reason}" if column.reason else "")


def _steps(guess: Guess) -> Iterator[str]:
    if guess.shape is not None:
        yield "preprocess:"
        largest = ": {divide_by: 65535}" if guess.shape and guess.params.get("mode") == "gray16" else ""
        yield f"  - rescale{largest}    # to 0 ... 1"
        return
    inputs = [each for each in guess.columns if each.role == "input"]
    numbers = [each for each in inputs if each.kind == "numeric"]
    categories = [each for each in inputs if each.kind == "categorical"]
    yield "preprocess:    # in order; what a step learns, it learns from the training part only"
    if any(each.gaps for each in numbers):
        yield "  - impute: {method: median}    # gaps in numbers"
    if numbers:
        yield "  - scale"
    if categories:
        many = max(each.values for each in categories) > MANY_VALUES
        limit = f": {{max_categories: {MANY_VALUES}}}" if many else ""
        yield f"  - one_hot{limit}    # a column for each category; a gap is one of its own"
    for each in inputs:
        if each.kind == "text":
            yield f"  - tfidf: {{columns: [{text(each.name)}], max_words: {MAX_WORDS}}}    # prose: words, weighted"


# ---- model


def _model(guess: Guess) -> Iterator[str]:
    epochs, batch_size, trees = (30, 32, 200) if guess.samples <= SMALL else (20, 64, 100)
    if guess.samples > LARGE:
        epochs, batch_size, trees = 5, 256, 50
    forest, linear = _estimators(guess.goal.task)
    yield "# one_of lists what is compared, {grid: [...]} the values of a parameter: 5 configs"
    yield "model:"
    yield "  one_of:"
    if guess.shape is not None:
        epochs = max(3, epochs // 3)
        yield "    - {architecture: cnn, filters: {grid: [[16, 32], [32, 64]]}}"
        yield "    - {architecture: mlp, hidden: {grid: [[64], [128, 64]]}}"
        yield f"    - {{estimator: {forest}, n_estimators: {trees}}}"
    else:
        yield "    - {architecture: mlp, hidden: {grid: [[32], [64, 32]]}, dropout: 0.1}"
        yield f"    - {{estimator: {forest}, n_estimators: {trees}, min_samples_leaf: {{grid: [1, 5]}}}}"
        yield f"    - {{estimator: {linear}}}"
    yield "train:    # of architectures; estimators have none"
    yield "  learning_rate: 0.003" if guess.shape is None else "  learning_rate: 0.001"
    yield f"  batch_size: {batch_size}"
    yield f"  epochs: {epochs}"


def _estimators(task: str) -> tuple[str, str]:
    if task == "regression":
        return "sklearn.ensemble:RandomForestRegressor", "sklearn.linear_model:Ridge"
    return "sklearn.ensemble:RandomForestClassifier", "sklearn.linear_model:LogisticRegression, max_iter: 1000"
