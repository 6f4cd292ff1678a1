"""The fields of a trial that queries know beside `hp.NAME` and the names of metrics."""

from __future__ import annotations

from typing import NamedTuple


class Known(NamedTuple):
    """`kind` is text, words (a text of sentences), id (its beginning is enough), number, time or duration."""

    kind: str
    help: str
    planned: bool = False  # known before a trial is trained: `sweep --only` may ask for it
    values: tuple[str, ...] = ()  # all that there are, if others are a mistake


STATES = ("queued", "running", "succeeded", "diverged", "pruned", "failed", "cancelled", "idle")
FIELDS = {
    "trial": Known("id", "the trial's id", True),
    "config": Known("id", "the id of its config", True),
    "dataset": Known("id", "the id of its dataset", True),
    "state": Known("text", ", ".join(STATES), values=STATES),
    "model": Known("text", "its architecture, estimator, function or command", True),
    "sweep": Known("text", "the name of each sweep that has it"),
    "tags": Known("text", "each tag of its sweeps"),
    "owner": Known("text", "whose store it is in"),
    "host": Known("text", "the machine that trained it"),
    "engine": Known("text", "fit, fused, estimator, function, command"),
    "origin": Known("text", "where it comes from: blueno, or optuna, wandb, ... for results that were imported"),
    "seed": Known("number", "the replicate's seed", True),
    "fold": Known("number", "the replicate's fold, from 0", True),
    "epoch": Known("number", "the epoch that counts"),
    "objective": Known("number", "the value of what its newest sweep optimises"),
    "metric": Known("text", "the name of what its newest sweep optimises"),
    "nonfinite": Known("text", "each metric that was not finite"),
    "started": Known("time", "when its newest attempt began"),
    "finished": Known("time", "when its newest attempt ended"),
    "duration": Known("duration", "how long that took"),
    "error": Known("text", "the class of its failure: user_code, data, out_of_memory, ..."),
    "error.type": Known("text", "the exception's type"),
    "error.message": Known("words", "the exception's message"),
}
# what people type elsewhere, as whole names
ALIASES = {
    "id": "trial", "trial_id": "trial", "config_id": "config", "dataset_id": "dataset", "status": "state",
    "name": "sweep", "sweeps": "sweep", "tag": "tags", "user": "owner", "architecture": "model", "estimator": "model",
    "ended": "finished", "duration_s": "duration", "error.class": "error", "error_class": "error",
    "message": "error.message", "value": "objective",
}  # fmt: skip
# what values are called elsewhere
OTHER_VALUES = {
    "finished": "succeeded", "done": "succeeded", "complete": "succeeded", "completed": "succeeded",
    "success": "succeeded", "ok": "succeeded", "error": "failed", "crashed": "failed", "waiting": "queued",
    "pending": "queued", "active": "running", "started": "running", "killed": "cancelled", "stopped": "cancelled",
    "nan": "diverged",
}  # fmt: skip
