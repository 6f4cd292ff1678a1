"""Opens the store: checks that it is ours, whole, new enough and on a disk that can lock; migrates it; owns its lock.

A transaction is `with transaction(db):`, short, and always BEGIN IMMEDIATE, so that nobody waits in the middle.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from ..cache.locks import tried
from ..clock import iso
from ..errors import StoreError
from .migrations import MIGRATIONS

APPLICATION_ID = 0x626C756E  # "blun" in the file's header
BUSY_TIMEOUT_S = 30
NETWORK_FILE_SYSTEMS = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "lustre", "ceph", "glusterfs", "beegfs", "gpfs",
    "fuse.sshfs", "fuse.gcsfuse", "fuse.s3fs", "fuse.glusterfs", "fuse.rclone", "fuse.ceph",
}  # fmt: skip


def store_path(root: Path) -> Path:
    return root / "data" / "blueno.db"


def lock_path(root: Path) -> Path:
    return root / "data" / "scheduler.lock"


def open_store(root: Path, now: float, read_only: bool = False) -> sqlite3.Connection:
    """The store of the project at `root`, made when there is none, migrated when it is older.

    Raises StoreError when it is damaged, newer than this program, not Blueno's, or on a network file system.
    """
    path = store_path(root)
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    refuse_network(path, mounts())
    with ExitStack() as opened:
        try:
            db = _connect(path, read_only)
            opened.callback(db.close)
            _check(db, path)
            if not read_only and _version(db) < len(MIGRATIONS):
                migrate(db, root, now)
        except sqlite3.DatabaseError as error:
            raise explained(error, str(path)) or error from error
        opened.pop_all()  # all is well: it stays open
    return db


def store_exists(root: Path) -> bool:
    """Whether there is a store; what somebody left who was killed, or met a full disk, before it was made, is none."""
    path = store_path(root)
    if not path.exists():
        return False
    try:
        with closing(_connect(path, read_only=True)) as db:
            return _version(db) > 0 or bool(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.Error:
        return True  # `open_store` says what is wrong with it


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    """A connection. On a disk that nobody can write to, SQLite reads a store only if told that nobody does."""
    asleep = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    address = path.resolve().as_uri() + ("?immutable=1" if asleep else "?mode=ro" if read_only else "")
    with ExitStack() as opened:
        db = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        opened.callback(db.close)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -65536")
        if not read_only and not asleep:
            db.execute("PRAGMA journal_mode = WAL")
        opened.pop_all()
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError unless the file is empty or a store that this program knows."""
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner not in (0, APPLICATION_ID) or (owner == 0 and tables):
        raise StoreError(f"{path} is a database, but not Blueno's", "move it away, or choose another --root")
    if _version(db) > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer Blueno (its schema is {_version(db)}, this one knows {len(MIGRATIONS)})",
            "update Blueno, or choose another --root",
        )


def explained(error: sqlite3.Error, place: str) -> StoreError | None:
    """What the user can do about an error of SQLite; None when it is none of the machine's, but a bug.

    Raised where it is met by nobody but the command line: a full disk may come at any statement.
    """
    text = str(error)
    if "full" in text:
        return StoreError(f"the disk that holds {place} is full", "free some space and run the command again")
    if "I/O" in text:
        return StoreError(
            f"{place} cannot be read or written: {text}",
            "see whether the disk is full (df) or failing (dmesg), then run the command again",
        )
    if "readonly" in text or "unable to open" in text:
        return StoreError(
            f"{place} cannot be opened: {text}", "check the rights of the folder, or choose another --root"
        )
    if "locked" in text:
        return StoreError(f"{place} has been busy for {BUSY_TIMEOUT_S} s", "see which process holds it, then try again")
    if "malformed" in text or "not a database" in text:
        return StoreError(
            f"{place} is damaged: {text}",
            "keep a copy of it, then restore a backup, or move it away to begin anew (models/ stays as it is)",
        )
    return None


def migrate(db: sqlite3.Connection, root: Path, now: float) -> None:
    """Applies what is missing, in one transaction. Raises StoreError while a scheduler holds the store."""
    new = _version(db) == 0
    with scheduler_lock(root) as mine:
        if not mine and not new:
            raise StoreError(
                f"the store needs an update, and a scheduler holds it ({holder(root)})",
                "wait until it has ended, or end it with `blueno stop`",
            )
        with transaction(db):
            for migration in MIGRATIONS[_version(db) :]:
                migration(db)
            if new and not db.execute("SELECT 1 FROM meta WHERE key = 'store_id'").fetchone():
                _first_facts(db, now)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _first_facts(db: sqlite3.Connection, now: float) -> None:
    facts = {
        "store_id": str(uuid.uuid4()),
        "host": socket.gethostname(),
        "owner": os.environ.get("USER") or str(os.getuid()),
        "created": iso(now),
    }
    db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing. Inside another transaction it is part of that one."""
    if db.in_transaction:
        yield db
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:  # of the COMMIT too: a full disk may leave the transaction open
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def reading(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Several reads of one and the same moment."""
    db.execute("BEGIN")
    try:
        yield db
    finally:
        db.execute("COMMIT")


# ---- the scheduler's lock: one scheduler per store


@contextmanager
def scheduler_lock(root: Path, about: dict[str, object] | None = None) -> Iterator[bool]:
    """Whether this process now is the store's scheduler. The lock ends with the process, however it ends.

    `about` is left in the file, for those who find the lock taken.
    """
    with tried(lock_path(root)) as handle:
        if handle is None:
            yield False
            return
        with suppress(OSError):  # a full disk: only the word for others is missing
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), **(about or {})}).encode(), 0)
        yield True
        os.ftruncate(handle, 0)


def scheduler_runs(root: Path) -> bool:
    """Whether a scheduler holds the store now. Where there is no lock file, none is made."""
    if not os.access(lock_path(root), os.W_OK):
        return False
    with scheduler_lock(root) as mine:
        return not mine


def holder(root: Path) -> dict[str, object]:
    """What the process that holds the scheduler's lock said about itself; empty when nobody holds it."""
    try:
        return dict(json.loads(lock_path(root).read_text() or "{}"))
    except (OSError, ValueError):
        return {}


# ---- where a store can live


def mounts() -> str:
    """The system's table of mounted file systems, '' where there is none."""
    try:
        return Path("/proc/self/mounts").read_text()
    except OSError:
        return ""


def refuse_network(path: Path, table: str) -> None:
    """Raises StoreError when `path` lies on a network file system: SQLite's locks do not hold there."""
    place = path.parent.resolve()
    best, kind = "", ""
    for line in table.splitlines():
        _, point, name, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if place.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, name
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"the store {path} lies on a network file system ({kind} at {best}), where locks do not hold",
            "choose a folder on a local disk with --root or BLUENO_ROOT",
        )
