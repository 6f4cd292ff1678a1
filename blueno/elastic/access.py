"""Where the index is and who we are there: settings, and secrets from the environment or `credentials/`.

A secret never stands in `blueno.toml` or in a URL, and no message shows one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import BluenoError
from ..settings import Settings

FILES = {"elastic": "elastic.json", "elastic_setup": "elastic-setup.json", "kibana": "kibana.json"}
KEYS = ("api_key", "user", "password")
KEY_FILE = 'write {"api_key": "..."} or {"user": "...", "password": "..."} there, or set the variables for them'
FINGERPRINT = re.compile(r"(?:[0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}")


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
    ca = _authority(settings)
    key = (setup and secret(settings.root, "elastic_setup", environment)) or secret(
        settings.root, "elastic", environment
    )
    return Target(
        settings.elastic_url.rstrip("/"), settings.elastic_cloud_id, settings.elastic_prefix, ca,
        settings.elastic_fingerprint, **key,
    )  # fmt: skip


def _check_url(url: str) -> None:
    if "@" in url:
        raise BluenoError(
            "elastic_url holds a user or a password", "take it out; set BLUENO_ELASTIC_USER and BLUENO_ELASTIC_PASSWORD"
        )
    if url and not is_address(url):
        raise BluenoError(f"elastic_url is {url!r}", "write it like https://elastic.example.org:9200")


def is_address(url: str) -> bool:
    """Whether it is http or https, with a host and, if it has one, a port that can be."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _authority(settings: Settings) -> str:
    """The file of the CA, or ''. Raises BluenoError where the settings for certificates cannot be."""
    if settings.elastic_url.startswith("http:") and (settings.elastic_ca or settings.elastic_fingerprint):
        raise BluenoError("elastic_ca and elastic_fingerprint are for https", "write elastic_url with https")
    if settings.elastic_fingerprint and not FINGERPRINT.fullmatch(settings.elastic_fingerprint):
        message = f"elastic_fingerprint is {settings.elastic_fingerprint!r}, expected the certificate's SHA-256"
        raise BluenoError(message, "write its 64 hexadecimal digits, with or without colons")
    if not settings.elastic_ca:
        return ""
    import ssl

    file = settings.root / Path(settings.elastic_ca).expanduser()
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:  # SSLError is one
        what = "there is no certificate in" if file.is_file() else "there is no file"
        raise BluenoError(f"elastic_ca: {what} {settings.elastic_ca}", "name the file of the CA (PEM)") from error
    return str(file)


def secret(root: Path, name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """API key, or user and password, without line breaks around them; the environment wins over the file in
    `credentials/`. Raises BluenoError, which shows none of them, for what can be no key.
    """
    given = {key: environment.get(f"BLUENO_{name}_{key}".upper(), "") for key in KEYS}
    if any(given.values()):
        return _checked(given, f"BLUENO_{name}_*".upper())
    path = root / "credentials" / FILES[name]
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or set(found) - set(KEYS) or not all(isinstance(v, str) for v in found.values()):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BluenoError(f"{path} cannot be read as a key", KEY_FILE) from error
    return _checked({key: found.get(key, "") for key in KEYS}, str(path))


def _checked(given: dict[str, str], where: str) -> dict[str, str]:
    key = {name: value.strip("\r\n") if name == "password" else value.strip() for name, value in given.items()}
    if not key["api_key"] and not (key["user"] and key["password"]):
        raise BluenoError(f"{where}: expected an API key, or a user and a password", KEY_FILE)
    if not (key["api_key"].isascii() and key["api_key"].isprintable()) or set(" '\"") & set(key["api_key"]):
        raise BluenoError(f"{where}: the API key has characters that none has", "copy it again, without quotes")
    if not (key["user"] + key["password"]).isprintable() or ":" in key["user"]:
        raise BluenoError(f"{where}: user or password have characters that cannot be sent", "copy them again")
    return key
