"""Locks between processes and threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blueno.cache.locks import locked

HOLDER = """
import sys, time
from pathlib import Path
from blueno.cache.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    counter, rounds = tmp_path / "counter", 50

    def add(_: int) -> None:
        with locked(tmp_path / "a.lock"):
            counter.write_text(str(int(counter.read_text()) + 1))

    counter.write_text("0")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(rounds)))
    assert counter.read_text() == str(rounds)
    assert not (tmp_path / "a.lock").exists()


def held_now(path: Path) -> bool:
    with locked(path):
        return path.exists()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(held_now, path)
            assert not waiting.done()
            holder.kill()
            assert waiting.result(timeout=10)
