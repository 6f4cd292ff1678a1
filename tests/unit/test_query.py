"""The query language: what is understood, what is not and where, and what comparisons mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueno.errors import Problem
from blueno.query import And, Comparison, Not, Or, parse
from blueno.query.ask import Values, asks, check_names
from blueno.query.fields import OTHER_VALUES, STATES
from blueno.query.operands import of_params
from blueno.query.parse import EXAMPLE
from blueno.query.tree import Field, QueryError, Span, comparisons
from blueno.query.words import in_query
from blueno.store import ledger

NOW = 1_795_854_600.0  # 2026-11-28 08:30 UTC
EXAMPLE_FIX = "write a query like 'val_accuracy > 0.9 and model = cnn'"
DAY = 86_400.0


class Made:
    """A record of what a test says."""

    def __init__(self, fields: dict[str, Any], metrics: dict[str, float], params: dict[str, Any]) -> None:
        self.fields, self._metrics, self._written = fields, metrics, params

    def field(self, name: str) -> Values:
        found = self.fields.get(name, ())
        return found if isinstance(found, list | tuple) else (found,)

    def metrics(self) -> Mapping[str, float]:
        return self._metrics

    def params(self) -> Mapping[str, float | str]:
        return of_params(self._written)

    def written(self) -> Mapping[str, Any]:
        return self._written


RECORD = Made(
    {
        "trial": "ab12" + "0" * 60, "state": "succeeded", "model": "cnn", "sweep": ["first", "second"], "seed": 3.0,
        "started": 1_795_802_400.0,  # 2026-11-27 18:00 UTC
        "duration": 90.0, "error.message": "CUDA out of memory. Tried to allocate 2 GiB",
    },
    {"val_roc_auc": 0.95, "val_accuracy": 0.5, "score": 3.0},
    {
        "model": "cnn", "model.dropout": 0.2, "model.filters": [16, 32], "model.depth": None, "model.norm": True,
        "preprocess.pca.components": 32, "train.optimizer": "sgd", "train.optimizer.sgd.momentum": 0.9,
        "train.learning_rate": 1, "data.version": "5",
    },
)  # fmt: skip


def holds(query: str, record: Made = RECORD) -> bool:
    return asks(parse(query, NOW))(record)


def test_the_tree_has_fields_operands_and_places() -> None:
    assert parse("val_auc > 0.9 and not (model = cnn or hp.dropout<=.2)") == And(
        (
            Comparison(Field("metric", "val_auc", 1), ">", (0.9,)),
            Not(
                Or(
                    (
                        Comparison(Field("field", "model", 24), "=", ("cnn",)),
                        Comparison(Field("hp", "dropout", 39), "<=", (0.2,)),
                    )
                )
            ),
        )
    )


def test_and_binds_closer_than_or_and_words_may_be_capitals() -> None:
    either = parse("seed = 1 OR seed = 2 AND seed = 3")
    assert isinstance(either, Or) and [type(part) for part in either.parts] == [Comparison, And]
    both = parse("(seed = 1 or seed = 2) and seed = 3")
    assert isinstance(both, And) and [type(part) for part in both.parts] == [Or, Comparison]
    assert parse("fold exists") == Comparison(Field("field", "fold", 1), "exists")
    assert [test.relation for test in comparisons(parse("model not in (a, b) and exists fold"))] == ["!=", "exists"]


@pytest.mark.parametrize(
    "query",
    [
        "val_auc > 0.9", "val_roc_auc >= 0.95", "auc < 1", "accuracy = 0.5", "score = 3", "score = 3.0", "score <= 3e0",
        "state in (failed, succeeded)", "state not in (failed, running)", "sweep = first", "sweep = second",
        "trial = AB12", "seed = 3", "hp.dropout <= 0.2", "hp.model.dropout = 0.2", "hp.filters = [16,32]",
        "hp.filters = 16-32", "hp.norm = true", "hp.depth = none", "hp.depth = null", "hp.optimizer = sgd",
        "hp.momentum > 0.5", "hp.sgd.momentum = 0.9", "hp.learning_rate = 1", "hp.pca exists", "exists hp.components",
        "hp.version = '5'", "started = 2026-11-27", "started < today", "started >= yesterday", "started > -15h",
        "started <= 2026-11-27", "started >= 2026-11-27T18:00", "started = 2026-11-27T19:00+01:00",
        "duration = 1min30s", "duration < 1h", "duration >= 90", "error.message ~ 'out of MEMORY'",
        "error.message ~ 'cuda*2 gib'", "model ~ c?n", "model ~ N", "hp.optimizer ~ SG",
    ],
)  # fmt: skip
def test_what_holds(query: str) -> None:
    assert holds(query)
    assert not holds(f"not ({query})")


@pytest.mark.parametrize(
    "query",
    [
        "val_auc > 0.95", "sweep = third", "sweep != first", "trial = ab13", "hp.version = 5", "hp.norm = 1",
        "hp.rate = 1", "hp.ropout exists", "started > 2026-11-27", "started < 2026-11-27", "model = CNN",
        "started > -14h", "hp.optimizer > 0.1", "hp.filters = [16]", "fold exists", "val_f1 exists",
        "sweep not in (second)",
    ],
)  # fmt: skip
def test_what_does_not_hold(query: str) -> None:
    assert not holds(query)
    assert holds(f"not ({query})")


def test_of_what_is_missing_no_comparison_holds_and_not_turns_it_round() -> None:
    for relation in ("=", "!=", "<", "<=", ">", ">="):
        assert not holds(f"fold {relation} 0")
        assert holds(f"not fold {relation} 0")
        assert not holds(f"val_f1 {relation} 0")
    assert not holds("engine != fit") and not holds("engine ~ '*'") and not holds("hp.none not in (1, 2)")


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_compared_as_numbers_are(value: float, limit: float) -> None:
    record = Made({}, {"x": value}, {})
    found = [holds(f"x {relation} {limit!r}", record) for relation in ("=", "!=", "<", "<=", ">", ">=")]
    assert found == [value == limit, value != limit, value < limit, value <= limit, value > limit, value >= limit]


def test_a_day_is_a_stretch_and_a_time_an_instant() -> None:
    day = parse("finished = 2026-11-28", NOW)
    assert isinstance(day, Comparison) and day.operands == (Span(1_795_824_000.0, 1_795_824_000.0 + DAY),)
    [instant] = comparisons(parse("finished = 2026-11-28T08:30", NOW))
    assert instant.operands == (Span(NOW, NOW + 0.001),)
    [ago] = comparisons(parse("finished > -2d", NOW))
    assert ago.operands == (Span(NOW - 2 * DAY, NOW - 2 * DAY + 0.001),)


# ---- what is not understood

RELATION = "expected =, !=, <, <=, >, >=, ~, in or exists"


@pytest.mark.parametrize(
    ("query", "column", "message", "fix"),
    [
        ("val_auc == 1", 9, "there is no ==", "write ="),
        ("a = 1 && b = 2", 7, "there is no &&", "write and"),
        ("val_auc >", 10, "expected a value, found the end", EXAMPLE_FIX),
        ("val_auc", 8, f"{RELATION}, found the end", "write `val_auc exists` for trials that have it"),
        ("fold exist", 6, f"{RELATION}, found exist", "write exists"),
        ("", 1, "expected the name of a field, found the end", f"write a query like '{EXAMPLE}'"),
        ("a = 1 b = 2", 7, "expected and, or, or the end, found b", EXAMPLE_FIX),
        ("(a = 1", 7, "expected and, or or ), found the end", EXAMPLE_FIX),
        ("model in (a b)", 13, "expected , or ), found b", EXAMPLE_FIX),
        ("model in cnn", 10, "expected ( and a list of values, found cnn", "write it like: model in (mlp, cnn)"),
        ("model not = cnn", 11, "expected in, found =", EXAMPLE_FIX),
        ("model = 'cnn", 9, "this quote has no end", "close it"),
        ("model = not", 9, "expected a value, found not", "put it in quotes: 'not'"),
        ("seed = one", 8, "expected a number, found 'one'", "write it like 0.9 or 1e-4"),
        ("seed ~ 1", 8, "seed is no text", "use = < <= > >= for numbers and times"),
        ("model > a", 9, "expected a number after >, found 'a'", "texts have no order; use = or ~"),
        ("duration > long", 12, "expected a duration, found 'long'", "write it like 90s, 5min or 1h30min"),
        ("stat = x", 1, "there is no field stat, and a metric is compared with a number, not 'x'", "write state"),
        ("score > high", 9, "expected a number, found 'high': score is no field, so it is taken for a metric",
         "write it like 0.9 or 1e-4"),
        ("val_auc = 'a'", 11, "expected a number, found 'a': val_auc is no field, so it is taken for a metric",
         "write it like 0.9 or 1e-4"),
        ("state = finished", 9, f"there is no state 'finished', only {', '.join(STATES)}", "write succeeded"),
        ("status != Failed", 11, f"there is no state 'Failed', only {', '.join(STATES)}", "write failed"),
        ("state in (idle, canceled)", 17, f"there is no state 'canceled', only {', '.join(STATES)}", "write cancelled"),
        ("hp. = 1", 1, "expected a parameter's name after hp.", "write hp.learning_rate"),
        ("hp.a = [1", 8, "this list has no end", "close it"),
        ("hp.a = [b]", 8, "expected a number, a text or a list as in JSON, found '[b]'", "write a list as [128, 64]"),
    ],
)  # fmt: skip
def test_errors_say_where_what_and_how(query: str, column: int, message: str, fix: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query, NOW)
    assert raised.value.problems == [Problem("query", 1, column, "", message, fix, query)]


def test_the_states_are_those_of_ledgers_and_what_nobody_wants() -> None:
    assert {*STATES} == {*ledger.STATES, "idle"}
    for meant in OTHER_VALUES.values():
        assert meant in STATES
    parse("state ~ finish")


def test_a_text_is_written_so_that_a_query_has_it_as_one_word() -> None:
    for text in ("digits", "my study", "not", "a=b", "it's", "[a]", "5"):
        [test] = comparisons(parse(f"sweep = {in_query(text)}"))
        assert test.operands == (text,)


def test_an_error_shows_the_line_with_a_caret() -> None:
    with pytest.raises(QueryError) as raised:
        parse("val_auc > 0.9 and\nseed = x")
    assert str(raised.value).splitlines() == [
        "query:1:26: expected a number, found 'x'",
        "  1 | val_auc > 0.9 and seed = x",
        "    |                          ^",
        "  fix: write it like 0.9 or 1e-4",
    ]


def test_a_query_that_is_too_deep_is_an_error() -> None:
    with pytest.raises(QueryError, match="deep"):
        parse("(" * 2000 + "a = 1" + ")" * 2000)
    with pytest.raises(QueryError, match="deep"):
        parse("not " * 2000 + "a = 1")


@pytest.mark.parametrize(
    ("query", "fix"),
    [
        ("val_acc_ > 1", "write val_accuracy"),
        ("val_auk > 1", "write val_roc_auc"),
        ("dropout > 1", "write hp.dropout for the parameter"),
        ("hp.droput > 1", "write hp.dropout"),
        ("hp.lr > 1", "write hp.learning_rate"),
    ],
)
def test_a_name_that_nothing_has_is_an_error_with_the_nearest(query: str, fix: str) -> None:
    there = ["val_accuracy", "val_roc_auc"], ["model.dropout", "train.learning_rate", "model"]
    with pytest.raises(QueryError) as raised:
        check_names(query, parse(query), *there)
    assert raised.value.problems[0].fix == fix
    check_names("", parse("val_auc > 1 and hp.model.dropout > 1 and state = idle"), *there)


WORDS = st.sampled_from(
    [
        "val_auc",
        "hp.x",
        "model",
        "seed",
        "started",
        "=",
        "!=",
        "<",
        "~",
        "in",
        "not",
        "and",
        "or",
        "exists",
        "(",
        ")",
        ",",
        "1",
        "cnn",
        "'a",
        "b'",
        "[1]",
        "-1h",
    ]
)


@given(st.lists(WORDS, max_size=9))
def test_whatever_is_written_is_a_tree_or_an_error_with_a_place(written: list[str]) -> None:
    query = " ".join(written)
    try:
        assert isinstance(asks(parse(query))(RECORD), bool)
    except QueryError as error:
        assert 1 <= error.problems[0].column <= len(query) + 1


@given(st.text(max_size=20))
def test_any_text_is_a_query_or_an_error(text: str) -> None:
    try:
        parse(text)
    except QueryError as error:
        assert error.problems
