"""Tables over replicates: what mean and deviation are of, which parameters tell rows apart, what fits a terminal."""

from __future__ import annotations

import random
from statistics import stdev

import pytest

from blueno.narrow import Table, folded, last_folded, narrowed
from blueno.store.read import Row
from blueno.tables import config_rows, deviation, differing, significant, spread, trial_rows


def row(value: float | None, fold: int | None = None, seed: int | None = 0, config: str = "c", **changes: str) -> Row:
    """A trial of a config; `value` is its objective and twice that another metric."""
    metrics = {} if value is None else {"val_score": value, "val_f1": 2 * value}
    made = Row(f"{config}-{fold}-{seed}", config, None, seed, fold, 0, "succeeded", metrics, None, None)
    return made._replace(**changes)


def test_without_folds_the_deviation_is_that_of_seeds() -> None:
    found = spread([row(value, seed=seed) for seed, value in enumerate([1.0, 2.0, 4.0])], "val_score")
    assert found == (pytest.approx(7 / 3), pytest.approx(stdev([1.0, 2.0, 4.0])))


def test_with_folds_it_is_that_of_the_means_of_folds_over_seeds() -> None:
    values = {0: [1.0, 3.0], 1: [5.0, 5.0], 2: [6.0, 8.0]}
    group = [row(value, fold, seed) for fold, each in values.items() for seed, value in enumerate(each)]
    assert spread(group, "val_score") == (pytest.approx(28 / 6), pytest.approx(stdev([2.0, 5.0, 7.0])))


def test_an_estimator_that_every_seed_makes_the_same_has_the_deviation_of_its_folds() -> None:
    values = [0.9, 0.8, 0.95]
    repeated = [row(value, fold, seed) for fold, value in enumerate(values) for seed in range(5)]
    once = [row(value, fold, None) for fold, value in enumerate(values)]
    assert spread(repeated, "val_score").std == pytest.approx(spread(once, "val_score").std)


def test_one_value_or_one_fold_has_no_deviation() -> None:
    assert spread([row(1.0)], "val_score") == (1.0, None)
    assert spread([row(1.0, fold=3, seed=0), row(3.0, fold=3, seed=1)], "val_score") == (2.0, None)
    assert spread([row(None)], "val_score") == (None, None)


def test_deviation_is_that_of_statistics() -> None:
    draw = random.Random(0)
    values = [draw.gauss(1e6, 1e-3) for _ in range(30)]
    assert deviation(values) == pytest.approx(stdev(values), rel=1e-9)


def test_configs_that_are_not_complete_rank_below() -> None:
    rows = [row(0.9, config="a"), row(None, seed=1, config="a"), row(0.5, config="b"), row(0.6, seed=1, config="b")]
    rows += [row(0.99, config="d", state="diverged"), row(0.8, config="e")]
    found = config_rows(rows, {each: {"x": each} for each in "abde"}, "val_score", "maximize", ["val_f1"])
    assert [(each.config_id, each.replicates, each.planned) for each in found] == [
        ("e", 1, 1),
        ("b", 2, 2),
        ("a", 1, 2),
        ("d", 0, 1),
    ]
    assert found[1].metrics == {"val_f1": {"mean": pytest.approx(1.1), "std": pytest.approx(stdev([1.0, 1.2]))}}
    assert found[3].mean is None and found[3].states == ["diverged"]


def test_trials_stand_best_first_and_those_without_a_value_last() -> None:
    rows = [row(0.9, seed=0), row(None, seed=1, state="failed"), row(0.3, seed=2), row(9.0, seed=3, state="diverged")]
    found = trial_rows(rows, {"c": {"x": 1}}, "val_score", "minimize", ["val_f1"])
    assert [(each.seed, each.value, each.metrics["val_f1"]) for each in found] == [
        (2, 0.3, 0.6),
        (0, 0.9, 1.8),
        (1, None, None),
        (3, None, None),
    ]


def test_paths_that_differ() -> None:
    assert differing([]) == []
    assert differing([{"a": 1}]) == []
    assert differing([{"a": 1, "b": [1, 2]}, {"a": 1.0, "b": [1, 2]}, {"a": True, "b": [1, 3]}]) == ["a", "b"]
    assert differing([{"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2, "c": None}]) == ["b", "c"]
    assert differing([{"a": {"x": 1}}, {"a": {"x": 2}}]) == ["a"]


def test_a_parameter_that_only_one_model_has_is_shown_only_if_it_tells_rows_apart() -> None:
    rows = [{"model": "mlp", "units": 8}, {"model": "svc", "C": 1.0}, {"model": "svc", "C": 2.0}]
    assert differing(rows) == ["model", "C"]


def test_digits_of_a_mean_follow_its_deviation() -> None:
    assert significant(0.123456, 0.0) == "0.1235 ± 0"
    assert significant(12345.6789, None) == "12345.7"
    assert significant(3.14159, 12.0) == "3 ± 12"


HEAD = ["", "config", "model", "learning_rate", "val_score", "val_f1", "n"]
ROWS = [["1", "a" * 16, "sklearn.svm:SVC", "0.001", "0.9722 ± 0.0048", "0.9000", "3/3"]]
WIDE = Table(HEAD, ROWS, 1, range(2, 4), range(5, 6))


def _width(head: list[str], rows: list[list[str]]) -> int:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return sum(widths) + 2 * (len(widths) - 1)


@pytest.mark.parametrize("width", range(36, 100))
def test_a_table_never_is_wider_than_the_terminal(width: int) -> None:
    found = narrowed(WIDE, width)
    assert _width(found.head, found.rows) <= width
    assert "0.9722 ± 0.0048" in found.rows[0] and "3/3" in found.rows[0]
    assert set(found.left_out) <= {"model", "learning_rate", "val_f1"}


def test_what_gives_way_first() -> None:
    assert narrowed(WIDE, None) == (HEAD, ROWS, [])
    assert narrowed(WIDE, _width(HEAD, ROWS)) == (HEAD, ROWS, [])
    cut = narrowed(WIDE, _width(HEAD, ROWS) - 8)
    assert cut.rows[0][1:3] == ["a" * 8, "sklearn.svm:SVC"] and cut.left_out == []
    assert narrowed(WIDE, _width(HEAD, ROWS) - 12).rows[0][2] == "sklea…vm:SVC"
    assert narrowed(WIDE, 56).left_out == ["learning_rate"]
    assert narrowed(WIDE, 48).left_out == ["model", "learning_rate"]
    assert narrowed(WIDE, 36).left_out == ["model", "learning_rate", "val_f1"]


def test_a_terminal_too_narrow_for_anything_gets_what_matters_most() -> None:
    assert narrowed(WIDE, 5).head == ["", "config", "val_score", "n"]


def test_lines_of_words_are_folded() -> None:
    line = "  model  mlp, sklearn.ensemble:RandomForestClassifier, sklearn.linear_model:LogisticRegression"
    found = folded(f"short\n{line}", 60).splitlines()
    assert found[0] == "short" and max(map(len, found)) <= 60
    assert found[2] == "      sklearn.linear_model:LogisticRegression"
    assert folded(line, None) == line


def test_a_last_column_of_words_goes_on_below() -> None:
    head, rows = ["name", "n", ""], [["a" * 30, "1", "waits: no scheduler runs (blueno sweep SPEC goes on)"]]
    found = last_folded(head, rows, 60)
    assert [row[:2] for row in found] == [["aaaaaaaaa…aaaaaaaaaa", "1"], ["", ""]]
    assert " ".join(row[2] for row in found) == rows[0][2] and max(len(row[2]) for row in found) <= 35
    assert last_folded(head, rows, None) == rows


def test_a_config_knows_the_engines_that_trained_it() -> None:
    rows = [row(0.9, config="a", engine="fit"), row(0.8, seed=1, config="a", engine="fused")]
    rows += [row(0.7, config="b", engine="fused"), row(None, seed=1, config="b", engine="fit", state="diverged")]
    found = config_rows(rows, {each: {"x": each} for each in "ab"}, "val_score", "maximize")
    assert [each.engines for each in found] == [["fit", "fused"], ["fused"]]
