"""What is asked of a bucket: what lies there, and bytes of an object at one generation. The errors of Google's library
become ours here, and nowhere else under `raw`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..cache.google import reason, status, storage_client
from ..errors import DataError, Unreachable
from .address import Address, matches

if TYPE_CHECKING:
    from google.cloud.storage import Client

LISTED = "items(name,generation,size,crc32c,md5Hash,contentEncoding),nextPageToken"
CONNECT_S = 5.0
LISTING_S = 5.0  # before it is said that nobody answers; somebody waits for the plan
FETCHING_S = 120.0  # nobody waits for a build


class Object(NamedTuple):
    """An object as it was listed. Its checksums are those of the bytes that are stored, in base64."""

    name: str  # relative to the address's folder
    generation: int
    size: int
    crc32c: str
    md5: str  # "" where the bucket has none: of what was uploaded in pieces
    encoding: str  # "gzip" for what is to be unpacked, as every client does

    @property
    def content(self) -> str:
        """What tells its content from any other's: a crc32c alone is too short for that, so the generation counts."""
        told = self.md5 or f"{self.crc32c} {self.generation}"
        return " ".join(filter(None, [told, str(self.size), self.encoding]))


class Gone(DataError):
    """There is no such object, or not of that generation any more."""


@contextmanager
def client_of(root: Path) -> Iterator[Client]:
    """The client of the project under `root`, closed afterwards. MissingLibrary without google-cloud-storage."""
    client = storage_client(root)
    try:
        yield client
    finally:
        client.close()


def listed(client: Client, address: Address) -> list[Object]:
    """What lies at an address, sorted by name. Hidden files and the markers of empty folders are no data.

    DataError when nothing does, or it may not be seen; Unreachable when nobody answers.
    """
    objects = [_one(client, address)] if address.kind == "object" else _several(client, address)
    names = {each.name for each in objects}
    for name in names:
        folders = name.split("/")[:-1]
        if any("/".join(folders[: depth + 1]) in names for depth in range(len(folders))):
            raise DataError(
                f"{address.full(name)} lies below another object", "no file can lie below a file: rename one"
            )
    return sorted(objects)


def current(client: Client, address: Address, name: str) -> Object | None:
    """What an object is now; None if there is none of that name."""
    with translated(address):
        blob = client.bucket(address.bucket).get_blob(f"{address.folder}{name}", **_patience(FETCHING_S))
    return None if blob is None else _object(blob, address)


def _one(client: Client, address: Address) -> Object:
    with translated(address):
        patience = _patience(LISTING_S)
        blob = client.bucket(address.bucket).get_blob(f"{address.folder}{address.rest}", **patience)
        if blob is not None:
            return _object(blob, address)
        below = client.list_blobs(address.bucket, prefix=f"{address.prefix}/", max_results=1, **patience)
        fix = f"write {address.text}/ for all that lies below it" if list(below) else "correct it, or upload it"
    raise Gone(f"there is no object {address.text}", fix)


def _several(client: Client, address: Address) -> list[Object]:
    with translated(address):
        pages = client.list_blobs(address.bucket, prefix=address.prefix, fields=LISTED, **_patience(LISTING_S))
        found = [_object(blob, address) for blob in pages if not blob.name.endswith("/")]
    objects = [each for each in found if _is_data(address, each.name)]
    if objects:
        return objects
    what = "matches" if address.kind == "pattern" else "lies below"
    raise Gone(f"no object {what} {address.text}", "correct it, or upload the data")


def _is_data(address: Address, name: str) -> bool:
    if address.kind == "pattern" and not matches(address.rest, name):
        return False
    parts = name.split("/")
    if any(part in ("", "..", ".") or "\0" in part for part in parts):
        raise DataError(f"{address.full(name)!r} cannot be the name of a file", "rename it in the bucket")
    return not any(part.startswith(".") for part in parts) or address.kind == "pattern"


def _object(blob: Any, address: Address) -> Object:
    name = blob.name.removeprefix(address.folder)
    encoding = blob.content_encoding if blob.content_encoding == "gzip" else ""
    return Object(name, int(blob.generation), int(blob.size), blob.crc32c, blob.md5_hash or "", encoding)


def read(client: Client, address: Address, one: Object, file: IO[bytes], start: int, end: int) -> None:
    """Appends the bytes [start, end) of an object, at its generation, to a file. Gone when that is there no more."""
    blob = client.bucket(address.bucket).blob(f"{address.folder}{one.name}", generation=one.generation)
    with translated(address, one):
        # in its stored form, and checked by whoever has all of it
        blob.download_to_file(file, start=start, end=end - 1, raw_download=True, checksum=None, **_patience(FETCHING_S))


def _patience(limit_s: float) -> dict[str, Any]:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return {"timeout": (CONNECT_S, 60.0), "retry": DEFAULT_RETRY.with_timeout(limit_s)}


@contextmanager
def translated(address: Address, one: Object | None = None) -> Iterator[None]:
    """Errors of Google's libraries as ours, which name the path."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import InvalidResponse
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    what = address.full(one.name) if one else address.text
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, InvalidResponse, RequestException, HTTPError, ConnectionError) as error:
        number = status(error)
        if number == 404 and one is not None:
            raise Gone(f"{what}: generation {one.generation} is gone from the bucket") from None
        if number == 404:
            raise DataError(f"{what}: there is no bucket {address.bucket}", "correct its name, or create it") from None
        if number in (401, 403):
            fix = "give the identity in use the role Storage Object Viewer on the bucket, or use another"
            raise DataError(f"{what} may not be read ({reason(error)})", fix) from None
        raise Unreachable(f"{what}: {reason(error)}", "look at the network, then run it again") from None
