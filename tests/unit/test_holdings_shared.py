"""The cache that machines share: what stores announce, what may go by age, how two sides are compared and mended."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key, node_key
from blueno.errors import CacheDamaged
from blueno.holdings import shared
from blueno.holdings.held import holdings
from blueno.holdings.removal import remove
from blueno.holdings.sync import Comparison, Difference, compare, mend
from blueno.holdings.wants import announce, wanted

from .held_data import age, age_all, damage, part_key, put, put_dataset, put_node, recipe

NOW = time.time()
DAY_S = 86_400.0
A, B, C = b"a" * 1000, b"b" * 2000, b"c" * 3000
ONE, TWO, THREE = recipe(steps=("scale",)), recipe(steps=("pca",)), recipe("wine")


@pytest.fixture
def local(tmp_path: Path) -> FolderCache:
    return FolderCache(tmp_path / "local")


@pytest.fixture
def remote(tmp_path: Path) -> FolderCache:
    return FolderCache(tmp_path / "remote")


# ---- what stores want, and what may go


def test_an_announcement_names_datasets_and_the_nodes_they_come_from(remote: FolderCache, tmp_path: Path) -> None:
    announce(remote, "store-1", [ONE, TWO], NOW)
    announce(remote, "store-2", [TWO], NOW)
    found = wanted(remote, NOW - DAY_S)
    one, two = put_dataset(remote, ONE, [A], tmp_path), put_dataset(remote, TWO, [A], tmp_path)
    assert (set(found[one]), set(found[two])) == ({"store-1"}, {"store-1", "store-2"})
    source, scaled = put_node(remote, ONE, 0, [A], tmp_path), put_node(remote, ONE, 1, [A], tmp_path)
    assert (set(found[source]), set(found[scaled])) == ({"store-1", "store-2"}, {"store-1"})
    assert wanted(remote, NOW + DAY_S) == {}


def test_only_what_is_old_and_nobody_wants_goes(remote: FolderCache, tmp_path: Path) -> None:
    one, two = put_dataset(remote, ONE, [A], tmp_path), put_dataset(remote, TWO, [A, B], tmp_path)
    node = put_node(remote, TWO, 1, [C], tmp_path)  # that of its source is wanted for the other
    orphan = put(remote, part_key(b"left"), b"left", tmp_path)
    age_all(remote, 40 * DAY_S, NOW)
    three = put_dataset(remote, THREE, [C], tmp_path)  # new
    age(remote, announce(remote, "away", [ONE], NOW), 29 * DAY_S, NOW)
    now = shared.now_of(remote, announce(remote, "here", [], NOW))
    found = shared.old(remote, 30, now)
    assert {item.id for item in found.removal.items} == {two, node}
    assert found.announced == {one: ["away"]} and found.kept == 2
    assert {part.key for part in found.removal.parts} == {part_key(B), orphan}
    remove(found.removal, remote)
    held = holdings(remote)
    assert set(held.items) == {one, three} and not any(item.missing for item in held.items.values())
    assert {item.id for item in shared.old(remote, 28, now).removal.items} == {one}


def test_no_clock_of_a_machine_makes_anything_look_old(remote: FolderCache, tmp_path: Path) -> None:
    put_dataset(remote, ONE, [A], tmp_path)
    key = announce(remote, "a machine in the year 2100", [], NOW + 75 * 365 * DAY_S)
    assert shared.now_of(remote, key) < NOW + DAY_S
    assert not shared.old(remote, 1, shared.now_of(remote, key)).removal.items


def test_what_an_upload_is_about_to_name_stays(remote: FolderCache, tmp_path: Path) -> None:
    part = put(remote, part_key(A), A, tmp_path)
    found = shared.old(remote, 30, NOW)
    assert part not in [entry.key for entry in found.removal.parts]


def test_an_announcement_nobody_can_read_stops_it(remote: FolderCache, tmp_path: Path) -> None:
    age(remote, dataset_key(put_dataset(remote, ONE, [A], tmp_path)), 40 * DAY_S, NOW)
    put(remote, "wants/store/now.json", b"{", tmp_path)
    with pytest.raises(CacheDamaged, match=r"wants/store/now.json .* cannot be read") as caught:
        shared.old(remote, 30, NOW)
    assert caught.value.fix


class Spoiling(FolderCache):
    """Keys of which a read goes wrong: so often gone, or of other bytes."""

    gone: str = ""
    spoilt: dict[str, int] = {}  # each test sets its own

    def get(self, key: str) -> Path:
        if key == self.gone:
            raise KeyError(key)
        if self.spoilt.get(key, 0):
            self.spoilt[key] -= 1
            other = self.root / "other"
            other.write_bytes(b"{")
            return other
        return super().get(key)


def test_an_announcement_that_goes_meanwhile_says_nothing(remote: FolderCache) -> None:
    spoiling = Spoiling(remote.root)
    spoiling.gone = announce(remote, "store", [ONE], NOW)
    announce(remote, "other", [ONE], NOW)
    assert {name for stores in wanted(spoiling, 0.0).values() for name in stores} == {"other"}


def test_a_manifest_that_cannot_be_read_stays_if_somebody_wants_it(remote: FolderCache, tmp_path: Path) -> None:
    one, two = put_dataset(remote, ONE, [A], tmp_path), put_dataset(remote, TWO, [B], tmp_path)
    for id in (one, two):
        damage(remote, dataset_key(id), b"{")
    age_all(remote, 40 * DAY_S, NOW)
    announce(remote, "away", [ONE], NOW)
    found = shared.old(remote, 30, NOW)
    assert [part.key for part in found.removal.parts] == [dataset_key(two)]


def test_one_bad_read_makes_nothing_damaged(local: FolderCache, remote: FolderCache, tmp_path: Path) -> None:
    id = put_dataset(remote, ONE, [A], tmp_path)
    spoiling = Spoiling(remote.root)
    spoiling.spoilt = {dataset_key(id): 1, part_key(A): 1}
    assert compare(local, spoiling, verify=True).differences == []


def test_announcements_of_the_year_before_go(remote: FolderCache) -> None:
    old, new = announce(remote, "store", [ONE], NOW), announce(remote, "store", [ONE], NOW + 1)
    age(remote, old, 366 * DAY_S, NOW)
    remove(shared.old(remote, 30, NOW).removal, remote)
    assert list(remote.list("wants/")) == [new]


# ---- two sides


def differences(found: Comparison) -> set[tuple[str, str, str]]:
    return {(each.side, each.key, each.mend) for each in found.differences}


def repaired(local: FolderCache, remote: FolderCache, verify: bool = False) -> list[Difference]:
    left = mend(compare(local, remote, verify), local, remote, lambda _: None)
    assert left == []
    return compare(local, remote, verify=True).differences


def test_what_is_missing_there_is_uploaded_parts_first(local: FolderCache, remote: FolderCache, tmp_path: Path) -> None:
    one = put_dataset(local, ONE, [A, B], tmp_path)
    node = put_node(local, ONE, 0, [C], tmp_path)
    put(remote, part_key(A), A, tmp_path)
    put_dataset(remote, THREE, [C], tmp_path)  # only there: no difference
    found = compare(local, remote, verify=False)
    manifests = {dataset_key(one), node_key(node)}
    assert {(key, to) for _, key, to in differences(found)} == {(key, "upload") for key in {part_key(B), *manifests}}
    order: list[str] = []
    mend(found, local, remote, lambda each: order.append(each.key))
    assert set(order[-2:]) == manifests
    assert compare(local, remote, verify=True).differences == []
    assert set(holdings(local).items) == {one, node}


@pytest.mark.parametrize("content", [b"a" * 999, b"z" * 1000])
def test_what_is_damaged_is_replaced_by_the_sound_copy(
    local: FolderCache, remote: FolderCache, tmp_path: Path, content: bytes
) -> None:
    for side in (local, remote):
        put_dataset(side, ONE, [A, B], tmp_path)
    damage(local, part_key(A), content)
    damage(remote, part_key(B), b"z" * 2000)
    by_size, by_checksum = compare(local, remote, verify=False), compare(local, remote, verify=True)
    assert differences(by_size) == ({("here", part_key(A), "download")} if len(content) != len(A) else set())
    assert differences(by_checksum) == {("here", part_key(A), "download"), ("remote", part_key(B), "upload")}
    assert by_checksum.checked_bytes >= 2 * len(B)
    assert repaired(local, remote, verify=True) == []
    assert local.get(part_key(A)).read_bytes() == A and remote.get(part_key(B)).read_bytes() == B


def test_parts_that_are_gone_come_back(local: FolderCache, remote: FolderCache, tmp_path: Path) -> None:
    for side in (local, remote):
        put_dataset(side, ONE, [A, B], tmp_path)
    local.delete(part_key(A))
    remote.delete(part_key(B))
    assert differences(compare(local, remote, verify=False)) == {
        ("here", part_key(A), "download"), ("remote", part_key(B), "upload"),
    }  # fmt: skip
    assert repaired(local, remote) == []


def test_what_is_sound_nowhere_is_deleted_with_what_names_it(
    local: FolderCache, remote: FolderCache, tmp_path: Path
) -> None:
    for side in (local, remote):
        put_dataset(side, ONE, [A, B], tmp_path)
        put_dataset(side, THREE, [B, C], tmp_path)
    damage(local, part_key(A), b"z" * 1000)
    remote.delete(part_key(A))
    assert repaired(local, remote, verify=True) == []
    assert [item.recipe for item in holdings(local).items.values()] == [THREE]
    assert [item.recipe for item in holdings(remote).items.values()] == [THREE]


def test_manifests_that_say_nothing_are_deleted(local: FolderCache, remote: FolderCache, tmp_path: Path) -> None:
    id = put_dataset(local, ONE, [A], tmp_path)
    put(remote, dataset_key(id), b"{", tmp_path)
    lie = {**json.loads(local.get(dataset_key(id)).read_text()), "recipe": TWO}
    put_dataset(remote, THREE, [A], tmp_path)
    three = next(iter(holdings(remote).items))
    damage(remote, dataset_key(three), json.dumps({**lie, "id": three}).encode())
    found = compare(local, remote, verify=False)
    assert {("remote", dataset_key(id), "delete"), ("remote", dataset_key(three), "delete")} <= differences(found)
    assert repaired(local, remote) == []
    assert set(holdings(remote).items) == {id}


def test_a_copy_that_is_not_sound_either_is_not_taken(local: FolderCache, remote: FolderCache, tmp_path: Path) -> None:
    for side in (local, remote):
        put_dataset(side, ONE, [A], tmp_path)
    damage(local, part_key(A), b"a" * 999)
    damage(remote, part_key(A), b"z" * 1000)  # which only a checksum tells
    found = compare(local, remote, verify=False)
    assert [each.key for each in mend(found, local, remote, lambda _: None)] == [part_key(A)]
    assert repaired(local, remote, verify=True) == []
    assert not holdings(local).items and not holdings(remote).items
