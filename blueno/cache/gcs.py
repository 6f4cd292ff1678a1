"""A cache in Google Cloud Storage: a key is an object below the prefix of `gs://bucket/prefix`.

An object appears whole or not at all, and is made only where none is (`if_generation_match=0`), so of any number of
machines one wins. Bytes are checked both ways by their CRC32C; whoever names keys by their SHA-256 checks that too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from ..errors import BluenoError, CacheDamaged
from ..settings import BUCKET
from . import Entry, names_of
from .downloads import READ_BYTES, SLOW_BYTES_S, Damaged, Watched, download, half_of
from .google import told_safely

if TYPE_CHECKING:
    from google.cloud.storage import Client

ANSWER_S = 10.0  # without a byte for so long, a request is given up
PATIENCE_S = 10.0  # so long a request is tried again
LARGE_BYTES = 8 * 1024**2  # from here on Google's library sends in chunks of 100 MB, each tried again by itself
# From so many bytes on so many are sent at once: of the largest each holds a chunk in memory, others are there twice.
AT_ONCE = ((LARGE_BYTES, 3), (1024**2, 8))
LARGE_ANSWER_S = 60.0  # a server that has got a chunk may have much to do with it


def parsed(url: str) -> tuple[str, str]:
    """The bucket and the prefix ("" or ending in a slash) of `gs://bucket/prefix`. BluenoError when it is none."""
    match = BUCKET.fullmatch(url)
    if match is None:
        raise BluenoError(f"{url!r} names no bucket", 'write it like "gs://bucket/prefix"')
    prefix = (match[2] or "").strip("/")
    return match[1], f"{prefix}/" if prefix else ""


class GcsCache:
    """Keys as objects. Safe for any number of threads, processes and machines at once.

    Everything raises CacheUnavailable when the bucket cannot be used; after `patience_s`, not later.
    """

    def __init__(self, url: str, scratch: Path, client: Client, patience_s: float = PATIENCE_S) -> None:
        self.url, self.scratch, self.client, self.patience_s = url, Path(scratch), client, patience_s
        self._turns = [(least, BoundedSemaphore(count)) for least, count in AT_ONCE]
        bucket, self.prefix = parsed(url)
        self.bucket = client.bucket(bucket)

    def stat(self, key: str) -> int | None:
        """Size in bytes, or None when there is no such key."""
        name = self._name(key)
        with told_safely(self.url):
            blob = self.bucket.get_blob(name, **self._limits())
        return None if blob is None else blob.size

    def put_if_absent(self, key: str, source: Path) -> bool:
        """Stores the file's bytes under `key`; False when the key was there already, also when an answer was lost."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        name, size = self._name(key), Path(source).stat().st_size
        if size > LARGE_BYTES and self.stat(key) is not None:
            return False
        blob = self.bucket.blob(name)
        turn = next((turn for least, turn in self._turns if size > least), nullcontext())
        with turn, told_safely(self.url):
            try:
                blob.upload_from_filename(
                    str(source),
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    checksum="crc32c",
                    **self._limits(size),
                )
            except PreconditionFailed:
                return False
            except NotFound:  # also of an upload that is through, when the answer to its last chunk was lost
                if self.stat(key) != size:
                    raise
            except _corruption():
                blob.delete(**self._limits())
                raise CacheDamaged(f"{self.url}: {key} was damaged on its way", "it is sent again later") from None
        return True

    def get(self, key: str) -> Path:
        """A new file in `scratch` with the key's bytes, for the caller to link or remove. KeyError when there is none,
        CacheDamaged when it cannot be had with its checksum. What breaks off goes on where it was.
        """
        from google.api_core.exceptions import NotFound

        with half_of(self.url, key, self.scratch) as path:
            with path.open("r+b", READ_BYTES) as file, told_safely(self.url):
                watched = Watched(file, f"{self.url}: {key} comes too slowly", self.patience_s)
                try:
                    download(self.bucket, self._name(key), watched, **self._limits())
                except NotFound:
                    raise KeyError(key) from None
                except Damaged:
                    raise CacheDamaged(f"{self.url}: {key} is damaged (its CRC32C is another)") from None
            os.chmod(path, 0o444)
        return path

    def list(self, prefix: str) -> Iterator[str]:
        """All keys that begin with `prefix`, sorted."""
        with told_safely(self.url):
            for blob in self.client.list_blobs(
                self.bucket, prefix=self.prefix + prefix, fields="items(name),nextPageToken", **self._limits()
            ):
                yield blob.name[len(self.prefix) :]

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The same with sizes, times by the bucket's clock, and checksums."""
        fields = "items(name,size,updated,crc32c),nextPageToken"
        with told_safely(self.url):
            for blob in self.client.list_blobs(
                self.bucket, prefix=self.prefix + prefix, fields=fields, **self._limits()
            ):
                yield Entry(blob.name[len(self.prefix) :], blob.size, blob.updated.timestamp(), blob.crc32c)

    def delete(self, key: str) -> None:
        """Removes a key; nothing happens when there is none."""
        from google.api_core.exceptions import NotFound

        blob = self.bucket.blob(self._name(key))
        with told_safely(self.url):
            try:
                blob.delete(**self._limits())
            except NotFound:
                pass

    def version(self, key: str) -> int | None:
        """The generation of the object that is under a key now, or None."""
        with told_safely(self.url):
            blob = self.bucket.get_blob(self._name(key), **self._limits())
        return None if blob is None else blob.generation

    def delete_version(self, key: str, version: int) -> None:
        """Removes a key if its object is still of this generation."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self.bucket.blob(self._name(key))
        with told_safely(self.url):
            try:
                blob.delete(if_generation_match=version, **self._limits())
            except (NotFound, PreconditionFailed):
                pass

    def created(self, key: str) -> float:
        """When a key was made, by the bucket's clock, in seconds since 1970. KeyError when there is none."""
        with told_safely(self.url):
            blob = self.bucket.get_blob(self._name(key), **self._limits())
        if blob is None:
            raise KeyError(key)
        return float(blob.time_created.timestamp())

    def _name(self, key: str) -> str:
        return self.prefix + "/".join(names_of(key))

    def _limits(self, size: int = 0) -> dict[str, Any]:
        """How long to wait for an answer, and to try again; what is large may take longer."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        patience_s = self.patience_s + size / SLOW_BYTES_S
        answer_s = LARGE_ANSWER_S if size > LARGE_BYTES else min(ANSWER_S, self.patience_s)
        return {"timeout": answer_s, "retry": DEFAULT_RETRY.with_timeout(patience_s)}


def _corruption() -> type[Exception]:
    from google.cloud.storage.exceptions import DataCorruption

    return DataCorruption
