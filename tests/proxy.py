"""A small proxy between a client and a real server, for faults that the server does not have: refusing, slow, cut."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

CHUNK = 4096


class Proxy:
    """Passes bytes on to a port of this machine. `status`: answers every request with that number instead.
    `bytes_s`: passes on no more than so many bytes a second. `cut`: ends answers after so many bytes. `passed` counts.
    `holds`: passes nothing on after so many bytes in all, until it is None again. `loses`: of the first answer that
    comes after so many bytes in all nothing is passed on, and its connection ends. `ranges`: whether it knows of them.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.status: int | None = None
        self.bytes_s: float | None = None
        self.cut: int | None = None
        self.holds: int | None = None
        self.loses: int | None = None
        self.ranges = True
        self.passed = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def drop(self) -> None:
        """Ends all connections at once, as the death of a machine does."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def wait_until_held(self) -> None:
        """Returns when nothing is passed on any more, because of `holds`."""
        while self.holds is not None and self.passed < self.holds:
            time.sleep(0.01)

    def close(self) -> None:
        self.holds = None
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self.status is not None:
                self._refuse(client, self.status)
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                self._pairs.append((client, server))
                up = threading.Thread(target=self._pass, args=(client, server, False), daemon=True)
                up.start()
                self._pass(server, client, True)
                up.join(1.0)

    def _refuse(self, client: socket.socket, status: int) -> None:
        client.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while client.recv(1 << 16):
                pass
        body = b'{"error": {"message": "no: upload_id=private"}}'
        head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        client.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)

    def _pass(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        count = 0
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if is_answer and self.cut is not None and count + len(data) > self.cut:
                    break
                if is_answer and self.loses is not None and self.passed >= self.loses:
                    self.loses = None
                    break
                if not is_answer and not self.ranges:
                    data = data.replace(b"\r\nRange: ", b"\r\nOther: ")
                while self.holds is not None and self.passed >= self.holds:
                    time.sleep(0.01)
                target.sendall(data)
                count += len(data)
                self.passed += len(data)
                if self.bytes_s is not None:
                    time.sleep(len(data) / self.bytes_s)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
