"""Tables of results: configs over their replicates, or trials by themselves. Plain data in, plain data out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from .canonical import canonical
from .store.read import Row


class Spread(NamedTuple):
    """A metric over replicates."""

    mean: float | None  # None when no replicate has a value
    std: float | None  # of single seeds; with folds, of the folds' means over seeds; ddof 1, None below two


class ConfigRow(NamedTuple):
    """A config with its objective over replicates."""

    config_id: str
    params: dict[str, Any]
    replicates: int  # that have a value
    planned: int
    mean: float | None
    std: float | None
    trials: list[str]
    states: list[str]
    metrics: dict[str, dict[str, float | None]]  # others that were asked for: name -> mean and std
    engines: list[str]  # that trained those with a value
    allowed: bool | None = None  # whether it keeps to `where`; None without it
    front: bool | None = None  # of several objectives: whether it is on the front


class TrialRow(NamedTuple):
    """A trial with its objective."""

    id: str
    config_id: str
    params: dict[str, Any]
    seed: int | None
    fold: int | None
    state: str
    value: float | None
    metrics: dict[str, float | None]  # others that were asked for


def config_rows(
    rows: Iterable[Row],
    params: dict[str, dict[str, Any]],
    metric: str,
    direction: str,
    others: Sequence[str] = (),
) -> list[ConfigRow]:
    """One row a config, best mean first; configs whose replicates are not all there rank below complete ones."""
    groups: dict[str, list[Row]] = {config: [] for config in params}
    for row in rows:
        groups[row.config].append(row)
    sign = -1.0 if direction == "maximize" else 1.0

    def order(row: ConfigRow) -> tuple[bool, bool, float]:
        mean = math.inf if row.mean is None else sign * row.mean
        return row.mean is None, row.replicates < row.planned, mean

    return sorted((_config_row(id, params[id], group, metric, others) for id, group in groups.items()), key=order)


def _config_row(
    id: str, params: dict[str, Any], group: list[Row], metric: str, others: Sequence[str]
) -> ConfigRow:  # fmt: skip
    found = spread(group, metric)
    return ConfigRow(
        config_id=id,
        params=params,
        replicates=sum(_value(row, metric) is not None for row in group),
        planned=len(group),
        mean=found.mean,
        std=found.std,
        trials=[row.id for row in group],
        states=[row.state for row in group],
        metrics={name: spread(group, name)._asdict() for name in others},
        engines=sorted({row.engine for row in group if row.engine and _value(row, metric) is not None}),
    )


def trial_rows(
    rows: Iterable[Row],
    params: dict[str, dict[str, Any]],
    metric: str,
    direction: str,
    others: Sequence[str] = (),
) -> list[TrialRow]:
    """One row a trial, best first; those without a value stand last."""
    sign = -1.0 if direction == "maximize" else 1.0
    found = [
        TrialRow(
            row.id,
            row.config,
            params[row.config],
            row.seed,
            row.fold,
            row.state,
            _value(row, metric),
            {name: _value(row, name) for name in others},
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: math.inf if row.value is None else sign * row.value)


def _value(row: Row, metric: str) -> float | None:
    """A metric of a trial that is a result: what a trial that diverged was last is none."""
    return row.metrics.get(metric) if row.state == "succeeded" else None


def spread(group: list[Row], metric: str) -> Spread:
    """Mean and deviation of a metric over the replicates of a config.

    Seeds of one fold are tried on the same samples, so that they count as one: as their mean.
    """
    found = [(row.fold, value) for row in group if (value := _value(row, metric)) is not None]
    if not found:
        return Spread(None, None)
    by_fold: dict[int | None, list[float]] = {}
    for fold, value in found:
        by_fold.setdefault(fold, []).append(value)
    values = by_fold[None] if None in by_fold else [fmean(each) for each in by_fold.values()]
    return Spread(fmean(value for _, value in found), deviation(values))


def deviation(values: list[float]) -> float | None:
    """The standard deviation with ddof 1; None below two values. (`statistics.stdev` is exact, and 30 times slower.)"""
    if len(values) < 2:
        return None
    mean = fmean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


KINDS = ("model.architecture", "model.estimator", "model.function", "model.command")


def flat(params: dict[str, Any]) -> dict[str, Any]:
    """Nested params under dotted paths, as the language writes them: steps by name, named choices by their name.

    >>> flat({"preprocess": ["scale", {"pca": {"components": 8}}], "train": {"optimizer": {"sgd": {"momentum": 0.9}}}})
    ... # doctest: +NORMALIZE_WHITESPACE
    {'preprocess.scale': True, 'preprocess.pca.components': 8, 'train.optimizer': 'sgd',
     'train.optimizer.sgd.momentum': 0.9}
    """
    found: dict[str, Any] = {}
    for section, value in params.items():
        if isinstance(value, list):
            _flatten_steps(section, value, found)
        else:
            _flatten(section, value, found)
    return found


def _flatten(path: str, value: Any, found: dict[str, Any]) -> None:
    if not isinstance(value, dict):
        found["model" if path in KINDS else path] = value
        return
    if path in ("train.optimizer", "train.loss", "train.learning_rate") and len(value) == 1:
        found[path] = next(iter(value))
    for key, inner in value.items():
        _flatten(f"{path}.{key}", inner, found)


def _flatten_steps(section: str, steps: list[Any], found: dict[str, Any]) -> None:
    seen: dict[str, int] = {}
    for step in steps:
        name = step if isinstance(step, str) else next(iter(step))
        short = name.rpartition(":")[2]
        seen[short] = seen.get(short, 0) + 1
        path = f"{section}.{short}" + (f"#{seen[short]}" if seen[short] > 1 else "")
        parameters = None if isinstance(step, str) else step[name]
        if isinstance(parameters, dict) and parameters:
            _flatten(path, parameters, found)
        else:
            found[path] = True if parameters in (None, {}) else parameters


def differing(rows: list[dict[str, Any]]) -> list[str]:
    """The paths that tell rows apart, in order of appearance: those with several values, and, where these leave rows
    alike, those that some rows lack (a parameter that only one of two models has need not be shown). A step with and
    without parameters is told by these: it is there in both.

    >>> differing([{"model": "mlp", "units": 8, "lr": 0.1}, {"model": "mlp", "units": 8, "lr": 0.2},
    ...            {"model": "svc", "lr": 0.1}])
    ['model', 'lr']
    >>> differing([{"model": "mlp"}, {"model": "mlp", "pca": 32}])
    ['pca']
    >>> differing([{"preprocess.scale": True}, {"preprocess.scale.method": "minmax"}])
    ['preprocess.scale.method']
    """
    paths = list(dict.fromkeys(path for row in rows for path in row))
    columns = {path: _codes(rows, path) for path in paths}
    chosen = [path for path in paths if len({*columns[path]} - {MISSING}) > 1]
    told = _kinds([columns[path] for path in chosen], len(rows))
    for path in paths:
        if told == len(rows):
            break
        more = told if path in chosen else _kinds([columns[each] for each in [*chosen, path]], len(rows))
        if more > told and not any(_has_below(row, path) for row in rows):
            chosen, told = [*chosen, path], more
    return [path for path in paths if path in chosen]


MISSING = -1


def _has_below(row: dict[str, Any], path: str) -> bool:
    """Whether a row has something below a path, and nothing at it."""
    return path not in row and any(each.startswith(f"{path}.") for each in row)


def _codes(rows: list[dict[str, Any]], path: str) -> list[int]:
    """A number for each distinct value of a path, and MISSING."""
    seen: dict[Any, int] = {}
    return [seen.setdefault(_key(row[path]), len(seen)) if path in row else MISSING for row in rows]


def _key(value: Any) -> Any:
    """What distinguishes values as `canonical` does (1, 1.0 and true are three), at once where it can be."""
    return canonical(value) if isinstance(value, dict | list) else (type(value), value)


def _kinds(columns: list[list[int]], rows: int) -> int:
    """How many rows can be told apart by these columns."""
    return len(set(zip(*columns, strict=True))) if columns else min(rows, 1)


def labels(paths: list[str]) -> list[str]:
    """The shortest ends of paths that still tell them apart.

    >>> labels(["train.learning_rate", "model.hidden", "preprocess.scale.method"])
    ['learning_rate', 'hidden', 'method']
    """
    result = []
    for path in paths:
        parts = path.split(".")
        for count in range(1, len(parts) + 1):
            end = ".".join(parts[-count:])
            if sum(other == end or other.endswith("." + end) for other in paths) == 1:
                break
        result.append(end)
    return result


def cell(value: Any) -> str:
    """A parameter's value for a table.

    >>> cell([128, 64]), cell(["age", "follow-up"]), cell(0.1), cell(None)
    ('128-64', 'age, follow-up', '0.1', 'none')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text if set(text) & set(".e") else f"{text}.0"
    if isinstance(value, list) and value and not any(isinstance(each, dict) for each in value):
        amounts = all(isinstance(each, int | float) and each >= 0 for each in value)  # names and signs have a - in them
        return ("-" if amounts else ", ").join(map(cell, value))
    return "none" if value is None else str(value)


def significant(mean: float, std: float | None) -> str:
    """A mean with as many digits as its deviation supports; without one (a single value) it stands alone.

    >>> significant(0.97222, 0.00481), significant(0.97222, 0.0), significant(0.97222, None)
    ('0.9722 ± 0.0048', '0.9722 ± 0', '0.9722')
    """
    if std is None or not std:
        alone = f"{mean:.4f}" if abs(mean) < 1000 else f"{mean:.6g}"
        return alone if std is None else f"{alone} ± 0"
    digits = min(8, max(0, 1 - math.floor(math.log10(std))))
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def size(count: float) -> str:
    """Bytes for people.

    >>> size(999), size(12_345_678)
    ('999 B', '12.3 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
