"""Documents for dashboards: two sweeps, three machines, a few failures, made of nothing but a formula."""

from __future__ import annotations

import json
import math
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from blueno.elastic.fields import FIELDS, KINDS, Kind
from blueno.elastic.kibana.axes import Facts, axes_of
from blueno.elastic.templates import alias

from ..elastic_server import Server
from .stores import set_up

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
NOW = START + timedelta(hours=9)
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
UNITS = (16, 64, 256)
MODELS = ("mlp", "cnn")
SEEDS = (0, 1)
EPOCHS = 6
LONG = "the loss is not a number " * 20  # longer than a keyword of a text field holds
Documents = dict[Kind, list[dict[str, Any]]]


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def score(rate: float, units: int, model: str, seed: int) -> float:
    """The objective: best at a rate of 0.003 and with many units."""
    distance = abs(math.log10(rate) - math.log10(0.003))
    return round(
        0.95 - 0.12 * distance + 0.01 * math.log2(units / 16) - (0.03 if model == "mlp" else 0) - 0.005 * seed, 6
    )


def params() -> list[dict[str, Any]]:
    """The configs of the sweep `digits`; only the second model has a dropout."""
    return [
        {"model": {"architecture": model, "units": units} | ({"dropout": 0.25} if model == "cnn" else {}),
         "train": {"learning_rate": rate}}
        for model, units, rate in product(MODELS, UNITS, RATES)
    ]  # fmt: skip


def facts(direction: str = "maximize", metric: str = "val_accuracy") -> Facts:
    """What the dashboard of `digits` is made for."""
    found = params()
    reached = [score(*_setting(each), 0) for each in found]
    axes = axes_of(found, list(reached))
    return Facts("digits", metric, direction, axes, len(axes))


def _setting(each: dict[str, Any]) -> tuple[float, int, str]:
    return each["train"]["learning_rate"], each["model"]["units"], each["model"]["architecture"]


def documents() -> Documents:
    """All of them, by kind."""
    found: Documents = {"trials": [], "epochs": [], "configs": []}
    for number, each in enumerate(params()):
        rate, units, model = _setting(each)
        config = f"{number:02d}" * 32
        trials = [_trial(number * len(SEEDS) + seed, config, rate, units, model, seed) for seed in SEEDS]
        found["trials"] += trials
        found["epochs"] += [epoch for trial in trials for epoch in _epochs(trial)]
        found["configs"].append(_config(config, number, trials))
    found["trials"] += [_other(number) for number in range(8)]
    return found


def _trial(number: int, config: str, rate: float, units: int, model: str, seed: int) -> dict[str, Any]:
    started = START + timedelta(minutes=6 * number)
    ended = started + timedelta(minutes=9, seconds=number)
    state = "failed" if number % 11 == 5 else "diverged" if number == 12 else "running" if number == 70 else "succeeded"
    value = score(rate, units, model, seed)
    trial: dict[str, Any] = {
        "@timestamp": iso(ended), "trial_id": f"{number:04x}" * 16, "config_id": config, "dataset_id": "d" * 64,
        "store": "s1", "owner": "ada", "seq": number, "sweeps": ["digits"], "sweep_ids": ["1" * 64],
        "name": f"{number:04x}" * 4, "state": state, "attempt": 2 if number % 11 == 5 else 1, "seed": seed,
        "created": iso(START), "started": iso(started), "model": model, "engine": "fit", "executor": "local",
        "hp": _hp(rate, units, model), "hp_all": {"train.learning_rate": str(rate)}, "preprocess": ["scale"],
        "host": {"name": f"machine-{number % 3}", "slot": f"slot{number % 2}", "device": "cpu", "platform": "Linux",
                 **({"gpu": "a GPU", "gpu_memory_bytes": 80 * 1024**3} if number % 3 == 0 else {}),
                 "python": "3.12.1", "libraries": {"keras": "3.9"}},
        "resources": {"peak_memory_bytes": 1_000_000 * (100 + number), "threads": 1}, "code": {"blueno": "0.1.0"},
        "objective": {"metric": "val_accuracy", "direction": "maximize"}, "metrics": {}, "tags": ["demo"],
    }  # fmt: skip
    if state != "running":
        trial |= {"finished": iso(ended), "duration_s": 540.0 + number}
    if state == "succeeded":
        trial["objective"] |= {"value": value, "epoch": EPOCHS}
        trial["metrics"] = {"val_accuracy": value, "val_loss": round(1 - value, 6)}
    if state == "diverged":
        trial["nonfinite"] = ["train_loss"]
    if state == "failed":
        group, message = (("g-memory", "no memory left"), ("g-data", LONG))[number % 2]
        trial["error"] = {"class": "out_of_memory" if number % 2 == 0 else "data", "type": "ValueError",
                          "message": f"{message} in trial {number}", "traceback": "line 1", "group": group}  # fmt: skip
    return trial


def _hp(rate: float, units: int, model: str) -> dict[str, Any]:
    number = {"train.learning_rate": rate, "model.units": units} | ({"model.dropout": 0.25} if model == "cnn" else {})
    return {"num": number, "cat": {"model": model}}


def _other(number: int) -> dict[str, Any]:
    """A trial of another sweep, by somebody else; some of its fields are missing, as they are of what waits."""
    state = "succeeded" if number < 5 else "queued"
    trial: dict[str, Any] = {
        "@timestamp": iso(START + timedelta(minutes=20 * number)), "trial_id": f"f{number:03x}" * 16,
        "config_id": "f" * 64, "store": "s2", "owner": "bob", "seq": number, "sweeps": ["prices"],
        "name": f"f{number:03x}" * 4, "state": state, "attempt": 1 if number < 5 else 0, "seed": number,
        "model": "ridge", "objective": {"metric": "val_mae", "direction": "minimize"}, "metrics": {},
    }  # fmt: skip
    if number < 5:
        ended = START + timedelta(minutes=20 * number)
        trial |= {"started": iso(ended - timedelta(minutes=2)), "finished": iso(ended), "duration_s": 120.0,
                  "host": {"name": "machine-0", "slot": "slot1"}, "engine": "estimator"}  # fmt: skip
        trial["objective"]["value"] = trial["metrics"]["val_mae"] = 3.0 - 0.1 * number
    return trial


def _epochs(trial: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if trial["state"] in ("failed", "diverged"):
        return
    names = ("@timestamp", "trial_id", "config_id", "store", "owner", "seq", "sweeps", "model", "attempt")
    base = {name: trial[name] for name in names}
    goal = trial["metrics"].get("val_accuracy", 0.5)
    for split, epoch in product(("train", "val"), range(1, EPOCHS + 1)):
        accuracy = round(goal * (1 - 0.5**epoch) + (0.01 if split == "train" else 0), 6)
        yield {
            **base,
            "split": split,
            "epoch": epoch,
            "metrics": {"accuracy": accuracy, "loss": round(1 - accuracy, 6)},
        }
    yield {**base, "split": "other", "epoch": 1, "metrics": {"learning_rate": 0.1}}


def _config(config: str, number: int, trials: list[dict[str, Any]]) -> dict[str, Any]:
    values = [trial["objective"]["value"] for trial in trials if "value" in trial["objective"]]
    objective: dict[str, Any] = {"metric": "val_accuracy", "direction": "maximize"}
    if values:
        objective |= {"mean": sum(values) / len(values), "best": max(values), "worst": min(values)}
    if len(values) > 1:
        objective["std"] = abs(values[0] - values[1]) / math.sqrt(2)
    return {
        "@timestamp": trials[-1]["@timestamp"], "config_id": config, "store": "s1", "owner": "ada", "seq": number,
        "sweep": "digits", "sweep_id": "1" * 64, "revision": 1, "position": number, "model": trials[0]["model"],
        "preprocess": ["scale"], "hp": trials[0]["hp"], "hp_all": trials[0]["hp_all"], "replicates": len(values),
        "planned": len(trials), "complete": len(values) == len(trials), "states": {"succeeded": len(values)},
        "objective": objective, "metrics": {}, "duration_s": sum(trial.get("duration_s", 0.0) for trial in trials),
        "engines": ["fit"], "tags": ["demo"],
    }  # fmt: skip


def unlisted(kind: Kind, document: dict[str, Any]) -> list[str]:
    """Paths of a document that the list of fields does not have."""
    names = {field.name for field in FIELDS[kind]}

    def paths(value: Any, path: str) -> Iterator[str]:
        if path in names or f"{path}.*" in names:
            return
        if not isinstance(value, dict):
            yield path
            return
        for name, inner in value.items():
            yield from paths(inner, f"{path}.{name}" if path else name)

    return list(paths(document, ""))


def fill(server: Server, prefix: str, found: Documents) -> None:
    """Puts the documents into indices of their own."""
    set_up(server, prefix)
    lines: list[dict[str, Any]] = []
    for kind in KINDS:
        for place, document in enumerate(found[kind]):
            lines += [{"index": {"_index": alias(prefix, kind), "_id": f"{kind}{place}"}}, document]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    url = f"{server.url}/_bulk?refresh=true&require_alias=true"
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-ndjson"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.loads(answer.read())["errors"] is False
