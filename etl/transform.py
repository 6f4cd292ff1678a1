"""What a preprocessing step does to features.

Whatever learns, learns from the training part alone; this file is the only one that calls `fit`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from blueno.errors import DataError

from .numbers import check_numeric
from .opening import PlainFunction, Step
from .seeded import seeded
from .sources import first_line
from .tables import chosen, normalised

TRIED_ROWS = 256  # a plain function is tried on this many rows by themselves, to see whether it looks at others
Features = np.ndarray | pd.DataFrame
Run = Callable[[Any], Any]  # what a step makes of the columns, or of the array, that it gets


class Applied(NamedTuple):
    """Features after a step, and the columns of the table that it took (None of an array)."""

    features: Features
    columns: list[str] | None


def apply_step(step: Step, features: Features, target: np.ndarray, train: np.ndarray) -> Applied:
    """The features of all samples after the step, fitted on the rows `train` if it learns."""
    columns = None if isinstance(features, np.ndarray) else _columns(step, features, train)
    return Applied(_after(step, features, columns, lambda x: _run(step, x, target, train)), columns)


def treat(step: Step, features: Features, columns: list[str] | None) -> Features:
    """The features of new samples after a step that has learnt; `columns` are those that it took then."""
    return _after(step, features, columns, lambda x: _guarded(step, x, lambda: _transformed(step, x)))


def _after(step: Step, features: Features, columns: list[str] | None, run: Run) -> Features:
    if isinstance(features, np.ndarray):
        return _on_array(step, features, run)
    if not columns:  # scale where all is text, one_hot where nothing is
        return features
    result = _dense(run(_taken(step, features[columns])))
    if _stays_array(step, result, len(columns) == features.shape[1]):
        return np.asarray(result)
    return _merged(features, columns, _as_table(step, result, columns))


def _stays_array(step: Step, result: Any, whole: bool) -> bool:
    """Whether a table becomes an array: images made of its columns, or a text's words as whole numbers."""
    if isinstance(result, pd.DataFrame):
        return False
    return (step.takes == "all" and not step.fitted) or (whole and getattr(step.transformer, "makes_array", False))


def _columns(step: Step, table: pd.DataFrame, train: np.ndarray) -> list[str]:
    """The columns that a step takes. What kind a column is of is told by the training part, where there is one."""
    if step.takes == "all":
        return list(table.columns)
    return chosen(table.iloc[train] if len(train) else table, step.takes)


def _taken(step: Step, table: pd.DataFrame) -> pd.DataFrame | pd.Series:
    """What a step gets: a table, but for scikit-learn's vectorizers, which want the texts themselves."""
    if not _wants_texts(step):
        return table
    if table.shape[1] > 1:
        raise DataError(f"{step.name} takes one column, not {', '.join(table.columns)}", "say columns: [one of them]")
    if is_numeric_dtype(table.iloc[:, 0]):
        raise DataError(f"{step.name} takes text, and {table.columns[0]} holds numbers", "say columns: [one of text]")
    return table.iloc[:, 0].fillna("")


def _wants_texts(step: Step) -> bool:
    return type(step.transformer).__name__.endswith("Vectorizer")


def _texts(step: Step, features: np.ndarray) -> np.ndarray:
    """(n,) texts of an array of one text a sample."""
    if features.dtype.kind != "U" or features.size != len(features):
        raise DataError(f"{step.name} takes one text a sample, not an array of {features.dtype}", "leave the step out")
    return features.reshape(len(features))


def _on_array(step: Step, features: np.ndarray, run: Run) -> np.ndarray:
    if step.named and step.takes not in ("numeric", ["numeric"]):
        raise DataError(f"{step.name}: these features are an array and have no columns", "leave out columns:")
    flat = features.reshape(len(features), -1) if step.fitted else features
    if _wants_texts(step):
        return np.asarray(_dense(run(_texts(step, features))))
    result = np.asarray(_dense(run(flat)))
    keeps_shape = step.fitted and result.shape == flat.shape and _one_to_one(step.transformer)
    return result.reshape(features.shape) if keeps_shape else result


def _one_to_one(transformer: Any) -> bool:
    """Whether a feature stays that feature. scikit-learn marks the classes whose features are new ones (PCA)."""
    from sklearn.base import ClassNamePrefixFeaturesOutMixin

    return not isinstance(transformer, ClassNamePrefixFeaturesOutMixin)


def _run(step: Step, x: Any, target: np.ndarray, train: np.ndarray) -> Any:
    if step.fitted:
        return _guarded(step, x, lambda: _fitted(step, x, target, train))
    result = _guarded(step, x, lambda: _transformed(step, x))
    if isinstance(step.transformer, PlainFunction):
        _check_stateless(step, x, result)
    return result


def _guarded(step: Step, x: Any, make: Callable[[], Any]) -> Any:
    """What `make` makes of x. DataError when a library refuses x, or there are not as many samples as before."""
    try:
        with seeded():
            result = make()
    except (ValueError, TypeError, AttributeError) as error:  # the latter two of text where numbers are wanted
        if step.own:
            raise
        raise _refused(step, error) from error
    if result.shape[0] != len(x):
        raise DataError(f"{step.name} makes {result.shape[0]} samples of {len(x)}", "let it return one for each")
    return result


def _refused(step: Step, error: Exception) -> DataError:
    gaps = "NaN" in str(error)
    fix = "fill the gaps before it, with impute" if gaps else "change the step's parameters or its columns"
    return DataError(f"{step.name}: {first_line(error)}", fix)


def _fitted(step: Step, x: Any, target: np.ndarray, train: np.ndarray) -> Any:
    """What the step makes of all samples after it has learnt from the rows `train`."""
    known = x[train] if isinstance(x, np.ndarray) else x.iloc[train]
    if not _is_cross_fitted(step.transformer):
        _fit(step.transformer, known, target[train])
        return _transformed(step, x)
    inside = step.transformer.fit_transform(known, target[train])
    result = _transformed(step, x)
    result[train] = inside
    return result


def _is_cross_fitted(transformer: Any) -> bool:
    """Whether a training sample's value must not come from its own target, which `fit_transform` sees to."""
    from sklearn.preprocessing import TargetEncoder

    return isinstance(transformer, TargetEncoder)


def _transformed(step: Step, x: Any) -> Any:
    return step.transformer.transform(x.copy() if step.own else x)  # user code may write to what it gets


def _fit(transformer: Any, x: Any, y: np.ndarray) -> None:
    takes_target = len(inspect.signature(transformer.fit).parameters) > 1
    transformer.fit(x, y) if takes_target else transformer.fit(x)


def _check_stateless(step: Step, x: Any, result: Any) -> None:
    """A function that looks at other samples (a mean, a random draw) would carry the test part into training."""
    few = slice(0, min(TRIED_ROWS, (len(x) + 1) // 2))
    alone = step.transformer.transform(x[few].copy())
    if not _alike(np.asarray(alone), np.asarray(result)[few]):
        raise DataError(
            f"{step.name}: what it makes of a sample depends on the other samples",
            "make it a class with fit and transform, so that it learns from the training part only",
        )


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "biufc":
        return bool(np.allclose(one, other, rtol=1e-4, equal_nan=True))
    return pd.DataFrame(one).equals(pd.DataFrame(other))


def _dense(result: Any) -> Any:
    return result.toarray() if hasattr(result, "toarray") else result


def _as_table(step: Step, result: Any, columns: list[str]) -> pd.DataFrame:
    if isinstance(result, pd.DataFrame):
        return normalised(result)
    values = np.asarray(result)
    if values.ndim != 2:
        raise DataError(f"{step.name} makes an array of {values.ndim} dimensions of a table", "let it return columns")
    return normalised(pd.DataFrame(values, columns=_names(step, values.shape[1], columns)))


def _names(step: Step, width: int, columns: list[str]) -> list[str]:
    if hasattr(step.transformer, "get_feature_names_out"):
        names = [str(name) for name in step.transformer.get_feature_names_out()]
        if len(names) == width:
            return _told_apart(names, [])  # a value of `a` and one of `a_b` may make the same name
    return columns if width == len(columns) else [f"{step.name}_{i}" for i in range(width)]


def _merged(table: pd.DataFrame, columns: list[str], result: pd.DataFrame) -> pd.DataFrame:
    """The table with `columns` replaced: where they were if their names stay, else at the end."""
    if list(result.columns) == columns:
        replaced = set(columns)
        return pd.DataFrame({name: (result if name in replaced else table)[name] for name in table.columns})
    rest = table.drop(columns=columns)
    return pd.concat([rest, result.set_axis(_told_apart(result.columns, rest.columns), axis=1)], axis=1)


def _told_apart(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The names; one that is taken, or was there before, with `#2`, `#3`, ..."""
    seen, free = set(taken), []
    for name in names:
        number, made = 1, name
        while made in seen:
            number += 1
            made = f"{name}#{number}"
        seen.add(made)
        free.append(made)
    return free


def as_array(features: Features) -> np.ndarray:
    """Features as they are stored: a table becomes (n, columns) float64; floats stay float32 or float64, integers too.

    Estimators get them as they are, so that they compute what they compute elsewhere; networks as float32. DataError
    when something is not a number yet, or is too large for that.
    """
    if isinstance(features, pd.DataFrame):
        check_numeric(features)
    values = features.to_numpy(dtype="float64") if isinstance(features, pd.DataFrame) else features
    if values.dtype.kind not in "biuf":
        raise DataError(f"the features are an array of {values.dtype}, not of numbers", "add a step that makes numbers")
    if values.dtype.kind in "bf" and values.dtype != np.float64:
        values = values.astype("float32", copy=False)
    if values.dtype.kind == "f" and (np.abs(values) > np.finfo("float32").max).any():
        raise DataError("the features have infinite values (in 32 bits)", "scale or correct these features")
    return values


def missing_values(features: Features) -> dict[str, int]:
    """How many values are missing, by column; of an array under the name `array`. Empty when none is."""
    if isinstance(features, pd.DataFrame):
        counts = features.isna().sum()
        return {str(name): int(count) for name, count in counts.items() if count}
    count = int(np.isnan(features).sum()) if features.dtype.kind == "f" else 0
    return {"array": count} if count else {}
