"""Where things run: settings from `blueno.toml` and the environment, never from a spec. The only reader of both."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from .errors import BluenoError
from .sizes import bytes_of

# So many trials of a family make up for the compilation of their program, where nobody asks for packs.
FEWEST_OF_FAMILY = 8


class YouForgotToChooseARoot(AssertionError):
    """A test used the default root; its command would have written into a real project."""


class Settings(NamedTuple):
    """Everything but `root` can stand in `blueno.toml`, or in the environment as BLUENO_<NAME>."""

    root: Path
    executor: str = "local"  # inline, local
    engine: str = "auto"  # what trains networks: fit (one by one), fused (families as packs), auto
    devices: str = ""  # "", "cpu", or GPUs by index or UUID, separated by commas
    per_device: int = 0  # workers per device; 0: as many as fit the sweep's resources
    cpus: int = 0  # cores to use; 0: all that this process may use
    cache: str = ""  # "gs://bucket/prefix": what machines share; "": nothing
    cache_limit: str = ""  # how large data/cache may become, such as "200GB"; "": as large as it gets
    cache_days: int = 30  # how long the shared cache keeps what no machine asks for
    publish: str = "none"  # which files of trials go to `cache`: none, models, predictions, all
    checkpoint_s: int = 300  # seconds between states that a Keras trial leaves to go on from; 0: after each epoch
    elastic_url: str = ""  # of Elasticsearch; without it or the next one nothing is sent (keys: elastic/access.py)
    elastic_cloud_id: str = ""  # of Elastic Cloud, instead of a URL
    elastic_prefix: str = "blueno"  # of index names: one a team
    elastic_ca: str = ""  # file of the CA that its certificate is checked by
    elastic_fingerprint: str = ""  # SHA-256 of its certificate, instead of a CA
    sinks: tuple[str, ...] = ()  # where trials are shown, too, as they finish: tensorboard, mlflow


TYPES: dict[str, type] = {
    "executor": str, "engine": str, "devices": str, "per_device": int, "cpus": int, "cache": str, "cache_limit": str,
    "cache_days": int, "publish": str, "checkpoint_s": int,
    "elastic_url": str, "elastic_cloud_id": str, "elastic_prefix": str, "elastic_ca": str, "elastic_fingerprint": str,
    "sinks": list,
}  # fmt: skip
PREFIX = re.compile(r"[a-z0-9][a-z0-9_.-]{0,199}")
BUCKET = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(.*))?")
CHOICES = {
    "executor": ("inline", "local"), "engine": ("auto", "fit", "fused"),
    "publish": ("none", "models", "predictions", "all"), "sinks": ("tensorboard", "mlflow"),
}  # fmt: skip


def find_root(start: Path, environment: dict[str, str]) -> Path:
    """BLUENO_ROOT, else the nearest folder upwards that has a `blueno.toml`, else `start`."""
    if "BLUENO_ROOT" in environment:
        root = Path(environment["BLUENO_ROOT"])
        if root.name == "you-forgot-to-choose-a-root":
            raise YouForgotToChooseARoot("pass --root, or set BLUENO_ROOT, in this test")
        return root.resolve()
    for folder in (start, *start.parents):
        if (folder / "blueno.toml").exists():
            return folder.resolve()
    return start.resolve()


def load_settings(root: Path | None = None, environment: dict[str, str] | None = None, **flags: Any) -> Settings:
    """Flags (None: not given) win over the environment, the environment over `blueno.toml`.

    Raises BluenoError for an unknown setting or a value of the wrong type.
    """
    environment = dict(os.environ) if environment is None else environment
    root = root.resolve() if root else find_root(Path.cwd(), environment)
    values: dict[str, Any] = {}
    for name, value in _file(root / "blueno.toml").items():
        values[name] = checked(name, value, "blueno.toml")
    for name in TYPES:
        variable = f"BLUENO_{name.upper()}"
        if variable in environment:
            values[name] = checked(name, environment[variable], variable)
    given = {name: value for name, value in flags.items() if value is not None}
    return Settings(root, **{**values, **given})


def checkpoint_interval_s(root: Path) -> float:
    """The setting `checkpoint_s`, for workers: theirs are the root and the environment of the scheduler.

    What can no longer be read was good when the scheduler started; its trials should not fail of it.
    """
    try:
        return float(load_settings(root).checkpoint_s)
    except BluenoError:
        return float(Settings(root).checkpoint_s)


def as_variables(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a process that is to have the same ones."""
    values = {name: getattr(settings, name) for name in TYPES}
    return {
        f"BLUENO_{name.upper()}": ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }


def origins(root: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Where each setting comes from that no flag gives: its variable, `blueno.toml` or "default"."""
    written = _file(root / "blueno.toml")
    found = {name: "blueno.toml" if name in written else "default" for name in TYPES}
    return found | {name: f"BLUENO_{name.upper()}" for name in TYPES if f"BLUENO_{name.upper()}" in environment}


def _file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BluenoError(f"{path}: {error}", 'write one setting a line, like: executor = "local"') from error


def checked(name: str, value: Any, where: str) -> Any:
    """A setting's value. Raises BluenoError, with `where` it was given, when there is no such setting or value."""
    kind = TYPES.get(name)
    if kind is None:
        near = get_close_matches(name, TYPES, 1)
        fix = f"did you mean {near[0]}?" if near else f"known settings: {', '.join(TYPES)}"
        raise BluenoError(f"{where}: unknown setting {name!r}", fix)
    if kind is list:
        return _names(name, value, where)
    if kind is int and isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BluenoError(
            f"{where}: {name} is {value!r}, expected a {kind.__name__}", f"set {name} to a {kind.__name__}"
        )
    if name == "cache_limit" and value and bytes_of(str(value)) is None:
        raise BluenoError(f"{where}: {name} is {value!r}, expected a size", f'write {name} = "200GB"')
    if name == "cache_days" and isinstance(value, int) and value < 1:
        raise BluenoError(f"{where}: cache_days is {value}, expected 1 or more", "write cache_days = 30")
    if name in CHOICES and value not in CHOICES[name]:
        raise BluenoError(f"{where}: {name} is {value!r}", f"choose one of: {', '.join(CHOICES[name])}")
    if name == "cache" and value and not BUCKET.fullmatch(str(value)):
        raise BluenoError(f"{where}: cache is {value!r}, which names no bucket", 'write it like "gs://bucket/prefix"')
    if name == "elastic_prefix" and not PREFIX.fullmatch(str(value)):
        fix = 'write it like "blueno" or "team-a": small letters, digits, - and _, a letter or digit first'
        raise BluenoError(f"{where}: elastic_prefix is {value!r}, which can begin no index's name", fix)
    if name == "elastic_url" and "@" in str(value):
        fix = "take it out of the URL; set BLUENO_ELASTIC_USER and BLUENO_ELASTIC_PASSWORD"
        raise BluenoError(f"{where}: {name} holds a user or a password", fix)
    return value


def _names(name: str, value: Any, where: str) -> tuple[str, ...]:
    """A list of names of CHOICES; in the environment they are separated by commas."""
    choices = CHOICES[name]
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) and where != "blueno.toml" else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BluenoError(f"{where}: {name} is {value!r}, expected a list of names", f'write {name} = ["{choices[0]}"]')
    for word in filter(None, words):
        if word not in choices:
            near = get_close_matches(word, choices, 1)
            fix = f"did you mean {near[0]}?" if near else f"choose from: {', '.join(choices)}"
            raise BluenoError(f"{where}: {name} has {word!r}, which there is not", fix)
    return tuple(dict.fromkeys(filter(None, words)))
