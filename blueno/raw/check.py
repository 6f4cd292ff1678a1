"""What is here of raw data against what was fetched, and against its buckets now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..canonical import digest_file
from ..errors import BluenoError
from ..files import files_below
from .address import address_of
from .bucket import Object, client_of, listed
from .fetching import Tell, fetch, tell_nobody
from .pins import Pin, every, remembered
from .place import Place, size_of


class Difference(NamedTuple):
    """A file that is not as it was fetched: by its name in the set's folder."""

    file: str
    what: str


class Bucket(NamedTuple):
    """What lies at a path now, and how that differs from what it stood for: numbers of objects."""

    objects: int
    bytes: int
    new: int
    changed: int
    gone: int


class Compared(NamedTuple):
    """What a path stood for, what is here of it (nothing, if no sweep needed it), and what is wrong with that."""

    path: str
    id: str
    objects: int
    bytes: int
    here: int
    here_bytes: int
    is_newest: bool  # what a plan of today would take
    differences: list[Difference]
    bucket: Bucket | None  # None: it was not asked, or does not answer
    why_not: str = ""


Progress = Callable[[str], None]  # a path that is looked at


def compare(root: Path, verify: bool = False, ask: bool = True, progress: Progress = lambda _: None) -> list[Compared]:
    """Everything that was planned with or fetched, by path: counts and sizes, with `verify` every checksum, too.

    With `ask` the buckets are asked what lies there now; one that does not answer is no error.
    """
    found = []
    for pin in every(root):
        progress(pin.path)
        place = Place(root, pin.id)
        is_newest = remembered(address_of(pin.path), root) == pin
        bucket, why_not = _bucket(pin, root) if ask and is_newest else (None, "")
        record = place.record()
        there = [
            size for each in (record.files if record else []) if (size := size_of(place.folder / each.name)) is not None
        ]
        found.append(
            Compared(
                pin.path, pin.id, len(pin.objects), pin.size, len(there), sum(there), is_newest,
                list(differences(place, verify)), bucket, why_not,
            )
        )  # fmt: skip
    return found


def differences(place: Place, verify: bool) -> Iterator[Difference]:
    """What is not as it was fetched."""
    record = place.record()
    if record is None:
        return
    for each in record.files:
        size = size_of(place.folder / each.name)
        if size is None:
            yield Difference(each.name, "is missing")
        elif size != each.bytes:
            yield Difference(each.name, f"has {size} bytes, not {each.bytes}")
        elif verify and digest_file(place.folder / each.name) != each.sha256:
            yield Difference(each.name, "has another SHA-256")
    known = {each.name for each in record.files}
    for name in files_below(place.folder) if place.folder.is_dir() else []:
        if name not in known:
            yield Difference(name, "was not fetched")


def repair(one: Compared, root: Path, tell: Tell = tell_nobody) -> None:
    """Mends what `compare` found of a path: what is damaged is fetched again, what does not belong there is deleted.

    Raises what `fetch` raises, such as DataError when the bucket has that generation no more; then what is here stays.
    """
    place = Place(root, one.id)
    record = place.record()
    known = {each.name for each in record.files} if record else set()
    for each in one.differences:
        if each.file not in known:
            (place.folder / each.file).unlink(missing_ok=True)
    fetch(one.path, one.id, root, tell, again=True)


def _bucket(pin: Pin, root: Path) -> tuple[Bucket | None, str]:
    address = address_of(pin.path)
    try:
        with client_of(root) as client:
            now = {each.name: each for each in listed(client, address)}
    except BluenoError as error:
        return None, error.message
    before = {each.name: each for each in pin.objects}
    return Bucket(
        len(now), sum(each.size for each in now.values()), len(now.keys() - before.keys()),
        sum(_differ(before[name], now[name]) for name in now.keys() & before.keys()),
        len(before.keys() - now.keys()),
    ), ""  # fmt: skip


def _differ(before: Object, now: Object) -> bool:
    return before.content != now.content
