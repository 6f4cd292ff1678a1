"""Signatures of installed libraries without importing them here: from the generated file, else from a child process."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from .modules import UnknownName
from .types import nearest

GENERATED = Path(__file__).with_name("third_party.json")
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where a library is called otherwise than its package


class Generated(NamedTuple):
    """The generated file: which versions it saw, Keras's short names by role, and an entry for each reference."""

    versions: dict[str, str]
    names: dict[str, dict[str, str]]
    references: dict[str, list[Any]]


@lru_cache(maxsize=1)
def generated() -> Generated:
    """The generated file, read once."""
    return Generated(**json.loads(GENERATED.read_text(encoding="utf-8")))


def entry_of(reference: str, memory: Path | None) -> list[Any]:
    """The parameters of an installed function or class, as `third_party` writes them down.

    UnknownName when the library is not installed or has no such name.
    """
    library = reference.partition(":")[0].partition(".")[0]
    known = generated().references.get(reference)
    version = installed_version(library)
    if known is not None and version in ("", generated().versions.get(library)):
        return known
    if version == "":
        raise UnknownName(
            f"no library '{library}' is installed, and no file of the project is called so", _fix(reference)
        )
    from .child import remembered  # processes and temporary files, for the few names that nobody knows

    return remembered(reference, version, memory)


def installed_version(library: str) -> str:
    """What tells one installed version from another: the version, else the file's own state; "" when there is none."""
    from importlib import metadata  # 10 ms, and only wanted when a library is named

    try:
        return metadata.version(DISTRIBUTIONS.get(library, library))
    except metadata.PackageNotFoundError:
        pass
    try:
        spec = importlib.util.find_spec(library)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    if not spec.origin or not os.path.isfile(spec.origin):
        return f"python {sys.version_info.major}.{sys.version_info.minor}"
    status = os.stat(spec.origin)
    return f"{spec.origin} {status.st_mtime_ns} {status.st_size}"


def _fix(reference: str) -> str:
    name = reference.partition(":")[2]
    by_name = {each.partition(":")[2]: each for each in generated().references}
    close = nearest(name, list(by_name))
    return f"write {by_name[close]}" if close else f"install it, or create {reference.partition(':')[0]}.py"
