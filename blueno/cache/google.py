"""The client of Google Cloud Storage: with whose identity, and what is said when it does not work.

Google's libraries are imported here, by gcs.py, downloads.py and raw/bucket.py, which are given a client, and of them
google-crc32c by cache/crc32c.py; each when it is used and not before. What they say can hold addresses of uploads,
which are as good as keys: nothing of it is passed on but the kind of an error and its number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BluenoError, CacheUnavailable, MissingLibrary

if TYPE_CHECKING:
    from google.cloud.storage import Client

SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
CONNECTIONS = 32  # that a client keeps open
WORDS = {
    400: "the request was refused as wrong", 401: "it does not accept the identity", 403: "not allowed",
    404: "there is no such bucket", 408: "it took too long", 429: "too many requests, or a quota is used up",
    500: "it has a failure", 502: "it has a failure", 503: "it is not available", 504: "it took too long",
    507: "it is full",
}  # fmt: skip


def storage_client(root: Path) -> Client:
    """A client for the project under `root`, safe for threads.

    Its identity is that of STORAGE_EMULATOR_HOST (nobody), else GOOGLE_APPLICATION_CREDENTIALS, else the only
    service account in `credentials/`, else what Google's libraries find by themselves (`gcloud`, the machine's own).

    Raises MissingLibrary without google-cloud-storage, BluenoError when there are no credentials or several.
    """
    try:
        from google.cloud.storage import Client
    except ImportError:
        raise MissingLibrary(
            "Google Cloud Storage needs google-cloud-storage", "pip install google-cloud-storage"
        ) from None
    from requests.utils import get_environ_proxies

    if host := os.environ.get("STORAGE_EMULATOR_HOST"):
        from google.auth.credentials import AnonymousCredentials

        nobody = AnonymousCredentials()
        options = {"api_endpoint": host}
        client = Client(project="none", credentials=nobody, client_options=options, _http=_session(nobody))
    else:
        credentials, project = _credentials(root)
        client = Client(project=project or "none", credentials=credentials, _http=_session(credentials))
    client._http.proxies = get_environ_proxies(client.api_endpoint)
    return client


def identity(root: Path) -> str:
    """In words, as whom `storage_client` speaks to Google, and where that was found. Raises what it raises."""
    if host := os.environ.get("STORAGE_EMULATOR_HOST"):
        return f"nobody (STORAGE_EMULATOR_HOST is {host.rpartition('@')[2]})"
    credentials, _ = _credentials(root)
    email = getattr(credentials, "service_account_email", "") or getattr(credentials, "account", "")
    who = email if email and email != "default" else "your own account" if _is_users(credentials) else "the machine's"
    return f"{who} ({_place(root)})"


@contextmanager
def told_safely(what: str) -> Iterator[None]:
    """Turns whatever Google's libraries raise into CacheUnavailable, saying `what` could not be used."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import InvalidResponse
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, InvalidResponse, RequestException, HTTPError, ConnectionError) as error:
        raise CacheUnavailable(f"{what}: {reason(error)}", _fix(error)) from None


def reason(error: BaseException) -> str:
    """An error of Google's libraries in a few words, without anything secret: its number, or else its kind."""
    number = status(error)
    if number is not None:
        return f"{number}, {WORDS[number]}" if number in WORDS else str(number)
    kind = type(_innermost(error)).__name__
    if "Timeout" in kind or "RetryError" in kind:
        return f"no answer in time ({kind})"
    if kind in ("DefaultCredentialsError", "RefreshError", "MalformedError", "InvalidOperation"):
        return f"the identity does not work ({kind})"
    return f"it cannot be reached ({kind})"


def status(error: BaseException) -> int | None:
    """The number of an HTTP answer that an error is about, or None."""
    error = _innermost(error)
    number = getattr(error, "code", None)
    if number is None:
        number = getattr(getattr(error, "response", None), "status_code", None)
    return int(number) if number is not None and str(int(number)).isdigit() else None


def _innermost(error: BaseException) -> BaseException:
    cause = getattr(error, "cause", None)  # of a RetryError: what it tried again for
    return _innermost(cause) if isinstance(cause, BaseException) else error


def _fix(error: BaseException) -> str:
    number = status(error)
    if number in (401, 403):
        return "see `blueno doctor`: the identity needs to list, read and create objects in the bucket"
    if number == 404:
        return "make the bucket, or mend the setting `cache`"
    return "see `blueno doctor`"


def _session(credentials: Any) -> Any:
    """For requests to one host. The environment is asked once (for proxies by `storage_client`): a session that asks it
    by itself does so for each request, which is a tenth of all that a small one costs.
    """
    from google.auth.transport.requests import AuthorizedSession
    from requests.adapters import HTTPAdapter

    session = AuthorizedSession(credentials)
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=CONNECTIONS, pool_maxsize=CONNECTIONS))
    return session


def _credentials(root: Path) -> tuple[Any, str | None]:
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials

    file = _service_account(root)
    try:
        if file is not None:
            credentials = Credentials.from_service_account_file(str(file), scopes=SCOPES)
            return credentials, credentials.project_id
        return google.auth.default(scopes=SCOPES)
    except (GoogleAuthError, ValueError, OSError) as error:
        where = file or _place(root)
        kind = type(error).__name__
        raise BluenoError(
            f"no identity for Google Cloud: {where} gives none ({kind})",
            "put a service account's JSON file into credentials/, or run `gcloud auth application-default login`",
        ) from None


def _service_account(root: Path) -> Path | None:
    """The only service account in `credentials/`, unless GOOGLE_APPLICATION_CREDENTIALS says which to take."""
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return None
    found = [path for path in sorted((root / "credentials").glob("*.json")) if _is_service_account(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BluenoError(
            f"credentials/ has several service accounts: {names}",
            "leave one there, or set GOOGLE_APPLICATION_CREDENTIALS to the file to use",
        )
    return found[0] if found else None


def _is_service_account(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("type") == "service_account"


def _place(root: Path) -> str:
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return "GOOGLE_APPLICATION_CREDENTIALS"
    file = _service_account(root)
    return f"credentials/{file.name}" if file else "Google's standard places"


def _is_users(credentials: Any) -> bool:
    return type(credentials).__module__ == "google.oauth2.credentials"
