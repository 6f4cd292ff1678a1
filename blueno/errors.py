"""Every error Blueno raises on purpose. Raise anywhere, catch only at the edges (the command line, the worker).

BluenoError            the user can fix it: message and fix, exit code 1
├── SpecErrors         everything wrong with a spec, each with file, line and column
├── StoreError         the store cannot be used: damaged, newer, on a network file system, locked
├── NotFound           no sweep, trial or dataset goes by that name, or several do
├── MissingLibrary     an optional library is not installed: says what to install
├── CacheUnavailable   the cache that machines share is down, slow, full or forbidden: the local one goes on
│   └── CacheDamaged   what it holds under a key is not what was put there
├── Unreachable        a bucket does not answer, and nothing here can stand in for what lies there
├── DataError          a source, split or step cannot do what the spec asks with this data
├── ModelError         a model cannot be built or trained as the spec asks
└── TrialFailed        user code says: this point is bad, go on with the others
"""

from __future__ import annotations

from typing import NamedTuple


class BluenoError(Exception):
    """Something the user can fix. `fix` says how, as an instruction; empty when there is nothing to add."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class Problem(NamedTuple):
    """One thing wrong with a spec. Lines and columns count from 1; `source` is the line itself."""

    file: str
    line: int
    column: int
    path: str
    message: str
    fix: str
    source: str = ""

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}: " + (f"{self.path}: " if self.path else "") + self.message
        parts = [head]
        if self.source:
            margin = f"  {self.line} | "
            pad = "".join("\t" if c == "\t" else " " for c in self.source[: self.column - 1])
            parts += [margin + self.source, " " * (len(margin) - 2) + "| " + pad + "^"]
        if self.fix:
            parts.append(f"  fix: {self.fix}")
        return "\n".join(parts)


class SpecErrors(BluenoError):
    """All the problems of one spec, in the order of the text."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.message))
        super().__init__("\n".join(str(p) for p in self.problems))


class StoreError(BluenoError):
    """The store cannot be used: damaged, from a newer version, on a network file system, or held."""


class NotFound(BluenoError):
    """No sweep, trial or dataset goes by that name, or several do."""


class MissingLibrary(BluenoError):
    """An optional library is not installed; `fix` is the command that installs it."""


class CacheUnavailable(BluenoError):
    """The cache that machines share is down, slow, full or forbidden. Work whose data is here goes on."""


class CacheDamaged(CacheUnavailable):
    """What the shared cache holds under a key is not what was put there."""


class Unreachable(BluenoError):
    """A bucket does not answer, and nothing here can stand in for what lies there. Later it may."""


class DataError(BluenoError):
    """A source, split or step cannot do what the spec asks with this data."""


class ModelError(BluenoError):
    """A model cannot be built or trained as the spec asks."""


class TrialFailed(BluenoError):
    """Raised by user code: this point of the space is bad, go on with the others."""
