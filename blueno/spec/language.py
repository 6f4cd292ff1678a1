"""The tables of the language: its keys, their types and defaults, and what is reserved."""

from __future__ import annotations

from typing import Any, NamedTuple

from .types import ANY, BOOL, FLOAT, INT, NULL, STR, Type, list_of, literal, union_of

SECTIONS = ("data", "preprocess", "augment", "model", "train")
TOP_KEYS = (
    "version", "name", "tags", "notes", "objective", "metrics", "seeds", *SECTIONS, "one_of", "zip", "exclude",
    "baseline", "where", "search", "prune", "resources", "keep",
)  # fmt: skip
ARM_KEYS = (*SECTIONS, "one_of", "as")
RESERVED = ("then", "evaluate")

POSITIVE_INT = Type("int", ge=1)
COUNT = Type("int", ge=0)
SHARE = Type("float", ge=0, lt=1)
SEED = Type("int", ge=0, le=2**32 - 1)  # what NumPy and scikit-learn take
NAMES = union_of(STR, list_of(STR))
REQUIRED = object()


class Key(NamedTuple):
    """What a key of a mapping takes; a default of REQUIRED means that there is none."""

    type: Type
    default: Any = None


# ---- train: those that are more than a type are read by the functions of `train_section`

EARLY_STOPPING = {
    "monitor": Key(STR, "val_loss"),
    "patience": Key(COUNT, 5),
    "min_delta": Key(Type("float", ge=0), 0.0),
}
REDUCE_ON_PLATEAU = {
    "monitor": Key(STR, "val_loss"),
    "factor": Key(Type("float", gt=0, lt=1), 0.1),
    "patience": Key(COUNT, 10),
    "min_learning_rate": Key(Type("float", ge=0), 0.0),
    "after": Key(COUNT, 0),
}
COSINE = {
    "from": Key(Type("float", gt=0), REQUIRED),
    "to": Key(Type("float", ge=0), 0.0),
    "warmup_epochs": Key(union_of(COUNT, Type("float", ge=0)), 0),
    "decay_epochs": Key(union_of(POSITIVE_INT, Type("float", gt=0), NULL), None),
}
TRAIN = {
    "optimizer": Key(ANY, {"adam": {}}),
    "learning_rate": Key(ANY, 0.001),
    "loss": Key(ANY, None),
    "batch_size": Key(POSITIVE_INT, 32),
    "epochs": Key(POSITIVE_INT, 10),
    "early_stopping": Key(ANY, None),
    "reduce_on_plateau": Key(ANY, None),
    "class_weight": Key(union_of(literal("balanced"), Type("mapping", (Type("float", ge=0),)), NULL), None),
    "mixed_precision": Key(BOOL, False),
    "select": Key(ANY, None),
    "stages": Key(ANY, None),
}
STAGE_ONLY = ("trainable",)

# ---- data

TASKS = ("classification", "binary", "multiclass", "regression", "multilabel")
COLUMNS = {
    "target": Key(NAMES),
    "features": Key(NAMES),
    "drop": Key(NAMES),
    "id": Key(STR),
    "group": Key(STR),
    "time": Key(STR),
    "task": Key(literal(*TASKS)),
    "positive": Key(union_of(STR, BOOL, INT, FLOAT)),
    "target_scale": Key(literal("standard")),
    "labels": Key(Type("mapping", (union_of(STR, BOOL, INT, FLOAT),))),
}
DATA_RESERVED = ("schema", "private")
DATA_KEYS = ("source", "split", *COLUMNS)

SHARES = {
    "test": Key(SHARE, 0.0),
    "validation": Key(SHARE, 0.0),
    "stratify": Key(BOOL, False),
    "group": Key(union_of(STR, NULL), None),
    "seed": Key(SEED, 0),
    "stop": Key(union_of(SHARE, NULL), None),
}
FOLDS = {
    "folds": Key(Type("int", ge=2), REQUIRED),
    "repeats": Key(POSITIVE_INT, 1),
    "stratify": Key(BOOL, False),
    "group": Key(union_of(STR, NULL), None),
    "shuffle": Key(BOOL, True),
    "seed": Key(SEED, 0),
    "test": Key(union_of(SHARE, NULL), None),
    "stop": Key(union_of(SHARE, NULL), None),
}
TIME = {
    "time": Key(STR, REQUIRED),
    "test": Key(SHARE, 0.0),
    "validation": Key(SHARE, 0.0),
    "folds": Key(union_of(Type("int", ge=2), NULL), None),
    "gap": Key(ANY, 0),
    "group": Key(union_of(STR, NULL), None),
    "stop": Key(union_of(SHARE, NULL), None),
}
COLUMN = {
    "column": Key(STR, REQUIRED),
    "folds": Key(union_of(Type("int", ge=2), NULL), None),
    "stop": Key(union_of(SHARE, NULL), None),
}

# Parameters of built-in sources that name code of the user's: they count by its digest.
FOLDER_SOURCES = ("images", "parquet")  # whose first parameter may be a folder: those with FOLDERS in etl/sources
CODE_PARAMETERS = {("python", "function")}
# Parameters of built-in sources that name a function of scikit-learn's: all others are those of that function.
FUNCTION_PARAMETERS = {("sklearn", "name")}
# Names that a fitted step may publish, so that an architecture's parameter of that name need not be written.
PUBLISHED = ("vocabulary_size",)

# ---- model

MODEL_KINDS = {
    "architecture": "architecture",
    "estimator": "estimator",
    "function": "function",
    "command": "command",
}
CLASHING = (*MODEL_KINDS, "params", "uses", "as", "one_of")  # parameters of these names stand under `params`

# ---- the sweep's own words

RESOURCES = ("gpus", "cpus", "memory", "gpu_memory", "time")
KEEP = {"weights": "best 5", "predictions": "all", "logs": "all"}
