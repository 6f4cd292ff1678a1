"""The checksum that Google Cloud Storage keeps of each object. google-crc32c comes with google-cloud-storage."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

CHUNK_BYTES = 1024**2


def crc32c_of(path: Path) -> str:
    """The CRC32C of a file's bytes, as base64, which is how a bucket says it."""
    from google_crc32c import Checksum

    checksum = Checksum()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            checksum.update(chunk)
    return b64encode(checksum.digest()).decode()
