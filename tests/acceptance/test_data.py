"""Prepared data through the real command line: two machines and a bucket, a limit that a sweep keeps by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blueno.cache.gcs import GcsCache
from blueno.cache.google import storage_client
from blueno.canonical import short
from blueno.holdings import shared
from blueno.holdings.held import holdings
from blueno.holdings.removal import remove

from .project import Project, wait_for

SPEC = """\
version: 1
name: flowers
objective: {maximize: val_accuracy}
data: {source: {sklearn: iris}, split: {validation: 0.4, stratify: true}}
preprocess: [{one_of: [scale, {pca: {components: 2}}]}]
model: {estimator: sklearn.naive_bayes:GaussianNB}
"""

pytestmark = pytest.mark.slow


class Machine(Project):
    """A project that shares a bucket, if it is given one."""

    def __init__(self, root: Path, bucket: str = "") -> None:
        super().__init__(root)
        self.write(flowers_yaml=SPEC, blueno_toml=f'cache = "{bucket}"\nexecutor = "inline"\n')

    def data(self, *words: str, code: int | None = 0) -> str:
        return self.run("data", *words, code=code)

    def items(self) -> dict[str, Any]:
        return {each["id"]: each for each in self.json("data", "ls")["items"]}


def test_a_sweep_keeps_to_the_limit_by_itself(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "one")
    machine.run("sweep", "flowers.yaml")
    before = machine.items()
    assert [each["kind"] for each in before.values()].count("dataset") == 2
    machine.write(flowers_yaml=SPEC.replace("0.4", "0.3"), blueno_toml='executor = "inline"\ncache_limit = "40kB"\n')
    machine.run("sweep", "flowers.yaml")
    assert "were used longest ago made room" in machine.errors
    after = machine.json("data", "ls")
    assert after["here"]["bytes"] < 45_000
    assert not before.keys() & {each["id"] for each in after["items"] if each["kind"] == "dataset"}
    assert machine.run("verify").startswith("all is well")
    machine.write(flowers_yaml=SPEC.replace("GaussianNB", "GaussianNB, var_smoothing: 0.1"))
    assert "2 succeeded" in machine.run("sweep", "flowers.yaml")  # what went is made again


def test_two_machines_and_a_bucket(tmp_path: Path, bucket: str) -> None:
    one, two = Machine(tmp_path / "one", f"{bucket}/lab"), Machine(tmp_path / "two", f"{bucket}/lab")
    remote = GcsCache(f"{bucket}/lab", tmp_path / "scratch", storage_client(tmp_path))
    one.run("sweep", "flowers.yaml")
    one.data("sync", "--repair")
    assert "no differences" in one.data("sync", "--verify")
    assert {each["remote"] for each in one.items().values()} == {True}
    assert {each["state"] for each in two.items().values()} == {"remote only"}
    dataset = next(id for id, each in one.items().items() if each["kind"] == "dataset")

    # a damaged object in the bucket, and a damaged file here
    part = max(holdings(remote).items[dataset].parts.items(), key=lambda each: each[1])[0]
    remote.delete(part)
    (tmp_path / "wrong").write_bytes(b"wrong")
    remote.put_if_absent(part, tmp_path / "wrong")
    said = one.data("sync", code=1)
    assert f"shared cache: {part}: has 5 bytes" in said and "1 to upload (remote): blueno data sync --repair" in said
    assert "1 mended, 0 left" in one.data("sync", "--repair")
    file = one.root / "data" / "cache" / part
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(bytes(len(content)))
    assert "no differences" in one.data("sync")
    assert "damaged (its checksum is another)" in one.data("sync", "--verify", code=1)
    assert "1 mended, 0 left" in one.data("sync", "--verify", "--repair")
    assert file.read_bytes() == content

    # nothing is old, and what is wanted stays when it is
    assert "nothing" in one.data("gc", "--remote", "--yes")
    two.run("sweep", "flowers.yaml")
    later = max(entry.changed_s for entry in remote.entries("")) + 40 * 86_400
    assert len(shared.old(remote, 30, later).removal.items) == 3
    two.write(flowers_yaml=SPEC.replace("GaussianNB", "GaussianNB, var_smoothing: 0.1"))
    stopped = two.json("data", "gc", "--remote", "--days", "1")
    assert stopped["items"] == [] and stopped["kept"] == 3
    remove(shared.old(remote, 30, later).removal, remote)
    assert not holdings(remote).items and not holdings(remote).parts
    assert "missing" in one.data("sync", code=1)


def test_another_stores_wish_is_heeded(tmp_path: Path, bucket: str) -> None:
    one, two = Machine(tmp_path / "one", bucket), Machine(tmp_path / "two", bucket)
    one.run("sweep", "flowers.yaml")
    one.data("sync", "--repair")
    two.run("sweep", "flowers.yaml")
    remote = GcsCache(bucket, tmp_path / "scratch", storage_client(tmp_path))
    wait_for(lambda: len({key.split("/")[1] for key in remote.list("wants/")}) == 2)  # sent in the background
    dataset = next(id for id, each in one.items().items() if each["kind"] == "dataset")
    one.data("rm", dataset[:8], "--remote", "--yes", code=1)
    assert "1 other store announced to want it" in one.errors and "--force" in one.errors
    assert "removed" in one.data("rm", dataset[:8], "--remote", "--yes", "--force")
    assert dataset not in one.items() and two.items()[dataset]["state"] == "here"
    assert f"{short(dataset)}" in two.data("ls")
