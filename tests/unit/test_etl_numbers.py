"""What is said of columns that are no numbers at the end, and that what is said helps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from blueno.cache.folder import FolderCache
from blueno.errors import DataError
from blueno.etl.build import build
from blueno.etl.numbers import check_numeric, odd_text, odd_words
from blueno.planning import compile_spec
from blueno.spec import load
from blueno.usercode import CodeFolder

SPEC = """
version: 1
name: ages
objective: {{maximize: val_accuracy}}
data: {{source: {source}, target: died, split: {{validation: 0.25}}}}
preprocess: {steps}
model: {{estimator: sklearn.linear_model:LogisticRegression}}
"""


def ages() -> pd.DataFrame:
    age = [str(20 + row) for row in range(46)] + ["?", "-", "?", "?"]
    return pd.DataFrame({"age": age, "died": ["yes", "no"] * 25})


def built(folder: Path, source: str, steps: str) -> dict[str, Any]:
    """The summary of the dataset of a spec."""
    (folder / "ages.yaml").write_text(SPEC.format(source=source, steps=steps), encoding="utf-8")
    plan = compile_spec(load(folder / "ages.yaml", [], folder), folder)
    recipe, cache = json.loads(plan.datasets[0].recipe), FolderCache(folder / "cache")
    return build(recipe, cache, CodeFolder(folder, ""), lambda _: None, plan.files).summary


def test_words_that_make_text_of_numbers_are_counted() -> None:
    found = odd_words(ages()["age"])
    assert found == {"?": 3, "-": 1}
    assert odd_text(found) == 'numbers, but for "?" (3 times) and "-" (once)'
    many = odd_text({f"w{i}": 1 for i in range(12)})
    assert many.endswith('"w9" (once) and 2 other texts')


@pytest.mark.parametrize("values", [[1.0, None], ["a", "b", "1"], [None, None], ["1", "2"]])
def test_of_other_columns_nothing_is_said(values: list[Any]) -> None:
    assert odd_words(pd.Series(values)) == {}


def test_the_fix_is_in_the_words_of_the_source() -> None:
    table = ages()[["age"]].assign(ward="north")
    with pytest.raises(
        DataError, match=r'age \(numbers, but for "\?" \(3 times\) and "-" \(once\)\), ward \(cat'
    ) as told:
        check_numeric(table, "csv")
    assert 'data.source: {csv: {path: ..., missing: ["?", "-"]}}' in told.value.fix
    assert told.value.fix.endswith("add to preprocess: [impute, one_hot]")
    with pytest.raises(DataError) as told:
        check_numeric(table, "parquet")
    assert "missing" not in told.value.fix and "{steps.py:numbers: {columns: [age]}}" in told.value.fix


def test_the_fix_works_for_csv(tmp_path: Path) -> None:
    ages().to_csv(tmp_path / "ages.csv", index=False)
    with pytest.raises(DataError, match="no numbers: age"):
        built(tmp_path, "{csv: ages.csv}", "[scale]")
    summary = built(tmp_path, '{csv: {path: ages.csv, missing: ["?", "-"]}}', "[impute, scale]")
    assert summary["columns"] == ["age"]


def test_the_fix_works_for_sources_without_missing(tmp_path: Path) -> None:
    ages().to_parquet(tmp_path / "ages.parquet")
    code = "import pandas\n\n\ndef numbers(table):\n    return table.apply(pandas.to_numeric, errors='coerce')\n"
    (tmp_path / "steps.py").write_text(code)
    steps = "[{steps.py:numbers: {columns: [age]}}, impute, scale]"
    assert built(tmp_path, "{parquet: ages.parquet}", steps)["columns"] == ["age"]
