"""A worker as a process of its own: `python -P -m blueno.worker.process FD TOLD`, started by the local executor.

It talks JSON lines over the socket FD, leads a process group, and takes everything in it along when the scheduler is
gone. TOLD is JSON: `id`, `root`, `project`, `slot`, `engine`.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .. import environment
from ..executors import Slot
from ..messages import Message
from . import output
from .cores import pin
from .inbox import Inbox
from .packs import start_libraries, train_packs
from .work import handle, open_worker

# The guard shares the worker's process group, and as its standard input a pipe that nobody writes to and whose other
# end only the scheduler holds. It ends the whole group as soon as the scheduler is gone, even if this process hangs
# in C code, which no thread of ours would survive. (PR_SET_PDEATHSIG would end this process, but not its children.)
# Forked twice, so that user code that waits for its children does not wait for it.
GUARD = "exec 3<&0; { read -r _ <&3; kill -9 0; } >/dev/null 2>&1 &"


def main(arguments: list[str]) -> None:
    """Answers messages until one says `finish`, the scheduler is gone, or memory is not what it was."""
    channel, told = int(arguments[0]), json.loads(arguments[1])
    os.set_inheritable(channel, False)  # a child of user code that held it open would hide our end from the scheduler
    _start_guard()
    _settle()
    inbox = Inbox()
    threading.Thread(target=_listen, args=(channel, inbox.put), daemon=True).start()
    slot = Slot(*told["slot"])
    if told["engine"] == "fused":
        _prepare_for_packs(slot, Path(told["root"]))
    emit = _sender(channel)
    worker = open_worker(told["id"], Path(told["root"]), slot.threads, project=Path(told["project"]))
    worker.answer = inbox.answer
    emit({"kind": "ready", "pid": os.getpid(), "environment": environment.facts(slot, "local")})
    if told["engine"] == "fused":
        start_libraries(worker)  # while the first dataset is built, perhaps by another worker
    while (message := inbox.get())["kind"] != "finish":
        if message["kind"] in ("stop", "go") or (message["kind"] == "train" and inbox.is_stopped(message)):
            continue  # the trial has ended meanwhile, or was ended before it began
        if message["kind"] == "train" and "pack" in message:
            train_packs(worker, message, emit, inbox)
        else:
            handle(worker, message, emit)
        if worker.worn_out and inbox.empty():
            emit({"kind": "gone", "reason": "recycled", "output": ""})
            break
    output.flush()
    os._exit(0)  # threads that user code left behind, and libraries that hang while they are torn down, do not matter


def _prepare_for_packs(slot: Slot, root: Path) -> None:
    """Before JAX is imported: it makes as many threads as there are cores, and loads programs from its cache, which is
    the project's where the user's will not do.
    """
    folder = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    if not (folder.is_absolute() and _is_own(folder)):
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(root / "data" / "work" / "jax")
        (root / "data" / "work" / "jax").mkdir(mode=0o700, parents=True, exist_ok=True)
    if slot.kind == "cpu" and slot.threads == 1:
        pin()


def _is_own(folder: Path) -> bool:
    """Whether nobody else may write to a folder, made if it is not there: what lies in it is run."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _start_guard() -> None:
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", GUARD], os.environ), 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _settle() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the scheduler
    faulthandler.enable(file=2)  # by number: where it points when the fault comes, a trial's log
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with suppress(OSError):  # when memory runs out, the kernel should end a worker, not the scheduler
        Path("/proc/self/oom_score_adj").write_text("500")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


def _listen(channel: int, put: Callable[[Message], None]) -> None:
    """Takes messages in while the main thread works; the end of the socket is the end of the scheduler."""
    with suppress(OSError), os.fdopen(channel, "rb", closefd=False) as stream:
        for line in stream:
            put(json.loads(line))
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _sender(channel: int) -> Callable[[Message], None]:
    lock = threading.Lock()  # user code may report from threads of its own

    def emit(message: Message) -> None:
        rest = memoryview(json.dumps(message, allow_nan=False).encode() + b"\n")
        with lock:
            while rest:
                rest = rest[os.write(channel, rest) :]

    return emit


if __name__ == "__main__":
    main(sys.argv[1:])
