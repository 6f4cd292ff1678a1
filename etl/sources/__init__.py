"""Where samples come from. Adding a source: a module here with `VERSION` and `load`, and a line in `SOURCES`.

A module's `load` takes what a spec may say and returns `Loaded`; `files` (optional, same parameters) names the files
that it reads, so that they count by their content. A parameter annotated `FilePaths` may name a folder or a pattern in
the spec, and arrives as a list of files, sorted by name. A module says `FOLDERS = True` where a `FilePath` may be a
folder, and `HASHES = True` where it hashes what it reads itself. Nothing heavy is imported before a source is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from blueno.canonical import digest, digest_file
from blueno.errors import DataError, MissingLibrary
from blueno.files import DataFiles, files_at

if TYPE_CHECKING:
    import pandas as pd

    from blueno.usercode import CodeFolder

SOURCES = {
    "csv": "csv",
    "excel": "excel",
    "images": "images",
    "json": "json",
    "jsonl": "jsonl",
    "npy": "npy",
    "npz": "npz",
    "parquet": "parquet",
    "python": "python",
    "sklearn": "sklearn",
}

FilePath = Annotated[str, "file"]  # a parameter that is a file: relative to the spec there, absolute when it arrives
FilePaths = Annotated[list[str], "files"]  # the same of one file or several, which are put together in this order
Reference = Annotated[Any, "code"]  # a parameter that names user code: text in the spec, what it names on arrival


class Loaded(NamedTuple):
    """What a source yields: n samples. What is a column of a table may be None here and named by the spec."""

    features: Any  # a pandas DataFrame of n rows, or an array (n, *shape)
    target: Any = None  # (n,) or (n, k)
    ids: Any = None  # (n,)
    groups: Any = None  # (n,)
    table: Any = None  # a pandas DataFrame of n rows beside an array: columns that a spec may name, but no inputs
    fingerprint: str | None = None  # of its files, by a source that hashes what it reads while it reads


def load_source(source: dict[str, Any], code: CodeFolder | None, data: DataFiles | None = None) -> Loaded:
    """What a dataset recipe's source yields. DataError when its files are not those that were planned with.

    `data` knows what must lie where files from a bucket were put, which the recipe names otherwise.
    """
    module = import_module(f".{SOURCES[source['name']]}", __name__)
    params = _resolved(module.load, source["params"], code)
    files = [Path(file) for file in module.files(**params)] if hasattr(module, "files") else []
    several = {name: params[name] for name in _annotated(module.load, "FilePaths") if params.get(name) is not None}
    _check_files(source["name"], [file for file in files if str(file) not in several.values()], module)
    planned = _planned(source["fingerprint"], files, data) if files else None
    if planned and not getattr(module, "HASHES", False):
        _check_unchanged(files, fingerprint(files), planned, data)
    loaded: Loaded = module.load(**params | {name: listed(path) for name, path in several.items()})
    if planned and loaded.fingerprint:
        _check_unchanged(files, loaded.fingerprint, planned, data)
    return loaded


def _planned(fingerprint: str | None, files: list[Path], data: DataFiles | None) -> str | None:
    """What the files together must be: what the recipe says, or came with those that were fetched from a bucket."""
    if fingerprint is None or data is None or not data.fetched:
        return fingerprint
    shas = [data.contents[str(file)] for file in files]
    return shas[0] if len(shas) == 1 else digest(shas)


def listed(path: str) -> list[str]:
    """The files that a path stands for, sorted by name: itself, those below a folder, or those that match a pattern."""
    start, names = files_at(path)
    return [str(start / name) for name in names] or [str(start)]


def _check_files(name: str, files: list[Path], module: Any) -> None:
    for file in files:
        if not file.exists():
            raise DataError(f"there is no file {file}", "put it back, or change the spec's data.source")
        if file.is_dir() and not getattr(module, "FOLDERS", False):
            raise DataError(f"{file} is a folder, and {name} reads one file", "name a file in it")


def _check_unchanged(files: list[Path], now: str, planned: str, data: DataFiles | None) -> None:
    if now == planned:
        return
    fetched = [file for file in files if data is not None and str(file) in data.fetched]
    if data is not None and fetched:
        message = f"{fetched[0]} is not what was fetched from {data.fetched[str(fetched[0])]}"
        raise DataError(message, "something wrote to it: `blueno data raw --verify --repair` fetches it again")
    raise DataError(f"{files[0]} has changed since it was planned with", "submit the spec again")


def fingerprint(files: list[Path]) -> str:
    """A file's SHA-256, or the digest of names and contents of what a folder or a pattern stands for; of several paths,
    the digest of theirs in order.
    """
    there = [files_at(file) for file in files]
    digests = [digest_names(start, names) if names else digest_file(start) for start, names in there]
    return digests[0] if len(digests) == 1 else digest(digests)


def digest_names(folder: Path | str, names: list[str], known: Mapping[str, str] = MappingProxyType({})) -> str:
    """The digest of files below a folder, their names and contents; `known` are the SHA-256 of some, by name."""
    return digest([[name, known.get(name) or digest_file(Path(folder, name))] for name in names])


def as_table(table: pd.DataFrame, path: str) -> Loaded:
    """What a source of tables yields. DataError when the table has no rows or no columns."""
    if table.empty:
        raise DataError(f"{path} has no rows", "give it columns with names, and a row for each sample")
    return Loaded(table)


def first_line(error: BaseException) -> str:
    """What a library says of a file, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def need(module: str, source: str) -> None:
    """MissingLibrary unless a library that a source rests on is installed."""
    if find_spec(module) is None:
        library = {"PIL": "pillow"}.get(module, module)
        raise MissingLibrary(f"the source {source} needs {library}, which is not installed", f"pip install {library}")


def nearest(word: str, choices: list[str]) -> str:
    """The fix for a word that is none of the choices."""
    near = get_close_matches(word, choices, n=1)
    return f"write {near[0]}" if near else f"choose among {', '.join(choices)}" if choices else ""


def _resolved(load: Any, params: dict[str, Any], code: CodeFolder | None) -> dict[str, Any]:
    """The parameters, those annotated `Reference` replaced by what they name."""
    from blueno.usercode import load as load_code

    references = [name for name in _annotated(load, "Reference") if name in params]
    return params | {name: load_code(params[name], code) for name in references}


def _annotated(load: Any, kind: str) -> list[str]:
    """The parameters whose annotation says so, alone or beside None."""
    return [name for name, text in load.__annotations__.items() if kind in str(text).split(" | ")]
