"""The metrics of the language by name: which direction is better, for which tasks, and what else people call them.

Light on purpose: `ml/measures.py` computes them, and a test holds the two tables to each other.
"""

from __future__ import annotations

from typing import NamedTuple

from .problems import nearest
from .types import Type, literal

PARTS = ("val", "train")
LOSS = "loss"


class Metric(NamedTuple):
    """`task` is "classification", "regression" or "" for both."""

    direction: str
    task: str
    aliases: tuple[str, ...] = ()


def _classes(direction: str, *aliases: str) -> Metric:
    return Metric(direction, "classification", aliases)


def _amounts(direction: str, *aliases: str) -> Metric:
    return Metric(direction, "regression", aliases)


METRICS: dict[str, Metric] = {
    "loss": Metric("minimize", ""),
    "accuracy": _classes("maximize", "acc"),
    "balanced_accuracy": _classes("maximize", "bacc"),
    "precision": _classes("maximize", "ppv"),
    "recall": _classes("maximize", "sensitivity", "tpr", "true_positive_rate"),
    "specificity": _classes("maximize", "tnr", "true_negative_rate"),
    "f1": _classes("maximize", "f1_score"),
    "jaccard": _classes("maximize", "jaccard_score"),
    "youden_j": _classes("maximize", "youden", "informedness"),
    "cohen_kappa": _classes("maximize", "kappa", "cohen_kappa_score"),
    "matthews_corrcoef": _classes("maximize", "mcc"),
    "true_positives": _classes("maximize", "tp"),
    "true_negatives": _classes("maximize", "tn"),
    "false_positives": _classes("minimize", "fp"),
    "false_negatives": _classes("minimize", "fn"),
    "roc_auc": _classes("maximize", "auc", "auroc", "roc_auc_score"),
    "average_precision": _classes("maximize", "ap", "auprc", "pr_auc"),
    "top_k_accuracy": _classes("maximize", "top_k_accuracy_score"),
    "log_loss": _classes("minimize", "cross_entropy", "nll"),
    "brier_score": _classes("minimize", "brier", "brier_score_loss"),
    "mean_absolute_error": _amounts("minimize", "mae"),
    "mean_squared_error": _amounts("minimize", "mse"),
    "root_mean_squared_error": _amounts("minimize", "rmse"),
    "mean_squared_log_error": _amounts("minimize", "msle"),
    "root_mean_squared_log_error": _amounts("minimize", "rmsle"),
    "mean_absolute_percentage_error": _amounts("minimize", "mape"),
    "median_absolute_error": _amounts("minimize", "medae"),
    "max_error": _amounts("minimize"),
    "r2": _amounts("maximize", "r2_score"),
    "explained_variance": _amounts("maximize", "explained_variance_score"),
    "mean_poisson_deviance": _amounts("minimize"),
    "mean_gamma_deviance": _amounts("minimize"),
}

# The parameters that a spec may give, scikit-learn's names; other metrics take none.
_BY_CLASS = {"average": literal("binary", "macro", "micro", "weighted"), "zero_division": literal(0.0, 1.0)}
_BY_COLUMN = {"multioutput": literal("uniform_average", "variance_weighted")}
PARAMETERS: dict[str, dict[str, Type]] = {
    **dict.fromkeys(("precision", "recall", "f1", "jaccard"), _BY_CLASS),
    **dict.fromkeys(("r2", "explained_variance"), _BY_COLUMN),
    "cohen_kappa": {"weights": literal("linear", "quadratic")},
    "top_k_accuracy": {"k": Type("int", ge=1)},
}
_STANDARD = {alias: name for name, metric in METRICS.items() for alias in metric.aliases}


class Name(NamedTuple):
    """A metric's name taken apart: `val_auc` is part "val" and bare "roc_auc". `part` is "" where none is written."""

    part: str
    bare: str

    @property
    def full(self) -> str:
        """With its part: `val_roc_auc`."""
        return f"{self.part or 'val'}_{self.bare}"


def read_name(written: str) -> Name:
    """A name taken apart, other common names made the standard one.

    >>> read_name("val_auc")
    Name(part='val', bare='roc_auc')
    """
    part, _, rest = written.partition("_")
    part, rest = (part, rest) if part in (*PARTS, "test") and rest else ("", written)
    bare = rest.removeprefix("neg_") if rest.removeprefix("neg_") in METRICS else rest
    return Name(part, _STANDARD.get(bare, bare))


def direction_of(name: Name) -> str | None:
    """Which direction of a metric is better; None for one that is not built in."""
    return METRICS[name.bare].direction if name.bare in METRICS else None


def nearest_metric(name: Name) -> str:
    """A fix that names the metric that may have been meant, or else where all are listed."""
    fix = nearest(name.bare, [*METRICS, *_STANDARD])
    word = fix.removeprefix("write ")
    if word == fix:
        return "`blueno schema --metrics` lists all; add one's own to metrics as file.py:function"
    return f"write {name.part or 'val'}_{_STANDARD.get(word, word)}"
