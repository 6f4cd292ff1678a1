"""The section `data`: where samples come from, which columns are what, and how they are split."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..raw import address_of, in_bucket
from .arguments import arguments, code_of
from .csv_header import check_columns
from .language import CODE_PARAMETERS, COLUMNS, DATA_KEYS, DATA_RESERVED, FOLDER_SOURCES, FUNCTION_PARAMETERS
from .node import Broken, File, Mark, Node
from .problems import join_path
from .signatures import Signature
from .split_section import resolve_split
from .values import Contents, Context, checked, is_mapping, named, signature, takes_several


class Data(NamedTuple):
    """A resolved `data`: parts of a dataset's recipe. `source` is None for a function that brings its own."""

    source: dict[str, Any] | None
    columns: dict[str, Any]
    split: dict[str, Any] | None
    mark: Mark | None = None  # of the split, else of the whole section

    @property
    def has_validation(self) -> bool:
        """Whether there is a part to validate on."""
        split = self.split or {}
        in_folds = "shuffle" in split or "column" in split or bool(split.get("folds"))
        return in_folds or split.get("validation") != 0.0

    @property
    def num_folds(self) -> int | None:
        """How many folds a config has replicates for; None without folds."""
        if self.split is None or not self.split.get("folds"):
            return None
        return int(self.split["folds"]) * int(self.split.get("repeats", 1))


NOTHING = Data(None, {}, None)


def resolve_data(node: Node | None, context: Context) -> Data:
    """A `data` in which nothing varies."""
    if node is None or not is_mapping(node, "data", context, "data: {source: {sklearn: digits}}"):
        return NOTHING
    for key in node.value:
        if key in DATA_RESERVED:
            context.problems.add(node.keys[key], f"data.{key}", "not yet: the key is reserved", "leave it out for now")
        elif key not in DATA_KEYS:
            context.problems.unknown_key(node.keys[key], "data", key, DATA_KEYS)
    source = _source(node.value["source"], context) if "source" in node.value else None
    columns = _columns(node, context)
    split = resolve_split(node.value["split"], context) if "split" in node.value else None
    _join_groups(node, columns, split, context)
    _join_times(node, columns, split, context)
    check_columns(node, source, context)
    return Data(source, columns, split, node.value["split"].mark if "split" in node.value else node.mark)


def _columns(node: Node, context: Context) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for key, (type, _) in COLUMNS.items():
        child = node.value.get(key)
        columns[key] = None if child is None or child.value is None else checked(child, type, f"data.{key}", context)
    if not columns["labels"]:
        del columns["labels"]  # which is newer than the ids of datasets without it
    for key in ("features", "drop"):
        columns[key] = [columns[key]] if isinstance(columns[key], str) else columns[key]
    if columns["features"] is not None and columns["drop"] is not None:
        context.problems.add(
            node.keys["drop"], "data.drop", "features says already which columns are inputs", "remove one"
        )
    _check_task(node, columns, context)
    return columns


def _check_task(node: Node, columns: dict[str, Any], context: Context) -> None:
    """What a task that is said makes of the other keys."""
    task, target = columns["task"], columns["target"]
    if columns["target_scale"] is not None and task not in (None, "regression"):
        message = f"only the target of a regression has a scale, and data.task says {task}"
        context.problems.add(node.keys["target_scale"], "data.target_scale", message, "leave it out")
    names = [target] if isinstance(target, str) else target or []
    if task == "multilabel" and len(names) == 1 and not set("*?[") & set(names[0]):
        fix = f"write target: [{names[0]}, ...], or task: classification"
        context.problems.add(
            node.value["target"].mark, "data.target", "several labels at once are several columns", fix
        )


def _source(node: Node, context: Context) -> dict[str, Any] | None:
    path = "data.source"
    choice = named(node, path, "a source", context)
    if choice is None:
        return None
    sign = signature("source", choice.name, choice.node, path, context)
    if sign is None:
        return None
    inner, given = join_path(path, choice.name), choice.parameters
    first = next((key for key, each in sign.parameters.items() if each.position == 0), "")
    if first and not isinstance(given.value, (dict, Broken)):
        given = Node({first: given}, given.mark, {first: given.mark})
    if sign.kind != "builtin":
        return _own_source(choice.name, sign, given, choice.node, inner, context)
    values = arguments(sign, given, choice.node, inner, context)
    for key in sign.parameters:
        if (choice.name, key) in CODE_PARAMETERS and isinstance(values.get(key), str):
            return _own_function(values, key, given, inner, context)
        if (choice.name, key) in FUNCTION_PARAMETERS and isinstance(values.get(key), str):
            values = _of_library(values[key], key, given, inner, context)
    named_files = {key: values[key] for key in sign.parameters if isinstance(values.get(key), File)}
    for key, file in named_files.items():
        is_folder = key == first and choice.name in FOLDER_SOURCES
        takes = "files" if takes_several(sign.parameters[key].type) else "folder" if is_folder else "file"
        _check_address(file, choice.name, takes, join_path(inner, key), context)
    files = tuple(named_files.values())
    return {
        "name": choice.name,
        "params": values,
        "code": sign.version,
        "fingerprint": Contents(files) if files else None,
    }


def _check_address(file: File, source: str, takes: str, path: str, context: Context) -> None:
    """A path in a bucket names one object where a source reads one `file`, several where it reads a `folder`, and any
    where it reads `files`.
    """
    if not in_bucket(file.path):
        return
    kind = address_of(file.path).kind
    if kind != "object" and takes == "file":
        context.problems.add(
            file.mark, path, f"{file.written} is several objects, and {source} takes one file here", "name one object"
        )
    elif kind == "object" and source == "images" and takes == "folder":
        message = f"{file.written} is one object, and images reads a folder"
        context.problems.add(file.mark, path, message, f"write {file.written}/ for all that lies below it")


def _own_source(
    name: str, sign: Signature, given: Node, name_node: Node, path: str, context: Context
) -> dict[str, Any]:
    """`{file.py:load: {n: 5}}`, which is short for `{python: {function: file.py:load, n: 5}}`."""
    values = arguments(sign, given, name_node, path, context)
    return {
        "name": "python",
        "params": {"function": name, **values},
        "code": code_of(sign, name_node),
        "fingerprint": None,
    }


def _own_function(values: dict[str, Any], key: str, given: Node, path: str, context: Context) -> dict[str, Any] | None:
    """The source `python`, whose other parameters go to the user's function and are checked against it."""
    node, name = given.value[key], values[key]
    sign = signature("source", name, node, join_path(path, key), context)
    if sign is None:
        return None
    rest = given._replace(value={other: child for other, child in given.value.items() if other != key})
    return _own_source(name, sign, rest, node, path, context)


def _of_library(name: str, key: str, given: Node, path: str, context: Context) -> dict[str, Any]:
    """The parameters of the source `sklearn`, but for `key` those of the function that it names.

    What is drawn is drawn alike each time, since a dataset's id says what is in it.
    """
    reference = f"sklearn.datasets:{name}" if name.startswith("make_") else f"sklearn.datasets:load_{name}"
    sign = signature("generator", reference, given.value[key], join_path(path, key), context)
    if sign is None:
        return {}
    rest = given._replace(value={other: child for other, child in given.value.items() if other != key})
    values = arguments(sign, rest, given.value[key], path, context)
    if values.get("random_state", 0) is None:
        mark, path = given.value["random_state"].mark, join_path(path, "random_state")
        context.problems.add(mark, path, "the data would be another each time", "write a whole number")
    seed = {"random_state": 0} if "random_state" in sign.parameters else {}
    return {key: name, **seed, **values}


def _join_groups(node: Node, columns: dict[str, Any], split: dict[str, Any] | None, context: Context) -> None:
    """A group under `data` and one under `split` are the same word: both get it."""
    if split is None or "group" not in split:
        return
    own, other = columns.get("group"), split["group"]
    if own and other and own != other:
        child = node.value["split"].value["group"]
        context.problems.add(child.mark, "data.split.group", f"data.group says {own} already", f"write group: {own}")
    columns["group"] = split["group"] = other or own


def _join_times(node: Node, columns: dict[str, Any], split: dict[str, Any] | None, context: Context) -> None:
    """A time under `data` and one under `split` are the same word, and `data` gets that of the split."""
    if split is None or split.get("time") is None:
        return
    own, other = columns.get("time"), split["time"]
    if own and own != other:
        child = node.value["split"].value["time"]
        context.problems.add(child.mark, "data.split.time", f"data.time says {own} already", f"write time: {own}")
    columns["time"] = other
