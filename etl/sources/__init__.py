"""Where samples come from. Adding a source: a module here with `VERSION` and `load`, and a line in `SOURCES`.

A module's `load` takes what a spec may say and returns `Loaded`; `files` (optional, same parameters) names the files
that it reads, so that they count by their content. Nothing heavy is imported before a source is used.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from blueno.canonical import digest, digest_file
from blueno.errors import DataError

if TYPE_CHECKING:
    from blueno.usercode import CodeFolder

SOURCES = {"csv": "csv", "npz": "npz", "python": "python", "sklearn": "sklearn"}

FilePath = Annotated[str, "file"]  # a parameter that is a file: relative to the spec there, absolute when it arrives
Reference = Annotated[Any, "code"]  # a parameter that names user code: text in the spec, what it names on arrival


class Loaded(NamedTuple):
    """What a source yields: n samples. What is a column of a table may be None here and named by the spec."""

    features: Any  # a pandas DataFrame of n rows, or an array (n, *shape)
    target: Any = None  # (n,) or (n, k)
    ids: Any = None  # (n,)
    groups: Any = None  # (n,)


def load_source(source: dict[str, Any], code: CodeFolder | None) -> Loaded:
    """What a dataset recipe's source yields. DataError when its files are not those that were planned with."""
    module = import_module(f".{SOURCES[source['name']]}", __name__)
    params = _resolved(module.load, source["params"], code)
    files = [Path(file) for file in module.files(**params)] if hasattr(module, "files") else []
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise DataError(f"there is no file {missing[0]}", "put it back, or change the spec's data.source")
    if files and source["fingerprint"] not in (None, fingerprint(files)):
        raise DataError(f"{files[0]} has changed since it was planned with", "submit the spec again")
    loaded: Loaded = module.load(**params)
    return loaded


def fingerprint(files: list[Path]) -> str:
    """A file's SHA-256; of several, the digest of theirs in order."""
    digests = [digest_file(file) for file in files]
    return digests[0] if len(digests) == 1 else digest(digests)


def _resolved(load: Any, params: dict[str, Any], code: CodeFolder | None) -> dict[str, Any]:
    """The parameters, those annotated `Reference` replaced by what they name."""
    from blueno.usercode import load as load_code

    references = [name for name, kind in load.__annotations__.items() if kind == "Reference"]
    return params | {name: load_code(params[name], code) for name in references if name in params}
