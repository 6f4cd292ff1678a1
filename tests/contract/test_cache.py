"""The cache contract on each implementation, and what only a folder can get wrong."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blueno.cache.folder import FolderCache
from blueno.testing import CacheContract


class TestFolderCache(CacheContract):
    @pytest.fixture
    def cache(self, tmp_path: Path) -> FolderCache:
        return FolderCache(tmp_path / "cache")

    def test_leftovers_of_a_killed_writer_are_no_keys(self, cache: FolderCache) -> None:
        cache.scratch.mkdir(parents=True)
        (cache.scratch / "tmpabc").write_bytes(b"half")
        assert list(cache.list("")) == []
        assert cache.stat("parts/abc") is None
        with pytest.raises(ValueError, match="not a cache key"):
            cache.get("tmp/tmpabc")

    def test_nothing_is_left_in_scratch(self, cache: FolderCache, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"bytes")
        cache.put_if_absent("parts/a", source)
        cache.put_if_absent("parts/a", source)
        assert list(cache.scratch.iterdir()) == []

    def test_a_full_disk_leaves_no_key(
        self, cache: FolderCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"bytes")

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            cache.put_if_absent("parts/a", source)
        assert list(cache.list("")) == []
        assert list(cache.scratch.iterdir()) == []


class TestFolderCacheWithoutLinks(TestFolderCache):
    """The same on a file system that has no hard links."""

    @pytest.fixture(autouse=True)
    def no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)

    def test_nothing_is_left_in_scratch(self, cache: FolderCache, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"bytes")
        cache.put_if_absent("parts/a", source)
        cache.put_if_absent("parts/a", source)
        assert [path.name for path in cache.scratch.iterdir()] == [".rename.lock"]


WRITER = """
import sys
from pathlib import Path
from blueno.cache.folder import FolderCache
cache, source = FolderCache(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
for number in range(100_000):
    cache.put_if_absent(f"parts/{number}", source)
"""


def test_a_writer_killed_at_any_moment_leaves_only_whole_files(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 1_000_000)
    for milliseconds in (10, 35, 60):
        command = [sys.executable, "-c", WRITER, str(tmp_path / f"cache-{milliseconds}"), str(source)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(milliseconds / 1000)
            writer.send_signal(signal.SIGKILL)
        cache = FolderCache(tmp_path / f"cache-{milliseconds}")
        assert {cache.stat(key) for key in cache.list("")} <= {1_000_000}
        assert cache.put_if_absent("parts/after", source) is True
