"""The metrics of the language by name: which direction is better, for which tasks, their parameters, and what else
people call them.

Light on purpose: `ml/measures` computes them, and a test holds the two tables to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .language import POSITIVE_INT, REQUIRED, Key
from .problems import nearest
from .types import BOOL, FLOAT, Type, list_of, literal, union_of

PARTS = ("val", "train")
LOSS = "loss"
CLASSES = ("binary", "multiclass")
ANY_CLASSES = (*CLASSES, "multilabel")
COUNTED = ("binary", "multilabel")
LABELS = ("multilabel",)
VALUES = ("regression",)
TASKS = (*ANY_CLASSES, *VALUES)
NOTHING: Mapping[str, Key] = {}


class Metric(NamedTuple):
    """`parameters` are those that a spec may give, by scikit-learn's names."""

    direction: str
    tasks: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    parameters: Mapping[str, Key] = NOTHING


# ---- the parameters of metrics

_MEANS = literal("macro", "micro", "weighted")
_BY_CLASS = {
    "average": Key(literal("binary", "macro", "micro", "weighted", "samples")),
    "zero_division": Key(literal(0.0, 1.0)),
}
_RANKED = {"average": Key(_MEANS, "macro")}
_WEIGHTS = list_of(Type("float", ge=0))
_BY_OUTPUT = {"multioutput": Key(union_of(literal("uniform_average"), _WEIGHTS), "uniform_average")}
_BY_VARIANCE = {
    "multioutput": Key(union_of(literal("uniform_average", "variance_weighted"), _WEIGHTS), "uniform_average")
}
_QUANTILE = {"alpha": Key(Type("float", ge=0, le=1), 0.5)}


def _high(*aliases: str, tasks: tuple[str, ...] = ANY_CLASSES, takes: Mapping[str, Key] = NOTHING) -> Metric:
    """A metric of which more is better."""
    return Metric("maximize", tasks, aliases, takes)


def _low(*aliases: str, tasks: tuple[str, ...] = ANY_CLASSES, takes: Mapping[str, Key] = NOTHING) -> Metric:
    """A metric of which less is better."""
    return Metric("minimize", tasks, aliases, takes)


METRICS: dict[str, Metric] = {
    "loss": _low(tasks=TASKS),
    "accuracy": _high("acc", "accuracy_score", "subset_accuracy", "exact_match"),
    "balanced_accuracy": _high("bacc", "balanced_accuracy_score", takes={"adjusted": Key(BOOL, False)}),
    "precision": _high("ppv", "precision_score", "positive_predictive_value", takes=_BY_CLASS),
    "recall": _high("sensitivity", "tpr", "true_positive_rate", "recall_score", "hit_rate", takes=_BY_CLASS),
    "specificity": _high("tnr", "true_negative_rate", "selectivity", takes=_BY_CLASS),
    "negative_predictive_value": _high("npv", takes=_BY_CLASS),
    "false_positive_rate": _low("fpr", "fall_out", takes=_BY_CLASS),
    "false_negative_rate": _low("fnr", "miss_rate", takes=_BY_CLASS),
    "f1": _high("f1_score", "f_score", "f_measure", takes=_BY_CLASS),
    "fbeta": _high("fbeta_score", takes={"beta": Key(Type("float", gt=0), REQUIRED), **_BY_CLASS}),
    "jaccard": _high("jaccard_score", "jaccard_index", takes=_BY_CLASS),
    "dice": _high("dice_score", "dice_coefficient", takes=_BY_CLASS),
    "iou": _high("intersection_over_union", "mean_iou", "miou", takes=_BY_CLASS),
    "youden_j": _high("youden", "informedness", "youden_index", "bookmaker_informedness"),
    "cohen_kappa": _high("kappa", "cohen_kappa_score", takes={"weights": Key(literal("linear", "quadratic"))}),
    "matthews_corrcoef": _high("mcc", "matthews_correlation_coefficient", "phi_coefficient"),
    "hamming_loss": _low("hamming"),
    "zero_one_loss": _low("error_rate", "misclassification_rate"),
    "true_positives": _high("tp", tasks=COUNTED),
    "true_negatives": _high("tn", tasks=COUNTED),
    "false_positives": _low("fp", tasks=COUNTED),
    "false_negatives": _low("fn", tasks=COUNTED),
    "roc_auc": _high(
        *("auc", "auroc", "roc_auc_score", "roc_auc_ovr"),
        takes={
            "multi_class": Key(literal("ovr", "ovo"), "ovr"),
            "max_fpr": Key(Type("float", gt=0, le=1)),
            **_RANKED,
        },
    ),
    "average_precision": _high(
        "ap", "auprc", "pr_auc", "mean_average_precision", "average_precision_score", takes=_RANKED
    ),
    "top_k_accuracy": _high("top_k_accuracy_score", tasks=("multiclass",), takes={"k": Key(POSITIVE_INT, 2)}),
    "label_ranking_average_precision": _high("lrap", "label_ranking_average_precision_score", tasks=LABELS),
    "label_ranking_loss": _low(tasks=LABELS),
    "coverage_error": _low(tasks=LABELS),
    "ndcg": _high("ndcg_score", tasks=LABELS, takes={"k": Key(POSITIVE_INT)}),
    "log_loss": _low("cross_entropy", "nll", "binary_crossentropy", "categorical_crossentropy"),
    "d2_log_loss": _high("d2_log_loss_score", "mcfadden_r2", tasks=CLASSES),
    "brier_score": _low("brier", "brier_score_loss"),
    "mean_absolute_error": _low("mae", tasks=VALUES, takes=_BY_OUTPUT),
    "mean_squared_error": _low("mse", tasks=VALUES, takes=_BY_OUTPUT),
    "root_mean_squared_error": _low("rmse", tasks=VALUES, takes=_BY_OUTPUT),
    "mean_squared_log_error": _low("msle", "mean_squared_logarithmic_error", tasks=VALUES, takes=_BY_OUTPUT),
    "root_mean_squared_log_error": _low("rmsle", tasks=VALUES, takes=_BY_OUTPUT),
    "mean_absolute_percentage_error": _low("mape", tasks=VALUES, takes=_BY_OUTPUT),
    "median_absolute_error": _low("medae", "median_ae", tasks=VALUES, takes=_BY_OUTPUT),
    "max_error": _low("maximum_error", tasks=VALUES),
    "mean_pinball_loss": _low(
        "pinball", "pinball_loss", "quantile_loss", tasks=VALUES, takes={**_QUANTILE, **_BY_OUTPUT}
    ),
    "r2": _high("r2_score", "r_squared", "coefficient_of_determination", tasks=VALUES, takes=_BY_VARIANCE),
    "explained_variance": _high("explained_variance_score", tasks=VALUES, takes=_BY_VARIANCE),
    "d2_absolute_error": _high("d2_absolute_error_score", tasks=VALUES, takes=_BY_OUTPUT),
    "d2_pinball": _high("d2_pinball_score", "d2_pinball_loss", tasks=VALUES, takes={**_QUANTILE, **_BY_OUTPUT}),
    "pearson_correlation": _high("pearson", "pearsonr", "correlation", tasks=VALUES, takes=_BY_OUTPUT),
    "spearman_correlation": _high("spearman", "spearmanr", tasks=VALUES, takes=_BY_OUTPUT),
    "mean_poisson_deviance": _low("poisson_deviance", tasks=VALUES, takes=_BY_OUTPUT),
    "mean_gamma_deviance": _low("gamma_deviance", tasks=VALUES, takes=_BY_OUTPUT),
    "mean_tweedie_deviance": _low("tweedie_deviance", tasks=VALUES, takes={"power": Key(FLOAT, 0.0), **_BY_OUTPUT}),
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


def other_names(written: str) -> list[str]:
    """The other ways to write a metric.

    >>> "val_auc" in other_names("val_roc_auc"), other_names("val_of_mine")
    (True, [])
    """
    name = read_name(written)
    return [f"{name.part}_{other}".removeprefix("_") for other, bare in _STANDARD.items() if bare == name.bare != other]


def direction_of(name: Name) -> str | None:
    """Which direction of a metric is better; None for one that is not built in."""
    return METRICS[name.bare].direction if name.bare in METRICS else None


def required(name: Name) -> str:
    """The parameter without which a metric has no meaning; empty for most."""
    parameters = METRICS[name.bare].parameters if name.bare in METRICS else {}
    return next((key for key, each in parameters.items() if each.default is REQUIRED), "")


def nearest_metric(name: Name) -> str:
    """A fix that names the metric that may have been meant, or else where all are listed."""
    fix = nearest(name.bare, [*METRICS, *_STANDARD])
    word = fix.removeprefix("write ")
    if word == fix:
        return "`blueno schema --metrics` lists all; add one's own to metrics as file.py:function"
    return f"write {name.part or 'val'}_{_STANDARD.get(word, word)}"
