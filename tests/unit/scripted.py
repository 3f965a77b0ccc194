# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that does on the wire exactly what a test says, for what a simulator of FluxOS does not do on command."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint


@dataclass(frozen=True)
class Seen:
    """A request as it came in; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Server:
    """Answers request number n as behaviour n says, further ones as the last does. Counts connections too.

    ``at_once`` acts on each new connection before anything of it is read, a TLS handshake included.
    """

    def __init__(
        self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None, at_once: Behaviour | None = None
    ) -> None:
        self._at_once = at_once
        self._behaviours = behaviours
        self._tls = tls
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self.requests: list[Seen] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint.parse(self.url)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # A client that goes away, or whose handshake fails, is part of the tests.
        with contextlib.suppress(OSError):
            if self._at_once is not None and not self._at_once(self, connection):
                # What the client had begun to say is taken in, lest closing resets what was sent.
                while self._tls is None and connection.fileno() >= 0 and connection.recv(4096):
                    continue
                connection.close()
                return
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection, connection.makefile("rb") as lines:
                while (seen := _read(lines)) is not None:
                    with self._lock:
                        behaviour = self._behaviours[min(len(self.requests), len(self._behaviours) - 1)]
                        self.requests.append(seen)
                    if not behaviour(self, connection):
                        return
        connection.close()


#: Does its part on the connection; returns whether the connection stays open for a further request.
Behaviour = Callable[[Server, socket.socket], bool]


def _read(lines: Any) -> Seen | None:
    first = lines.readline()
    if not first.strip():
        return None
    method, target, _version = first.decode("latin-1").split()
    headers: dict[str, str] = {}
    while (line := lines.readline()).strip():
        name, _colon, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return Seen(method, target, headers, lines.read(int(headers.get("content-length", 0))))


def message(
    body: bytes | str | Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> bytes:
    """A whole HTTP answer; ``length`` makes its Content-Length a lie."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    fields = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(content) if length is None else length),
        "Date": "Wed, 25 Nov 2026 08:00:00 GMT",
        **(headers or {}),
    }
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + content


def success(data: Any) -> dict[str, Any]:
    return {"status": "success", "data": data}


def error(text: Any, **details: Any) -> dict[str, Any]:
    return {"status": "error", "data": {"message": text, **details}}


UNAUTHORIZED = error("Unauthorized. Access denied.", code=401, name="Unauthorized")


def answer(body: bytes | str | Mapping[str, Any], **details: Any) -> Behaviour:
    """Answer as HTTP does, and keep the connection."""
    whole = message(body, **details)

    def behave(_server: Server, connection: socket.socket) -> bool:
        connection.sendall(whole)
        return True

    return behave


def compressed(body: bytes) -> Behaviour:
    return answer(gzip.compress(body), headers={"Content-Encoding": "gzip"})


def raw(content: bytes) -> Behaviour:
    """Send these bytes and close."""

    def behave(_server: Server, connection: socket.socket) -> bool:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        return False

    return behave


def reset(after: bytes = b"") -> Behaviour:
    """Send these bytes and reset the connection."""

    def behave(_server: Server, connection: socket.socket) -> bool:
        if after:
            connection.sendall(after)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # close() alone would wait for the reader that shares the descriptor.
        socket.socket(fileno=connection.detach()).close()
        return False

    return behave


def stall(after: bytes = b"") -> Behaviour:
    """Send these bytes, then nothing until the test ends."""

    def behave(server: Server, connection: socket.socket) -> bool:
        if after:
            connection.sendall(after)
        server.closing.wait(60)
        return False

    return behave


def trickle(content: bytes, pause: float) -> Behaviour:
    """Send one byte every ``pause`` seconds."""

    def behave(server: Server, connection: socket.socket) -> bool:
        for index in range(len(content)):
            connection.sendall(content[index : index + 1])
            if server.closing.wait(pause):
                break
        return False

    return behave
