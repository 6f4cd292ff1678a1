"""What trials left, in the shared cache: sent in the background of the next, and brought back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from blueno.cache.folder import FolderCache
from blueno.cache.gcs import GcsCache
from blueno.cache.google import storage_client
from blueno.cache.outbox import note, noted, outbox_of, text_of
from blueno.cache.publisher import publish, publish_trials
from blueno.cache.trials import PUBLISHED, bring, manifests, note_trial
from blueno.canonical import digest_file
from blueno.commands.model.pull import command, pull
from blueno.errors import BluenoError, CacheDamaged, CacheUnavailable, NotFound
from blueno.settings import CHOICES, Settings
from tests.gcs_server import Server

from .command_line import trials, with_model
from .test_scheduler import Bench, bench

__all__ = ["bench"]

TRIAL = "ab" + 62 * "0"
OTHER = "ab" + 62 * "1"


class Machine:
    """A project that shares a bucket with others."""

    def __init__(self, root: Path, bucket: str) -> None:
        self.settings = Settings(root, cache=f"{bucket}/lab", publish="all")
        self.root, self.models, self.notes = root, FolderCache(root / "models"), outbox_of(root)
        self.remote = GcsCache(self.settings.cache, root / "data" / "cache" / "tmp", storage_client(root), patience_s=1)
        self.said: list[str] = []

    def train(self, trial: str, publish: str = "all", **files: bytes) -> None:
        """What a worker and the scheduler do when a trial is done."""
        artefacts = {}
        for name, data in files.items():
            source = self.root / "source"
            source.write_bytes(data)
            key = f"{trial[:2]}/{trial}/1/{name}.bin"
            self.models.put_if_absent(key, source)
            kept = self.models.get(key)
            artefacts[name] = {"key": key, "sha256": digest_file(kept), "bytes": kept.stat().st_size}
        note_trial(self.notes, publish, {"trial": trial, "attempt": 1, "finished": "2026"}, artefacts)

    def send(self) -> int:
        return publish_trials(self.models, self.remote, self.notes, self.said.append)

    def close(self) -> None:
        self.remote.client.close()


@pytest.fixture
def machines(tmp_path: Path, bucket: str) -> Any:
    made = [Machine(tmp_path / name, bucket) for name in ("one", "two")]
    for each in made:
        each.root.mkdir()
    yield made
    for each in made:
        each.close()


def test_files_go_from_one_machine_to_another_that_never_heard_of_the_trial(machines: list[Machine]) -> None:
    one, two = machines
    one.train(TRIAL, weights=b"w" * 1000, predictions=b"p")
    assert one.send() == 1
    assert noted(one.notes) == []
    [found] = pull(["ab0"], two.settings, None)
    assert found["trial"] == TRIAL
    files = {each["name"]: each for each in found["files"]}
    assert [each["came_from"] for each in found["files"]] == ["cache", "cache"]
    assert Path(files["weights"]["path"]) == two.models.get(f"ab/{TRIAL}/1/weights.bin")
    assert Path(files["weights"]["path"]).read_bytes() == b"w" * 1000
    [again] = pull([TRIAL], two.settings, two.root / "to")
    assert [each["came_from"] for each in again["files"]] == ["here", "here"]
    assert (two.root / "to" / TRIAL[:16] / "predictions.bin").read_bytes() == b"p"
    assert list(two.remote.scratch.iterdir()) == []


def test_files_of_one_name_in_two_folders_stay_two(machines: list[Machine]) -> None:
    one, two = machines
    one.train(TRIAL, **{"files/a/out": b"a", "files/b/out": b"b"})
    one.send()
    pull([TRIAL], two.settings, two.root / "to")
    folder = two.root / "to" / TRIAL[:16] / "files"
    assert [(folder / name / "out.bin").read_bytes() for name in "ab"] == [b"a", b"b"]


def test_a_file_that_is_damaged_here_is_replaced(bench: Bench, bucket: str) -> None:
    bench.submit(values=(0,))
    bench.scheduler.publish = "models"
    bench.run(with_model(bench))
    machine = Machine(bench.root, bucket)
    assert machine.send() == 1
    machine.close()
    [trial] = trials(bench)
    kept = machine.models.get(f"{trial[:2]}/{trial}/1/weights.h5")
    kept.chmod(0o644)
    kept.write_text("damaged")
    [found] = pull([trial], machine.settings, None)
    assert found["files"][0]["came_from"] == "cache"
    assert kept.read_text() == trial


def test_the_setting_says_what_is_sent(machines: list[Machine]) -> None:
    one, _ = machines
    for number, word in enumerate(PUBLISHED):
        one.train(f"{number}" + 63 * "0", word, weights=b"w", predictions=b"p")
    assert one.send() == 3
    sent = {word: [] for word in PUBLISHED}
    for number, word in enumerate(PUBLISHED):
        try:
            [manifest] = manifests(f"{number}000", one.remote)
            sent[word] = sorted(manifest["artefacts"])
        except NotFound:
            assert word == "none"
    assert sent == {
        "none": [], "models": ["weights"], "predictions": ["predictions"], "all": ["predictions", "weights"],
    }  # fmt: skip
    assert tuple(PUBLISHED) == CHOICES["publish"]


def test_equal_files_are_stored_once_and_both_machines_say_what_they_have(machines: list[Machine]) -> None:
    one, two = machines
    one.train(TRIAL, weights=b"same")
    two.train(TRIAL, weights=b"same", predictions=b"other")
    assert (one.send(), two.send()) == (1, 1)
    assert len(list(one.remote.list("artefacts/"))) == 2
    assert len(manifests(TRIAL, one.remote)) == 2


def test_what_waits_is_sent_when_the_bucket_can_be_used_again(machines: list[Machine], gcs_server: Server) -> None:
    one, _ = machines
    one.train(TRIAL, weights=b"w")
    gcs_server.kill()
    try:
        with pytest.raises(CacheUnavailable):
            one.send()
        assert len(noted(one.notes)) == 1
    finally:
        gcs_server.start()
    assert one.send() == 1
    assert noted(one.notes) == []


def test_notes_of_trials_are_none_of_datasets(machines: list[Machine]) -> None:
    one, _ = machines
    one.train(TRIAL, weights=b"w")
    assert publish(FolderCache(one.root / "data" / "cache"), one.remote, one.notes, one.said.append) == 0
    assert len(noted(one.notes)) == 1


def test_what_was_let_go_or_is_damaged_is_not_sent(machines: list[Machine]) -> None:
    one, two = machines
    one.train(TRIAL, weights=b"w", predictions=b"p")
    one.models.delete(f"ab/{TRIAL}/1/predictions.bin")
    one.train(OTHER, weights=b"w2")
    damaged = one.models.get(f"ab/{OTHER}/1/weights.bin")
    damaged.chmod(0o644)
    damaged.write_bytes(b"xx")
    assert one.send() == 1
    assert one.said == [f"weights of trial {OTHER[:16]} is damaged here, and is not sent: see `blueno verify`"]
    [found] = pull([TRIAL], two.settings, None)
    assert [each["name"] for each in found["files"]] == ["weights"]


class Vanishing(FolderCache):
    """A folder from which `keep` removes a file in this very moment."""

    def get(self, key: str) -> Path:
        path = super().get(key)
        path.unlink()
        return path


def test_a_bad_note_or_a_file_that_vanishes_holds_up_nothing(machines: list[Machine]) -> None:
    one, _ = machines
    note(one.notes, f"trials/{TRIAL}/1.json", "{")
    one.train(OTHER, weights=b"w")
    assert one.send() == 1
    assert one.said == ["the note of a trial is damaged here, and its files are not sent"]
    one.train(TRIAL, weights=b"w2")
    one.models = Vanishing(one.models.root)
    assert one.send() == 0
    assert noted(one.notes) == []


def test_what_is_damaged_in_the_cache_is_not_taken(machines: list[Machine], tmp_path: Path) -> None:
    one, two = machines
    one.train(TRIAL, weights=b"w")
    one.send()
    [key] = one.remote.list("artefacts/")
    one.remote.delete(key)
    (tmp_path / "x").write_bytes(b"x")
    one.remote.put_if_absent(key, tmp_path / "x")
    [found] = pull([TRIAL], two.settings, None)
    problem = found["files"][0]["problem"]
    assert problem.startswith(f"{key} in the shared cache is damaged; ")
    assert f"`blueno data rm --trials {TRIAL[:16]}`" in problem
    assert two.models.stat(f"ab/{TRIAL}/1/weights.bin") is None
    with pytest.raises(CacheDamaged):
        bring(key.removeprefix("artefacts/"), two.remote, lambda file: None)
    one.remote.delete(key)
    [found] = pull([TRIAL], two.settings, None)
    assert found["files"][0]["problem"] == "it is neither here nor in the shared cache"


def stored(server: Server, machine: Machine, key: str) -> Path:
    """Where the server keeps an object."""
    return server.folder / machine.remote.bucket.name / machine.remote.prefix / key


@pytest.mark.parametrize("how", ["cut short", "other bytes"])
@pytest.mark.parametrize("to", [None, "to"])
def test_one_damaged_file_of_a_trial_that_only_the_bucket_knows(
    machines: list[Machine], gcs_server: Server, how: str, to: str | None
) -> None:
    one, two = machines
    one.train(TRIAL, weights=b"w" * 2000, predictions=b"p" * 1000)
    one.train(OTHER, weights=b"o")
    one.send()
    sha = digest_file(one.models.get(f"ab/{TRIAL}/1/weights.bin"))
    there = stored(gcs_server, one, f"artefacts/{sha}")
    if how == "cut short":
        os.truncate(there, 500)
    else:
        there.write_bytes(b"x" * 2000)
    found = {each["trial"]: each for each in pull([TRIAL, OTHER], two.settings, two.root / to if to else None)}
    files = {file["name"]: file for file in found[TRIAL]["files"]}
    assert "damaged" in files["weights"]["problem"] and sha in files["weights"]["problem"]
    assert files["predictions"]["came_from"] == found[OTHER]["files"][0]["came_from"] == "cache"
    assert [file.read_bytes() for file in two.root.rglob("weights*")] == [b"o"]
    arguments = [TRIAL, "--root", str(two.root)]
    result = CliRunner().invoke(command, arguments, env={"BLUENO_CACHE": two.settings.cache}, standalone_mode=False)
    assert result.return_value == 1
    assert "weights: " in result.output and f"artefacts/{sha}" in result.output


def test_a_damaged_manifest_beside_a_sound_one(machines: list[Machine], gcs_server: Server) -> None:
    one, two = machines
    one.train(TRIAL, weights=b"w")
    one.train(OTHER, weights=b"o")
    one.send()
    [key] = one.remote.list(f"trials/{TRIAL}")
    stored(gcs_server, one, key).write_bytes(b"{}")
    found = pull([TRIAL, OTHER], two.settings, None)
    assert key in found[0]["problem"] and found[0]["files"] == []
    assert found[1]["files"][0]["came_from"] == "cache"
    two.train(TRIAL, weights=b"w", predictions=b"p")
    two.send()
    said: list[str] = []
    assert len(manifests(TRIAL, one.remote, said.append)) == 1
    assert key in said[0]


def test_a_damaged_manifest_is_said(machines: list[Machine], tmp_path: Path) -> None:
    one, _ = machines
    (tmp_path / "x").write_bytes(b"{}")
    one.remote.put_if_absent(f"trials/{TRIAL}/0123456789abcdef.json", tmp_path / "x")
    with pytest.raises(CacheDamaged, match=r"0123456789abcdef\.json in the shared cache is damaged"):
        manifests(TRIAL, one.remote)


def test_prefixes_of_several_trials(machines: list[Machine]) -> None:
    one, two = machines
    one.train(TRIAL, weights=b"w")
    one.train(OTHER, weights=b"w")
    one.send()
    with pytest.raises(NotFound, match="'ab' begins the ids of several trials there"):
        pull(["ab"], two.settings, None)
    with pytest.raises(NotFound, match="the shared cache has nothing of a trial ff"):
        pull(["ff"], two.settings, None)
    with pytest.raises(BluenoError, match="and there is none"):
        pull(["ab"], Settings(two.root), None)


def test_the_scheduler_notes_what_is_to_be_sent(bench: Bench) -> None:
    bench.submit(values=(0, 1))
    bench.scheduler.publish = "models"
    bench.run(with_model(bench))
    notes = outbox_of(bench.root)
    assert sorted(noted(notes)) == sorted(f"trials/{trial}/1.json" for trial in trials(bench))
    manifest = json.loads(text_of(notes, noted(notes)[0]))
    assert sorted(manifest) == [
        "artefacts", "attempt", "engine", "epoch", "finished", "format", "metrics", "recipe", "state", "store", "trial",
    ]  # fmt: skip
    assert list(manifest["artefacts"]) == ["weights"]


def test_nothing_is_noted_without_the_setting(bench: Bench) -> None:
    bench.submit(values=(0,))
    bench.run(with_model(bench))
    assert noted(outbox_of(bench.root)) == []


def test_a_trial_counts_even_if_it_cannot_be_noted(bench: Bench) -> None:
    sweep = bench.submit(values=(0,))
    bench.scheduler.publish = "models"
    outbox_of(bench.root).parent.mkdir(parents=True, exist_ok=True)
    outbox_of(bench.root).write_text("")  # no folder: nothing can be written there
    bench.run(with_model(bench))
    assert bench.counts(sweep) == {"succeeded": 1}
    assert any("it cannot be noted" in said for said in bench.said)
