"""A real sweep of networks, killed in the middle of a training: it goes on from the last epoch, to the same bits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .project import Project, kill, wait_for

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow

EPOCHS = 60
SPEC = f"""\
version: 1
name: nets
objective: {{maximize: val_accuracy}}
data: {{source: {{sklearn: digits}}, split: {{test: 0.2, validation: 0.2, seed: 0}}}}
augment: [{{gaussian_noise: {{stddev: 0.1}}}}]
model: {{architecture: mlp, hidden: [32], dropout: 0.2}}
train:
  batch_size: 4
  select: {{best: val_loss}}
  stages:
    - {{epochs: 10, learning_rate: 1e-3}}
    - {{epochs: {EPOCHS - 10}, optimizer: {{sgd: {{momentum: 0.9}}}}, learning_rate: 1e-3}}
"""


def project(folder: Path) -> Project:
    made = Project(folder)
    made.write(nets_yaml=SPEC)
    return made


def states(made: Project) -> list[Path]:
    return list((made.root / "data" / "work" / "checkpoints").glob("*/training.npz"))


def left_again(made: Project, before_ns: int) -> int:
    """When the state was last left, once that is after `before_ns`."""
    return int(wait_for(lambda: max((each.stat().st_mtime_ns for each in states(made) if each.exists()
                                     and each.stat().st_mtime_ns > before_ns), default=0), 120))  # fmt: skip


def result(made: Project) -> dict[str, Any]:
    (trial,) = made.json("plan", "nets.yaml", "--trials")["trial_list"]
    shown: dict[str, Any] = made.json("show", trial["id"])
    return shown


def test_what_a_killed_worker_and_a_killed_scheduler_trained_is_not_trained_again(tmp_path: Path) -> None:
    killed, whole = project(tmp_path / "killed"), project(tmp_path / "whole")
    sweep = killed.start("sweep", "nets.yaml", "--devices", "cpu", BLUENO_CHECKPOINT_S="0")
    first_ns = left_again(killed, 0)
    kill(killed.workers()[0])  # the scheduler is there, and gives the trial to another worker
    second_ns = left_again(killed, first_ns + 2_000_000_000)
    for process in [sweep, *killed.workers()]:
        kill(process)
    sweep.communicate()
    wait_for(lambda: not killed.processes(), 20)
    assert states(killed) and left_again(killed, 0) >= second_ns
    killed.run("sweep", "nets.yaml", "--devices", "cpu")
    whole.run("sweep", "nets.yaml", "--devices", "cpu", BLUENO_CHECKPOINT_S="3600")

    found, expected = result(killed), result(whole)
    epochs = [int(number) for note in found["notes"] for number in re.findall(r"went on after epoch (\d+)", note)]
    assert len(epochs) == 2 and 0 < epochs[0] < epochs[1] < EPOCHS
    assert len(found["history"]["loss"]) == EPOCHS and found["history"] == expected["history"]
    assert found["metrics"] == expected["metrics"] and expected["notes"] == []
    assert not states(killed) and not states(whole)
    assert killed.json("verify")["ok"]
