"""Bytes of an object that go on where they broke off: in the same call, and in the next one if nobody answered.

Google's library goes on by itself only for a while that is counted from the beginning, and does not compare the
checksum of what came in pieces. So it is asked for one request at a time, and all the bytes are checked here.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..canonical import digest_text, short
from ..errors import CacheDamaged, CacheUnavailable
from . import FETCHED

SLOW_BYTES_S = 50_000  # less than that on the average, after the patience, is as good as nothing
KEPT_BYTES = 8 * 1024**2  # of what broke off so much is kept for the next call
HALF = "half-"  # how these are called in scratch


class Damaged(Exception):
    """What came is not what its checksum says."""


class Watched:
    """A file that is appended to, and that gives up on a server that keeps it waiting byte by byte."""

    def __init__(self, file: BinaryIO, message: str, patience_s: float) -> None:
        self.file, self.message, self.patience_s = file, message, patience_s
        self.bytes, self.come = file.seek(0, os.SEEK_END), 0
        self.begun_s = time.monotonic()

    def write(self, data: bytes) -> int:
        self.come += len(data)
        taken_s = time.monotonic() - self.begun_s
        if taken_s > self.patience_s and self.come < SLOW_BYTES_S * taken_s:
            raise CacheUnavailable(self.message, "see `blueno doctor`")
        self.bytes += len(data)
        return self.file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def download(bucket: Any, name: str, file: Watched, timeout: float, retry: Any) -> None:
    """Appends to a file what it lacks of an object, and goes on for as long as each round of tries brings something.

    Raises Damaged, NotFound, and what else Google's library raises when a whole round (`retry`) has brought nothing.
    """
    from google.api_core.exceptions import RetryError

    goes_on = _GoingOn(bucket, name, file, timeout)
    while True:
        before = file.bytes
        try:
            retry(goes_on.once)()
            return
        except RetryError:
            if file.bytes == before:
                raise


class _GoingOn:
    """An object on its way: of one generation, as soon as it has broken off."""

    def __init__(self, bucket: Any, name: str, file: Watched, timeout: float) -> None:
        self.bucket, self.name, self.file, self.timeout = bucket, name, file, timeout
        self.pinned: Any = None

    def once(self) -> None:
        """Asks for all the bytes, or for the rest of them."""
        from google.api_core.exceptions import RequestRangeNotSatisfiable
        from google.cloud.storage.exceptions import DataCorruption

        limits = {"timeout": self.timeout, "retry": None}
        if not self.file.bytes:
            try:
                blob = self.bucket.blob(self.name)
                blob.download_to_file(self.file, raw_download=True, checksum="crc32c", **limits)
            except DataCorruption:
                raise Damaged from None
            return
        self.pinned = self.pinned or self._pin(limits)
        if self.file.bytes < self.pinned.size:
            try:
                blob = self.bucket.blob(self.name, generation=self.pinned.generation)
                blob.download_to_file(self.file, start=self.file.bytes, raw_download=True, checksum=None, **limits)
            except RequestRangeNotSatisfiable:  # it is shorter than the bucket says
                raise Damaged from None
        self.file.flush()
        if self.file.bytes != self.pinned.size or _crc32c(self.file) != self.pinned.crc32c:
            raise Damaged

    def _pin(self, limits: dict[str, Any]) -> Any:
        from google.api_core.exceptions import NotFound

        found = self.bucket.get_blob(self.name, **limits)
        if found is None:
            raise NotFound(self.name)
        return found


def _crc32c(file: Watched) -> str:
    from .crc32c import crc32c_of

    return crc32c_of(Path(file.name))


# ---- what broke off


@contextmanager
def half_of(url: str, key: str, scratch: Path) -> Iterator[Path]:
    """A file of nobody else's for the bytes of a key, with those that a call before could not bring to an end. What
    CacheUnavailable ends is kept for the next call, if it is worth it; anything else that is raised removes it.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    kept = scratch / f"{HALF}{short(digest_text(f'{url} {key}'))}"
    descriptor, name = tempfile.mkstemp(dir=scratch, prefix=FETCHED)
    os.close(descriptor)
    file = Path(name)
    with suppress(FileNotFoundError):
        os.replace(kept, file)  # of several processes one has it
    try:
        yield file
    except BaseException as error:
        is_sound = isinstance(error, CacheUnavailable) and not isinstance(error, CacheDamaged)
        if is_sound and file.stat().st_size >= KEPT_BYTES:
            os.replace(file, kept)
        file.unlink(missing_ok=True)
        raise
