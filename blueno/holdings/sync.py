"""Compares a cache with the shared one by count, size and, if asked, checksum, and mends what differs.

What is damaged is replaced from the other side; where neither side has a sound copy, what names it is deleted, since
what is missing is built again. What only the shared cache has is fetched when it is needed, and no difference.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from ..cache import Cache, Entry
from ..cache.borrowing import borrowed
from ..canonical import digest, digest_file
from ..errors import CacheDamaged
from .held import Held, holdings

Side = Literal["here", "remote"]
Progress = Callable[[int, int], None]  # bytes read so far, and all


class Difference(NamedTuple):
    """Something that is not as it should be on one side, and what mends it."""

    side: Side
    key: str
    what: str
    mend: Literal["upload", "download", "delete"]
    bytes: int


class Comparison(NamedTuple):
    """Two caches, and how they differ."""

    here: Held
    there: Held
    differences: list[Difference]
    checked_bytes: int  # that were read to compare checksums


def compare(local: Cache, remote: Cache, verify: bool, progress: Progress = lambda *_: None) -> Comparison:
    """What differs. With `verify` every part here is read, and of the shared ones those whose checksum the cache itself
    does not know.
    """
    here, there = holdings(local), holdings(remote)
    bad_here, bad_there = _bad_sizes(here, _expected(here, there)), _bad_sizes(there, _expected(there, here))
    read = 0
    if verify:
        plan = [(cache, held, bad) for cache, held, bad in ((local, here, bad_here), (remote, there, bad_there))]
        whole = sum(entry.bytes for _, held, bad in plan for key, entry in held.parts.items() if key not in bad)
        for cache, held, bad in plan:
            for entry in [entry for key, entry in held.parts.items() if key not in bad]:
                if damage := damaged(cache, entry, local if cache is remote and entry.key not in bad_here else None):
                    bad[entry.key] = damage
                read += entry.bytes
                progress(read, whole)
    found = [
        *_manifests("here", here, there), *_manifests("remote", there, here),
        *_parts("here", bad_here, here, there, bad_there), *_parts("remote", bad_there, there, here, bad_here),
        *_lacking(here, there, bad_here, bad_there),
    ]  # fmt: skip
    return Comparison(here, there, found, read)


def _expected(held: Held, other: Held) -> dict[str, int]:
    """The size of each part, as manifests say: those of this side first."""
    return {key: size for side in (other, held) for item in side.items.values() for key, size in item.parts.items()}


def _bad_sizes(held: Held, expected: dict[str, int]) -> dict[str, str]:
    """Parts that a manifest of this side names and that are not there, or parts of another length -> what is wrong."""
    lacking = {key: "missing" for item in held.items.values() for key in item.missing if key not in held.parts}
    cut = {
        key: f"has {entry.bytes} bytes, not {expected[key]}"
        for key, entry in held.parts.items()
        if key in expected and entry.bytes != expected[key]
    }
    return lacking | cut


def damaged(cache: Cache, entry: Entry, sound: Cache | None = None) -> str:
    """What is wrong with the bytes of a part, which is named by its SHA-256; '' when nothing is. `sound` is a cache
    whose copy is right: where this one knows a checksum itself, nothing is downloaded.
    """
    if entry.crc32c is not None and sound is not None and sound.stat(entry.key) is not None:
        from ..cache.crc32c import crc32c_of

        with borrowed(entry.key, sound) as path:
            return "" if crc32c_of(path) == entry.crc32c else "damaged (its checksum is another)"
    return _damage_read(cache, entry) and _damage_read(cache, entry)  # one bad read costs nobody anything


def _damage_read(cache: Cache, entry: Entry) -> str:
    """The same by reading all its bytes."""
    try:
        with borrowed(entry.key, cache) as path:
            sound_bytes = digest_file(path) == _sha256(entry.key)
    except KeyError:
        return "missing"
    except CacheDamaged:
        sound_bytes = False
    return "" if sound_bytes else "damaged (its checksum is another)"


def _sha256(key: str) -> str:
    return Path(key).name.partition(".")[0]


def _manifests(side: Side, held: Held, other: Held) -> Iterator[Difference]:
    """Manifests that say nothing, or something else than their id."""
    for entry in held.unreadable:
        yield Difference(side, entry.key, "unreadable", "delete", entry.bytes)
    for item in held.items.values():
        if digest(item.recipe) != item.id:
            yield Difference(side, item.manifest.key, "its id is not that of its recipe", "delete", item.manifest.bytes)


def _parts(side: Side, bad: dict[str, str], held: Held, other: Held, bad_other: dict[str, str]) -> Iterator[Difference]:
    """Parts that are missing or damaged: replaced from the other side, or deleted with what names them."""
    hopeless = {key for key in bad if key not in other.parts or key in bad_other}
    for key, what in sorted(bad.items()):
        if key not in hopeless:
            yield Difference(side, key, what, "download" if side == "here" else "upload", other.parts[key].bytes)
        elif key in held.parts:
            yield Difference(side, key, what, "delete", held.parts[key].bytes)
    for item in held.items.values():
        if lost := sorted(hopeless & item.parts.keys()):
            what = f"{len(lost)} of its parts are lost on both sides, and are made anew when they are needed"
            yield Difference(side, item.manifest.key, what, "delete", item.manifest.bytes)


def _lacking(here: Held, there: Held, bad_here: dict[str, str], bad_there: dict[str, str]) -> Iterator[Difference]:
    """What is whole here and not in the shared cache: parts before the manifests that name them."""
    items = [item for item in here.items.values() if item.id not in there.items and not bad_here.keys() & item.parts]
    keys = dict.fromkeys(key for item in items for key in item.parts if key not in there.parts and key not in bad_there)
    for key in keys:
        yield Difference("remote", key, "missing", "upload", here.parts[key].bytes)
    for item in items:
        yield Difference("remote", item.manifest.key, "missing", "upload", item.manifest.bytes)


ORDER = {"delete": 0, "download": 1, "upload": 2}


def mend(comparison: Comparison, local: Cache, remote: Cache, told: Callable[[Difference], None]) -> list[Difference]:
    """Mends the differences, manifests deleted first and uploaded last, and returns those that could not be mended."""

    def turn(each: Difference) -> tuple[int, bool]:
        is_part = each.key.startswith("parts/")
        return ORDER[each.mend], is_part if each.mend == "delete" else not is_part

    left = []
    for each in sorted(comparison.differences, key=turn):
        source, target = (remote, local) if each.side == "here" else (local, remote)
        if each.mend == "delete":
            target.delete(each.key)
        elif not _copied(each.key, source, target):
            left.append(each)
        told(each)
    return left


def _copied(key: str, source: Cache, target: Cache) -> bool:
    """Replaces a key by the sound bytes of another cache; False when they are not sound either."""
    target.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.scratch) as folder:
        copy = Path(folder) / Path(key).name
        try:
            with borrowed(key, source) as path:
                shutil.copyfile(path, copy)
        except (KeyError, CacheDamaged):
            return False
        if key.startswith("parts/") and digest_file(copy) != _sha256(key):
            return False
        target.delete(key)
        target.put_if_absent(key, copy)
    return True
