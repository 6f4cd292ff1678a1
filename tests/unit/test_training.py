"""What only a whole `train` shows to be wrong, and how often a trial leaves its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from blueno.errors import SpecErrors
from blueno.settings import checkpoint_interval_s

from .specs import NETWORK, compiled

BOTH = """\
train:
  learning_rate: {one_of: [1e-3, {cosine: {from: 1e-2}}]}
  reduce_on_plateau: {one_of: [none, {patience: 2}]}
"""


def test_a_contradiction_that_exclude_drops_is_none(tmp_path: Path) -> None:
    pattern = "{train.reduce_on_plateau: {exists: true}, train.learning_rate.cosine: {exists: true}}"
    assert len(compiled(f"{NETWORK}model: {{architecture: mlp}}\n{BOTH}exclude: [{pattern}]\n", tmp_path).configs) == 3
    with pytest.raises(SpecErrors, match="reduce_on_plateau lowers a learning rate"):
        compiled(f"{NETWORK}model: {{architecture: mlp}}\n{BOTH}", tmp_path)


def test_what_a_function_makes_of_train_is_its_own_matter(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("def train(trial):\n    ...\n")
    assert len(compiled(f"{NETWORK}model: {{function: job.py:train}}\n{BOTH}", tmp_path).configs) == 4


def test_a_log_loss_may_be_compared_between_stages_with_other_losses(tmp_path: Path) -> None:
    stages = "stages: [{loss: {categorical_crossentropy: {label_smoothing: 0.1}}}, {epochs: 4}]"
    compiled(f"{NETWORK}model: {{architecture: mlp}}\ntrain: {{select: {{best: val_log_loss}}, {stages}}}\n", tmp_path)
    compiled(
        f"{NETWORK}model: {{architecture: mlp}}\ntrain: {{early_stopping: {{}}, select: last, {stages}}}\n", tmp_path
    )


def test_workers_find_how_often_a_trial_leaves_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkpoint_interval_s(tmp_path) == 300.0
    (tmp_path / "blueno.toml").write_text("checkpoint_s = 60\n")
    assert checkpoint_interval_s(tmp_path) == 60.0
    monkeypatch.setenv("BLUENO_CHECKPOINT_S", "0")
    assert checkpoint_interval_s(tmp_path) == 0.0
    (tmp_path / "blueno.toml").write_text("edited while a sweep runs =")
    assert checkpoint_interval_s(tmp_path) == 300.0


@pytest.mark.parametrize(("inner", "warns"), [("{epochs: 1}", True), ("{trainable: head}", False)])
def test_epochs_beside_stages_that_all_have_their_own(tmp_path: Path, inner: str, warns: bool) -> None:
    text = NETWORK + f"model: {{architecture: mlp}}\ntrain: {{epochs: 9, stages: [{{epochs: 1}}, {inner}]}}\n"
    assert [each.partition(" ")[0] for each in compiled(text, tmp_path).warnings] == ["train.epochs"] * warns


def test_a_name_left_empty(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match="fix: write name: digits"):
        compiled((NETWORK + "model: {architecture: mlp}\n").replace("name: x", "name:"), tmp_path)
