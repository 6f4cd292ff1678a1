"""Which trials may be trained as one program, told from their recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blueno.engine import engine_here
from blueno.planning import compile_spec
from blueno.planning.families import families, family_of, share_out
from blueno.settings import Settings
from blueno.spec import load

SPEC = """\
version: 1
name: t
objective: {maximize: val_accuracy}
data: {source: {sklearn: digits}, split: {validation: 0.2}}
model: {architecture: mlp, hidden: [8], dropout: 0.1}
train: {epochs: 3}
"""


def recipe(model: dict[str, Any] | None = None, **train: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "optimizer": {"adamw": {"weight_decay": 0.004, "beta_1": 0.9}}, "learning_rate": 0.001, "loss": None,
        "batch_size": 32, "epochs": 10, "early_stopping": None, "reduce_on_plateau": None, "class_weight": None,
        "mixed_precision": False, "select": None, "stages": None,
    }  # fmt: skip
    return {
        "augment": [], "code": {}, "dataset": "d", "recipe": 1, "seed": 0,
        "model": {"architecture": "mlp", "hidden": [64], "dropout": 0.1, "batch_norm": False} | (model or {}),
        "train": usual | train,
    }  # fmt: skip


def with_decay(value: float | None) -> dict[str, Any]:
    return {"optimizer": {"adamw": {"weight_decay": value, "beta_1": 0.9}}}


@pytest.mark.parametrize("other", [
    {**recipe(), "seed": 7},
    {**recipe(), "dataset": "another"},
    recipe(learning_rate=0.1),
    recipe(learning_rate={"cosine": {"from": 0.1, "to": 0.0, "warmup_epochs": 1, "decay_epochs": None}}),
    recipe(epochs=99),
    recipe(early_stopping={"monitor": "val_loss", "patience": 3, "min_delta": 0.0}),
    recipe(reduce_on_plateau={"monitor": "val_loss", "factor": 0.5, "patience": 1, "min_learning_rate": 0.0}),
    recipe(select={"maximize": "val_accuracy"}),
    recipe({"dropout": 0.5}),
    recipe(**with_decay(0.1)),
])  # fmt: skip
def test_what_may_differ_in_a_family(other: dict[str, Any]) -> None:
    assert family_of(other).key == family_of(recipe()).key != ""


@pytest.mark.parametrize("other", [
    {**recipe(), "augment": [{"random_flip": {"mode": "horizontal"}}]},
    {**recipe(), "code": {"model": "abc"}},
    {**recipe(), "recipe": 2},
    recipe({"hidden": [32]}),
    recipe({"architecture": "cnn"}),
    recipe({"batch_norm": True}),
    recipe({"dropout": 0.0}),
    recipe({"dropout": -0.1}),
    recipe(batch_size=64),
    recipe(loss="focal"),
    recipe(class_weight="balanced"),
    recipe(optimizer={"adam": {"weight_decay": 0.004, "beta_1": 0.9}}),
    recipe(**with_decay(None)),
])  # fmt: skip
def test_what_makes_another_family(other: dict[str, Any]) -> None:
    assert family_of(other).key not in ("", family_of(recipe()).key)


HEAD, ALL = {"epochs": 1, "trainable": "head"}, {"learning_rate": 1e-5}
STOPPING = {"monitor": "val_loss", "patience": 3, "min_delta": 0.0}


@pytest.mark.parametrize("other", [
    recipe(stages=[HEAD | {"epochs": 7}, ALL]),
    recipe(stages=[HEAD, ALL | {"early_stopping": STOPPING}]),
    recipe(stages=[HEAD, {"learning_rate": {"cosine_decay": {"decay_steps": 9}}}], select={"best": "val_accuracy"}),
    recipe(stages=[HEAD, ALL | with_decay(0.3)]),
    recipe(stages=[HEAD, ALL | {"batch_size": 32}], epochs=3),
    {**recipe({"dropout": 0.5}, stages=[HEAD, ALL]), "seed": 7},
])  # fmt: skip
def test_what_may_differ_in_stages(other: dict[str, Any]) -> None:
    assert family_of(other) == family_of(recipe(stages=[HEAD, ALL]))


@pytest.mark.parametrize("other", [
    recipe(),
    recipe(stages=[HEAD]),
    recipe(stages=[ALL, HEAD]),
    recipe(stages=[HEAD, ALL, ALL]),
    recipe(stages=[HEAD, ALL | {"trainable": "all"}]),
    recipe(stages=[HEAD, ALL | {"batch_size": 64}]),
    recipe(stages=[HEAD, ALL | {"loss": {"hinge": {}}}]),
    recipe(stages=[HEAD, ALL | {"class_weight": "balanced"}]),
    recipe(stages=[HEAD, ALL | {"optimizer": {"sgd": {}}}]),
    recipe(stages=[HEAD, ALL | with_decay(0.0)]),
])  # fmt: skip
def test_what_makes_another_family_of_stages(other: dict[str, Any]) -> None:
    assert family_of(other).key not in ("", family_of(recipe(stages=[HEAD, ALL])).key)


def rotated(factor: Any, **more: Any) -> dict[str, Any]:
    return {**recipe(), "augment": [{"random_flip": {}}, {"RandomRotation": {"factor": factor} | more}]}


def test_the_strength_of_augmentation_may_differ() -> None:
    assert family_of(rotated(0.3)) == family_of(rotated(0.1))


@pytest.mark.parametrize("other", [
    rotated(0.0), rotated([0.1, 0.2]), rotated(0.1, fill_value=0.5), rotated(0.1, fill_mode="nearest"), recipe(),
    {**recipe(), "augment": [{"random_flip": {}}, {"own.py:Noise": {"factor": 0.1}}]},
])  # fmt: skip
def test_what_of_augmentation_may_not(other: dict[str, Any]) -> None:
    assert family_of(other).key != family_of(rotated(0.1)).key


def test_weights_of_classes_may_differ_where_all_have_some() -> None:
    balanced, own = recipe(class_weight="balanced"), recipe(class_weight={"0": 2.0, "1": 1.0})
    assert family_of(balanced) == family_of(own)


@pytest.mark.parametrize(("other", "why"), [
    (recipe(mixed_precision=True), "mixed precision"),
    ({**recipe(), "model": {"estimator": "sklearn.svm:SVC"}}, "no network"),
    ({**recipe(), "model": {"function": "job.py:train"}, "train": None}, "no network"),
])  # fmt: skip
def test_what_is_trained_one_at_a_time(other: dict[str, Any], why: str) -> None:
    assert family_of(other) == ("", why)


def plan(tmp_path: Path, text: str) -> list[Any]:
    spec = tmp_path / "spec.yaml"
    spec.write_text(text)
    return compile_spec(load(spec, root=tmp_path), tmp_path).trials


def test_seeds_and_folds_of_a_config_are_of_one_family(tmp_path: Path) -> None:
    trials = plan(tmp_path, SPEC.replace("validation: 0.2", "folds: 3") + "seeds: 2\n")
    assert len(trials) == 6
    assert len(set(families(trials))) == 1


def test_trials_are_shared_out(tmp_path: Path) -> None:
    text = SPEC.replace("hidden: [8]", "hidden: {grid: [[8], [8, 8]]}").replace(
        "dropout: 0.1", "dropout: {grid: [0.0, 0.1]}"
    )
    trials = plan(tmp_path, text + "seeds: 8\n")
    assert share_out(trials, "auto").document() == {"fused": [8, 8, 8, 8], "fit": []}
    few = share_out(trials[:20], "auto")
    assert few.text() == "engine: fused: 2 families (8, 8 trials); fit: 4 trials (fewer than 8 of a family)"
    assert share_out(trials[:20], "fused").fused == [8, 8, 4]
    assert share_out(trials, "fit", "told so").text() == "engine: fit: 32 trials (told so)"
    assert share_out([], "auto").text() == ""


def test_where_nothing_is_fused(tmp_path: Path) -> None:
    def choice(resources: dict[str, Any] | None = None, environment: Any = None, **settings: Any) -> Any:
        return engine_here(Settings(tmp_path, **settings), resources or {}, environment or {})

    assert choice(engine="auto") == ("auto", "")
    assert choice(engine="fused") == ("fused", "")
    assert choice(environment={"KERAS_BACKEND": "jax"}, engine="auto") == ("auto", "")
    found = engine_here(Settings(tmp_path), {}, {}, lambda: True)
    assert found.engine == "fit" and found.why_not.startswith("on GPUs")
    assert engine_here(Settings(tmp_path), {"gpus": 0}, {}, lambda: True).engine == "auto"
    assert engine_here(Settings(tmp_path, devices="cpu"), {}, {}, lambda: True).engine == "auto"
    for found in (
        choice(engine="fit"), choice(executor="inline", engine="fused"), choice(devices="0"), choice({"gpus": 1}),
        choice(environment={"KERAS_BACKEND": "torch"}),
    ):  # fmt: skip
        assert found.engine == "fit" and found.why_not
