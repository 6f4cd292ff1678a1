"""Machine-wide locks by name, across stores and users: files in one shared folder, freed by the kernel when their
holder ends, however it ends.
"""

from __future__ import annotations

import fcntl
import getpass
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/tmp/blueno-devices")  # not tempfile's: $TMPDIR may differ from user to user


@dataclass
class Lock:
    """A held lock."""

    fd: int

    def release(self) -> None:
        """Lets others have it."""
        os.close(self.fd)


def take(name: str, folder: Path = FOLDER) -> Lock | str:
    """The lock that goes by `name`, or who holds it, in words."""
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o1777)  # anybody may add a file, nobody remove another's
    fd = _open(folder / f"{name}.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 200, 0).decode(errors="replace").strip()
        os.close(fd)
        return holder or "another scheduler"
    _sign(fd)
    return Lock(fd)


def _open(path: Path) -> int:
    """Opens a lock file, made if need be. In a sticky folder the kernel refuses O_CREAT on another user's file
    (fs.protected_regular), so an existing one is opened without it; and no link is followed anywhere.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(path, flags)
    os.fchmod(fd, 0o666)  # whatever the umask says: other users lock it too
    return fd


def _sign(fd: int) -> None:
    """Leaves a word for those who find it held."""
    with suppress(OSError, KeyError):  # a user without a name, a full disk: only the word is missing
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{getpass.getuser()}'s blueno, process {os.getpid()},".encode(), 0)
