"""The compiler against a brute-force one, on random specs; and that order of keys and comments change no id."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from blueno.errors import SpecErrors
from blueno.planning import Plan, compile_spec
from blueno.spec import load

from .brute_force import SECTIONS, compile_slowly, documents, flat

NUMBERS = st.integers(1, 9)
GRIDS = st.lists(NUMBERS, min_size=1, max_size=3, unique=True).map(lambda values: {"grid": values})
LEAVES = st.recursive(
    NUMBERS | GRIDS,
    lambda inner: st.lists(inner, min_size=1, max_size=2).map(lambda alternatives: {"one_of": alternatives}),
    max_leaves=4,
)
KEYS = ("a", "b", "c", "d", "e", "f")
MOST = 400  # configs before exclusions; brute force is slow
OPERATORS = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specs")
    (folder / "job.py").write_text("def train(trial):\n    return {}\n")
    return folder


@st.composite
def models(draw: st.DrawFn) -> dict[str, Any]:
    """A function with free parameters: plain, nested, and merged in by alternatives."""
    fields: dict[str, Any] = {"function": "job.py:train"}
    for key in draw(st.lists(st.sampled_from(KEYS[:3]), unique=True, max_size=3)):
        fields[key] = draw(LEAVES)
    if draw(st.booleans()):
        fields["nested"] = {"x": draw(LEAVES), "y": draw(NUMBERS)}
    if draw(st.booleans()):
        fields["one_of"] = [
            {
                key: draw(LEAVES)
                for key in draw(st.lists(st.sampled_from(KEYS[3:]), unique=True, min_size=1, max_size=2))
            }
            for _ in range(draw(st.integers(1, 3)))
        ]
    return dict(draw(st.permutations(list(fields.items()))))


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec of a function, with arms, pairs and exclusions now and then."""
    sections: dict[str, Any] = {"model": draw(models())}
    if draw(st.booleans()):
        sections["train"] = {"epochs": draw(LEAVES), "batch_size": draw(LEAVES)}
    if draw(st.booleans()):
        sections["one_of"] = [
            {"train" if draw(st.booleans()) else "model": {draw(st.sampled_from(["g", "h"])): draw(LEAVES)}}
            for _ in range(draw(st.integers(1, 3)))
        ]
        for arm in sections["one_of"]:
            if "train" in arm:
                arm["train"] = {"learning_rate": draw(LEAVES)}
    if draw(st.booleans()):
        size = draw(st.integers(2, 3))
        for section, key in (("model", "first"), ("train", "min")):
            values = {"grid": list(range(1, size + 1))}
            sections.setdefault(section, {})["patience" if section == "train" else key] = values
        sections["train"]["early_stopping"] = {"patience": sections["train"].pop("patience")}
        sections["zip"] = [["model.first", "train.early_stopping.patience"]]
    spec = dict(draw(st.permutations(list(sections.items()))))
    assume(len(list(islice(documents(spec), MOST + 1))) <= MOST)
    paths = sorted({path for way in documents(spec) for path in flat(way.value)} - {"model.function"})
    if paths and draw(st.booleans()):
        spec["exclude"] = draw(st.lists(patterns(paths), min_size=1, max_size=2))
    return {"version": 1, "name": "random", "objective": {"maximize": "score"}, **spec}


@st.composite
def patterns(draw: st.DrawFn, paths: list[str]) -> dict[str, Any]:
    """A pattern over paths that are there."""
    pattern: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(paths), min_size=1, max_size=2, unique=True)):
        operand = draw(NUMBERS | st.sampled_from(paths).map(lambda other: {"ref": other}))
        pattern[path] = draw(
            st.just({"exists": draw(st.booleans())})
            | st.just({draw(OPERATORS): operand})
            | st.just({"in": draw(st.lists(NUMBERS, min_size=1, max_size=3))})
            | NUMBERS
        )
    return pattern


def compiled(text: str, folder: Path) -> Plan:
    path = folder / "spec.yaml"
    path.write_text(text)
    return compile_spec(load(path, root=folder), folder)


def without_arm(params: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key in SECTIONS}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(spec=specs())
def test_agrees_with_brute_force(spec: dict[str, Any], folder: Path) -> None:
    expected, excluded, duplicates = compile_slowly(spec)
    if not expected:
        with pytest.raises(SpecErrors, match="the patterns drop every config"):
            compiled(json.dumps(spec), folder)
        return
    plan = compiled(json.dumps(spec), folder)
    assert [without_arm(config.params) for config in plan.configs] == expected
    assert (plan.excluded, plan.duplicates) == (excluded, duplicates)
    assert len({config.id for config in plan.configs}) == len(plan.configs)
    assert len({trial.id for trial in plan.trials}) == len(plan.trials)


@settings(max_examples=40, deadline=None)
@given(spec=specs(), chance=st.randoms(use_true_random=False))
def test_order_of_keys_changes_no_id(spec: dict[str, Any], chance: Any, folder: Path) -> None:
    assume(compile_slowly(spec)[0])
    plan = compiled(json.dumps(spec), folder)
    shuffled = compiled("# a comment\n" + json.dumps(_shuffled(spec, chance), indent=1), folder)
    assert {config.id for config in shuffled.configs} == {config.id for config in plan.configs}
    assert {trial.id for trial in shuffled.trials} == {trial.id for trial in plan.trials}


def _shuffled(value: Any, chance: Any) -> Any:
    if isinstance(value, list):
        return [_shuffled(each, chance) for each in value]
    if not isinstance(value, dict):
        return value
    items = list(value.items())
    chance.shuffle(items)
    return {key: _shuffled(each, chance) for key, each in items}
