"""Documents, made of rows of the store. Pure: the same rows make the same documents, whoever sends them.

A number that is not finite becomes null, and its name goes into `nonfinite`. `redact` takes secrets out of every text.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from ..canonical import short
from ..planning.describe import resolved
from ..redaction import Redact, redacted
from ..store.asked import measured, values
from ..store.outbox import Part, SweepFacts, TrialFacts
from ..store.read import Row
from ..store.transitions import history_of, unpack
from ..tables import cell, flat, spread
from .fields import Kind

LOG_CHARACTERS = 100_000  # of a log, half of it from its beginning and half from its end
TEXT_CHARACTERS = 20_000  # of a message or a traceback
MODELS = ("architecture", "estimator", "function", "command")
SPLITS = ("train", "val", "test")


class Document(NamedTuple):
    """One document: `source` is None for one that is to be deleted. `trial` is whose it is, for `waiting` and errors;
    a config's is one of its trials.
    """

    kind: Kind
    id: str
    seq: int
    trial: str
    source: dict[str, Any] | None


class Owner(NamedTuple):
    """The store that documents come from."""

    store: str
    owner: str


def documents(part: Part, whose: Owner, redact: Redact, unmade: dict[str, str]) -> Iterator[Document]:
    """All documents of a part of the store: of its trials, of their epochs, and of their configs.

    A trial whose documents cannot be made gets into `unmade`, with the reason; the others go on.
    """
    done: set[tuple[int, str]] = set()
    for trial in part.trials:
        try:
            made = list(_documents_of(trial, part, whose, redact, done))
        except Exception as error:  # whatever its rows hold, it must not hold up the others
            unmade[trial.row["id"]] = redact(f"its document cannot be made: {type(error).__name__}: {error}")
        else:
            yield from made


def _documents_of(
    trial: TrialFacts, part: Part, whose: Owner, redact: Redact, done: set[tuple[int, str]]
) -> Iterator[Document]:
    """The documents of a trial, and of those of its configs that are not `done`."""
    id, config = trial.row["id"], trial.row["config"]
    source = safe_document(trial, part, whose, redact)
    yield Document("trials", f"{whose.store}:{id}", part.seq, id, source)
    yield from epochs_of(trial, source, part.seq, redact)
    for wish in trial.wishes:
        place = (wish.sweep, config)
        if place not in done and part.configs.get(place):
            sweep = part.sweeps[wish.sweep]
            about = redacted(config_document(trial, sweep, part, whose, source["@timestamp"]), redact)
            done.add(place)
            yield Document("configs", f"{whose.store}:{sweep.id}:{config}", part.seq, id, about)


# ---- trials


def safe_document(trial: TrialFacts, part: Part, whose: Owner, redact: Redact) -> dict[str, Any]:
    """The document of a trial as it is sent: without secrets, and only then without the middle of long texts, since
    half a secret has no shape that is known.
    """
    found: dict[str, Any] = redacted(trial_document(trial, part, whose), redact)
    if found.get("log"):
        found["log"] = shortened(found["log"], LOG_CHARACTERS)
    error = found.get("error") or {}
    for name in {"message", "traceback"} & set(error):
        error[name] = shortened(error[name], TEXT_CHARACTERS)
    return found


def trial_document(trial: TrialFacts, part: Part, whose: Owner) -> dict[str, Any]:
    """The document of a trial, secrets and all, however long."""
    row = trial.row
    sweeps = [part.sweeps[wish.sweep] for wish in trial.wishes]
    newest = sweeps[-1] if sweeps else None
    recipe, facts = json.loads(row["recipe"]), json.loads(row["facts"] or "{}")
    found, unfinite = finite(_metrics(row, newest))
    succeeded = row["outcome"] == "succeeded" and row["state"] == "succeeded"
    metric = newest.metric if newest else None
    error = json.loads(row["error"]) if row["error"] else None
    document = {
        "@timestamp": row["ended"] or row["changed"] or (newest.submitted if newest else None),
        "trial_id": row["id"],
        "config_id": row["config"],
        "dataset_id": row["dataset"],
        **_where_from(whose, part.seq),
        "sweeps": list(dict.fromkeys(sweep.name for sweep in sweeps)),
        "sweep_ids": [sweep.id for sweep in sweeps],
        "name": short(row["id"]),
        "number": row["number"],
        "state": state_of(trial),
        "attempt": row["attempt"],
        "seed": row["seed"],
        "fold": row["fold"],
        "created": min((sweep.submitted for sweep in sweeps), default=None),
        "started": row["started"],
        "finished": row["ended"],
        "duration_s": row["duration_s"],
        **hyperparameters(recipe.get("model") or {}, _params(trial, part), _defaults(row, recipe)),
        "engine": row["engine"],
        "executor": facts.get("executor"),
        "host": _host(facts),
        "dataset": _dataset(row),
        "objective": {
            "metric": metric,
            "direction": newest.direction if newest else None,
            "value": found.get(metric) if succeeded and metric else None,
            "epoch": row["epoch"],
        },
        "metrics": found,
        "nonfinite": sorted({*json.loads(row["nonfinite"] or "[]"), *unfinite}),
        "notes": json.loads(row["notes"] or "[]"),
        "resources": {"peak_memory_bytes": row["peak_memory_bytes"], "threads": facts.get("threads")},
        "code": _code(recipe, facts, newest),
        "error": _error(error),
        "log": unpack(row["log"]) if row["log"] else None,
        "tags": _tags(sweeps),
    }
    return without_none(document)


def state_of(trial: TrialFacts) -> str:
    """A trial's state: the verdict where all its sweeps have the same one, as in their ledgers."""
    verdicts = {wish.verdict for wish in trial.wishes}
    if len(verdicts) == 1 and verdicts != {"open"}:
        return verdicts.pop()
    return str(trial.row["state"])


def _where_from(whose: Owner, seq: int) -> dict[str, Any]:
    return {"store": whose.store, "owner": whose.owner, "seq": seq}


def _metrics(row: dict[str, Any], newest: SweepFacts | None) -> dict[str, Any]:
    """A result's metrics, as the newest sweep names them."""
    own = json.loads(row["metrics"] or "{}")
    return values(own, measured(row["later"], row["trained"]), newest.asked) if newest else own


def _params(trial: TrialFacts, part: Part) -> dict[str, Any]:
    return part.params.get((trial.wishes[-1].sweep, trial.row["config"]), {}) if trial.wishes else {}


def _defaults(row: dict[str, Any], recipe: dict[str, Any]) -> dict[str, Any]:
    """What the spec leaves to defaults, by path, beside what it says itself."""
    sections = resolved(recipe, json.loads(row["dataset_recipe"]) if row["dataset_recipe"] else None)
    return {path: value for path, value in flat(sections).items() if value is not None}


def _host(facts: dict[str, Any]) -> dict[str, Any]:
    names = ("device", "gpu", "gpu_memory_bytes", "slot", "platform", "python", "libraries")
    return {"name": facts.get("host"), **{name: facts.get(name) for name in names}}


def _code(recipe: dict[str, Any], facts: dict[str, Any], newest: SweepFacts | None) -> dict[str, Any]:
    digests = sorted({str(digest) for digest in (recipe.get("code") or {}).values()})
    of_sweep = {} if newest is None else {
        "snapshot": newest.snapshot, "git_sha": newest.git.get("sha"), "git_dirty": newest.git.get("dirty")
    }  # fmt: skip
    return {"blueno": facts.get("blueno"), "digest": digests, **of_sweep}


def _dataset(row: dict[str, Any]) -> dict[str, Any]:
    if not row["dataset_recipe"]:
        return {}
    recipe = json.loads(row["dataset_recipe"])
    split = recipe.get("split")
    return {
        "source": (recipe.get("source") or {}).get("name"),
        "split": cell(split) if split is not None else None,
        "state": row["dataset_state"],
        "bytes": row["dataset_bytes"],
        "duration_s": row["dataset_duration_s"],
    }


def _error(error: dict[str, Any] | None) -> dict[str, Any]:
    if error is None:
        return {}
    texts = {name: error[name] for name in ("message", "traceback") if error.get(name)}
    return {"class": error.get("class"), "type": error.get("type"), "group": error.get("group"), **texts}


def _tags(sweeps: Iterable[SweepFacts]) -> list[str]:
    return list(dict.fromkeys(tag for sweep in sweeps for tag in sweep.tags))


# ---- hyperparameters


def hyperparameters(
    model: dict[str, Any], params: dict[str, Any], defaults: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """What was varied and what was not: `model`, `preprocess`, `hp` by type, `hp_all` as text, and all as written.

    >>> found = hyperparameters({"architecture": "mlp"}, {"model": {"units": 8, "pool": "max"}})
    >>> found["hp"], found["hp_all"]
    ({'num': {'model.units': 8}, 'cat': {'model.pool': 'max'}}, {'model.units': '8', 'model.pool': 'max'})
    """
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    values_by_path = {**defaults, **flat(params)}
    for name, value in values_by_path.items():
        path = key(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value):
            numbers[path] = value
        else:
            words[path] = cell(value)
    texts = {key(name): cell(value) for name, value in values_by_path.items()}
    return {
        "model": next((_name(model[kind]) for kind in MODELS if model.get(kind)), None),
        "preprocess": steps(params.get("preprocess") or []),
        "hp": {"num": numbers, "cat": words},
        "hp_all": texts,
        "spec": params,
    }


def _is_finite(value: float) -> bool:
    """Whether a double can hold it: Python's whole numbers have no end."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _name(model: Any) -> str:
    return model if isinstance(model, str) else cell(model)


@lru_cache(maxsize=10_000)
def key(name: str) -> str:
    """A name that Elasticsearch takes for a field's: no empty parts, since it reads dots as a path."""
    return ".".join(part.strip() or "_" for part in name.replace("\0", "").split("."))


def steps(written: Any) -> list[str]:
    """Steps as words.

    >>> steps(["scale", {"pca": {"components": 8}}])
    ['scale', 'pca(components=8)']
    """
    found = []
    for step in written if isinstance(written, list) else [written]:
        if isinstance(step, dict) and step:
            name, given = next(iter(step.items()))
            pairs = given.items() if isinstance(given, dict) else ()
            inside = ", ".join(f"{name}={cell(value)}" for name, value in pairs)
            found.append(f"{name}({inside})" if inside else str(name))
        else:
            found.append(str(step))
    return found


# ---- epochs


def epochs_of(trial: TrialFacts, source: dict[str, Any], seq: int, redact: Redact) -> Iterator[Document]:
    """A document for each split and epoch of a trial's history; `source` is the trial's own document."""
    if not trial.row["history"]:
        return
    history, epochs = history_of(trial.row)
    by_split: dict[str, dict[str, list[Any]]] = {}
    for name, column in history.items():
        split, metric = split_of(name)
        by_split.setdefault(split, {})[key(redact(metric))] = column
    base = _epoch_base(source, trial.row["attempt"])
    for split, columns in by_split.items():
        for index, epoch in enumerate(epochs):
            metrics = {name: column[index] for name, column in columns.items() if index < len(column)}
            yield _epoch(base, split, epoch, metrics, seq)


def live_documents(note: dict[str, Any], source: dict[str, Any], seq: int, redact: Redact) -> Iterator[Document]:
    """What a running trial said of an epoch; `source` is the trial's own document."""
    by_split: dict[str, dict[str, Any]] = {}
    for name, value in note["metrics"].items():
        split, metric = split_of(name)
        by_split.setdefault(split, {})[key(redact(metric))] = value
    base = {**_epoch_base(source, note["attempt"]), "@timestamp": note["at"]}
    for split, metrics in by_split.items():
        yield _epoch(base, split, note["epoch"], metrics, seq)


def split_of(name: str) -> tuple[str, str]:
    """A metric's split, and its name there.

    >>> split_of("val_loss"), split_of("learning_rate")
    (('val', 'loss'), ('other', 'learning_rate'))
    """
    split, found, metric = name.partition("_")
    return (split, metric) if found and metric and split in SPLITS else ("other", name)


def _epoch_base(source: dict[str, Any], attempt: int) -> dict[str, Any]:
    names = ("@timestamp", "trial_id", "config_id", "store", "owner", "seq", "sweeps", "model")
    return {**{name: source[name] for name in names if name in source}, "attempt": attempt}


def _epoch(base: dict[str, Any], split: str, epoch: int, metrics: dict[str, Any], seq: int) -> Document:
    found = {name: value if value is not None and math.isfinite(value) else None for name, value in metrics.items()}
    id = f"{base['store']}:{base['trial_id']}:{split}:{epoch}"
    source = {**base, "split": split, "epoch": epoch, "metrics": found}
    return Document("epochs", id, seq, base["trial_id"], source)


# ---- configs


def config_document(
    trial: TrialFacts, sweep: SweepFacts, part: Part, whose: Owner, changed: str | None
) -> dict[str, Any]:
    """The aggregate of a config, which is that of `trial`, over its replicates, for one of its sweeps."""
    place = (sweep.number, trial.row["config"])
    rows = part.configs[place]
    found = spread(rows, sweep.metric)
    better, worse = (max, min) if sweep.direction == "maximize" else (min, max)
    reached = [value for row in rows if (value := _value(row, sweep.metric)) is not None]
    names = sorted({name for row in rows if row.state == "succeeded" for name in row.metrics})
    means, _ = finite({name: spread(rows, name).mean for name in names})
    document = {
        "@timestamp": changed,
        "config_id": place[1],
        **_where_from(whose, part.seq),
        "sweep": sweep.name,
        "sweep_id": sweep.id,
        "revision": sweep.revision,
        "position": part.positions[place],
        **hyperparameters(json.loads(trial.row["recipe"]).get("model") or {}, part.params[place]),
        "replicates": len(reached),
        "planned": len(rows),
        "complete": len(reached) == len(rows),
        "states": dict(Counter(row.state for row in rows)),
        "objective": {
            "metric": sweep.metric,
            "direction": sweep.direction,
            "mean": found.mean,
            "std": found.std,
            "best": better(reached, default=None),
            "worst": worse(reached, default=None),
        },
        "metrics": means,
        "duration_s": part.durations[place],
        "engines": sorted({row.engine for row in rows if row.engine}),
        "tags": sweep.tags,
    }
    return without_none(document)


def _value(row: Row, metric: str) -> float | None:
    value = row.metrics.get(metric) if row.state == "succeeded" else None
    return value if value is not None and math.isfinite(value) else None


# ---- what JSON and Elasticsearch can say


def finite(metrics: dict[str, Any]) -> tuple[dict[str, float | None], list[str]]:
    """Metrics with null for what is not finite, and the names of those.

    >>> finite({"loss": float("nan"), "auc": 0.5})
    ({'loss': None, 'auc': 0.5}, ['loss'])
    """
    bad = [name for name, value in metrics.items() if value is not None and not math.isfinite(value)]
    return {key(name): None if name in bad else value for name, value in metrics.items()}, bad


def shortened(text: str, most: int) -> str:
    """A text without the middle of a long one."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    """A document without fields that have no value; metrics keep their nulls. Infinite numbers elsewhere are none."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        if name in ("metrics", "spec"):
            found[name] = _plain(value)
        elif isinstance(value, dict):
            found[name] = without_none(value)
        elif value is not None and not (isinstance(value, float) and not math.isfinite(value)):
            found[name] = value
    return found


def _plain(value: Any) -> Any:
    """A value as JSON can say it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
