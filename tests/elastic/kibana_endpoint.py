"""The one endpoint of Kibana that Blueno uses, as a small HTTP server. It is no Kibana: it reads the form as
Kibana does, remembers objects by type and id, refuses those whose references it lacks, and answers in Kibana's form.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Endpoint(NamedTuple):
    url: str
    objects: dict[tuple[str, str], dict[str, Any]]  # what it holds
    requests: list[dict[str, str]]  # headers of each by their small names, and `path`
    answers: list[tuple[int, dict[str, str], bytes]]  # what it says next instead: status, headers, body


@contextmanager
def endpoint(key: str = "") -> Iterator[Endpoint]:
    """One that runs, and wants this Authorization if there is one."""
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    requests: list[dict[str, str]] = []
    answers: list[tuple[int, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *words: Any) -> None:
            pass

        def do_GET(self) -> None:
            requests.append({**{name.lower(): value for name, value in self.headers.items()}, "path": self.path})
            self.say(200, {}, b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append({**{name.lower(): value for name, value in self.headers.items()}, "path": self.path})
            self.say(*(answers.pop(0) if answers else self.imported(body)))

        def say(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Length": str(len(body)),
                "Content-Type": "application/json",
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def imported(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            asked = urlsplit(self.path)
            if not asked.path.endswith("/api/saved_objects/_import"):
                return refusal(404, "Not Found")
            if not self.headers.get("kbn-xsrf"):
                return refusal(400, "Request must contain a kbn-xsrf header.")
            if key and self.headers.get("Authorization") != key:
                return refusal(401, "unable to authenticate")
            try:
                lines = form(self.headers["Content-Type"], body)
            except (AssertionError, ValueError) as error:
                return refusal(400, f"[request body.file]: {error}")
            overwrite = parse_qs(asked.query).get("overwrite") == ["true"]
            return 200, {}, json.dumps(kept(objects, lines, overwrite)).encode()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Endpoint(f"http://127.0.0.1:{server.server_port}", objects, requests, answers)
        finally:
            server.shutdown()
            thread.join()


def refusal(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps({"statusCode": status, "error": "-", "message": message}).encode()


def form(content_type: str, body: bytes) -> list[dict[str, Any]]:
    """The lines of the file of a form of several parts."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert message.get_content_type() == "multipart/form-data", "no form"
    [part] = list(message.iter_parts())  # type: ignore[attr-defined]
    assert part.get_param("name", header="content-disposition") == "file", "expected value of a file"
    assert str(part.get_filename()).endswith(".ndjson"), "Invalid file extension"
    return [json.loads(line) for line in part.get_payload(decode=True).decode().splitlines() if line.strip()]


def kept(
    objects: dict[tuple[str, str], dict[str, Any]], lines: list[dict[str, Any]], overwrite: bool
) -> dict[str, Any]:
    """Remembers what can be kept; says what it did as Kibana does."""
    there = {*objects, *((each["type"], each["id"]) for each in lines)}
    errors = []
    for each in lines:
        name = {"type": each["type"], "id": each["id"]}
        missing = [one for one in each["references"] if (one["type"], one["id"]) not in there]
        if missing:
            references = [{"type": one["type"], "id": one["id"]} for one in missing]
            errors.append({**name, "error": {"type": "missing_references", "references": references}})
        elif (each["type"], each["id"]) in objects and not overwrite:
            errors.append({**name, "error": {"type": "conflict"}})
        else:
            objects[each["type"], each["id"]] = each
    found: dict[str, Any] = {"success": not errors, "successCount": len(lines) - len(errors), "warnings": []}
    return found | ({"errors": errors} if errors else {})
