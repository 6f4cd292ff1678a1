"""Which libraries this installation needs and which it has, by their metadata: nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from typing import NamedTuple

from .errors import MissingLibrary

# Where a backend of Keras comes from; any one of the distributions will do.
BACKENDS = {"tensorflow": ("tensorflow-cpu", "tensorflow"), "jax": ("jax",), "torch": ("torch",)}
OPTIONAL = {  # distribution -> what needs it
    "pillow": "the source images, the step resize and pictures",
    "matplotlib": "pictures (--plots)",
    "pyarrow": "the source parquet",
    "openpyxl": "the source excel",
    "google-cloud-storage": "the setting cache, and gs:// in sources",
    "optuna": "searches, pruning, and results of an Optuna storage (elastic import)",
    "mlflow-skinny": "results --sink mlflow, and the setting sinks",
    "tensorboardX": "results --sink tensorboard, and the setting sinks",
    "jax": "packs (--engine fused)",
    "elasticsearch": "the index (blueno elastic)",
}
REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?\s*\(?(?:>=\s*([\d.]+))?[^;]*(?:;(.*))?$")


class Library(NamedTuple):
    """A distribution, its installed version (None: not installed), and the least version that will do ("": any)."""

    name: str
    found: str | None
    least: str

    @property
    def will_do(self) -> bool:
        """Whether it is there and new enough."""
        return self.found is not None and _numbers(self.found) >= _numbers(self.least)


def required() -> list[Library]:
    """What Blueno always needs."""
    return [_library(name, least) for name, least, condition in _requirements() if "extra" not in condition]


def training(environment: Mapping[str, str]) -> list[Library]:
    """What architectures need besides: Keras and its backend (KERAS_BACKEND, by default TensorFlow)."""
    least = {name: least for name, least, _ in _requirements()}
    backend = environment.get("KERAS_BACKEND", "tensorflow")
    candidates = [_library(name, least.get(name, "")) for name in BACKENDS.get(backend, (backend,))]
    return [_library("keras", least.get("keras", "")), max(candidates, key=lambda library: library.found is not None)]


def optional() -> list[tuple[Library, str]]:
    """What only some parts of Blueno need, each with these parts."""
    least = {name: least for name, least, _ in _requirements()}
    return [(_library(name, least.get(name, "")), needs_it) for name, needs_it in OPTIONAL.items()]


def _requirements() -> list[tuple[str, str, str]]:
    """Name, least version and condition of each; none when Blueno runs from a folder without being installed."""
    try:
        lines = metadata.requires("blueno") or []
    except metadata.PackageNotFoundError:
        return []
    found = [REQUIREMENT.match(line) for line in lines]
    return [(match[1], match[2] or "", match[3] or "") for match in found if match]


def _library(name: str, least: str) -> Library:
    try:
        return Library(name, metadata.version(name), least)
    except metadata.PackageNotFoundError:
        return Library(name, None, least)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in [*re.findall(r"\d+", version), 0, 0, 0][:3])


def check_installed(name: str, message: str) -> None:
    """MissingLibrary with `message` unless a distribution is there."""
    if _library(name, "").found is None:
        raise MissingLibrary(message, f"pip install {name}")
