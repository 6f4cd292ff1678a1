"""Bytes of an object that go on where they broke off: in the same call, and in the next one if nobody answered.

Google's library goes on by itself only for a while that is counted from the beginning, does not compare the checksum of
what came in pieces, and takes bytes 8 kB at a time, which costs as much again as all the rest. So its session is asked
for one request at a time, and all the bytes are checked here.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..canonical import digest_text, short
from ..errors import CacheDamaged, CacheUnavailable
from . import FETCHED
from .crc32c import checksum_of, in_base64

SLOW_BYTES_S = 50_000  # less than that on the average, after the patience, is as good as nothing
KEPT_BYTES = 8 * 1024**2  # of what broke off so much is kept for the next call
PARTIAL = 206  # the status of an answer that is the asked range
READ_BYTES = 1024**2  # at most at a time: whatever has come
HALF = "half-"  # how these are called in scratch


class Damaged(Exception):
    """What came is not what its checksum says."""


class Watched:
    """A file that is appended to, and that gives up on a server that keeps it waiting byte by byte."""

    def __init__(self, file: BinaryIO, message: str, patience_s: float) -> None:
        self.file, self.message, self.patience_s = file, message, patience_s
        self.bytes = file.seek(0, os.SEEK_END)
        self._checksum = checksum_of(Path(file.name))
        self.begin()

    def begin(self) -> None:
        """An answer begins: its bytes and its time count from here."""
        self.come, self.begun_s = 0, time.monotonic()

    def empty(self) -> None:
        """Forgets what has come."""
        self.bytes = self.file.seek(0)
        self.file.truncate()
        self._checksum = type(self._checksum)()

    def write(self, data: bytes) -> int:
        self.come += len(data)
        taken_s = time.monotonic() - self.begun_s
        if taken_s > self.patience_s and self.come < SLOW_BYTES_S * taken_s:
            raise CacheUnavailable(self.message, "see `blueno doctor`")
        self.bytes += len(data)
        self._checksum.update(data)
        return self.file.write(data)

    @property
    def crc32c(self) -> str:
        """Of all the bytes, in base64."""
        return in_base64(self._checksum)


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
        if self.file.bytes:
            self.pinned = self.pinned or self._pin()
        if not self.pinned or self.file.bytes < self.pinned.size:
            told = self._append()
            self.pinned = self.pinned or (None if told else self._pin())
        size, checksum = (self.pinned.size, self.pinned.crc32c) if self.pinned else (self.file.bytes, told)
        if self.file.bytes != size or self.file.crc32c != checksum:
            raise Damaged

    def _append(self) -> str:
        """Appends what the file lacks, and returns the CRC32C that the server tells of the whole object."""
        from google.api_core.exceptions import RequestRangeNotSatisfiable, from_http_response

        blob = self.bucket.blob(self.name)
        url = f"{blob.client.api_endpoint}/download/storage/v1{blob.path}"
        chosen = {"generation": self.pinned.generation} if self.pinned else {}
        headers = {"Accept-Encoding": "gzip"} | ({"Range": f"bytes={self.file.bytes}-"} if self.file.bytes else {})
        response = blob.client._http.get(
            url, params={"alt": "media", **chosen}, headers=headers, stream=True, timeout=self.timeout
        )
        with response:
            if not response.ok:
                error = from_http_response(response)
                if isinstance(error, RequestRangeNotSatisfiable):  # it is shorter than the bucket says
                    raise Damaged
                raise error
            if response.status_code != PARTIAL:
                self.file.empty()  # somebody on the way does not know of ranges
            self.file.begin()
            while data := response.raw.read1(READ_BYTES):
                self.file.write(data)
        return _told(response.headers)

    def _pin(self) -> Any:
        from google.api_core.exceptions import NotFound

        found = self.bucket.get_blob(self.name, timeout=self.timeout, retry=None)
        if found is None:
            raise NotFound(self.name)
        return found


def _told(headers: Mapping[str, str]) -> str:
    """The CRC32C, in base64, among the checksums that an answer tells; "" if it is not there."""
    told = (each.strip().partition("=") for each in headers.get("x-goog-hash", "").split(","))
    return next((value for name, _, value in told if name == "crc32c"), "")


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
        os.utime(file)  # else it looks like what was left behind
    try:
        yield file
    except BaseException as error:
        is_sound = isinstance(error, CacheUnavailable) and not isinstance(error, CacheDamaged)
        with suppress(FileNotFoundError):
            if is_sound and file.stat().st_size >= KEPT_BYTES:
                os.replace(file, kept)
        file.unlink(missing_ok=True)
        raise
