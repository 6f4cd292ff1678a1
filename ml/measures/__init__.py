"""What the metrics compute: functions of `Scored` to a number, by the language's names (scikit-learn's).

A metric that is undefined on these samples raises Undefined with the reason; it is never zero by convention, but where
scikit-learn's has a convention that all know: a model that never says "positive" has a precision of 0.
"""

from __future__ import annotations

from sklearn import metrics as sk

from . import agreement, probabilities, ranking, rates
from . import together as at_once
from .rates import rate
from .record import ANY_CLASSES, CLASSES, Measure, Undefined, for_each_label
from .values import for_each_output, max_error, of_values, pearson, spearman

__all__ = ["AT_ONCE", "MEASURES", "Measure", "Undefined"]

COUNTED = ("binary", "multilabel")
LABELS = ("multilabel",)
VALUES = ("regression",)

MEASURES: dict[str, Measure] = {
    "accuracy": Measure(agreement.accuracy, "labels", True),
    "balanced_accuracy": Measure(for_each_label(agreement.balanced_accuracy), "labels", True),
    "precision": Measure(rate(rates.precision), "labels", True),
    "recall": Measure(rate(rates.recall, "positives"), "labels", True),
    "specificity": Measure(rate(rates.specificity, "negatives"), "labels", True),
    "negative_predictive_value": Measure(rate(rates.negative_predictive_value), "labels", True),
    "false_positive_rate": Measure(rate(rates.false_positive_rate, "negatives"), "labels", False),
    "false_negative_rate": Measure(rate(rates.false_negative_rate, "positives"), "labels", False),
    "f1": Measure(rate(rates.fbeta, "positives"), "labels", True),
    "fbeta": Measure(rate(rates.fbeta, "positives"), "labels", True),
    "jaccard": Measure(rate(rates.jaccard, "positives"), "labels", True),
    "dice": Measure(rate(rates.fbeta, "positives", of_labels="samples", nothing=1.0), "labels", True),
    "iou": Measure(rate(rates.jaccard, "positives", of_labels="samples", nothing=1.0), "labels", True),
    "youden_j": Measure(for_each_label(agreement.youden_j), "labels", True),
    "cohen_kappa": Measure(for_each_label(agreement.cohen_kappa), "labels", True),
    "matthews_corrcoef": Measure(for_each_label(agreement.matthews_corrcoef), "labels", True),
    "hamming_loss": Measure(agreement.hamming_loss, "labels", False),
    "zero_one_loss": Measure(agreement.zero_one_loss, "labels", False),
    "true_positives": Measure(agreement.count(lambda found: found.true_positives), "labels", True, COUNTED),
    "true_negatives": Measure(agreement.count(lambda found: found.true_negatives), "labels", True, COUNTED),
    "false_positives": Measure(agreement.count(lambda found: found.false_positives), "labels", False, COUNTED),
    "false_negatives": Measure(agreement.count(lambda found: found.false_negatives), "labels", False, COUNTED),
    "roc_auc": Measure(ranking.roc_auc, "scores", True),
    "average_precision": Measure(ranking.average_precision, "scores", True),
    "top_k_accuracy": Measure(ranking.top_k_accuracy, "scores", True, ("multiclass",)),
    "label_ranking_average_precision": Measure(
        ranking.of_labels(sk.label_ranking_average_precision_score), "scores", True, LABELS
    ),
    "label_ranking_loss": Measure(ranking.of_labels(sk.label_ranking_loss), "scores", False, LABELS),
    "coverage_error": Measure(ranking.of_labels(sk.coverage_error), "scores", False, LABELS),
    "ndcg": Measure(ranking.of_labels(sk.ndcg_score), "scores", True, LABELS),
    "log_loss": Measure(for_each_label(probabilities.log_loss), "probabilities", False, ANY_CLASSES),
    "d2_log_loss": Measure(for_each_label(probabilities.d2_log_loss), "probabilities", True, CLASSES),
    "brier_score": Measure(for_each_label(probabilities.brier_score), "probabilities", False),
    "mean_absolute_error": Measure(of_values(sk.mean_absolute_error), "values", False, VALUES),
    "mean_squared_error": Measure(of_values(sk.mean_squared_error), "values", False, VALUES),
    "root_mean_squared_error": Measure(of_values(sk.root_mean_squared_error), "values", False, VALUES),
    "mean_squared_log_error": Measure(of_values(sk.mean_squared_log_error), "values", False, VALUES),
    "root_mean_squared_log_error": Measure(of_values(sk.root_mean_squared_log_error), "values", False, VALUES),
    "mean_absolute_percentage_error": Measure(of_values(sk.mean_absolute_percentage_error), "values", False, VALUES),
    "median_absolute_error": Measure(of_values(sk.median_absolute_error), "values", False, VALUES),
    "max_error": Measure(of_values(max_error), "values", False, VALUES),
    "mean_pinball_loss": Measure(of_values(sk.mean_pinball_loss), "values", False, VALUES),
    "r2": Measure(of_values(sk.r2_score, at_least=2), "values", True, VALUES),
    "explained_variance": Measure(of_values(sk.explained_variance_score, at_least=2), "values", True, VALUES),
    "d2_absolute_error": Measure(of_values(sk.d2_absolute_error_score, at_least=2), "values", True, VALUES),
    "d2_pinball": Measure(of_values(sk.d2_pinball_score, at_least=2), "values", True, VALUES),
    "pearson_correlation": Measure(of_values(for_each_output(pearson), at_least=2), "values", True, VALUES),
    "spearman_correlation": Measure(of_values(for_each_output(spearman), at_least=2), "values", True, VALUES),
    "mean_poisson_deviance": Measure(of_values(for_each_output(sk.mean_poisson_deviance)), "values", False, VALUES),
    "mean_gamma_deviance": Measure(of_values(for_each_output(sk.mean_gamma_deviance)), "values", False, VALUES),
    "mean_tweedie_deviance": Measure(of_values(for_each_output(sk.mean_tweedie_deviance)), "values", False, VALUES),
}

# the usual ones, as they are computed for many models at once
AT_ONCE: dict[Measure, at_once.Compute] = {
    MEASURES["accuracy"]: at_once.accuracy,
    MEASURES["log_loss"]: at_once.log_loss,
    MEASURES["roc_auc"]: at_once.roc_auc,
}
