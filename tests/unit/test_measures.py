"""Every built-in metric against scikit-learn, SciPy or a figure computed by hand, on random data of each task."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy import stats

from blueno.errors import ModelError
from blueno.ml.measures import MEASURES, Undefined
from blueno.ml.scored import Scored, hard_labels

RANDOM = np.random.default_rng(7)
CLASSES = 5


def _scores(*shape: int) -> np.ndarray:
    """Rounded, so that many are tied."""
    return np.round(RANDOM.random(shape), 2)


def _rows(samples: int, classes: int) -> np.ndarray:
    raw = RANDOM.random((samples, classes)) + 0.01
    return raw / raw.sum(axis=1, keepdims=True)


TWO = Scored("binary", (t := RANDOM.integers(0, 2, 90)), (s := _scores(90)), hard_labels("binary", s), 2, True)
MANY = Scored(
    "multiclass",
    RANDOM.integers(0, CLASSES, 90),
    (m := _rows(90, CLASSES)),
    hard_labels("multiclass", m),
    CLASSES,
    True,
)
LABELS = Scored(
    "multilabel", RANDOM.integers(0, 2, (90, 4)), (k := _scores(90, 4)), hard_labels("multilabel", k), 4, True
)  # fmt: skip
VALUES = Scored("regression", RANDOM.random(50) + 0.5, RANDOM.random(50) + 0.5, None, 0, False)
OUTPUTS = Scored("regression", RANDOM.random((50, 3)) + 0.5, RANDOM.random((50, 3)) + 0.5, None, 0, False)


def computed(name: str, scored: Scored, **parameters: Any) -> float:
    return MEASURES[name].compute(scored, **parameters)


def equal(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def each_label(function: Callable[..., float], said: np.ndarray, **parameters: Any) -> float:
    """The mean of a metric of two classes over the labels."""
    return float(np.mean([function(LABELS.target[:, i], said[:, i], **parameters) for i in range(LABELS.classes)]))


RATES = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
    "jaccard": sk.jaccard_score,
}


@pytest.mark.parametrize("name", RATES)
def test_rates_are_those_of_scikit_learn(name: str) -> None:
    function = RATES[name]
    assert computed(name, TWO) == equal(function(TWO.target, TWO.labels))
    for scored in (TWO, MANY, LABELS):
        for average in ("macro", "micro", "weighted"):
            expected = function(scored.target, scored.labels, average=average)
            assert computed(name, scored, average=average) == equal(expected), (scored.task, average)
    expected = function(LABELS.target, LABELS.labels, average="samples", zero_division=1.0)
    assert computed(name, LABELS, average="samples", zero_division=1.0) == equal(expected)
    for scored in (MANY, LABELS):
        assert computed(name, scored) == equal(computed(name, scored, average="macro"))


def test_f_with_beta() -> None:
    for beta in (0.5, 2.0):
        assert computed("fbeta", TWO, beta=beta) == equal(sk.fbeta_score(TWO.target, TWO.labels, beta=beta))
        expected = sk.fbeta_score(MANY.target, MANY.labels, beta=beta, average="macro")
        assert computed("fbeta", MANY, beta=beta) == equal(expected)


def test_classes_that_never_occur_are_no_part_of_a_mean_and_those_only_said_count_as_0() -> None:
    target, labels = np.array([0, 0, 3, 3, 1]), np.array([0, 3, 3, 2, 1])
    scored = Scored("multiclass", target, None, labels, 6, False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, function in RATES.items():
            assert computed(name, scored) == equal(function(target, labels, average="macro")), name
        assert computed("balanced_accuracy", scored) == equal(sk.balanced_accuracy_score(target, labels))


def test_zero_division_is_what_is_left_of_a_denominator_of_zero() -> None:
    never = Scored("binary", np.array([0, 1, 1]), None, np.array([0, 0, 0]), 2, False)
    assert computed("precision", never) == 0.0
    assert computed("precision", never, zero_division=1.0) == 1.0
    none = Scored("binary", np.array([0, 0]), None, np.array([0, 0]), 2, False)
    assert computed("recall", none, zero_division=0.0) == 0.0


def test_dice_and_iou_of_masks_are_means_over_samples_and_nothing_found_in_nothing_is_right() -> None:
    masks = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]], [[1, 0], [0, 0]]]).reshape(3, -1)
    said = np.array([[[1, 0], [1, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]]).reshape(3, -1)
    scored = Scored("multilabel", masks, None, said, 4, False)
    assert computed("dice", scored) == equal((2 / 4 + 1 + 0) / 3)
    assert computed("iou", scored) == equal((1 / 3 + 1 + 0) / 3)
    assert computed("dice", TWO) == equal(sk.f1_score(TWO.target, TWO.labels))
    assert computed("iou", MANY) == equal(sk.jaccard_score(MANY.target, MANY.labels, average="macro"))


def test_rates_of_the_other_side() -> None:
    (tn, fp), (fn, tp) = sk.confusion_matrix(TWO.target, TWO.labels)
    assert computed("specificity", TWO) == equal(tn / (tn + fp))
    assert computed("negative_predictive_value", TWO) == equal(tn / (tn + fn))
    assert computed("false_positive_rate", TWO) == equal(fp / (fp + tn))
    assert computed("false_negative_rate", TWO) == equal(fn / (fn + tp))
    for scored in (MANY, LABELS):
        parts = sk.multilabel_confusion_matrix(scored.target, scored.labels).astype(float)
        tn, fp, fn, tp = parts[:, 0, 0], parts[:, 0, 1], parts[:, 1, 0], parts[:, 1, 1]
        assert computed("specificity", scored) == equal(np.mean(tn / (tn + fp)))
        assert computed("negative_predictive_value", scored) == equal(np.mean(tn / (tn + fn)))
        assert computed("false_positive_rate", scored) == equal(np.mean(fp / (fp + tn)))
        assert computed("false_negative_rate", scored) == equal(np.mean(fn / (fn + tp)))
        sensitivity, specificity = np.mean(tp / (tp + fn)), np.mean(tn / (tn + fp))
        assert computed("youden_j", scored) == equal(sensitivity + specificity - 1)


def test_agreement_is_that_of_scikit_learn() -> None:
    for scored in (TWO, MANY):
        both = scored.target, scored.labels
        assert computed("accuracy", scored) == equal(sk.accuracy_score(*both))
        assert computed("zero_one_loss", scored) == equal(sk.zero_one_loss(*both))
        assert computed("hamming_loss", scored) == equal(sk.hamming_loss(*both))
        assert computed("balanced_accuracy", scored) == equal(sk.balanced_accuracy_score(*both))
        adjusted = sk.balanced_accuracy_score(*both, adjusted=True)
        assert computed("balanced_accuracy", scored, adjusted=True) == equal(adjusted)
        assert computed("matthews_corrcoef", scored) == equal(sk.matthews_corrcoef(*both))
        for weights in (None, "linear", "quadratic"):
            assert computed("cohen_kappa", scored, weights=weights) == equal(
                sk.cohen_kappa_score(*both, weights=weights)
            )


def test_agreement_on_several_labels() -> None:
    both = LABELS.target, LABELS.labels
    assert computed("accuracy", LABELS) == equal(sk.accuracy_score(*both))
    assert computed("zero_one_loss", LABELS) == equal(sk.zero_one_loss(*both))
    assert computed("hamming_loss", LABELS) == equal(sk.hamming_loss(*both))
    for name in ("balanced_accuracy", "matthews_corrcoef", "cohen_kappa"):
        function = getattr(sk, f"{name}_score", None) or getattr(sk, name)
        assert computed(name, LABELS) == equal(each_label(function, LABELS.labels)), name


def test_weighted_kappa_counts_the_distance_of_codes_also_where_a_class_is_absent() -> None:
    target, labels = np.array([0, 1, 3, 3, 0]), np.array([1, 1, 3, 0, 0])
    expected = sk.cohen_kappa_score(target, labels, weights="quadratic", labels=np.arange(4))
    scored = Scored("multiclass", target, None, labels, 4, False)
    assert computed("cohen_kappa", scored, weights="quadratic") == equal(expected)


def test_a_constant_answer_has_no_correlation() -> None:
    constant = TWO._replace(labels=np.zeros(90, dtype=np.int64))
    assert computed("matthews_corrcoef", constant) == 0.0 == sk.matthews_corrcoef(constant.target, constant.labels)


def test_counts_of_several_labels_are_sums_over_labels() -> None:
    parts = sk.multilabel_confusion_matrix(LABELS.target, LABELS.labels).sum(axis=0)
    names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    assert [computed(name, LABELS) for name in names] == parts.ravel().tolist()


@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
def test_roc_auc_is_that_of_scikit_learn(average: str) -> None:
    hits = np.eye(CLASSES, dtype=int)[MANY.target]
    assert computed("roc_auc", TWO, average=average) == equal(sk.roc_auc_score(TWO.target, TWO.scores))
    assert computed("roc_auc", MANY, average=average) == equal(sk.roc_auc_score(hits, MANY.scores, average=average))
    expected = sk.roc_auc_score(LABELS.target, LABELS.scores, average=average)
    assert computed("roc_auc", LABELS, average=average) == equal(expected)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_roc_auc_of_each_pair_of_classes(average: str) -> None:
    expected = sk.roc_auc_score(MANY.target, MANY.scores, multi_class="ovo", average=average)
    assert computed("roc_auc", MANY, multi_class="ovo", average=average) == equal(expected)


def test_roc_auc_of_a_part_of_the_curve() -> None:
    expected = sk.roc_auc_score(TWO.target, TWO.scores, max_fpr=0.3)
    assert computed("roc_auc", TWO, max_fpr=0.3) == equal(expected)
    with pytest.raises(ModelError, match="two classes"):
        computed("roc_auc", MANY, max_fpr=0.3)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
def test_average_precision_is_that_of_scikit_learn(average: str) -> None:
    hits = np.eye(CLASSES, dtype=int)[MANY.target]
    assert computed("average_precision", TWO) == equal(sk.average_precision_score(TWO.target, TWO.scores))
    expected = sk.average_precision_score(hits, MANY.scores, average=average)
    assert computed("average_precision", MANY, average=average) == equal(expected)
    expected = sk.average_precision_score(LABELS.target, LABELS.scores, average=average)
    assert computed("average_precision", LABELS, average=average) == equal(expected)


def test_orders_of_labels_are_those_of_scikit_learn() -> None:
    both = LABELS.target, LABELS.scores
    expected = sk.label_ranking_average_precision_score(*both)
    assert computed("label_ranking_average_precision", LABELS) == equal(expected)
    assert computed("label_ranking_loss", LABELS) == equal(sk.label_ranking_loss(*both))
    assert computed("coverage_error", LABELS) == equal(sk.coverage_error(*both))
    assert computed("ndcg", LABELS, k=2) == equal(sk.ndcg_score(*both, k=2))


def test_the_best_of_several_guesses() -> None:
    assert computed("top_k_accuracy", MANY, k=3) == equal(sk.top_k_accuracy_score(MANY.target, MANY.scores, k=3))


def test_metrics_of_probabilities() -> None:
    certain = TWO._replace(scores=np.where(np.arange(90) < 3, 0.0, TWO.scores))
    for scored in (TWO, certain, MANY):
        assert computed("log_loss", scored) == equal(sk.log_loss(scored.target, scored.scores))
        assert computed("d2_log_loss", scored) == equal(sk.d2_log_loss_score(scored.target, scored.scores))
        expected = sk.brier_score_loss(scored.target, scored.scores)
        assert computed("brier_score", scored) == equal(expected)
    assert computed("log_loss", LABELS) == equal(each_label(sk.log_loss, LABELS.scores))
    assert computed("brier_score", LABELS) == equal(each_label(sk.brier_score_loss, LABELS.scores))


REGRESSION = {
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_squared_error": sk.mean_squared_error,
    "root_mean_squared_error": sk.root_mean_squared_error,
    "mean_squared_log_error": sk.mean_squared_log_error,
    "root_mean_squared_log_error": sk.root_mean_squared_log_error,
    "mean_absolute_percentage_error": sk.mean_absolute_percentage_error,
    "median_absolute_error": sk.median_absolute_error,
    "mean_pinball_loss": sk.mean_pinball_loss,
    "r2": sk.r2_score,
    "explained_variance": sk.explained_variance_score,
    "d2_absolute_error": sk.d2_absolute_error_score,
    "d2_pinball": sk.d2_pinball_score,
}
ONE_OUTPUT = {
    "mean_poisson_deviance": sk.mean_poisson_deviance,
    "mean_gamma_deviance": sk.mean_gamma_deviance,
    "mean_tweedie_deviance": sk.mean_tweedie_deviance,
    "pearson_correlation": lambda target, values: stats.pearsonr(target, values).statistic,
    "spearman_correlation": lambda target, values: stats.spearmanr(target, values).statistic,
}


@pytest.mark.parametrize("name", REGRESSION)
def test_metrics_of_values_are_those_of_scikit_learn(name: str) -> None:
    function = REGRESSION[name]
    assert computed(name, VALUES) == equal(function(VALUES.target, VALUES.scores))
    assert computed(name, OUTPUTS) == equal(function(OUTPUTS.target, OUTPUTS.scores))
    weights = [0.0, 3.0, 1.0]
    expected = function(OUTPUTS.target, OUTPUTS.scores, multioutput=weights)
    assert computed(name, OUTPUTS, multioutput=weights) == equal(expected)


@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_metrics_of_one_output_are_means_over_several(name: str) -> None:
    function = ONE_OUTPUT[name]
    assert computed(name, VALUES) == equal(function(VALUES.target, VALUES.scores))
    assert OUTPUTS.scores is not None
    each = [function(OUTPUTS.target[:, i], OUTPUTS.scores[:, i]) for i in range(3)]
    assert computed(name, OUTPUTS) == equal(np.mean(each))
    assert computed(name, OUTPUTS, multioutput=[0.0, 0.0, 2.0]) == equal(each[2])


def test_parameters_of_metrics_of_values() -> None:
    expected = sk.mean_pinball_loss(VALUES.target, VALUES.scores, alpha=0.9)
    assert computed("mean_pinball_loss", VALUES, alpha=0.9) == equal(expected)
    expected = sk.mean_tweedie_deviance(VALUES.target, VALUES.scores, power=1.5)
    assert computed("mean_tweedie_deviance", VALUES, power=1.5) == equal(expected)
    assert computed("max_error", OUTPUTS) == equal(np.abs(OUTPUTS.target - OUTPUTS.scores).max())
    with pytest.raises(ModelError, match="2 weights, and the target 3 outputs"):
        computed("r2", OUTPUTS, multioutput=[1.0, 1.0])


LABEL_1_NEVER = LABELS._replace(target=LABELS.target * [1, 0, 1, 1])
LABEL_1_ALWAYS = LABELS._replace(target=np.maximum(LABELS.target, [0, 1, 0, 0]))
ALL_NEGATIVE = TWO._replace(target=np.zeros(90, dtype=np.int64))
ALL_POSITIVE = TWO._replace(target=np.ones(90, dtype=np.int64))
ONE_CLASS = MANY._replace(target=np.zeros(90, dtype=np.int64))


@pytest.mark.parametrize(
    ("name", "scored", "reason"),
    [
        ("recall", LABEL_1_NEVER, "of label 1, no sample is positive"),
        ("f1", LABEL_1_NEVER, "of label 1, no sample is positive"),
        ("roc_auc", LABEL_1_NEVER, "of label 1, no sample is positive"),
        ("average_precision", LABEL_1_ALWAYS, "of label 1, no sample is negative"),
        ("specificity", LABEL_1_ALWAYS, "of label 1, no sample is negative"),
        ("youden_j", LABEL_1_NEVER, "of label 1, no sample is positive"),
        ("dice", ALL_NEGATIVE, "no sample is positive"),
        ("false_negative_rate", ALL_NEGATIVE, "no sample is positive"),
        ("false_positive_rate", ALL_POSITIVE, "no sample is negative"),
        ("specificity", ALL_POSITIVE, "no sample is negative"),
        ("roc_auc", ALL_POSITIVE, "no sample is negative"),
        ("d2_log_loss", ALL_POSITIVE, "all samples are of one class"),
        ("specificity", ONE_CLASS, "all samples are of one class"),
        ("roc_auc", ONE_CLASS, "no sample is of class 1"),
        ("pearson_correlation", VALUES._replace(scores=np.ones(50)), "every predicted value is the same"),
        ("spearman_correlation", VALUES._replace(target=np.ones(50)), "every target is the same"),
        ("mean_gamma_deviance", VALUES._replace(target=-VALUES.target), "Mean Tweedie deviance error with power=2"),
        ("ndcg", Scored("multilabel", t[:, None], s[:, None], s[:, None] > 0.5, 1, True), "there is only one label"),
    ],
)  # fmt: skip
def test_what_means_nothing_on_these_samples_is_undefined(name: str, scored: Scored, reason: str) -> None:
    with pytest.raises(Undefined, match=reason):
        computed(name, scored)


def test_balanced_accuracy_of_one_class_has_no_chance_to_adjust_for() -> None:
    assert 0 <= computed("balanced_accuracy", ONE_CLASS) <= 1
    with pytest.raises(Undefined, match="one class"):
        computed("balanced_accuracy", ONE_CLASS, adjusted=True)


def test_without_positives_of_one_label_other_averages_are_still_defined() -> None:
    both = LABEL_1_NEVER.target, LABEL_1_NEVER.labels
    assert computed("f1", LABEL_1_NEVER, average="micro") == equal(sk.f1_score(*both, average="micro"))
    assert computed("f1", LABEL_1_NEVER, average="weighted") == equal(sk.f1_score(*both, average="weighted"))
    expected = sk.f1_score(*both, average="macro", zero_division=0.0)
    assert computed("f1", LABEL_1_NEVER, zero_division=0.0) == equal(expected)


def test_an_average_of_another_task_says_which_there_are() -> None:
    with pytest.raises(ModelError, match="samples is not for a multiclass task") as caught:
        computed("f1", MANY, average="samples")
    assert caught.value.fix == "use one of macro, micro, weighted"
