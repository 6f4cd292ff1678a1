"""What scheduler and workers say to each other: JSON objects with a `kind`. No paths, handles or pickles in them,
since workers will be on other machines; code, data and artefacts travel through the cache by key.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Json = Any


class Error(TypedDict):
    """Why a trial or a dataset failed. `group` is equal for failures that are alike.

    `class`: user_code, data, model, out_of_memory, disk_full, timeout, lost, missing_library, unreachable, bug;
    dataset_missing and snapshot_missing, which are no failures: what the cache has lost is made again.
    """

    # "class" is a keyword, so the key is declared in the functional part below.
    type: str
    message: str
    fix: NotRequired[str]  # "" if there is nothing to add
    traceback: str
    group: str


# ---- to a worker


class Code(TypedDict):
    """Where user code is: a key in the cache ("" for none), and the spec's folder inside that snapshot."""

    snapshot: str
    folder: str


Files = dict[str, str]  # SHA-256 of each data file that a recipe names -> its path, on machines that share a disk


class Build(TypedDict):
    kind: Literal["build"]
    dataset: str  # id
    recipe: Json  # what is hashed to the id
    code: Code
    files: Files
    models: list[str]  # [code, model] of waiting trials, as JSON, to be built once on the dataset's shape


class Pack(TypedDict):
    """With what a trial is trained together."""

    family: str
    lanes: int  # so many at a time, if memory has room; at first so many are sent, if there are as many
    ends: list[Json]  # recipes of the first and the last of the family that wait
    must: bool  # somebody asked for packs: also where `fit` is quicker


class Prune(TypedDict):
    """What is told of each epoch of a trial that may be ended early, and when that may be decided."""

    metrics: list[str]  # the first of these that it has
    at: list[Json]  # method, after, epochs, interval, options: of each sweep that prunes


class Train(TypedDict):
    kind: Literal["train"]
    trial: str  # id
    attempt: int  # the fencing token: only this attempt may record
    recipe: Json  # what is hashed to the id: augment, code, dataset, model, recipe, seed, train
    config: str
    fold: int | None
    code: Code
    files: Files
    objective: Json  # {"metric": "val_accuracy", "direction": "maximize"}
    metrics: list[Json]  # those of every sweep that wants the trial, beside the defaults of the task
    keep: Json  # {"weights": ..., "predictions": ..., "logs": ...}
    batches: NotRequired[int | None]  # of `blueno try`: so many batches, and one epoch
    pack: NotRequired[Pack]  # to a worker of the engine `fused`
    prune: NotRequired[Prune]  # it may be ended early


class Asked(TypedDict):
    id: str  # the name, and what tells its definition from others of that name
    name: str  # as results call it
    metric: Json  # a name, a reference, or {name: {parameters}}


class Measure(TypedDict):
    """Metrics that were asked for when the trial was done: from its kept predictions, without training."""

    kind: Literal["measure"]
    sweep: int
    trial: str
    attempt: int
    predictions: str  # key in the models folder
    metrics: list[Asked]
    code: Code


class Stop(TypedDict):
    """End this trial (of a pack, its lane) after the epoch it is in; its result is of no use."""

    kind: Literal["stop"]
    trial: str
    attempt: int


class Go(TypedDict):
    """The answer to an epoch that asks: go on."""

    kind: Literal["go"]
    trial: str
    attempt: int


class Finish(TypedDict):
    """End after what you hold."""

    kind: Literal["finish"]


# ---- from a worker


class Ready(TypedDict):
    kind: Literal["ready"]
    pid: int
    environment: Json


class Started(TypedDict):
    kind: Literal["started"]
    trial: str
    attempt: int


class Epoch(TypedDict):
    kind: Literal["epoch"]
    trial: str
    attempt: int
    epoch: int  # counted from 1
    epochs: int
    metrics: dict[str, float | None]
    since: NotRequired[list[list[Any]]]  # of a trial that may be pruned: epoch and value, of all epochs not told yet
    of: NotRequired[str]  # the metric of `since`, as the sweep that the trial runs for calls it
    asks: NotRequired[bool]  # the worker waits a moment for `go` or `stop`


class Artefact(TypedDict):
    key: str  # in the models folder
    sha256: str
    bytes: int


class Result(TypedDict):
    """What a trial left. A metric that is not finite is null here and named in `nonfinite`."""

    kind: Literal["result"]
    trial: str
    attempt: int
    state: Literal["succeeded", "diverged", "failed"]
    metrics: dict[str, float | None]
    nonfinite: list[str]
    history: dict[str, list[float | None]]
    epochs: NotRequired[list[int]]  # those of the history; empty for 1, 2, 3 and so on
    artefacts: dict[str, Artefact]
    engine: str
    epoch: int | None  # the epoch that counts, from 1
    notes: NotRequired[list[str]]  # why a metric is missing, what could not be saved
    started: str
    duration_s: float
    peak_memory_bytes: int
    log: str
    error: Json  # an Error, or null


class Unfused(TypedDict):
    """A trial that cannot be trained in a pack is given back."""

    kind: Literal["unfused"]
    trial: str
    attempt: int
    why: str


class Built(TypedDict):
    kind: Literal["built"]
    dataset: str
    duration_s: float
    bytes: int
    computed: list[str]  # ids of the nodes that were computed now, not found in the cache
    summary: Json  # shapes, dtypes, sizes of parts, task, classes, what was dropped
    model_errors: dict[str, Json]  # of `models`, those that cannot be built, each with its Error
    error: Json  # an Error, or null


class Said(TypedDict):
    """Something that people should know now, such as what a shared cache does; each text is shown once."""

    kind: Literal["said"]
    text: str


class Measured(TypedDict):
    """The answer to `measure`, by the ids of metrics: each is in `metrics` (null if it cannot be had) or `errors`."""

    kind: Literal["measured"]
    sweep: int
    trial: str
    attempt: int
    metrics: dict[str, float | None]
    notes: dict[str, str]  # why one is null
    errors: dict[str, Json]  # Errors of the user's own metrics


class Gone(TypedDict):
    """Made by the executor when a worker has ended, however it ended."""

    kind: Literal["gone"]
    reason: str  # "exited 0", "killed by SIGSEGV", ...
    output: str  # the end of what it wrote outside any trial's log


# In the notes of a result, after the name of a metric: it raised, and may be measured once it is mended.
NOT_MEASURED = " could not be measured: "

Message = dict[str, Any]  # one of the above; mypy cannot narrow a union of TypedDicts by `kind` across modules cheaply
