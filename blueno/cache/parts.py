"""Manifests: JSON that names the content-addressed parts of a dataset or node, and is written after them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, TypedDict

MANIFESTS = ("datasets/", "nodes/")  # how the keys of manifests begin


class Part(TypedDict):
    """One file of a dataset or node. `dtype` and `shape` are those of the array; "" and [] for other files."""

    key: str
    sha256: str
    bytes: int
    dtype: str
    shape: list[int]


def is_manifest(key: str) -> bool:
    """Whether the key is that of a manifest."""
    return key.startswith(MANIFESTS) and key.endswith(".json")


def named(key: str) -> str:
    """What a manifest is of, in words: `dataset 0123456789abcdef`."""
    kind, _, file = key.partition("/")
    return f"{kind.removesuffix('s')} {PurePosixPath(file).stem[:16]}"


def parts_in(manifest: Any) -> Iterator[Part]:
    """Every part that a manifest names, at any depth."""
    if isinstance(manifest, dict) and {"key", "sha256", "bytes"} <= manifest.keys():
        yield manifest  # type: ignore[misc]  # a dict of that shape is a Part
    elif isinstance(manifest, dict | list):
        for value in manifest.values() if isinstance(manifest, dict) else manifest:
            yield from parts_in(value)
