"""What a `gs://` path names: one object, all below a prefix (it ends in `/`), or those that match a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from ..errors import DataError

SCHEME = "gs://"
BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
WILD = re.compile(r"[*?\[]")


class Address(NamedTuple):
    """A `gs://` path, taken apart. Names of objects are relative to `folder`, which is "" or ends in `/`."""

    text: str
    bucket: str
    folder: str
    rest: str  # an object's last part, or a pattern; "" for a prefix
    kind: Literal["object", "prefix", "pattern"]

    @property
    def prefix(self) -> str:
        """What the names of all its objects begin with."""
        return self.folder + (WILD.split(self.rest)[0] if self.kind == "pattern" else self.rest)

    def full(self, name: str) -> str:
        """A name relative to the folder, in words that `gcloud storage` takes."""
        return f"{SCHEME}{self.bucket}/{self.folder}{name}"


def in_bucket(path: str) -> bool:
    """Whether a path of a spec names what lies in a bucket."""
    return path.startswith(SCHEME)


def address_of(path: str) -> Address:
    """A `gs://` path taken apart. DataError when it can name nothing."""
    bucket, slash, name = path.removeprefix(SCHEME).partition("/")
    if not BUCKET.fullmatch(bucket):
        what = f"{bucket!r} is no bucket's name" if bucket else "names no bucket"
        raise DataError(f"{path}: {what}", "write gs://BUCKET/OBJECT, with the bucket's own name, without wildcards")
    if not slash:
        raise DataError(f"{path} names a bucket, and nothing in it", f"write {path}/ if you mean all of it")
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts[:-1]) or parts[-1] in (".", ".."):
        raise DataError(f"{path} has an empty part, or one of dots", "write the object's name as the bucket lists it")
    plain = next((number for number, part in enumerate(parts) if WILD.search(part)), len(parts) - 1)
    folder = "".join(f"{part}/" for part in parts[:plain])
    rest = "/".join(parts[plain:])
    kind: Literal["object", "prefix", "pattern"] = "pattern" if WILD.search(rest) else "object" if rest else "prefix"
    return Address(path, bucket, folder, rest, kind)


def matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern as Python's `glob` has it: `*` stays within a folder, `**` does not. No
    wildcard matches hidden files.

    >>> [matches("*.npy", name) for name in ("a.npy", "b/a.npy", ".a.npy")]
    [True, False, False]
    >>> [matches("**/*.npy", name) for name in ("a.npy", "b/c/a.npy")]
    [True, True]
    """
    return _matches(pattern.split("/"), name.split("/"))


def _matches(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    if not pattern or not parts:
        return not pattern and not parts
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        hidden = parts[0].startswith(".")
        if not rest:
            return not any(part.startswith(".") for part in parts)
        return _matches(rest, parts) or (not hidden and _matches(pattern, parts[1:]))
    hidden = parts[0].startswith(".") and not first.startswith(".")
    return not hidden and fnmatchcase(parts[0], first) and _matches(rest, parts[1:])
