"""The plan in words: the JSON document and the text of `blueno plan`."""

from __future__ import annotations

import json
from pathlib import Path

from blueno.planning.describe import Known, plan_document, plan_json, plan_text

from .specs import NETWORK, compiled

TEXT = (
    NETWORK
    + "seeds: 2\npreprocess: [{scale: {columns: numeric}}]\nmodel: {architecture: mlp, hidden: {grid: [[8], [16]]}}\n"
    + "train: {learning_rate: {logspace: [1e-3, 1e-1, 3]}}\nexclude: [{train.learning_rate: 0.1, model.hidden: [8]}]\n"
)


def test_the_document_has_what_other_programs_rely_on(tmp_path: Path) -> None:
    plan = compiled(TEXT, tmp_path)
    known = Known({plan.datasets[0].id}, {plan.trials[0].id: "succeeded", plan.trials[1].id: "queued"})
    document = plan_document(plan, known)
    assert document["name"] == "x"
    assert document["objective"] == {"metric": "val_accuracy", "direction": "maximize"}
    assert document["axes"] == [
        {"path": "model.hidden", "values": [[8], [16]]},
        {"path": "train.learning_rate", "values": [0.001, 0.01, 0.1]},
    ]
    assert [document[key] for key in ("configs", "trials", "excluded", "duplicates")] == [5, 10, 1, 0]
    assert document["warnings"] == []
    assert document["datasets"] == [{"id": plan.datasets[0].id, "state": "cached", "steps": ["scale"]}]
    assert document["trial_states"] == {"new": 8, "done": 1, "queued": 1}


def test_the_list_of_trials_is_streamed(tmp_path: Path) -> None:
    plan = compiled(TEXT, tmp_path)
    pieces = list(plan_json(plan, with_trials=True))
    document = json.loads("".join(pieces))
    assert len(pieces) == len(plan.trials) + 2
    assert json.loads("".join(plan_json(plan))) == {key: document[key] for key in document if key != "trial_list"}
    first = document["trial_list"][0]
    assert [first[key] for key in ("id", "config_id", "dataset_id", "seed", "fold")] == list(plan.trials[0][:5])
    assert first["params"] == plan.configs[0].params
    assert first["resolved"]["train"]["batch_size"] == 32
    assert first["resolved"]["data"]["split"]["seed"] == 0
    assert first["resolved"]["preprocess"] == [{"scale": {"method": "standard", "columns": ["numeric"]}}]


def test_the_text_says_what_would_run(tmp_path: Path) -> None:
    assert plan_text(compiled(TEXT, tmp_path)).splitlines() == [
        "x: maximize val_accuracy",
        "",
        "  model.hidden            2  [8], [16]",
        "  train.learning_rate     3  0.001, 0.01, 0.1",
        "",
        "5 configs, 10 trials, 1 excluded",
        "datasets: 1 (0 cached, 1 to build)",
        "trials: 10 new, 0 done",
    ]
