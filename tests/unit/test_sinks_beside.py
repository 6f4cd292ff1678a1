"""Sinks that are fed while a sweep runs: the setting `sinks`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from blueno.errors import BluenoError
from blueno.settings import CHOICES, Settings, as_variables, load_settings
from blueno.sinks import LIBRARIES, SINKS, Finished
from blueno.sinks.process import Feed, open_feed, teller, turn
from blueno.store import read

from .command_line import trials
from .test_scheduler import Bench, bench, good

__all__ = ["bench"]


class Shelf:
    """A sink that takes what it is told to."""

    def __init__(self, *refused: int) -> None:
        self.refused, self.taken = {*refused}, list[tuple[str, int]]()

    def write(self, done: Finished) -> None:
        x = done.params["model.x"]
        if x in self.refused:
            raise OSError(f"no place for {x}")
        self.taken.append((done.sweep, x))

    def close(self) -> None:
        pass


def feed_of(bench: Bench, sink: Shelf) -> Feed:
    return Feed("shelf", sink, bench.root / "shelf.json", read.meta(bench.db)["store_id"], 0)


def test_trials_are_written_once_as_they_are_done(bench: Bench) -> None:
    shelf, said = Shelf(), list[str]()
    feed = feed_of(bench, shelf)
    bench.submit(values=(1, 2))
    assert turn(bench.db, feed, said.append) == "" and shelf.taken == []
    bench.run(good)
    for _ in range(2):
        assert turn(bench.db, feed, said.append) == ""
    assert sorted(shelf.taken) == [("small", 1), ("small", 2)] and said == []
    bench.submit(values=(2, 3), name="more")
    turn(bench.db, feed, said.append)
    assert ("more", 2) in shelf.taken and ("more", 3) not in shelf.taken


def test_one_trial_that_is_not_taken_holds_up_no_other(bench: Bench) -> None:
    shelf, said = Shelf(2), list[str]()
    feed = feed_of(bench, shelf)
    bench.submit(values=(1, 2, 3, 4))
    bench.run(good)
    turn(bench.db, feed, said.append)
    assert sorted(x for _, x in shelf.taken) == [1, 3, 4]
    [text] = said
    assert trials(bench)[1][:16] in text and "no place for 2" in text


def test_a_sink_that_takes_nothing_is_tried_again(bench: Bench) -> None:
    shelf, said = Shelf(1, 2, 3, 4), list[str]()
    feed = feed_of(bench, shelf)
    bench.submit(values=(1, 2, 3, 4))
    bench.run(good)
    assert "no place for" in turn(bench.db, feed, said.append) and said == []
    shelf.refused.clear()
    assert turn(bench.db, feed, said.append) == ""
    assert sorted(x for _, x in shelf.taken) == [1, 2, 3, 4]


def test_passwords_that_a_library_says_go_nowhere(tmp_path: Path) -> None:
    said = StringIO()
    teller(tmp_path, said)("mlflow takes nothing (request to http://someone:planted-word@127.0.0.1:9/ failed)")
    log = (tmp_path / "logs" / "sinks.log").read_text()
    assert "127.0.0.1" in said.getvalue() and "127.0.0.1" in log
    assert "planted" not in said.getvalue() + log


def test_how_far_it_came_is_remembered_for_this_store_only(bench: Bench) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    bench.submit(values=(1,))
    bench.run(good)
    (bench.root / "data" / "sinks").mkdir(parents=True)
    feed = open_feed("tensorboard", bench.root, bench.db)
    assert feed.position == 0
    turn(bench.db, feed, print)
    assert open_feed("tensorboard", bench.root, bench.db).position == feed.position > 0
    bench.db.execute("UPDATE meta SET value = 'another' WHERE key = 'store_id'")
    assert open_feed("tensorboard", bench.root, bench.db).position == 0


def test_the_setting(tmp_path: Path) -> None:
    assert set(CHOICES["sinks"]) == set(SINKS) == set(LIBRARIES)
    assert load_settings(tmp_path, {}).sinks == ()
    (tmp_path / "blueno.toml").write_text('sinks = ["mlflow", "tensorboard", "mlflow"]')
    assert load_settings(tmp_path, {}).sinks == ("mlflow", "tensorboard")
    assert load_settings(tmp_path, {"BLUENO_SINKS": ""}).sinks == ()
    both = Settings(tmp_path, sinks=("tensorboard", "mlflow"))
    assert load_settings(tmp_path, as_variables(both)) == both
    for text, message, fix in (
        ('sinks = ["tensorbord"]', "sinks has 'tensorbord', which there is not", "did you mean tensorboard?"),
        ('sinks = ["x"]', "sinks has 'x', which there is not", "choose from: tensorboard, mlflow"),
        ('sinks = "mlflow"', "expected a list of names", 'write sinks = ["tensorboard"]'),
        ("sinks = [1]", "expected a list of names", 'write sinks = ["tensorboard"]'),
    ):
        (tmp_path / "blueno.toml").write_text(text)
        with pytest.raises(BluenoError, match=message) as caught:
            load_settings(tmp_path, {})
        assert caught.value.fix == fix
