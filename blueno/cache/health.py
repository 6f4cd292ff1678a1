"""Whether the bucket that machines share does what it is for: each right is tried, not asked for."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import BluenoError
from ..settings import Settings
from .gcs import GcsCache
from .google import identity, storage_client

PROBE_BYTES = 4 * 1024**2
CLOCK_S = 60.0  # Google refuses identities of machines whose clocks are far off


class Health(NamedTuple):
    """Something that was tried of a bucket, whether it went well, and how to mend it."""

    is_well: bool
    text: str
    fix: str = ""


def examine_bucket(settings: Settings) -> Iterator[Health]:
    """Who we are there, what we may do, both clocks and both speeds; ends at the first thing that does not work.

    Makes one object of 4 MB below `doctor/` and removes it.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield from _tried(settings, Path(folder))
        except BluenoError as error:
            yield Health(False, error.message, error.fix)


def _tried(settings: Settings, folder: Path) -> Iterator[Health]:
    client = storage_client(settings.root)
    try:
        cache = GcsCache(settings.cache, folder, client)
        yield Health(True, f"{settings.cache}, as {identity(settings.root)}")
        first = next(iter(cache.list("datasets/")), None)
        yield Health(True, f"may list ({'datasets are there' if first else 'no dataset yet'})")
        yield from _there_and_back(cache, folder)
    finally:
        client.close()


def _there_and_back(cache: GcsCache, folder: Path) -> Iterator[Health]:
    source, key = folder / "probe", f"doctor/{uuid.uuid4().hex}"
    source.write_bytes(os.urandom(PROBE_BYTES))
    begun, up_s = time.time(), _timed(lambda: cache.put_if_absent(key, source))
    ended = time.time()
    yield Health(True, f"may create ({_speed(up_s)})")
    created = cache.created(key)
    fetched: list[Path] = []
    down_s = _timed(lambda: fetched.append(cache.get(key)))
    if fetched[0].read_bytes() == source.read_bytes():
        yield Health(True, f"may read ({_speed(down_s)})")
    else:
        yield Health(False, "what was read is not what was written", "see what is between here and Google")
    yield from _may_delete(cache, key)
    off_s = max(0.0, created - ended, begun - created)
    if off_s > CLOCK_S:
        yield Health(False, f"the clock here differs from the bucket's by {off_s:.0f} s", "set the clock")
    else:
        yield Health(True, "the clock is right")


def _may_delete(cache: GcsCache, key: str) -> Iterator[Health]:
    try:
        cache.delete(key)
        yield Health(True, "may delete")
    except BluenoError as error:
        yield Health(
            False,
            f"may not delete ({error.message}): a damaged object stays as it is, and so does {key}",
            "give it the role Storage Object User; else `blueno data rm` and `gc` cannot clear the bucket either",
        )


def _timed(action: Callable[[], object]) -> float:
    begun_s = time.monotonic()
    action()
    return time.monotonic() - begun_s


def _speed(seconds: float) -> str:
    return f"{PROBE_BYTES / 10**6 / max(seconds, 1e-6):.1f} MB/s with {PROBE_BYTES // 1024**2} MB"
