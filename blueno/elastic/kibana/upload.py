"""Importing into a Kibana: one request, which replaces what an earlier one made."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ...errors import BluenoError
from ..access import is_address
from .saved import Saved, ndjson

ENDPOINT = "/api/saved_objects/_import?overwrite=true"
TIMEOUT_S = 120.0
MEANINGS = {
    401: "it does not know the key or the password",
    403: "the key may not import saved objects",
    404: "there is no Kibana at this address, or no such space",
    413: "it takes no file as large as this one: see savedObjects.maxImportPayloadBytes",
}
KEYS = "set BLUENO_KIBANA_API_KEY, or BLUENO_KIBANA_USER and BLUENO_KIBANA_PASSWORD, or write credentials/kibana.json"
ADDRESS = "name its address, with its base path and space if it has any: https://kibana.example.org/s/team"


class Place(NamedTuple):
    """A Kibana, and who we are there. The key is in no message."""

    url: str
    ca: str = ""  # file of the CA that its certificate is checked by
    api_key: str = ""
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Place({self.url!r})"


class Still(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: a key is not carried to an address that nobody named."""

    def redirect_request(self, *about: Any) -> None:
        return None


def checked(url: str) -> str:
    """An address without a slash at its end. Raises BluenoError for what is none."""
    if "@" in url:
        raise BluenoError("the address of Kibana holds a user or a password", f"take it out; {KEYS}")
    if not is_address(url) or "?" in url or "#" in url:
        raise BluenoError(f"{url!r} is no address of a Kibana", ADDRESS)
    return url.rstrip("/")


def unsafe(url: str) -> str:
    """What is unsafe about an address; empty when nothing is."""
    host = urlsplit(url).hostname or ""
    if url.startswith("http:") and host not in ("localhost", "::1") and not host.startswith("127."):
        return f"{url} is not encrypted: whoever is on the way reads the key; use https"
    return ""


def upload(place: Place, objects: list[Saved]) -> int:
    """Imports saved objects; returns how many. Raises BluenoError with what Kibana says of those it does not take."""
    boundary = uuid.uuid4().hex
    request = urllib.request.Request(place.url + ENDPOINT, _form(ndjson(objects), boundary), method="POST")
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    request.add_header("kbn-xsrf", "blueno")
    if place.api_key:
        request.add_header("Authorization", f"ApiKey {place.api_key}")
    elif place.user:
        pair = base64.b64encode(f"{place.user}:{place.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {pair}")
    answer = _answered(place, request)
    if not answer.get("success"):
        raise BluenoError(f"{place.url} does not take all of it: {_refused(answer)}", "nothing else was changed there")
    return int(answer.get("successCount", 0))


def _form(file: str, boundary: str) -> bytes:
    head = 'Content-Disposition: form-data; name="file"; filename="blueno.ndjson"\r\nContent-Type: application/ndjson'
    return f"--{boundary}\r\n{head}\r\n\r\n{file}\r\n--{boundary}--\r\n".encode()


def _answered(place: Place, request: urllib.request.Request) -> dict[str, Any]:
    trusted = ssl.create_default_context(cafile=place.ca or None)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusted), Still)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as found:
            answer = json.loads(found.read())
    except urllib.error.HTTPError as error:
        raise _explained(place, error) from error
    except ValueError as error:
        raise BluenoError(f"what answers at {place.url} is no Kibana", ADDRESS) from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        fix = "name the file of its CA in elastic_ca" if "CERTIFICATE" in str(reason).upper() else ADDRESS
        raise BluenoError(f"{place.url} cannot be reached: {reason}", fix) from error
    if not isinstance(answer, dict) or "success" not in answer:
        raise BluenoError(f"what answers at {place.url} is no Kibana", ADDRESS)
    return answer


def _explained(place: Place, error: urllib.error.HTTPError) -> BluenoError:
    if 300 <= error.code < 400:
        return BluenoError(
            f"{place.url} leads elsewhere: {error.headers.get('Location')}", "name the address it leads to"
        )
    said = _words(error.read())
    meaning = MEANINGS.get(error.code, "it refuses")
    return BluenoError(
        f"{place.url}: {meaning} ({error.code}{': ' if said else ''}{said})",
        KEYS if error.code in (401, 403) else ADDRESS,
    )


def _words(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])[:300]
    except (ValueError, TypeError, KeyError):
        return ""


def _refused(answer: dict[str, Any]) -> str:
    errors = answer.get("errors") or []
    told = [f"{each.get('type')} {each.get('id')}: {_why(each.get('error') or {})}" for each in errors[:10]]
    return "; ".join(told) or str(answer.get("message", "it gives no reason"))


def _why(error: dict[str, Any]) -> str:
    missing = [f"{each.get('type')} {each.get('id')}" for each in error.get("references") or []]
    return f"{error.get('type', 'unknown')} {error.get('message', '')}{', '.join(missing)}".strip()
