"""Contracts that ship with the seams: a new implementation is tested by a subclass that says how to make one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .cache import Cache

KEY = "parts/ab12.npy"
RACERS = 16


class CacheContract:
    """What every cache keeps to. A subclass gives the fixture `cache`: an empty cache for each test."""

    def test_what_was_put_can_be_got(self, cache: Cache, tmp_path: Path) -> None:
        """The bytes come back, and their size is known."""
        assert cache.put_if_absent(KEY, _file(tmp_path, b"bytes")) is True
        assert cache.get(KEY).read_bytes() == b"bytes"
        assert cache.stat(KEY) == 5

    def test_an_absent_key(self, cache: Cache) -> None:
        """No size, a KeyError that names it, and nothing to delete."""
        assert cache.stat(KEY) is None
        with pytest.raises(KeyError, match=KEY):
            cache.get(KEY)
        cache.delete(KEY)

    def test_a_key_is_written_once(self, cache: Cache, tmp_path: Path) -> None:
        """The second writer is told, and changes nothing."""
        assert cache.put_if_absent(KEY, _file(tmp_path, b"first")) is True
        assert cache.put_if_absent(KEY, _file(tmp_path, b"second")) is False
        assert cache.get(KEY).read_bytes() == b"first"

    def test_the_source_is_left_alone(self, cache: Cache, tmp_path: Path) -> None:
        """What happens to a file after it was put does not reach the cache, nor the other way round."""
        source = _file(tmp_path, b"before")
        cache.put_if_absent(KEY, source)
        source.write_bytes(b"after!")
        assert cache.get(KEY).read_bytes() == b"before"

    def test_a_file_of_scratch_can_be_put(self, cache: Cache) -> None:
        """Files that are made in `scratch` need not be copied, and are no keys."""
        cache.scratch.mkdir(parents=True, exist_ok=True)
        source = _file(cache.scratch, b"made here")
        assert cache.put_if_absent(KEY, source) is True
        source.unlink(missing_ok=True)
        assert cache.get(KEY).read_bytes() == b"made here"
        assert list(cache.list("")) == [KEY]

    def test_files_are_read_only(self, cache: Cache, tmp_path: Path) -> None:
        """Nobody changes a key's bytes by accident."""
        cache.put_if_absent(KEY, _file(tmp_path, b"bytes"))
        assert cache.get(KEY).stat().st_mode & 0o222 == 0

    def test_keys_are_listed_by_prefix_and_sorted(self, cache: Cache, tmp_path: Path) -> None:
        """A prefix is text, not a folder."""
        for key in ("nodes/b.json", "nodes/a.json", "nodes/deep/er.json", "node", "parts/a"):
            cache.put_if_absent(key, _file(tmp_path, b"bytes"))
        assert list(cache.list("nodes/")) == ["nodes/a.json", "nodes/b.json", "nodes/deep/er.json"]
        assert list(cache.list("nodes/a")) == ["nodes/a.json"]
        assert next(iter(cache.list("node"))) == "node"
        assert len(list(cache.list(""))) == 5
        assert list(cache.list("nothing/")) == []

    def test_a_deleted_key_is_gone_and_can_come_back(self, cache: Cache, tmp_path: Path) -> None:
        """What can be rebuilt may be deleted."""
        cache.put_if_absent(KEY, _file(tmp_path, b"old"))
        cache.delete(KEY)
        assert cache.stat(KEY) is None
        assert list(cache.list("")) == []
        assert cache.put_if_absent(KEY, _file(tmp_path, b"new")) is True

    def test_an_empty_file_is_a_value(self, cache: Cache, tmp_path: Path) -> None:
        """Size 0 is not absence."""
        cache.put_if_absent(KEY, _file(tmp_path, b""))
        assert cache.stat(KEY) == 0

    @pytest.mark.parametrize("key", ["", "/parts/a", "../a", "parts/../../a", "parts//a", "parts/", "./a", "parts/a\0"])
    def test_what_is_no_key(self, cache: Cache, tmp_path: Path, key: str) -> None:
        """Nothing outside the cache is reached."""
        source = _file(tmp_path, b"bytes")
        with pytest.raises(ValueError, match="not a cache key"):
            cache.put_if_absent(key, source)
        for refuse in (cache.stat, cache.get, cache.delete):
            with pytest.raises(ValueError, match="not a cache key"):
                refuse(key)

    def test_of_many_writers_one_wins(self, cache: Cache, tmp_path: Path) -> None:
        """Exactly one is told that it wrote, and the key has its bytes, whole."""
        sources = [_file(tmp_path, bytes([number]) * 100_000, f"source-{number}") for number in range(RACERS)]
        with ThreadPoolExecutor(RACERS) as pool:
            for round in range(5):
                key = f"parts/{round}"
                wrote = list(pool.map(lambda source, key=key: cache.put_if_absent(key, source), sources))
                assert wrote.count(True) == 1
                assert cache.get(key).read_bytes() == sources[wrote.index(True)].read_bytes()


def _file(folder: Path, content: bytes, name: str = "source") -> Path:
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path
