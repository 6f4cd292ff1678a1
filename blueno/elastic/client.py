"""The one module that imports the Elasticsearch client. What others see is plain: documents in, outcomes and words out.

Certificates are always checked; there is no way to switch that off.
"""

from __future__ import annotations

import json
import warnings
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import BluenoError, MissingLibrary
from .access import Target
from .documents import Document
from .fields import Kind
from .templates import alias

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

CHUNK_BYTES = 5 * 1024 * 1024
CHUNK_DOCUMENTS = 1000
THREADS = 2  # requests at once, while the next documents are made
TIMEOUT_S = 30.0
CONFLICT, MISSING, NO_SUCH_METHOD, TOO_LARGE = 409, 404, 405, 413
NO_ELASTICSEARCH = "what answers is no Elasticsearch (Kibana, or another server?): see elastic_url"
BAD_DOCUMENT = 400
ANSWER = "items.*.status,items.*.error"  # what is read of an answer to a bulk request; the rest would be most of it
NOT_ITS_FAULT = ("index_closed", "no write index", "validation_exception", "not an alias")  # answered with 400, too


class Unreachable(Exception):
    """Nothing can be sent now. Its text is the reason, for people; `status` is the server's, if it answered."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class Outcome(NamedTuple):
    """A document that was not taken: it `waits` for a better time, or is `refused` for good."""

    document: Document
    verdict: Literal["waits", "refused"]
    reason: str


def connect(target: Target, timeout_s: float = TIMEOUT_S) -> Elasticsearch:
    """A client. Talks to nobody yet. Raises MissingLibrary, and BluenoError for settings that cannot be."""
    try:
        from elasticsearch import Elasticsearch
    except ImportError as error:
        raise MissingLibrary(
            "the Elasticsearch client is not installed", "pip install 'elasticsearch>=8.19,<9' orjson"
        ) from error
    options: dict[str, Any] = {"request_timeout": timeout_s, "max_retries": 0, "retry_on_timeout": False}
    options |= {"cloud_id": target.cloud_id} if target.cloud_id else {"hosts": [target.url]}
    if target.ca:
        options["ca_certs"] = target.ca
    if target.fingerprint:
        options["ssl_assert_fingerprint"] = target.fingerprint
    if target.api_key:
        options["api_key"] = target.api_key
    elif target.user:
        # in UTF-8; of a pair the client takes ASCII only
        options["basic_auth"] = b64encode(f"{target.user}:{target.password}".encode()).decode()
    try:
        return Elasticsearch(**options)
    except (ValueError, TypeError) as error:
        name = "elastic_cloud_id" if target.cloud_id else "elastic_url"
        raise BluenoError(f"the client refuses {name}: {error}", f"set {name} as docs/elastic.md says") from error


@contextmanager
def explained() -> Iterator[None]:
    """Turns what the client raises into Unreachable, with the reason in words."""
    from elasticsearch import (
        ApiError,
        ElasticsearchWarning,
        SerializationError,
        TransportError,
        UnsupportedProductError,
    )
    from elasticsearch.helpers import ScanError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ElasticsearchWarning)
            yield
    except UnsupportedProductError as error:
        raise Unreachable(NO_ELASTICSEARCH) from error
    except ApiError as error:
        text = _words(error.body)
        if error.status_code in (MISSING, NO_SUCH_METHOD) and _is_of_another(error.body):
            raise Unreachable(NO_ELASTICSEARCH) from error
        ours = "media_type_header" in text  # no document is to blame
        if error.status_code == BAD_DOCUMENT and not _is_elastics(error.body):
            ours = True  # somebody between us and the server says so
        raise Unreachable(status_reason(error.status_code, text), None if ours else error.status_code) from error
    except SerializationError as error:
        raise Unreachable(f"its answer cannot be read: {str(error)[:200]}") from error
    except ScanError as error:
        raise Unreachable(f"it does not find all that is looked for: {str(error)[:200]}") from error
    except TransportError as error:
        raise Unreachable(_transport_reason(error)) from error


def _transport_reason(error: Exception) -> str:
    kind, text = type(error).__name__, str(getattr(error, "message", error))
    if "WRONG_VERSION_NUMBER" in text:
        return "it speaks http, not https: see elastic_url"
    if kind == "TlsError" or "CERTIFICATE" in text.upper() or "ingerprint" in text:
        return f"its certificate is not trusted ({text[:200]}): set elastic_ca or elastic_fingerprint"
    if kind == "ConnectionTimeout":
        return "it does not answer in time"
    return f"it cannot be reached ({text[:200]})"


def _is_elastics(body: Any) -> bool:
    """Whether an error's body is of the form that Elasticsearch gives it."""
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and bool(error.get("type"))


def _is_of_another(body: Any) -> bool:
    """Whether a page or Kibana says that there is no such thing."""
    return "statusCode" in body if isinstance(body, dict) else isinstance(body, str) and bool(body.strip())


def _words(body: Any) -> str:
    """What a server's answer says, short."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        cause = error.get("caused_by") or {}
        told = [str(error.get("reason") or error.get("type") or error)]
        told += [str(cause["reason"])] if isinstance(cause, dict) and cause.get("reason") else []
        return f"{error.get('type', '')}: {': '.join(told)}"[:400]
    return str(error)[:200]


def status_reason(status: int, text: str) -> str:
    """What an HTTP status means for us, and what to do."""
    if "media_type_header_exception" in text:
        return "the installed client speaks another version than the server: pip install 'elasticsearch>=8.19,<9'"
    if status == 401:
        return "it does not know the key or the password (401): see credentials/elastic.json"
    if _is_block(text):
        return _block_reason(text)
    if status == 403:
        return f"the key lacks the rights (403): {text}"
    if status == 404:
        return f"the index is not set up (404): run `blueno elastic setup` ({text})"
    if status == 429:
        return "it is overloaded (429)"
    if status == TOO_LARGE:
        return "a request is too large for it (413)"
    return f"it answers {status}: {text}"


def _is_block(text: str) -> bool:
    """Whether the indices take nothing, by the error's type: what else it says may hold any name."""
    return text.startswith(("cluster_block_exception", "index_block"))


def _block_reason(text: str) -> str:
    if "flood-stage" in text or "read-only-allow-delete" in text:
        return f"its indices are read-only; its disk is full? ({text})"
    if "index write (api)" in text:
        return f"nobody may write to its indices now, as while they move to their next version ({text})"
    return f"its indices are blocked ({text})"


# ---- sending


def send(
    client: Elasticsearch, prefix: str, documents: Iterable[Document], most: int = CHUNK_DOCUMENTS
) -> list[Outcome]:
    """Sends documents in bulk; returns those that were not taken. Raises Unreachable when nothing more could be sent,
    and takes no more documents then.

    No two have the same id: which of them came last would be chance. A document that the index has in a newer version,
    and one to be deleted that is not there, are no trouble.
    """
    under_way: deque[Future[list[Outcome]]] = deque()
    found: list[Outcome] = []
    coming = iter(documents)
    with explained(), ThreadPoolExecutor(THREADS) as pool:
        while chunk := list(islice(coming, most)):  # made while others are under way
            if len(under_way) == THREADS:  # none waits for its turn: after one that failed it would still be sent
                found += under_way.popleft().result()
            under_way.append(pool.submit(_send, client, prefix, chunk))
        for each in under_way:
            found += each.result()
    return found


def _send(client: Elasticsearch, prefix: str, documents: list[Document]) -> list[Outcome]:
    from elasticsearch.helpers import streaming_bulk

    encoded = encoder()

    def expanded(document: Any) -> Any:
        operation, about = _operation(document, prefix)
        return encoded({operation: about}), None if document.source is None else encoded(document.source)

    made: Any = documents  # the client's types know no others than its own
    told = streaming_bulk(
        client, made, expand_action_callback=expanded, chunk_size=len(documents), max_chunk_bytes=CHUNK_BYTES,
        raise_on_error=False, raise_on_exception=True, max_retries=0, require_alias=True, filter_path=ANSWER,
    )  # fmt: skip
    try:
        answers = list(told)
    except KeyError as error:  # of the client's helper
        raise Unreachable(f"its answer has no {error}") from error
    if len(answers) < len(documents):
        raise Unreachable(f"it answers for {len(answers)} of {len(documents)} documents")
    found = []
    for document, (ok, answer) in zip(documents, answers, strict=True):
        [(operation, item)] = answer.items()
        status = int(item.get("status", 500))
        if not (ok or status == CONFLICT or (operation == "delete" and status == MISSING and "error" not in item)):
            found.append(Outcome(document, *_judged(status, _words(item.get("error", "")))))
    return found


def encoder() -> Callable[[Any], bytes]:
    """What makes JSON of documents, ten times as fast as the client. The standard library does where orjson is missing,
    and what orjson refuses (half of a surrogate pair, numbers of more than 64 bits).
    """
    slow = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    try:
        from orjson import dumps
    except ImportError:
        return lambda value: slow.encode(value).encode("utf-8", "surrogatepass")

    def encoded(value: Any) -> bytes:
        try:
            return dumps(value)
        except TypeError:
            return slow.encode(value).encode("utf-8", "surrogatepass")

    return encoded


def _operation(document: Document, prefix: str) -> tuple[str, dict[str, Any]]:
    return "delete" if document.source is None else "index", {
        "_index": alias(prefix, document.kind), "_id": document.id, "version": document.seq,
        "version_type": "external_gte",
    }  # fmt: skip


def _judged(status: int, text: str) -> tuple[Literal["waits", "refused"], str]:
    """Only what is wrong with the document itself is for good."""
    if status in (BAD_DOCUMENT, TOO_LARGE) and not any(words in text for words in NOT_ITS_FAULT):
        return "refused", text or f"it answers {status}"
    return "waits", status_reason(status, text)


# ---- asking


def ask(client: Elasticsearch, function: Callable[[Elasticsearch], Any]) -> Any:
    """What `function` makes of the client; its body, where it is an answer. Raises Unreachable."""
    with explained():
        answer = function(client)
    return getattr(answer, "body", answer)


def found_ids(
    client: Elasticsearch, prefix: str, kind: Kind, query: dict[str, Any], fields: list[str]
) -> Iterator[Any]:
    """Every hit of a query in one kind of documents, with some fields; however many there are."""
    from elasticsearch.helpers import scan

    with explained():
        _refresh(client, prefix, kind)
        yield from scan(
            client, query={"query": query, "_source": fields, "version": True}, index=alias(prefix, kind), size=2000
        )


def newest_seq(client: Elasticsearch, prefix: str, kind: Kind, store: str) -> int:
    """The highest number among the documents of a kind that came from a store; 0 when there is none."""
    with explained():
        _refresh(client, prefix, kind)
        found = client.search(
            index=alias(prefix, kind), query={"term": {"store": store}}, size=1, source={"includes": ["seq"]},
            sort=[{"seq": {"order": "desc", "unmapped_type": "long"}}],  # of an index that somebody else has made
        )  # fmt: skip
    hits = found["hits"]["hits"]
    return int(hits[0]["_source"]["seq"]) if hits else 0


def count_of(client: Elasticsearch, prefix: str, kind: Kind) -> int:
    """How many documents of a kind there are."""
    with explained():
        _refresh(client, prefix, kind)
        return int(client.count(index=alias(prefix, kind))["count"])


def _refresh(client: Elasticsearch, prefix: str, kind: Kind) -> None:
    """What was sent just now is found, too, if the key may refresh an index (`maintenance`)."""
    from elasticsearch import AuthorizationException

    with suppress(AuthorizationException):
        client.indices.refresh(index=alias(prefix, kind))


def copy_documents(client: Elasticsearch, old: str, new: str) -> tuple[int, dict[str, int]]:
    """Copies every document under its version; returns how many, and how many could not be taken, by reason. One that
    the new index has in a newer version is left alone.
    """
    from elasticsearch.helpers import scan, streaming_bulk

    refused: dict[str, int] = {}
    copied = 0

    def operations() -> Iterator[dict[str, Any]]:
        for hit in scan(client, query={"query": {"match_all": {}}, "version": True}, index=old, size=1000):
            yield {
                "_op_type": "index", "_index": new, "_id": hit["_id"], "version": hit["_version"],
                "version_type": "external_gte", "_source": hit["_source"],
            }  # fmt: skip

    with explained():
        for ok, answer in streaming_bulk(
            client, operations(), chunk_size=CHUNK_DOCUMENTS, max_chunk_bytes=CHUNK_BYTES, raise_on_error=False,
            max_retries=5, initial_backoff=1, retry_on_status=(429, 502, 503, 504),
        ):  # fmt: skip
            [item] = answer.values()
            if ok or item["status"] == CONFLICT:
                copied += 1
            elif item["status"] == BAD_DOCUMENT:
                reason = _words(item.get("error", ""))
                refused[reason] = refused.get(reason, 0) + 1
            else:
                raise Unreachable(status_reason(item["status"], _words(item.get("error", ""))), item["status"])
    return copied, refused
