"""A small proxy in front of a server that answers as a server in trouble does, until it is told to pass again."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

READ_ONLY = (
    "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has"
    " read-only-allow-delete block];"
)
ANSWERS: dict[str, tuple[int, Any]] = {
    "full": (429, {"error": {"type": "es_rejected_execution_exception", "reason": "rejected execution"}}),
    "unknown key": (401, {"error": {"type": "security_exception", "reason": "unable to authenticate"}}),
    "no rights": (403, {"error": {"type": "security_exception", "reason": "bulk is unauthorized"}}),
    "other version": (400, {"error": {"type": "media_type_header_exception", "reason": "Invalid media-type value"}}),
    "broken": (503, {"error": {"type": "unavailable", "reason": "no master"}}),
}  # fmt: skip
EACH: dict[str, tuple[int, Any]] = {  # each document of a bulk request is answered so
    "read-only": (429, {"type": "cluster_block_exception", "reason": READ_ONLY}),
    "taken": (200, None),  # there need not be a server
    "half full": (429, {"type": "es_rejected_execution_exception", "reason": "rejected execution"}),
}
WHOLE: dict[str, tuple[int, bytes, str]] = {  # of somebody between us and the server
    "gateway": (400, b"<html><body><h1>400 Bad Request</h1></body></html>", "text/html"),
}
TOO_LARGE_BYTES = 3000  # in the mode "small"


class Proxy:
    """`mode` says what happens: pass, hang, slow, small, forgetful, speechless, or a word of the tables above."""

    def __init__(self, port: int, folder: Path | None = None) -> None:
        """With `folder` it speaks TLS, with a certificate of its own that it leaves there."""
        self.mode, self.requests, self.released = "pass", 0, threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.answer(self, port)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

            def log_message(self, *words: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *words: Any) -> None:
                pass  # whoever went away, or does not trust the certificate

        self.server = Quiet(("127.0.0.1", 0), Handler)
        scheme = "http"
        if folder is not None:
            scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate(folder))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, port: int) -> None:
        self.requests += 1
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        mode = self.mode
        if mode == "hang":
            self.released.wait(120)
            return
        if mode == "slow":
            time.sleep(0.5)
        if mode in ANSWERS:
            status, answer = ANSWERS[mode]
            self._say(handler, status, json.dumps({"status": status, **answer}).encode())
        elif mode in WHOLE:
            self._say(handler, *WHOLE[mode])
        elif mode == "small" and len(body) > TOO_LARGE_BYTES:
            self._say(handler, 413, b'{"error": "Request Entity Too Large", "status": 413}')
        elif mode in EACH and "_bulk" in handler.path:
            self._say(handler, 200, json.dumps(_refused(body, *EACH[mode])).encode())
        elif mode == "forgetful" and "_bulk" in handler.path:
            answer = _refused(body, 200, None)
            self._say(handler, 200, json.dumps({**answer, "items": answer["items"][1:]}).encode())
        elif mode == "speechless":
            self._say(handler, 200, b"{}")
        elif mode == "taken":
            self._say(handler, 200, b'{"hits": {"hits": []}}')
        else:
            self._pass(handler, port, body)

    def _pass(self, handler: BaseHTTPRequestHandler, port: int, body: bytes) -> None:
        headers = {name: handler.headers[name] for name in ("Content-Type", "Accept") if name in handler.headers}
        address = f"http://127.0.0.1:{port}{handler.path}"
        request = urllib.request.Request(address, body or None, headers, method=handler.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._say(handler, answer.status, answer.read(), answer.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            self._say(handler, error.code, error.read(), error.headers["Content-Type"])
        except OSError:
            handler.close_connection = True

    def _say(self, handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str | None = None) -> None:
        handler.send_response(status)
        handler.send_header("X-Elastic-Product", "Elasticsearch")
        handler.send_header("Content-Type", kind or "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)


def _refused(body: bytes, status: int, error: Any) -> dict[str, Any]:
    """The answer to a bulk request of which no document is taken."""
    items = []
    for line in body.splitlines():
        about = json.loads(line or b"{}")
        operation = next((word for word in ("index", "delete") if set(about) == {word}), None)
        if operation:
            items.append({operation: {**about[operation], "status": status, "error": error}})
    return {"took": 1, "errors": True, "items": items}


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody knows, and its key."""
    paths = folder / "certificate.pem", folder / "key.pem"
    if not paths[0].exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
            check=True, capture_output=True,
        )  # fmt: skip
    return paths


def fingerprint(folder: Path) -> str:
    command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", certificate(folder)[0]]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return said.partition("=")[2].strip().replace(":", "").lower()
