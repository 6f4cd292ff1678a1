"""The checksum that Google Cloud Storage keeps of each object. google-crc32c comes with google-cloud-storage."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google_crc32c import Checksum

CHUNK_BYTES = 1024**2


def crc32c_of(path: Path) -> str:
    """The CRC32C of a file's bytes, as base64, which is how a bucket says it."""
    return in_base64(checksum_of(path))


def checksum_of(path: Path) -> Checksum:
    """The CRC32C of a file's bytes, to go on with."""
    from google_crc32c import Checksum

    checksum = Checksum()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            checksum.update(chunk)
    return checksum


def in_base64(checksum: Checksum) -> str:
    """A CRC32C as a bucket says it."""
    return b64encode(checksum.digest()).decode()
