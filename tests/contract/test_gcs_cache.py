"""The cache contract on a bucket, against a real server, and what only a bucket can get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.cache.gcs import GcsCache, parsed
from blueno.cache.google import storage_client
from blueno.errors import BluenoError
from blueno.testing import CacheContract
from tests.gcs_server import Server
from tests.proxy import Proxy


class TestGcsCache(CacheContract):
    @pytest.fixture
    def cache(self, bucket: str, tmp_path: Path) -> Iterator[GcsCache]:
        client = storage_client(tmp_path)
        yield GcsCache(f"{bucket}/some/where", tmp_path / "scratch", client)
        client.close()

    def test_prefixes_do_not_see_each_other(self, cache: GcsCache, bucket: str, tmp_path: Path) -> None:
        other = GcsCache(bucket, tmp_path / "scratch", cache.client)
        source = tmp_path / "source"
        source.write_bytes(b"bytes")
        other.put_if_absent("parts/a", source)
        assert list(cache.list("")) == []
        cache.put_if_absent("parts/b", source)
        assert list(other.list("")) == ["parts/a", "some/where/parts/b"]

    def test_a_version_is_of_one_object(self, cache: GcsCache, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"bytes")
        assert cache.version("parts/a") is None
        cache.put_if_absent("parts/a", source)
        version = cache.version("parts/a")
        assert version is not None
        cache.delete_version("parts/a", version)
        cache.delete_version("parts/a", version)
        assert cache.stat("parts/a") is None

    def test_what_is_large_goes_up_in_chunks(self, cache: GcsCache, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(bytes(range(256)) * 160_000)  # 41 MB
        assert cache.put_if_absent("parts/large", source) is True
        assert cache.put_if_absent("parts/large", source) is False
        assert cache.get("parts/large").read_bytes() == source.read_bytes()

    def test_an_upload_is_through_though_its_last_answer_is_lost(
        self, bucket: str, gcs_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proxy, source = Proxy(gcs_server.port), tmp_path / "source"
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        cache = GcsCache(f"{bucket}/lost", tmp_path / "scratch", storage_client(tmp_path))
        source.write_bytes(bytes(range(256)) * 40_000)  # 10 MB
        proxy.loses = source.stat().st_size
        try:
            assert cache.put_if_absent("parts/large", source) is True
            assert proxy.loses is None
            assert cache.get("parts/large").read_bytes() == source.read_bytes()
        finally:
            cache.client.close()
            proxy.close()


@pytest.mark.parametrize("url", ["gs://", "gs://a", "s3://bucket", "bucket/prefix", "gs://Bucket", "gs:///x"])
def test_what_names_no_bucket(url: str) -> None:
    with pytest.raises(BluenoError, match="names no bucket"):
        parsed(url)


def test_a_bucket_and_its_prefix() -> None:
    assert parsed("gs://lab-cache") == ("lab-cache", "")
    assert parsed("gs://lab-cache/a/b/") == ("lab-cache", "a/b/")
