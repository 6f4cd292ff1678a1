"""Notes of what waits to be sent."""

from __future__ import annotations

from pathlib import Path

from blueno.cache.outbox import note, noted


def test_a_note_that_vanishes_meanwhile_is_skipped_alone(tmp_path: Path) -> None:
    note(tmp_path, "datasets/a.json")
    (tmp_path / "datasets~b.json").symlink_to(tmp_path / "gone")  # is listed, and not there when it is looked at
    note(tmp_path, "datasets/c.json")
    assert sorted(noted(tmp_path)) == ["datasets/a.json", "datasets/c.json"]
