"""Publishing and fetching a dataset, in one piece and in many, beside google-cloud-storage alone."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from blueno.cache import outbox
from blueno.cache.folder import FolderCache
from blueno.cache.gcs import GcsCache
from blueno.cache.google import storage_client
from blueno.cache.publisher import publish
from blueno.cache.tiers import TieredCache
from blueno.canonical import digest, digest_file

from ..tables import Table, main, met
from .server import served

TARGET = 0.8  # of what google-cloud-storage alone reaches
WORKERS = (1, 4, 8, 16, 32)


def measure(quick: bool) -> Table:
    """1 GB as 1 part and as 1,000, up and down; of google-cloud-storage its best setting."""
    rounds, whole = (1, 64 * 10**6) if quick else (3, 10**9)
    rows, shares = [], []
    for pieces in (1, 100 if quick else 1000):
        for name, ours, theirs in _measured(pieces, whole // pieces, rounds):
            setting, theirs_s = min(theirs.items(), key=lambda item: item[1])
            shares.append(theirs_s / ours)
            rows.append([
                f"{name}, {pieces:,}", f"{whole / 1e6 / ours:.0f} MB/s", f"{whole / 1e6 / theirs_s:.0f} MB/s",
                setting, f"{theirs_s / ours:.0%}",
            ])  # fmt: skip
    return Table(
        "gcs.transfer",
        ["pieces", "Blueno", "google-cloud-storage", "its best setting", "share"],
        rows,
        [
            f"{whole / 1e6:,.0f} MB of random bytes, to and from fake-gcs-server on this machine; medians of {rounds}",
            "Blueno's side also reads and checks the SHA-256 of every part, both ways",
        ],
        [
            f"{TARGET:.0%} or more of google-cloud-storage alone; the least is {min(shares):.0%}"
            f" ({met(-min(shares), -TARGET)})"
        ],
    )


def _measured(pieces: int, size: int, rounds: int) -> list[tuple[str, float, dict[str, float]]]:
    up_s, down_s = [], []
    up_theirs: dict[str, list[float]] = {}
    down_theirs: dict[str, list[float]] = {}
    for _ in range(rounds):
        with served() as (server, folder):
            server.make_bucket("ours")
            server.make_bucket("theirs")
            client = storage_client(folder)
            local = FolderCache(folder / "one" / "cache")
            up, down = _ours(client, local, folder, _dataset(local, pieces, size))
            up_s.append(up)
            down_s.append(down)
            files = [local.get(name) for name in local.list("parts/")]
            _theirs(client.bucket("theirs"), files, folder, up_theirs, down_theirs)
            client.close()
    return [
        ("publish", median(up_s), {name: median(each) for name, each in up_theirs.items()}),
        ("fetch", median(down_s), {name: median(each) for name, each in down_theirs.items()}),
    ]


def _ours(client: Any, local: FolderCache, folder: Path, key: str) -> tuple[float, float]:
    """Seconds that a dataset takes from one machine to the bucket, and from there to another."""
    bucket = GcsCache("gs://ours", local.scratch, client, patience_s=120.0)
    outbox.note(folder / "notes", key)
    up_s = _timed(lambda: publish(local, bucket, folder / "notes", print))
    other = FolderCache(folder / "two" / "cache")
    remote = GcsCache("gs://ours", other.scratch, client, patience_s=120.0)
    tiers = TieredCache(other, lambda: remote, folder / "notes", "gs://ours")
    return up_s, _timed(lambda: tiers.get(key))


def _dataset(local: FolderCache, pieces: int, size: int) -> str:
    """A manifest with random parts, stored; its key."""
    local.scratch.mkdir(parents=True)
    parts = []
    for number in range(pieces):
        path = local.scratch / f"part-{number}"
        with path.open("wb") as file:
            for _ in range(0, size, 10**7):
                file.write(os.urandom(min(10**7, size)))
        sha256 = digest_file(path)
        parts.append({"key": f"parts/{sha256}.npy", "sha256": sha256, "bytes": path.stat().st_size})
        local.put_if_absent(parts[-1]["key"], path)
        path.unlink()
    recipe = {"made": uuid.uuid4().hex}
    manifest = local.scratch / "manifest"
    manifest.write_text(json.dumps({"recipe": recipe, "parts": parts}))
    key = f"datasets/{digest(recipe)}.json"
    local.put_if_absent(key, manifest)
    return key


def _theirs(
    bucket: Any, files: list[Path], folder: Path, up: dict[str, list[float]], down: dict[str, list[float]]
) -> None:
    """Google's library by itself: many files by threads, one file whole or in chunks by threads."""
    from google.cloud.storage import transfer_manager as manager

    names = [path.name for path in files]
    for workers in WORKERS if len(files) > 1 else (1,):
        target = folder / f"theirs-{workers}"
        prefix = f"{workers}-"
        up.setdefault(f"{workers} threads", []).append(
            _timed(
                lambda w=workers, p=prefix: manager.upload_many_from_filenames(
                    bucket, names, source_directory=str(files[0].parent), blob_name_prefix=p,
                    worker_type=manager.THREAD, max_workers=w, raise_exception=True,
                )
            )
        )  # fmt: skip
        down.setdefault(f"{workers} threads", []).append(
            _timed(
                lambda w=workers, p=prefix, t=target: manager.download_many_to_path(
                    bucket, names, destination_directory=str(t), blob_name_prefix=p,
                    worker_type=manager.THREAD, max_workers=w, raise_exception=True,
                )
            )
        )  # fmt: skip
    if len(files) == 1:
        blob, path = bucket.blob(f"1-{names[0]}"), folder / "chunks"
        for workers in WORKERS[1:]:
            down.setdefault(f"{workers} threads, chunks of 32 MB", []).append(
                _timed(
                    lambda w=workers: manager.download_chunks_concurrently(
                        blob, str(path), chunk_size=32 * 1024**2, worker_type=manager.THREAD, max_workers=w
                    )
                )
            )


def _timed(action: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    action()
    return time.perf_counter() - begun_s


if __name__ == "__main__":
    main(measure)
