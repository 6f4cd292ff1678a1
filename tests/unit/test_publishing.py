"""The scheduler's hand on the publisher: it hears what is said, and no failure of it ends a sweep."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from blueno.cache.outbox import note, outbox_of
from blueno.clock import iso
from blueno.publishing import AGAIN_S, Publishing
from blueno.settings import Settings


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def publishing(tmp_path: Path, said: list[str]) -> Publishing:
    note(outbox_of(tmp_path), "datasets/a.json")
    return Publishing(Settings(tmp_path, cache="gs://bucket"), said.append)


def test_what_cannot_be_started_is_told_once_and_tried_again(publishing: Publishing, said: list[str]) -> None:
    publishing.log.parent.write_text("a file where the folder of logs should be")
    before_s = time.monotonic()
    publishing.tend()
    assert publishing.next_s >= before_s + AGAIN_S
    publishing.next_s = 0.0
    publishing.tend()
    publishing.leave()
    assert publishing.process is None
    assert len(said) == 1
    assert "nothing is sent to gs://bucket now" in said[0]


def test_only_what_the_publisher_says_is_passed_on(publishing: Publishing, said: list[str]) -> None:
    publishing.log.parent.mkdir()
    publishing.log.write_text(f"Traceback (most recent call last):\n  private\n{iso(0.0)} the bucket is down\nValueErr")
    publishing.process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        publishing.tend()
        assert said == ["the bucket is down"]
    finally:
        publishing.process.communicate(b"\n")


def test_without_a_bucket_nothing_happens(tmp_path: Path, said: list[str]) -> None:
    note(outbox_of(tmp_path), "datasets/a.json")
    publishing = Publishing(Settings(tmp_path), said.append)
    publishing.tend()
    publishing.leave()
    assert (publishing.process, said) == (None, [])
