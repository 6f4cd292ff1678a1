"""Pinned objects brought to this machine: once, at the generation that was listed, checked, several at a time.

A fetch may be killed anywhere and begun again: what is there is taken, and a file that is half here goes on from there.
"""

from __future__ import annotations

import gzip
import os
import shutil
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..cache.crc32c import crc32c_of
from ..cache.locks import locked
from ..canonical import digest_file
from ..errors import DataError
from ..tables import size
from .address import Address, address_of
from .bucket import Gone, Object, client_of, current, read
from .pins import Pin, recall
from .place import Place, key_of, size_of

if TYPE_CHECKING:
    from google.cloud.storage import Client

CHUNK_BYTES = 32 * 2**20  # of one request
AT_ONCE = 16  # requests
EVERY_S = 10.0  # between two messages about how far it is
TRIES = 3  # for what arrives damaged

Tell = Callable[[str, int, int], None]  # the path, bytes that are here, all of them


class Fetched(NamedTuple):
    """Where a set lies here, and the SHA-256 of its content, as that of a local file or folder."""

    path: str
    content: str


def told(emit: Callable[[dict[str, Any]], None] | None, stopwatch: Callable[[], float]) -> Tell:
    """Sends how far a fetch is, as a message, every now and then; nothing of what takes less."""
    last_s = stopwatch()

    def tell(path: str, done: int, whole: int) -> None:
        nonlocal last_s
        if emit is not None and stopwatch() - last_s >= EVERY_S:
            last_s = stopwatch()
            emit({"kind": "said", "text": f"fetching {path}: {size(done)} of {size(whole)}"})

    return tell


def tell_nobody(path: str, done: int, whole: int) -> None:
    """Hears how far a fetch is."""


def fetch(path: str, id: str, root: Path, tell: Tell = tell_nobody, again: bool = False) -> Fetched:
    """What a `gs://` path stood for when it was planned with, on this machine; nobody is asked where it is here.
    With `again` what is here is read and checked, and what is damaged is fetched again.

    DataError when it is known no more, is gone, arrives damaged or may not be read; Unreachable when nobody answers.
    """
    place = Place(root, id)
    record = None if again else place.whole()
    if record is None:
        pin = recall(path, id, root)
        with locked(place.store.scratch / f"{id}.lock"):
            record = None if again else place.whole()  # by whoever held the lock until now
            if record is None:
                shas = _bring_all(pin, place, root, tell)
                record = place.note(address_of(path), shas)
    return Fetched(str(place.folder / record.path), record.content)


def _bring_all(pin: Pin, place: Place, root: Path, tell: Tell) -> dict[str, str]:
    """Brings every object of a pin; the SHA-256 of each by its name."""
    with client_of(root) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        bring = _Bringing(pin, place, client, tell)
        waiting = {each.name: pool.submit(bring.file, each) for each in pin.objects}
        try:
            return {name: each.result() for name, each in waiting.items()}
        except BaseException:
            bring.is_over = True
            pool.shutdown(cancel_futures=True)
            raise


class _Bringing:
    """A set on its way; used by several threads."""

    def __init__(self, pin: Pin, place: Place, client: Client, tell: Tell) -> None:
        self.address: Address = address_of(pin.path)
        self.place, self.client, self.whole, self._tell = place, client, pin.size, tell
        self.is_over = False
        self._done = 0
        self._lock = threading.Lock()

    def told(self, count: int) -> None:
        """So many bytes more are here (fewer, if what came is damaged)."""
        with self._lock:
            self._done += count
            self._tell(self.address.text, self._done, self.whole)

    def file(self, one: Object) -> str:
        """Brings one object to where a source reads it, unless it is here. The SHA-256 of what is read there."""
        store, key = self.place.store, key_of(one)
        part = store.scratch / f"{key.rpartition('/')[2]}.part"
        with locked(part.with_suffix(".lock")):
            if store.stat(key) is None or not is_intact(store.get(key), one):
                store.delete(key)
                self._download(one, part)
                store.put_if_absent(key, part)
                part.unlink()
            else:
                self.told(one.size)
        final = self.place.file_of(self.address, one)
        _show(store.get(key), final, one)
        return digest_file(final)

    def _download(self, one: Object, part: Path) -> None:
        """The object's bytes in `part`, checked. What is damaged on its way is brought again."""
        for _ in range(TRIES):
            one = self._stream(one, part)
            if is_intact(part, one):
                return
            self.told(-(size_of(part) or 0))
            part.unlink(missing_ok=True)
        what = self.address.full(one.name)
        message = f"{what} arrived damaged {TRIES} times: its CRC32C is not {one.crc32c}, as the bucket says"
        raise DataError(message, "upload it again, and submit the spec again")

    def _stream(self, one: Object, part: Path) -> Object:
        """Appends to `part` what it lacks. Returns the object of the generation that was there to be read."""
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            self.told(file.tell())
            while file.tell() < one.size:
                if self.is_over:
                    raise DataError("another file of the set could not be fetched")
                start = file.tell()
                try:
                    read(self.client, self.address, one, file, start, min(start + CHUNK_BYTES, one.size))
                except Gone as error:
                    one = self._again(one, error)
                    continue
                file.flush()
                self.told(file.tell() - start)
        return one

    def _again(self, one: Object, error: Gone) -> Object:
        """The object under its name now, if it has the same content: it was only written again."""
        now = current(self.client, self.address, one.name)
        if now is not None and now.content == one.content:
            return now
        what = "was deleted" if now is None else "is another now"
        message = f"{error.message}: the object {what} since the spec was planned with it"
        raise Gone(message, "put it back, or submit the spec again; a bucket with object versioning keeps generations")


def is_intact(file: Path, one: Object) -> bool:
    """Whether a file has the bytes that the bucket has."""
    return size_of(file) == one.size and crc32c_of(file) == one.crc32c


def _show(stored: Path, final: Path, one: Object) -> None:
    """Puts stored bytes where a source reads them: by a link, or unpacked. What lies there is taken away."""
    final.parent.mkdir(parents=True, exist_ok=True)
    beside = final.with_name(f".{final.name}.tmp")
    beside.unlink(missing_ok=True)
    if one.encoding:
        _unpack(stored, beside, one)
    else:
        try:
            os.link(stored, beside)
        except OSError:  # a file system without hard links
            shutil.copyfile(stored, beside)
    beside.replace(final)
    beside.unlink(missing_ok=True)  # a link that replaces itself stays


def _unpack(stored: Path, final: Path, one: Object) -> None:
    try:
        with gzip.open(stored) as packed, final.open("wb") as file:
            shutil.copyfileobj(packed, file, 2**20)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{one.name} says Content-Encoding: gzip, and is not: {error}"
        raise DataError(message, "upload it again, packed or without that header") from None
    final.chmod(0o444)
