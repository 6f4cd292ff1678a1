"""`blueno model pull`: files of trials that are not on this machine, from the shared cache."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import click

from ...cache import Cache
from ...cache.folder import FolderCache
from ...cache.opening import remote_cache
from ...cache.trials import bring, manifests
from ...canonical import digest_file, short
from ...errors import BluenoError, CacheDamaged, CacheUnavailable, NotFound
from ...progress import say
from ...settings import Settings
from ...store import read
from ...store.database import open_store, store_exists
from ...tables import size
from .. import options, print_json
from .asked import is_query, trials_of

NO_CACHE = "what is not here can only be in the shared cache, and there is none"
NO_BUCKET = "set `cache` to the bucket that your machines share, like gs://bucket/prefix"


class Wanted(NamedTuple):
    """A file of a trial: as the trial calls it, its key in models/, and its content."""

    name: str
    key: str
    sha256: str
    bytes: int
    is_recorded: bool = False  # by this store, which so knows what should lie in models/


class Pulled(NamedTuple):
    """What became of a file: it was `here`, came from the `cache`, or why it could not be had."""

    name: str
    path: str
    bytes: int
    sha256: str
    came_from: str  # here, cache, or "" with a problem
    problem: str = ""


def pull(
    words: Sequence[str], settings: Settings, to: Path | None, lacking: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Brings back the files of the trials whose ids begin with `words`; a document for each. What is damaged there has
    a `problem`, and the rest is brought all the same.

    NotFound when neither this store nor the shared cache knows a trial, and when the cache is needed and no setting
    names one; where there is `lacking`, trials of which so nothing could be had are noted there with the reason.
    CacheUnavailable when the cache cannot be used.
    """
    remote = _Remote(settings)
    found: list[dict[str, Any]] = []
    for word in words:
        try:
            trial, files = _wanted(word, settings, remote)
        except CacheDamaged as error:  # of a trial that only the shared cache knows
            found.append({"trial": word, "files": [], "problem": _told(error)})
            continue
        except NotFound as error:
            if lacking is None:
                raise
            lacking[word] = error.message
            continue
        place = _models(settings.root) if to is None else _folder(to / short(trial))
        pulled: list[Pulled] = []
        for each in files:
            try:
                pulled.append(_pulled(each, trial, settings.root, remote, place))
            except NotFound as error:  # no cache to ask, which is no reason to leave out what is here
                if lacking is None:
                    raise
                pulled.append(Pulled(each.name, "", each.bytes, each.sha256, "", _told(error)))
        if lacking is not None and pulled and all(each.problem.startswith(NO_CACHE) for each in pulled):
            lacking[trial] = pulled[0].problem
        else:
            found.append({"trial": trial, "files": [each._asdict() for each in pulled], "problem": ""})
    return found


def _told(error: BluenoError) -> str:
    return f"{error.message}; {error.fix}" if error.fix else error.message


class _Remote:
    """The shared cache, opened when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache: Cache | None = None

    def open(self) -> Cache:
        """NotFound when no setting names one."""
        self._cache = self._cache or remote_cache(self._settings)
        if self._cache is None:
            raise NotFound(NO_CACHE, NO_BUCKET)
        return self._cache


# ---- which files


def _wanted(word: str, settings: Settings, remote: _Remote) -> tuple[str, list[Wanted]]:
    """The trial and its files: as this store has recorded them, else as the newest manifest in the cache says."""
    known = _recorded(word, settings.root)
    if known is not None and known[1]:
        return known
    try:
        manifest = manifests(known[0] if known else word, remote.open(), say)[0]
    except BluenoError as error:
        if known is None or isinstance(error, CacheUnavailable):
            raise
        message = f"trial {short(known[0])} has left no files, as far as this store knows. {error.message}"
        raise NotFound(message, error.fix) from None
    each = manifest["artefacts"].items()
    return manifest["trial"], [Wanted(name, one["place"], one["sha256"], one["bytes"]) for name, one in each]


def _recorded(word: str, root: Path) -> tuple[str, list[Wanted]] | None:
    """A trial of this store and the files that it has of it; None when it knows no such trial."""
    if not store_exists(root):
        return None
    with closing(open_store(root, time.time(), read_only=True)) as db:
        try:
            trial = read.find_trial(db, word)
        except NotFound:
            if _several(db, word):
                raise
            return None
        result = read.trial(db, trial)["result"]
    artefacts = result["artefacts"] if result else {}
    return trial, [Wanted(name, one["key"], one["sha256"], one["bytes"], True) for name, one in artefacts.items()]


def _several(db: sqlite3.Connection, word: str) -> bool:
    found = db.execute("SELECT 1 FROM trials WHERE id >= ? AND id < ? LIMIT 1", (word.lower(), word.lower() + "g"))
    return found.fetchone() is not None


# ---- where to

Place = Callable[[Wanted, Path], Path]


def _models(root: Path) -> Place:
    models = FolderCache(root / "models")

    def keep(one: Wanted, file: Path) -> Path:
        if not models.put_if_absent(one.key, file) and digest_file(models.get(one.key)) != one.sha256:
            if not one.is_recorded:
                raise BluenoError(f"models/{one.key} is another file already", "name a folder for it: --to DIR")
            models.delete(one.key)  # damaged: this store has recorded what should be there
            models.put_if_absent(one.key, file)
        return models.get(one.key)

    return keep


def _folder(folder: Path) -> Place:
    def keep(one: Wanted, file: Path) -> Path:
        final = folder.joinpath(*(each for each in one.key.split("/")[3:] if each not in ("", ".", "..")))
        final.parent.mkdir(parents=True, exist_ok=True)
        beside = final.with_name(f".{final.name}.{os.getpid()}.tmp")
        shutil.copyfile(file, beside)
        beside.replace(final)
        return final

    return keep


# ---- bringing it


def _pulled(one: Wanted, trial: str, root: Path, remote: _Remote, place: Place) -> Pulled:
    models = FolderCache(root / "models")
    kept: list[Path] = []
    is_here = models.stat(one.key) == one.bytes and digest_file(models.get(one.key)) == one.sha256
    try:
        if is_here:
            kept.append(place(one, models.get(one.key)))
            return Pulled(one.name, str(kept[0]), one.bytes, one.sha256, "here")
        if bring(one.sha256, remote.open(), lambda file: kept.append(place(one, file)), trial):
            return Pulled(one.name, str(kept[0]), one.bytes, one.sha256, "cache")
    except CacheDamaged as error:
        return Pulled(one.name, "", one.bytes, one.sha256, "", _told(error))
    except (CacheUnavailable, NotFound):
        raise  # it cannot be asked, nor for the rest
    except BluenoError as error:
        return Pulled(one.name, "", one.bytes, one.sha256, "", _told(error))
    problem = "it is neither here nor in the shared cache"
    return Pulled(one.name, "", one.bytes, one.sha256, "", problem)


def pull_text(found: list[dict[str, Any]], lacking: dict[str, str]) -> str:
    """What came, and from where; then the trials that have left nothing."""
    lines = []
    for each in found:
        lines.append(f"trial {short(each['trial'])}" + (f": {each['problem']}" if each["problem"] else ""))
        for file in each["files"]:
            where = file["problem"] or f"{file['path']} ({size(file['bytes'])}, {_source(file)})"
            lines.append(f"  {file['name']}: {where}")
    lines += [f"trial {short(trial)}: no model; {why}" for trial, why in lacking.items()]
    return "\n".join(lines)


def _source(file: dict[str, Any]) -> str:
    return "was here" if file["came_from"] == "here" else "from the shared cache"


@click.command("pull")
@click.argument("words", nargs=-1, required=True, metavar="QUERY|TRIAL...")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="A folder; else they go to models/.")
@click.option("--sort", metavar="[-]FIELD", help="The order of what QUERY finds, as in `blueno find`.")
@click.option("--top", type=click.IntRange(1), help="Only the first N trials that QUERY finds.")
@click.option("--elastic", "elsewhere", is_flag=True, help="QUERY asks Elasticsearch: everybody's trials.")
@options
def command(
    settings: Settings, as_json: bool, words: tuple[str, ...], to: Path | None, sort: str | None, top: int | None,
    elsewhere: bool,
) -> int:  # fmt: skip
    """Bring back what trials left (weights, predictions, files of their own), from the shared cache if it is not here.

    \b
    blueno model pull 3f2a 77b1
    blueno model pull 'sweep = digits and val_auc > 0.9' --sort val_auc --top 3

    Ids may be those of trials that another machine has trained, and that this one has never heard of. A query is one of
    `blueno find`; which of its trials have left nothing is said. What is here already is not fetched. A file that is
    damaged there is named and left out. Exit code 1 when a file could not be had, or nothing at all.
    """
    lacking: dict[str, str] = {}
    if is_query(words):
        found = pull(trials_of(words[0], settings, sort, top, elsewhere), settings, to, lacking)
    elif sort or top or elsewhere:
        raise click.UsageError("--sort, --top and --elastic are for a QUERY, not for ids of trials")
    else:
        found = pull(words, settings, to)
    if as_json:
        without = [{"trial": trial, "why": why} for trial, why in lacking.items()]
        print_json({"trials": found, "without": without})
    else:
        click.echo(pull_text(found, lacking))
    has_problem = any(one["problem"] for each in found for one in (each, *each["files"]))
    return 1 if not found or has_problem or any(why.startswith(NO_CACHE) for why in lacking.values()) else 0
