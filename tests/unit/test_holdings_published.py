"""What trials left in the shared cache: listed, removed by hand and by age, and sent when it was not."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from blueno.cache.folder import FolderCache
from blueno.cache.outbox import noted, outbox_of
from blueno.cache.publisher import publish_trials
from blueno.cache.trials import note_trial, send_trial
from blueno.canonical import digest_file
from blueno.commands.data.gc import command as gc_command
from blueno.commands.data.ls import command as ls_command
from blueno.commands.data.rm import command as rm_command
from blueno.commands.data.sync import send_trials, trials_to_send
from blueno.commands.model.pull import pull
from blueno.errors import CacheDamaged, CacheUnavailable, NotFound
from blueno.holdings import shared
from blueno.holdings.held import orphans
from blueno.holdings.published import find_trials, published
from blueno.holdings.removal import removal_of, remove
from blueno.holdings.wants import announce
from blueno.settings import Settings
from tests.gcs_server import Server

from .command_line import trials, with_model
from .held_data import age, age_all, damage
from .test_scheduler import Bench, bench

__all__ = ["bench"]

NOW = time.time()
DAY_S = 86_400.0
ONE, TWO, THREE = (f"a{number}" + "0" * 62 for number in range(3))


class Lab:
    """A project whose trials are sent to a cache."""

    def __init__(self, root: Path, remote: FolderCache, store: str = "one") -> None:
        self.root, self.remote, self.store = root, remote, store
        self.models = FolderCache(root / "models")

    def train(self, trial: str, **files: bytes) -> None:
        artefacts = {}
        for name, data in files.items():
            source = self.root / "source"
            source.parent.mkdir(exist_ok=True)
            source.write_bytes(data)
            key = f"{trial[:2]}/{trial}/1/{name}.bin"
            self.models.put_if_absent(key, source)
            artefacts[name] = {"key": key, "sha256": digest_file(source), "bytes": len(data)}
        about = {"trial": trial, "attempt": 1, "store": self.store, "recipe": {"model": {"estimator": "m:M"}}}
        note_trial(outbox_of(self.root), "all", about | {"state": "succeeded", "metrics": {}}, artefacts)
        publish_trials(self.models, self.remote, outbox_of(self.root), lambda _: None)


@pytest.fixture
def remote(tmp_path: Path) -> FolderCache:
    return FolderCache(tmp_path / "remote")


@pytest.fixture
def lab(tmp_path: Path, remote: FolderCache) -> Lab:
    return Lab(tmp_path / "lab", remote)


def trials_of(found: list[Any]) -> set[str]:
    return {item.id.partition("/")[0] for item in found}


def test_only_what_is_old_and_no_store_wants_goes(lab: Lab, remote: FolderCache, tmp_path: Path) -> None:
    lab.train(ONE, weights=b"shared", predictions=b"one")
    lab.train(TWO, weights=b"shared", predictions=b"two")
    (tmp_path / "left").write_bytes(b"left")
    remote.put_if_absent("artefacts/" + "0" * 64, tmp_path / "left")  # of an upload that was never finished
    age_all(remote, 40 * DAY_S, NOW)
    lab.train(THREE, weights=b"new")
    age(remote, announce(remote, "away", [], NOW, [TWO]), 29 * DAY_S, NOW)
    now = shared.now_of(remote, announce(remote, "here", [], NOW))
    found = shared.old_trials(remote, 30, now)
    assert trials_of(found.removal.items) == {ONE}
    assert list(found.announced.values()) == [["away"]] and found.kept == 2
    assert len(found.removal.parts) == 2  # its predictions, and what nothing names; the weights are shared
    assert shared.old(remote, 30, now).removal.items == []
    remove(found.removal, remote, published)
    left = published(remote)
    assert trials_of(list(left.items.values())) == {TWO, THREE}
    assert not any(item.missing for item in left.items.values()) and orphans(left) == []
    assert trials_of(shared.old_trials(remote, 28, now).removal.items) == {TWO}


def test_what_another_machine_publishes_while_it_goes_stays(lab: Lab, remote: FolderCache, tmp_path: Path) -> None:
    lab.train(ONE, weights=b"shared")
    held = published(remote)
    removal = removal_of(held, held.items)
    Lab(tmp_path / "two", remote, "two").train(TWO, weights=b"shared")
    remove(removal, remote, published)
    [item] = published(remote).items.values()
    assert item.id.startswith(TWO) and not item.missing


def test_no_file_goes_that_a_bad_manifest_may_name(lab: Lab, remote: FolderCache) -> None:
    lab.train(ONE, weights=b"one")
    lab.train(TWO, weights=b"two")
    [key] = remote.list(f"trials/{ONE}")
    damage(remote, key, b"{")
    age_all(remote, 40 * DAY_S, NOW)
    age(remote, key, 2 * DAY_S, NOW)
    found = shared.old_trials(remote, 30, NOW)
    assert trials_of(found.removal.items) == {TWO}
    assert len(found.removal.parts) == 1  # the file of the other
    age(remote, key, 40 * DAY_S, NOW)
    assert len(shared.old_trials(remote, 30, NOW).removal.parts) == 3  # it goes, and its file with it


def test_a_trial_of_two_machines_goes_as_one_and_a_bad_manifest_with_it(
    lab: Lab, remote: FolderCache, tmp_path: Path
) -> None:
    lab.train(ONE, weights=b"a")
    Lab(tmp_path / "two", remote, "two").train(ONE, weights=b"b")
    (tmp_path / "bad").write_bytes(b"{}")
    remote.put_if_absent(f"trials/{ONE}/0123456789abcdef.json", tmp_path / "bad")
    held = published(remote)
    assert len(held.items) == 2 and [entry.key for entry in held.unreadable] == [f"trials/{ONE}/0123456789abcdef.json"]
    assert len(find_trials(held, ["a0"])) == 3
    lab.train(TWO, weights=b"c")
    with pytest.raises(NotFound, match="begins the ids of several trials there"):
        find_trials(published(remote), ["a"])
    with pytest.raises(NotFound, match="has nothing of a trial ff"):
        find_trials(published(remote), ["ff"])


# ---- through the commands, against a server


def invoked(command: Any, settings: Settings, *arguments: str) -> dict[str, Any]:
    words = [*arguments, "--root", str(settings.root), "--json"]
    result = CliRunner().invoke(command, words, env={"BLUENO_CACHE": settings.cache, "BLUENO_PUBLISH": "all"})
    assert result.exception is None, result.output
    return dict(json.loads(result.stdout))


def test_trials_that_were_done_before_are_sent_by_sync(bench: Bench, bucket: str, gcs_server: Server) -> None:
    bench.submit(values=(0, 1))
    bench.run(with_model(bench))  # nothing is to be published
    settings = Settings(bench.root, cache=f"{bucket}/lab", publish="models")
    assert noted(outbox_of(bench.root)) == []
    waiting = trials_to_send(settings)
    assert sorted(each.trial for each in waiting) == sorted(trials(bench))
    assert trials_to_send(settings._replace(publish="none")) == []
    assert trials_to_send(settings._replace(publish="predictions")) == []  # there are none
    assert send_trials(waiting, settings) == []
    assert trials_to_send(settings) == []

    two = Settings(bench.root.parent / "two", cache=settings.cache)
    one, other = trials(bench)
    assert pull([one], two, None)[0]["files"][0]["came_from"] == "cache"
    listed = invoked(ls_command, settings, "--trials")
    assert sorted(each["id"] for each in listed["items"]) == sorted([one, other])
    assert invoked(ls_command, settings)["trials"] == {"trials": 2, "bytes": listed["items"][0]["bytes"] * 2}

    kept = invoked(gc_command, settings, "--remote", "--trials", "--yes")
    assert kept["trials"]["items"] == [] and kept["trials"]["included"]  # new
    assert not invoked(rm_command, settings, "--trials", one)["removed"]
    assert invoked(rm_command, settings, "--trials", one, "--yes")["removed"]
    with pytest.raises(NotFound):
        pull([one], Settings(bench.root.parent / "three", cache=settings.cache), None)
    assert [each.trial for each in trials_to_send(settings)] == [one]  # what it has is sent again

    lost = next(each for each in published_files(gcs_server, settings))
    lost.write_bytes(b"")  # of the other one
    assert len(trials_to_send(settings)) == 2
    assert send_trials(trials_to_send(settings), settings) == []
    assert (
        pull([other], Settings(bench.root.parent / "four", cache=settings.cache), None)[0]["files"][0]["problem"] == ""
    )


def published_files(server: Server, settings: Settings) -> list[Path]:
    folder = server.folder.joinpath(*settings.cache.removeprefix("gs://").split("/"), "artefacts")
    return sorted(folder.iterdir())


def test_a_damaged_manifest_is_replaced_by_sync(bench: Bench, bucket: str, gcs_server: Server) -> None:
    bench.submit(values=(0,))
    bench.run(with_model(bench))
    settings = Settings(bench.root, cache=f"{bucket}/lab", publish="models")
    send_trials(trials_to_send(settings), settings)
    [manifest] = (published_files(gcs_server, settings)[0].parent.parent / "trials").rglob("*.json")
    manifest.write_bytes(b"{}")
    waiting = trials_to_send(settings)
    assert len(waiting) == 1 and send_trials(waiting, settings) == []
    assert trials_to_send(settings) == []
    [found] = pull(trials(bench), Settings(bench.root / "two", cache=settings.cache), None)
    assert [each["came_from"] for each in found["files"]] == ["cache"]


class Guarded(FolderCache):
    """A cache whose identity may not remove anything."""

    def delete(self, key: str) -> None:
        raise CacheUnavailable("forbidden (403)", "see `blueno doctor`")


def test_a_damaged_manifest_that_stays_is_not_told_as_sent(lab: Lab, remote: FolderCache) -> None:
    lab.train(ONE, weights=b"w")
    [key] = remote.list(f"trials/{ONE}")
    note = remote.get(key).read_text()
    sent = json.loads(note)
    artefacts = {name: {**each, "key": each.pop("place")} for name, each in sent["artefacts"].items()}
    note = json.dumps({**sent, "artefacts": artefacts})
    assert send_trial(note, lab.models, Guarded(remote.root), print)  # it is there, and sound
    damage(remote, key, b"{}")
    with pytest.raises(CacheDamaged, match="is damaged in the shared cache, and cannot be removed") as caught:
        send_trial(note, lab.models, Guarded(remote.root), print)
    assert f"`blueno data rm --trials {ONE[:16]}`" in caught.value.fix
    said: list[str] = []
    assert send_trial(note, lab.models, remote, said.append)
    assert said == [f"{key} is damaged in the shared cache, and is sent again"]
    assert len(published(remote).items) == 1 and list(remote.list("trials/")) == [key]


def test_what_is_damaged_here_is_left(bench: Bench, bucket: str) -> None:
    bench.submit(values=(0,))
    bench.run(with_model(bench))
    settings = Settings(bench.root, cache=bucket, publish="models")
    [file] = (bench.root / "models").rglob("weights.h5")
    size = file.stat().st_size
    file.chmod(0o644)
    file.write_bytes(b"x" * size)
    [waiting] = trials_to_send(settings)
    assert send_trials([waiting], settings) == [waiting]
    file.unlink()
    assert trials_to_send(settings) == []  # nothing is here that could be sent


def test_an_announcement_that_cannot_be_read_stops_it(lab: Lab, remote: FolderCache, tmp_path: Path) -> None:
    lab.train(ONE, weights=b"a")
    (tmp_path / "bad").write_bytes(b"{")
    remote.put_if_absent("wants/x/y.json", tmp_path / "bad")
    with pytest.raises(CacheDamaged):
        shared.old_trials(remote, 30, NOW)
