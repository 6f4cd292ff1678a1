"""What finished trials left, in the shared cache: `trials/TRIAL/DIGEST.json` names files, `artefacts/SHA-256` is one.

A trial that two machines have trained has a manifest of each. Files are named by their content, so equal ones are one.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..canonical import canonical, digest, digest_file, short
from ..errors import CacheDamaged, CacheUnavailable, NotFound
from . import Cache, outbox

PREFIX = "trials/"
FORMAT = 1
ANY = "ID"  # of a trial, where a fix knows none
PUBLISHED: dict[str, Callable[[str], bool]] = {  # the setting `publish` -> which artefacts are sent, by name
    "none": lambda name: False,
    "models": lambda name: name != "predictions",
    "predictions": lambda name: name == "predictions",
    "all": lambda name: True,
}

Manifest = dict[str, Any]
Tell = Callable[[str], None]


def about_trial(result: dict[str, Any], recipe: dict[str, Any], finished: str, store: str) -> Manifest:
    """What a manifest says beside the files, of a trial's result."""
    about = {name: result[name] for name in ("trial", "attempt", "state", "metrics", "epoch", "engine")}
    return {"format": FORMAT, **about, "recipe": recipe, "finished": finished, "store": store}


def note_trial(notes: Path, publish: str, about: dict[str, Any], artefacts: dict[str, Any]) -> None:
    """Notes what a trial left to be sent, as far as `publish` wants it. `about` is what its manifest says beside that:
    at least `trial` and `attempt`; `artefacts` are those of its result.
    """
    wanted = {name: each for name, each in artefacts.items() if PUBLISHED[publish](name)}
    if wanted:
        manifest = {"format": FORMAT, **about, "artefacts": wanted}
        outbox.note(notes, f"{PREFIX}{about['trial']}/{about['attempt']}.json", canonical(manifest))


def send_trial(text: str, models: Cache, remote: Cache, tell: Tell) -> bool:
    """Sends what a note holds, the files first. False when nothing is left of them: they are kept no more, or damaged.

    Raises CacheUnavailable when it has to wait, and CacheDamaged when what is damaged there stands in its way.
    """
    try:
        manifest: Manifest = json.loads(text)
    except ValueError:
        tell("the note of a trial is damaged here, and its files are not sent")
        return False
    sent = {}
    for name, each in manifest["artefacts"].items():
        try:
            key = _send_file(each, models, remote, tell)
        except (KeyError, FileNotFoundError):  # let go of since then, perhaps in this very moment
            continue
        if key is None:
            tell(f"{name} of trial {short(manifest['trial'])} is damaged here, and is not sent: see `blueno verify`")
        else:
            sent[name] = {**each, "place": each["key"], "key": key}
    if sent:
        _put(canonical({**manifest, "artefacts": sent}), manifest["trial"], remote, tell)
    return bool(sent)


def _send_file(artefact: dict[str, Any], models: Cache, remote: Cache, tell: Tell) -> str | None:
    """Sends one file, and returns its key there; None when it is damaged here. KeyError when it is not here."""
    file = models.get(artefact["key"])
    if digest_file(file) != artefact["sha256"]:
        return None
    key = f"artefacts/{artefact['sha256']}"
    if (there := remote.stat(key)) not in (None, artefact["bytes"]):
        make_way(key, remote, tell)
    if there != artefact["bytes"]:
        remote.put_if_absent(key, file)
    return key


def make_way(key: str, remote: Cache, tell: Tell, what: str = "was cut short", fix: str = "remove it there") -> None:
    """Removes what was cut short (or `what` else) in the shared cache, so that it can be sent again. CacheDamaged when
    it stays; `fix` is what somebody else may do.
    """
    try:
        remote.delete(key)
    except CacheUnavailable as error:
        message = f"{key} {what} in the shared cache, and cannot be removed ({error.message})"
        raise CacheDamaged(message, f"{fix}, or give the identity the right to") from None
    tell(f"{key} {what} in the shared cache, and is sent again")


def _put(text: str, trial: str, remote: Cache, tell: Tell) -> None:
    """Puts a manifest, also in the place of a damaged one. CacheDamaged when that stays."""
    key, fix = f"{PREFIX}{trial}/{short(digest(json.loads(text)))}.json", _removed_by(trial)
    remote.scratch.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=remote.scratch)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if remote.put_if_absent(key, Path(name)) or _is_sound(key, remote):
            return
        make_way(key, remote, tell, "is damaged", fix)
        if not remote.put_if_absent(key, Path(name)) and not _is_sound(key, remote):
            raise CacheDamaged(f"{key} in the shared cache is damaged, and cannot be replaced", fix)
    finally:
        Path(name).unlink(missing_ok=True)


def _is_sound(key: str, remote: Cache) -> bool:
    for _ in range(2):  # one bad read must not cost it
        try:
            _manifest(key, remote)
            return True
        except (CacheDamaged, KeyError):
            continue
    return False


def _removed_by(trial: str) -> str:
    """The command that removes what a trial left in the shared cache."""
    return f"remove it there with `blueno data rm --trials {short(trial)}`"


def manifests(word: str, remote: Cache, tell: Tell = lambda _: None) -> list[Manifest]:
    """What the shared cache has of the trial whose id begins with `word`, the newest first. A manifest that is damaged
    beside others is told, and left out.

    NotFound when there is none, or there are several trials; CacheDamaged when none can be read.
    """
    keys = list(remote.list(f"{PREFIX}{word.lower()}"))
    trials = sorted({key.split("/")[1] for key in keys})
    if not trials:
        raise NotFound(f"the shared cache has nothing of a trial {word}", "see the setting `publish`")
    if len(trials) > 1:
        shown = ", ".join(short(each) for each in trials[:5])
        raise NotFound(f"{word!r} begins the ids of several trials there: {shown}", "give more digits")
    found, damaged = [], []
    for key in keys:
        try:
            found.append(_manifest(key, remote))
        except CacheDamaged as error:
            damaged.append(error)
    if not found:
        raise damaged[0]
    for each in damaged:
        tell(f"warning: {each.message}; another machine's is taken")
    return sorted(found, key=lambda each: str(each.get("finished", "")), reverse=True)


def _manifest(key: str, remote: Cache) -> Manifest:
    file = remote.get(key)
    try:
        found: Manifest = json.loads(file.read_text(encoding="utf-8"))
        if short(digest(found)) != key.rpartition("/")[2].removesuffix(".json"):
            raise ValueError("another content")
    except (ValueError, UnicodeDecodeError):
        raise CacheDamaged(f"{key} in the shared cache is damaged", _again(key.split("/")[1])) from None
    finally:
        _done_with(file, remote)
    return found


def bring(sha256: str, remote: Cache, keep: Callable[[Path], None], trial: str = ANY) -> bool:
    """Fetches a file of a trial by its content, and hands it to `keep`. False when it is not there; CacheDamaged when
    what is there has another content.
    """
    try:
        file = remote.get(f"artefacts/{sha256}")
    except KeyError:
        return False
    except CacheDamaged as error:
        raise CacheDamaged(error.message, error.fix or _again(trial)) from None
    try:
        if digest_file(file) != sha256:
            raise CacheDamaged(f"artefacts/{sha256} in the shared cache is damaged", _again(trial))
        keep(file)
    finally:
        _done_with(file, remote)
    return True


def _again(trial: str) -> str:
    return f"{_removed_by(trial)}; a machine that has the files then sends them again: `blueno data sync --repair`"


def _done_with(file: Path, remote: Cache) -> None:
    if remote.scratch in file.parents:  # it came from elsewhere, and is ours to remove
        file.unlink(missing_ok=True)
