"""The documentation is true: links lead somewhere, everything is mentioned, every example does what the text says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blueno.plan.describe import plan_text

from .documents import DOCS, Example, errors, examples, planned

EXAMPLES = [(page, example) for page in sorted(DOCS.glob("*.md")) for example in examples(page)]
COUNTS = ("configs", "trials", "excluded", "duplicates", "datasets")


def place(value: object) -> str:
    return f"{value.name}" if isinstance(value, Path) else f"line-{value.block.line}" if isinstance(value, Example) else ""


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=place)
def test_example(page: Path, example: Example, tmp_path: Path) -> None:
    block = example.block
    if block.said("errors"):
        assert errors(example, tmp_path) == example.shown.rstrip("\n")
    elif block.said("refused"):
        assert block.said("refused")[0] in errors(example, tmp_path)
    elif block.said("later"):
        assert "not yet" in errors(example, tmp_path)
        planned(example, tmp_path, not_yet={})
    else:
        plan = planned(example, tmp_path)
        counts = (len(plan.configs), len(plan.trials), plan.excluded, plan.duplicates, len(plan.datasets))
        expected = {name: int(value) for name in COUNTS for value in block.said(name)}
        assert expected, "an example says how many configs it makes"
        assert {name: count for name, count in zip(COUNTS, counts, strict=True) if name in expected} == expected
        if block.said("plan"):
            assert plan_text(plan) == example.shown.rstrip("\n")
