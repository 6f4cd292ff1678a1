"""What the spec that `blueno init FILE` writes is called, so that one that is there already is never taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from .first_spec import slug


class Subject(NamedTuple):
    """What a spec is about: where its data is, as written there, and what is predicted."""

    path: Any
    table: Any
    target: Any


def subject_of(text: str) -> Subject | None:
    """The subject of a spec's text; None where it does not say it plainly."""
    import yaml

    try:
        data = yaml.safe_load(text)["data"]
        (given,) = data["source"].values()
        named = given if isinstance(given, dict) else {"path": given}
        return Subject(named["path"], named.get("table"), data.get("target"))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        return None


def spec_name(specs: Path, file: str, subject: Subject) -> str:
    """The name of the spec about `subject` in the folder `specs`: that of one that is there, else one that is free.

    `heart.csv` gives heart; where that predicts something else heart-TARGET, and heart-2 where it is of other data.
    """
    names = _candidates(specs, slug(file), subject)
    for name in names:
        there = _subject_in(specs / f"{name}.yaml")
        if there is NO_FILE or there == subject:
            return name
    raise AssertionError("BUG: numbers have come to an end")


NO_FILE = Subject(None, None, None)


def _candidates(specs: Path, base: str, subject: Subject) -> Iterator[str]:
    yield base
    there = _subject_in(specs / f"{base}.yaml")
    if isinstance(subject.target, str) and (there is None or there.target != subject.target):
        yield f"{base}-{slug(subject.target.replace('.', '-'))}"
    yield from (f"{base}-{number}" for number in count(2))


def _subject_in(file: Path) -> Subject | None:
    try:
        return subject_of(file.read_text(encoding="utf-8"))
    except UnicodeError:
        return None
    except OSError:  # not there; where it cannot be read, nothing can be written either
        return NO_FILE
