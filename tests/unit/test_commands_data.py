"""data ls, show, rm, gc and sync on real datasets: the tables, the documents, what is refused, what is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key
from blueno.canonical import canonical, digest, short
from blueno.cli import run
from blueno.etl.build import build
from blueno.etl.lineage import nodes_of
from blueno.holdings.held import holdings
from blueno.holdings.wants import announce_needs
from blueno.planning import DatasetNode
from blueno.store.database import open_store
from blueno.store.submit import submit

from .held_data import age, age_all, part_key, put, recipe
from .plans import small_plan

DAY_S = 86_400.0


def step(name: str, **params: Any) -> dict[str, Any]:
    return {"name": name, "params": params, "columns": None, "code": 1}


PLAIN = recipe()
SCALED = recipe() | {"steps": [step("scale", method="standard")]}
REDUCED = recipe() | {"steps": [step("scale", method="minmax"), step("pca", components=2)]}
DIGITS = recipe("digits")


class Place:
    """A project whose cache holds datasets, and what commands say in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys
        self.cache = FolderCache(root / "data" / "cache")
        self.db = open_store(root, time.time())

    def build(self, *recipes: dict[str, Any]) -> list[str]:
        for each in recipes:
            build(each, self.cache)
        return [digest(each) for each in recipes]

    def submit(self, *recipes: dict[str, Any], name: str = "flowers") -> int:
        """A sweep that waits, of a trial on each dataset."""
        nodes = [DatasetNode(digest(each), canonical(each)) for each in recipes]
        plan = small_plan(name=name, values=tuple(range(len(nodes))))
        trials = [trial._replace(dataset_id=node.id) for trial, node in zip(plan.trials, nodes, strict=True)]
        return submit(self.db, plan._replace(datasets=nodes, trials=trials), {}, "python", time.time()).sweep

    def done(self, sweep: int) -> None:
        """Its trials were done a while ago."""
        self.db.execute("UPDATE trials SET state = 'succeeded', attempt = 1, rank = NULL WHERE sweep = ?", (sweep,))

    def said(self, *words: str, code: int = 0) -> str:
        assert run(["data", *words, "--root", str(self.root)]) == code
        captured = self.capsys.readouterr()
        return captured.out + captured.err

    def document(self, *words: str, code: int = 0) -> Any:
        assert run(["data", *words, "--json", "--root", str(self.root)]) == code
        return json.loads(self.capsys.readouterr().out)


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    place = Place(tmp_path, capsys)
    yield place
    place.db.close()


# ---- ls


def test_nothing_is_there_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "ls", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("nothing is prepared yet")
    assert not (tmp_path / "data" / "blueno.db").exists()


def test_a_list_in_words(place: Place) -> None:
    plain, reduced = place.build(PLAIN, REDUCED)
    place.done(place.submit(REDUCED))
    sizes = {entry.key: entry.bytes for entry in place.cache.entries("")}
    found = place.document("ls")
    assert [each["kind"] for each in found["items"]].count("node") == 1
    by_id = {each["id"]: each for each in found["items"]}
    assert by_id[reduced]["words"] == "sklearn iris > scale minmax > pca (components 2), validation 0.2 (stratified)"
    assert (by_id[reduced]["trials"], by_id[reduced]["waiting"], by_id[plain]["trials"]) == (1, 0, 0)
    assert {each["state"] for each in found["items"]} == {"here"} and found["remote"] is None
    assert found["here"]["bytes"] == sum(sizes.values()) < sum(each["bytes"] for each in found["items"])
    text = place.said("ls")
    assert f"{short(reduced)}  dataset" in text and "just now" in text
    assert "here: 2 datasets, 1 node, " in text and "counts once" in text


def test_states(place: Place) -> None:
    plain, scaled = place.build(PLAIN, SCALED)
    place.submit(REDUCED, SCALED)
    manifest = holdings(place.cache).items[plain]
    place.cache.delete(next(iter(manifest.parts)))
    found = {each["id"]: each for each in place.document("ls")["items"]}
    assert found[plain]["state"] == "missing parts" and found[plain]["missing_parts"] == 1
    assert found[scaled]["waiting"] == 1 and found[digest(REDUCED)]["state"] == "to build"
    assert "here, 1 trials wait for it" in place.said("ls")


# ---- show


def test_lineage(place: Place) -> None:
    _, scaled = place.build(PLAIN, SCALED)
    place.done(place.submit(SCALED))
    found = place.document("show", short(scaled))
    node = nodes_of(SCALED)[0]
    assert [one["id"] for one in found["nodes"]] == [node]
    assert found["source"] == "sklearn iris" and found["steps"] == ["scale"] and found["split"].startswith("validation")
    assert [sweep["name"] for sweep in found["sweeps"]] == ["flowers"] and found["trials"] == {"succeeded": 1}
    text = place.said("show", short(scaled))
    assert f"from node  {short(node)}  sklearn iris (here)" in text and "flowers #1: 1 trial" in text
    assert "iris" in place.said("show", node[:6])
    assert {one["id"] for one in place.document("show", node[:6])["datasets"]} == {digest(PLAIN), scaled}


def test_an_id_that_is_none(place: Place) -> None:
    place.build(PLAIN)
    assert "no prepared dataset or node has an id that begins with 'zz'" in place.said("show", "zz", code=1)
    assert "begins the ids of several" in place.said("show", "", code=1)


def test_a_preview_of_a_table(place: Place) -> None:
    [reduced] = place.build(REDUCED)
    found = place.document("show", reduced, "--preview")["preview"]
    assert found["arrays"]["features"] == {"shape": [150, 2], "dtype": "float64"}
    assert found["parts"]["validation"] == {"samples": 30, "classes": {"0": 10, "1": 10, "2": 10}}
    assert found["rows"]["columns"] == ["id", "target", "pca0", "pca1"] and len(found["rows"]["values"]) == 5
    assert found["picture"] is None
    text = place.said("show", reduced, "--preview")
    assert "10 (33%)" in text and "pca0" in text
    node = place.document("show", nodes_of(REDUCED)[0], "--preview")["preview"]
    assert node["rows"]["columns"][2:] == [
        "sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)",
    ]  # fmt: skip


def test_a_preview_of_images_is_a_sheet(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from PIL import Image

    [digits] = place.build(DIGITS)
    found = place.document("show", digits, "--preview")["preview"]
    assert found["rows"]["columns"] == ["id", "target", "smallest", "largest"]
    assert Path(found["picture"]).parent == place.root / "data" / "work" / "previews"
    own = tmp_path / "new" / "digits.png"
    assert str(own) in place.said("show", nodes_of(DIGITS)[0], "--preview", "--picture", str(own))
    with Image.open(own) as picture:
        assert picture.width > 1000 and len(picture.convert("L").getcolors()) > 50
    assert "--picture needs --preview" in place.said("show", digits, "--picture", str(own), code=2)


# ---- rm


def test_rm_shows_and_asks(place: Place) -> None:
    plain, scaled = place.build(PLAIN, SCALED)
    found = place.document("rm", plain[:8], scaled[:8])
    assert [item["id"] for item in found["places"][0]["items"]] == [plain, scaled] and found["removed"] is False
    assert "nothing is removed without a yes" in place.said("rm", plain, code=1)
    assert place.cache.stat(dataset_key(plain)) is not None
    text = place.said("rm", plain, "--yes")
    assert "parts stay, others share them" in text and text.endswith("removed\n")
    held = holdings(place.cache)
    assert plain not in held.items and not held.items[scaled].missing
    place.build(PLAIN)


def test_what_trials_need_is_not_removed(place: Place) -> None:
    [plain] = place.build(PLAIN)
    place.submit(PLAIN, SCALED)
    text = place.said("rm", plain, "--yes", code=1)
    assert "trials of flowers that are queued or running need it" in text and "blueno stop flowers" in text
    node = nodes_of(SCALED)[0]
    assert "need it" in place.said("rm", node, "--yes", code=1)  # for the one that is not built yet
    assert set(holdings(place.cache).items) == {plain, node}
    place.build(SCALED)
    place.said("rm", node, "--yes")
    place.db.execute("UPDATE trials SET state = 'idle'")
    place.said("rm", plain, "--yes")
    assert set(holdings(place.cache).items) == {digest(SCALED)}


def test_rm_from_a_shared_cache_that_is_not_there(place: Place) -> None:
    [plain] = place.build(PLAIN)
    assert "there is no shared cache" in place.said("rm", plain, "--remote", "--yes", code=1)


# ---- gc


def test_gc_keeps_to_a_size(place: Place) -> None:
    plain, scaled, reduced = place.build(PLAIN, SCALED, REDUCED)
    now = time.time()
    age_all(place.cache, 9 * DAY_S, now)
    age(place.cache, dataset_key(plain), 5 * DAY_S, now)
    age(place.cache, dataset_key(scaled), 7 * DAY_S, now)
    node = nodes_of(PLAIN)[0]
    place.submit(REDUCED)
    before = place.document("gc")
    assert before["items"] == [] and before["limit_bytes"] is None and before["removed"] is False
    limit = f"{before['before_bytes'] - 5000}B"
    found = place.document("gc", "--limit", limit)
    assert [item["id"] for item in found["items"]] == [scaled]  # all that the node has is in a younger dataset, too
    assert set(holdings(place.cache).items) == {plain, scaled, reduced, node}
    assert "nothing is removed without a yes" in place.said("gc", "--limit", limit, code=1)
    text = place.said("gc", "--limit", limit, "--yes")
    assert "7 days ago" in text and "are free again" in text
    assert "trials that are not done need them" in place.said("gc", "--limit", "1B", "--yes")
    assert set(holdings(place.cache).items) == {reduced}
    assert "nothing is to go" in place.said("gc", "--limit", "1GB")


def asked(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """There is a terminal, and somebody who says yes to what is asked there, after something happened."""

    def confirm(question: str, default: bool) -> bool:
        meanwhile()
        return True

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", confirm)


@pytest.mark.parametrize("remote", [False, True])
def test_what_came_to_be_needed_while_the_question_stood_stays(
    place: Place, remote: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, scaled = place.build(PLAIN, SCALED)
    age_all(place.cache, 40 * DAY_S, time.time())
    words = ["gc", "--limit", "1B"]
    if remote:  # a folder will do for a bucket
        monkeypatch.setattr("blueno.commands.data.gc.need_remote", lambda settings: place.cache)
        words = ["gc", "--remote"]
    asked(monkeypatch, lambda: (place.submit(PLAIN), announce_needs(place.cache, place.db, time.time())))
    said = place.said(*words)
    assert short(plain) in said and short(scaled) in said
    assert dataset_key(plain) in place.cache.list("datasets/")
    assert dataset_key(scaled) not in place.cache.list("datasets/")


def test_rm_refuses_what_came_to_be_needed_while_the_question_stood(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    [plain] = place.build(PLAIN)
    asked(monkeypatch, lambda: place.submit(PLAIN))
    assert f"{short(plain)} is not removed: trials of flowers" in place.said("rm", plain, code=1)
    assert plain in holdings(place.cache).items


def test_gc_by_the_setting_takes_leftovers_too(place: Place) -> None:
    place.build(PLAIN)
    left = put(place.cache, part_key(b"left"), b"left", place.root / "made")
    age(place.cache, left, DAY_S, time.time())
    (place.root / "blueno.toml").write_text('cache_limit = "1TB"\n')
    assert "1 leftover that nothing needs, 4 B" in place.said("gc", "--yes")
    assert place.cache.stat(left) is None
    (place.root / "blueno.toml").write_text('cache_limit = "much"\n')
    assert "cache_limit is 'much', expected a size" in place.said("gc", code=1)
    (place.root / "blueno.toml").write_text("cache_days = -1\n")
    assert "cache_days is -1, expected 1 or more" in place.said("gc", code=1)
    (place.root / "blueno.toml").write_text("")
    assert "expected a size" in place.said("gc", "--limit", "much", code=1)


@pytest.mark.parametrize(
    ("words", "flag"),
    [(("--limit", "1GB", "--remote"), "--limit"), (("--days", "3"), "--days"), (("--remote", "--days", "0"), "--days")],
)
def test_flags_that_do_not_fit(place: Place, words: tuple[str, ...], flag: str) -> None:
    said = place.said("gc", *words, code=2)
    assert flag in said.splitlines()[-1], "what is wrong is named"


def test_sync_without_a_shared_cache(place: Place) -> None:
    assert 'cache = "gs://bucket/prefix"' in place.said("sync", code=1)
    assert "there is no shared cache" in place.said("gc", "--remote", code=1)
