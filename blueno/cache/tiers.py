"""Two levels: the local folder first, and behind it the cache that machines share.

What is here is used as it is, without a question to anybody. A dataset or node that is not here, or not whole, is
fetched: its manifest, then the parts that are lacking, at once, and the manifest is stored last. What is made here is
stored here, and noted for the publisher. Whatever is wrong with the shared cache is said, and then the data is built.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from ..canonical import digest, digest_file
from ..errors import BluenoError, CacheDamaged, CacheUnavailable
from . import Cache, Entry, outbox
from .folder import FolderCache
from .locks import locked
from .parts import Part, is_manifest, named, parts_in
from .twice import Removed, delete, fetched, version_of

Tell = Callable[[str], None]
Parts = list[Part]

THREADS = 8  # parts that are fetched at once
FIRST_REST_S, LONGEST_REST_S = 60.0, 600.0  # after a failure the shared cache is left alone for so long
EVERY_S = 10.0  # seconds between two words on a long download


class TieredCache:
    """`stat`, `list` and `delete` are about what is here; only `get` looks further.

    `open_remote` is called when something is lacking, not before. Safe for threads and processes.
    """

    def __init__(
        self, local: FolderCache, open_remote: Callable[[], Cache], notes: Path, url: str, tell: Tell = lambda _: None
    ) -> None:
        self.local, self.scratch, self.url, self.tell = local, local.scratch, url, tell
        self._open_remote, self._notes = open_remote, notes
        self._remote: Cache | None = None
        self._whole: set[str] = set()  # manifests whose parts were seen; one that goes later is fetched by itself
        self._rests_until_s, self._rest_s = 0.0, FIRST_REST_S

    def stat(self, key: str) -> int | None:
        """Size in bytes of what is here, or None."""
        return self.local.stat(key)

    def put_if_absent(self, key: str, source: Path) -> bool:
        """Stores the file's bytes here; a manifest is noted to be sent to the shared cache, with its parts."""
        if is_manifest(key) and self.local.stat(key) is None:
            outbox.note(self._notes, key)
        return self.local.put_if_absent(key, source)

    def get(self, key: str) -> Path:
        """The file with the key's bytes, fetched if it is not here; a manifest comes with its parts. KeyError when it
        is neither here nor to be had.
        """
        if is_manifest(key):
            if (key not in self._whole or self.local.stat(key) is None) and self._lacks(key):
                self._fetch(key, self._fetch_whole)
        elif self.local.stat(key) is None:
            self._fetch(key, self._fetch_file)
        return self.local.get(key)

    def list(self, prefix: str) -> Iterator[str]:
        """All keys here that begin with `prefix`, sorted."""
        return self.local.list(prefix)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The same with sizes and times."""
        return self.local.entries(prefix)

    def delete(self, key: str) -> None:
        """Removes a key here; the shared cache keeps its own."""
        self.local.delete(key)

    # ---- fetching

    def _lacks(self, manifest_key: str) -> bool:
        """Whether the manifest, or a part that it names, is not here in full length."""
        manifest = _read(self.local, manifest_key)
        lacks = manifest is None or bool(_missing(manifest, self.local))
        if not lacks:
            self._whole.add(manifest_key)
        return lacks

    def _fetch(self, key: str, how: Callable[[Cache, str], None]) -> None:
        """Fetches under a lock, so that of many processes one does; what goes wrong is told, and it is built here."""
        if time.monotonic() < self._rests_until_s:
            return
        try:
            if self._remote is None:
                self._remote = self._open_remote()
            with locked(self.scratch / f"{PurePosixPath(key).name}.fetch.lock"):
                how(self._remote, key)
            self._rest_s = FIRST_REST_S
        except KeyError:
            return
        except CacheDamaged as error:
            self.tell(f"{error.message}; it is made here, and sent again")
        except BluenoError as error:
            self._rests_until_s = time.monotonic() + self._rest_s
            self._rest_s = min(LONGEST_REST_S, 2 * self._rest_s)
            self.tell(f"{error.message}. What is not here is made here, and sent later; {error.fix or 'nothing stops'}")

    def _fetch_file(self, remote: Cache, key: str) -> None:
        if self.local.stat(key) is None:
            self._take(remote, key, PurePosixPath(key).stem if key.startswith("parts/") else None)

    def _fetch_whole(self, remote: Cache, key: str) -> None:
        if not self._lacks(key):
            return  # whoever held the lock until now has fetched it
        try:
            file = fetched(key, remote, lambda file: self._manifest_damage(key, file))
        except KeyError:
            if (manifest := _read(self.local, key)) is None:
                raise
            self._fetch_parts(remote, key, _missing(manifest, self.local))  # sent as far as somebody came
            return
        try:
            self._fetch_named(remote, key, json.loads(file.read_text(encoding="utf-8")))
            self.local.delete(key)  # one that names other parts, or cannot be read
            self.local.put_if_absent(key, file)
        finally:
            file.unlink(missing_ok=True)

    def _manifest_damage(self, key: str, file: Path) -> str:
        """ "" of a manifest that is what its key says."""
        with suppress(ValueError, KeyError, TypeError):
            if digest(json.loads(file.read_text(encoding="utf-8"))["recipe"]) == PurePosixPath(key).stem:
                return ""
        return f"{self.url}: the manifest of {named(key)} is damaged"

    def _fetch_named(self, remote: Cache, key: str, manifest: Any) -> None:
        """Fetches the parts of a manifest of the shared cache. One that names what is gone is removed there: while it
        is there, nobody sends the parts again.
        """
        try:
            self._fetch_parts(remote, key, _missing(manifest, self.local))
        except KeyError as error:
            message, part = f"{self.url}: {error.args[0]} of {named(key)} is gone from it", error.args[0]
        except Removed as error:
            message, part = error.message, error.key
        else:
            return
        try:
            seen = version_of(key, remote)  # asked before the part: whoever mends sends a new manifest after it
            if remote.stat(part) is None:
                delete(key, remote, seen)
        except CacheUnavailable as error:
            message += f", and its manifest cannot be removed ({error.message})"
        raise CacheDamaged(message)

    def _fetch_parts(self, remote: Cache, key: str, missing: Parts) -> None:
        whole, done, told_s = sum(part["bytes"] for part in missing), 0, time.monotonic()
        with ThreadPoolExecutor(max(1, min(THREADS, len(missing)))) as pool:
            waiting: set[Future[int]] = {pool.submit(self._take_part, remote, part) for part in missing}
            try:
                while waiting:
                    ended, waiting = wait(waiting, timeout=EVERY_S, return_when=FIRST_EXCEPTION)
                    done += sum(future.result() for future in ended)
                    if waiting and time.monotonic() - told_s >= EVERY_S:
                        told_s = time.monotonic()
                        self.tell(f"{named(key)}: {done // 10**6} of {whole // 10**6} MB have come from {self.url}")
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        self.tell(f"{named(key)} came from {self.url} ({_size(whole)})")

    def _take_part(self, remote: Cache, part: Part) -> int:
        there = self.local.stat(part["key"])
        if there != part["bytes"]:  # else another dataset's fetch has brought it
            if there is not None:
                self.local.delete(part["key"])  # cut short
            self._take(remote, part["key"], part["sha256"])
        return part["bytes"]

    def _take(self, remote: Cache, key: str, sha256: str | None) -> None:
        """Fetches one file; CacheDamaged when it is not what it is named after."""
        damage = f"{self.url}: {key} is damaged (its SHA-256 is another)"
        file = fetched(key, remote, lambda file: "" if sha256 in (None, digest_file(file)) else damage)
        try:
            self.local.put_if_absent(key, file)
        finally:
            file.unlink(missing_ok=True)


def _read(cache: FolderCache, key: str) -> Any:
    """A manifest that is here, or None."""
    with suppress(KeyError, OSError, ValueError):
        manifest = json.loads(cache.get(key).read_text(encoding="utf-8"))
        return manifest if isinstance(manifest, dict) else None
    return None


def _missing(manifest: Any, cache: FolderCache) -> list[Part]:
    """The parts of a manifest that are not here in full length, each once."""
    parts = {part["key"]: part for part in parts_in(manifest)}
    return [part for key, part in parts.items() if cache.stat(key) != part["bytes"]]


def _size(count: int) -> str:
    return f"{count / 10**6:.1f} MB" if count >= 10**5 else f"{count / 1000:.1f} kB"
