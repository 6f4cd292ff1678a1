"""Every field of the three kinds of documents: name, Elasticsearch type, meaning, unit. Templates, data views and the
documentation are made of this list, and a test holds documents to it.

A name that ends in `.*` stands for many (hyperparameters, metrics): its objects take any key, without subobjects, so
that `hp.num.train.optimizer.sgd.momentum` is one field.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Type = Literal["keyword", "text", "double", "long", "integer", "boolean", "date", "flattened", "stored"]
Kind = Literal["trials", "epochs", "configs"]
KINDS: tuple[Kind, ...] = ("trials", "epochs", "configs")


class Field(NamedTuple):
    """`text` fields are searched by words, and up to 256 characters of them as a whole under `NAME.keyword`; `stored`
    ones are kept and neither searched nor counted.
    """

    name: str
    type: Type
    meaning: str
    unit: str = ""


WHERE_FROM = (
    Field("store", "keyword", "id of the store that it comes from"),
    Field("owner", "keyword", "whose store it is"),
    Field("seq", "long", "the store's sequence of changes when it was made: the version of the document"),
)
HYPERPARAMETERS = (
    Field("model", "keyword", "name of the architecture, estimator, function or command"),
    Field("preprocess", "keyword", "the steps, in their order, each with its parameters"),
    Field("hp.num.*", "double", "hyperparameters that are numbers, by path: hp.num.train.learning_rate"),
    Field("hp.cat.*", "keyword", "hyperparameters that are words, lists or true and false, by path"),
    Field("hp_all", "flattened", "all hyperparameters as text, by path"),
    Field("spec", "stored", "the config's params as the spec wrote them"),
)

TRIALS = (
    Field("@timestamp", "date", "when it changed last: its end, if it is done"),
    Field("trial_id", "keyword", "hash of what it computes; equal in every store"),
    Field("config_id", "keyword", "what is compared: the same for all seeds and folds"),
    Field("dataset_id", "keyword", "hash of how its data is made"),
    *WHERE_FROM,
    Field("sweeps", "keyword", "names of the sweeps that have it"),
    Field("sweep_ids", "keyword", "ids of the sweeps that have it"),
    Field("name", "keyword", "the first 16 digits of its id, as commands show them"),
    Field("number", "long", "its place in the order in which trials came to its store"),
    Field("state", "keyword", "queued, running, succeeded, diverged, pruned, failed, cancelled or idle"),
    Field("attempt", "integer", "how often it was claimed"),
    Field("seed", "long", "the replicate's seed"),
    Field("fold", "integer", "the replicate's fold"),
    Field("created", "date", "when the first of its sweeps was submitted"),
    Field("started", "date", "when its newest attempt began"),
    Field("finished", "date", "when its newest attempt ended"),
    Field("duration_s", "double", "what its newest attempt took", "s"),
    *HYPERPARAMETERS,
    Field("engine", "keyword", "what trained it: fit, fused, estimator, function, command"),
    Field("executor", "keyword", "where its worker lived: local or inline"),
    Field("host.name", "keyword", "the machine that trained it"),
    Field("host.device", "keyword", "cpu, or the GPU's UUID"),
    Field("host.gpu", "keyword", "the GPU's name"),
    Field("host.gpu_memory_bytes", "long", "the GPU's memory", "bytes"),
    Field("host.slot", "keyword", "the worker's slot on that machine"),
    Field("host.platform", "keyword", "operating system and processor"),
    Field("host.python", "keyword", "version of Python"),
    Field("host.libraries", "flattened", "versions of libraries, by name"),
    Field("dataset.source", "keyword", "the source's name"),
    Field("dataset.split", "keyword", "the split, as text"),
    Field("dataset.state", "keyword", "to_build, building, built or failed"),
    Field("dataset.bytes", "long", "size of the prepared arrays", "bytes"),
    Field("dataset.duration_s", "double", "what its preparation took", "s"),
    Field("objective.metric", "keyword", "what its newest sweep optimizes"),
    Field("objective.direction", "keyword", "maximize or minimize"),
    Field("objective.value", "double", "the objective, if it succeeded"),
    Field("objective.epoch", "integer", "the epoch that counts, from 1"),
    Field("metrics.*", "double", "metrics by name: metrics.val_accuracy"),
    Field("nonfinite", "keyword", "names of metrics that were NaN or infinite"),
    Field("notes", "text", "what is worth knowing and is no error"),
    Field("resources.peak_memory_bytes", "long", "the most memory that its worker held", "bytes"),
    Field("resources.threads", "integer", "threads of its worker"),
    Field("code.blueno", "keyword", "version of Blueno that ran it"),
    Field("code.snapshot", "keyword", "key of the user's code as it was"),
    Field("code.git_sha", "keyword", "the commit of the project when its newest sweep was submitted"),
    Field("code.git_dirty", "boolean", "whether tracked files differed from that commit"),
    Field("code.digest", "keyword", "digests of the code that it runs, as its recipe has them"),
    Field("error.class", "keyword", "user_code, data, model, out_of_memory, disk_full, timeout, lost, bug, ..."),
    Field("error.type", "keyword", "the exception's name"),
    Field("error.message", "text", "what it said"),
    Field("error.traceback", "text", "where it came from"),
    Field("error.group", "keyword", "equal for failures that are alike"),
    Field("log", "text", "its log; of a long one the beginning and the end"),
    Field("tags", "keyword", "tags of its sweeps"),
)

EPOCHS = (
    Field("@timestamp", "date", "when it was told, or the end of its trial"),
    Field("trial_id", "keyword", "the trial"),
    Field("config_id", "keyword", "the trial's config"),
    *WHERE_FROM,
    Field("sweeps", "keyword", "names of the sweeps that have the trial"),
    Field("model", "keyword", "the trial's model"),
    Field("attempt", "integer", "the trial's attempt that it belongs to"),
    Field("split", "keyword", "train, val or other"),
    Field("epoch", "integer", "from 1"),
    Field("metrics.*", "double", "metrics of the split by name: metrics.loss"),
)

CONFIGS = (
    Field("@timestamp", "date", "when one of its trials changed last"),
    Field("config_id", "keyword", "what is compared"),
    *WHERE_FROM,
    Field("sweep", "keyword", "name of the sweep; a config has a document for each of its sweeps"),
    Field("sweep_id", "keyword", "id of the sweep"),
    Field("revision", "integer", "counts the plans submitted under that name"),
    Field("position", "integer", "its place in the plan"),
    *HYPERPARAMETERS,
    Field("replicates", "integer", "trials that have a value of the objective"),
    Field("planned", "integer", "trials"),
    Field("complete", "boolean", "whether all its trials have a value"),
    Field("states.*", "long", "how many trials are in each state: states.failed"),
    Field("objective.metric", "keyword", "what the sweep optimizes"),
    Field("objective.direction", "keyword", "maximize or minimize"),
    Field("objective.mean", "double", "mean over replicates; none unless one has succeeded"),
    Field("objective.std", "double", "deviation over replicates, of folds where there are folds"),
    Field("objective.best", "double", "best replicate"),
    Field("objective.worst", "double", "worst replicate"),
    Field("metrics.*", "double", "means of metrics over replicates, by name"),
    Field("duration_s", "double", "what its trials took together", "s"),
    Field("engines", "keyword", "what trained its trials"),
    Field("tags", "keyword", "the sweep's tags"),
)

FIELDS: dict[Kind, tuple[Field, ...]] = {"trials": TRIALS, "epochs": EPOCHS, "configs": CONFIGS}
