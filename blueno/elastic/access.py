"""Where the index is and who we are there: settings, and secrets from the environment or `credentials/`.

A secret never stands in `blueno.toml` or in a URL, and no message shows one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import BluenoError
from ..settings import Settings

FILES = {"elastic": "elastic.json", "elastic_setup": "elastic-setup.json", "kibana": "kibana.json"}
KEYS = ("api_key", "user", "password")


@dataclass(frozen=True)
class Target:
    """A server and a prefix, with the key to it, which is not shown."""

    url: str
    cloud_id: str
    prefix: str
    ca: str
    fingerprint: str
    api_key: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """For people: where it is, without any secret."""
        return self.url or f"cloud id {self.cloud_id.partition(':')[0]}"

    @property
    def digest(self) -> str:
        """Equal for equal places, whoever comes there."""
        return hashlib.sha256(f"{self.url}\n{self.cloud_id}\n{self.prefix}".encode()).hexdigest()[:12]

    @property
    def warning(self) -> str:
        """What is unsafe about it; empty when nothing is."""
        host = urlsplit(self.url).hostname or ""
        here = host in ("localhost", "::1") or host.startswith("127.")
        if self.url.startswith("http:") and not here:
            return f"{self.url} is not encrypted: whoever is on the way reads results and key; use https"
        return ""


def target_of(settings: Settings, environment: Mapping[str, str], setup: bool = False) -> Target | None:
    """The place that the settings name, with its key; None when they name none. `setup`: with the key that may make
    templates, if there is one of its own. Raises BluenoError for what cannot be.
    """
    if not settings.elastic_url and not settings.elastic_cloud_id:
        return None
    if settings.elastic_url and settings.elastic_cloud_id:
        raise BluenoError("elastic_url and elastic_cloud_id are both set", "keep one of them")
    _check_url(settings.elastic_url)
    authority = settings.root / Path(settings.elastic_ca).expanduser()
    if settings.elastic_ca and not authority.is_file():
        raise BluenoError(f"elastic_ca: there is no file {settings.elastic_ca}", "name the file of the CA (PEM)")
    ca = str(authority) if settings.elastic_ca else ""
    key = (setup and secret(settings.root, "elastic_setup", environment)) or secret(
        settings.root, "elastic", environment
    )
    return Target(
        settings.elastic_url.rstrip("/"), settings.elastic_cloud_id, settings.elastic_prefix, ca,
        settings.elastic_fingerprint, **key,
    )  # fmt: skip


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise BluenoError(
            "elastic_url holds a user or a password", "take it out; set BLUENO_ELASTIC_USER and BLUENO_ELASTIC_PASSWORD"
        )
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise BluenoError(f"elastic_url is {url!r}", "write it like https://elastic.example.org:9200")


def secret(root: Path, name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """API key, or user and password; the environment wins over the file in `credentials/`."""
    given = {key: environment.get(f"BLUENO_{name}_{key}".upper(), "") for key in KEYS}
    if any(given.values()):
        return given
    path = root / "credentials" / FILES[name]
    try:
        found: Any = json.loads(path.read_text())
        if not isinstance(found, dict) or set(found) - set(KEYS):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        fix = 'write {"api_key": "..."} or {"user": "...", "password": "..."}'
        raise BluenoError(f"{path} cannot be read as a key", fix) from error
    return {key: str(found.get(key, "")) for key in KEYS}
