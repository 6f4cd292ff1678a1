"""Sends what was made here to the shared cache, in a process of its own beside a running sweep.

    python -m blueno.cache.publisher ROOT

It has the lowest priority that helps, tries again when the bucket cannot be used, and ends when nothing waits and the
scheduler that started it is gone. It may be killed anywhere: what is not sent stays noted. One works for a root.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..canonical import digest_file
from ..clock import iso
from ..errors import BluenoError, CacheDamaged, CacheUnavailable
from . import Cache, outbox, trials
from .folder import FolderCache
from .parts import Part, named, parts_in
from .trials import make_way

Tell = Callable[[str], None]

THREADS = 32  # parts that are sent at once, larger ones fewer (gcs.py)
TURN_S = 0.5
FIRST_REST_S, LONGEST_REST_S = 2.0, 60.0
NICE = 10
RUNNING = 2  # failures of the bucket one after the other that end a turn


def publish(local: Cache, remote: Cache, notes: Path, tell: Tell) -> int:
    """Sends every noted manifest with its parts and returns how many. A part that is there is not sent again, and a
    dataset that another machine has sent neither. Raises CacheUnavailable when some have to wait.
    """
    keys = [key for key in outbox.noted(notes) if not key.startswith(trials.PREFIX)]
    with ThreadPoolExecutor(THREADS) as pool:
        return _each(keys, lambda key: _send_noted(key, local, remote, notes, pool, tell), notes, tell)


def publish_trials(models: Cache, remote: Cache, notes: Path, tell: Tell) -> int:
    """Sends the files of every noted trial, and returns how many trials. Raises CacheUnavailable as `publish` does."""

    def send(key: str) -> bool:
        text = outbox.text_of(notes, key)
        is_sent = bool(text) and trials.send_trial(text, models, remote, tell)
        outbox.sent(notes, key)
        return is_sent

    return _each([key for key in outbox.noted(notes) if key.startswith(trials.PREFIX)], send, notes, tell)


def _each(keys: list[str], send: Callable[[str], bool], notes: Path, tell: Tell) -> int:
    """Sends each by itself, so that what is wrong with one holds up no other, and returns how many were sent. What
    could not be sent waits behind the others. Raises CacheUnavailable at the end if any waits, and at once when the
    bucket fails for the second time running.
    """
    count, running = 0, 0
    waits: BluenoError | None = None
    for key in keys:
        try:
            count += send(key)
            running = 0
            continue
        except CacheDamaged as error:
            tell(f"{named(key)} waits: {error.message}")
            waits = waits or error
        except BluenoError as error:
            waits, running = error, running + 1
        except Exception as error:  # what it says may hold anything: only its type is told
            tell(f"{named(key)} waits: it could not be sent ({type(error).__name__})")
            waits = waits or CacheUnavailable(f"{named(key)} could not be sent ({type(error).__name__})")
        outbox.later(notes, key)
        if running == RUNNING:
            break
    if waits is not None:
        raise waits
    return count


def _send_noted(key: str, local: Cache, remote: Cache, notes: Path, pool: ThreadPoolExecutor, tell: Tell) -> bool:
    """Sends one manifest, its parts first; False when there is nothing to send. The note goes with it."""
    try:
        manifest = local.get(key)
        parts = {part["key"]: part for part in parts_in(json.loads(manifest.read_text(encoding="utf-8")))}
    except (KeyError, FileNotFoundError):
        if outbox.is_stale(notes, key):
            outbox.sent(notes, key)
        return False
    except ValueError:
        local.delete(key)
        outbox.sent(notes, key)
        tell(f"the manifest of {named(key)} is damaged here and is not sent; the next sweep that needs it mends it")
        return False
    is_sent = False
    if remote.stat(key) is None:
        try:
            if all(list(pool.map(lambda part: _send(part, local, remote, tell), parts.values()))):
                remote.put_if_absent(key, manifest)
                is_sent = True
        except FileNotFoundError:  # removed here since then
            pass
        if not is_sent and local.stat(key) is not None:
            tell(f"{named(key)} is damaged here and is not sent; the next sweep that needs it mends it")
    outbox.sent(notes, key)
    return is_sent


def _send(part: Part, local: Cache, remote: Cache, tell: Tell) -> bool:
    """Sends one part unless it is there; False when it is not here as it should be, and is removed."""
    key, there = part["key"], remote.stat(part["key"])
    if there == part["bytes"]:
        return True
    try:
        file = local.get(key)
        if digest_file(file) != part["sha256"]:
            local.delete(key)
            return False
        if there is not None:
            make_way(key, remote, tell)
        remote.put_if_absent(key, file)
    except (KeyError, FileNotFoundError):  # removed here, perhaps in this very moment
        return False
    return True


def work(root: Path, open_remote: Callable[[], Cache], local: Cache, tell: Tell, is_wanted: Callable[[], bool]) -> None:
    """Sends what is noted, until nothing waits (or the bucket cannot be used) and nobody makes more."""
    notes, rest_s = outbox.outbox_of(root), FIRST_REST_S
    remote: Cache | None = None
    models = FolderCache(root / "models")
    told: set[str] = set()

    def once(text: str) -> None:
        if text not in told:
            told.add(text)
            tell(text)

    while True:
        wanted = is_wanted()  # asked before the last look, so that nothing slips between
        try:
            remote = remote or open_remote()
            try:
                count = publish(local, remote, notes, once)
            finally:  # what is wrong with a dataset holds up no trial
                sent = publish_trials(models, remote, notes, once)
            count += sent
            rest_s = TURN_S
            if count and told:
                told.clear()
                tell("the shared cache can be used again; what waited is sent")
        except BluenoError as error:
            once(f"{error.message}; what is prepared here waits to be sent, and sweeps go on ({error.fix})")
            if not wanted:
                return
            rest_s = min(LONGEST_REST_S, max(FIRST_REST_S, 2 * rest_s))
        if not wanted:
            return
        _rest(rest_s, is_wanted)


def _rest(seconds: float, is_wanted: Callable[[], bool]) -> None:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s and is_wanted():
        time.sleep(min(TURN_S, seconds))


def main(root: Path) -> None:
    """The process: what it has to say goes to standard output, a line each."""
    from ..settings import load_settings
    from .opening import local_cache, remote_cache

    os.nice(NICE)

    def is_wanted() -> bool:  # the scheduler holds the other end, and never writes
        return not select.select([sys.stdin], [], [], 0)[0]

    def tell(text: str) -> None:
        print(f"{iso(time.time())} {text}", flush=True)

    def open_remote() -> Cache:
        remote = remote_cache(load_settings(root))
        if remote is None:
            raise CacheUnavailable("the setting `cache` names no bucket any more", "set it again")
        return remote

    notes = outbox.outbox_of(root)
    notes.mkdir(parents=True, exist_ok=True)
    with (notes / ".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not is_wanted():
                    return
                time.sleep(TURN_S)
        work(root, open_remote, local_cache(root), tell, is_wanted)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
