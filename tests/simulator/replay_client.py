# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that sends exactly the recorded bytes: no HTTP library sends ``//apps``, raw UTF-8 or leaves out ``Host``.

Every exchange gets a fresh connection, as in the recording.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import time
import zlib
from dataclasses import dataclass

from tests.simulator.replay_recording import Request, Response

_ANSWER_TIMEOUT = 15.0
"""Seconds within which an answer that is due must be complete: generous, because the machine may be busy."""


def head(request: Request, host: str | None) -> bytes:
    """Return the request line and headers as sent; *host* None leaves the Host header out."""
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    # The recorder wrote text to the socket, so anything beyond ASCII went out as UTF-8.
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass
class _Reader:
    """Bytes of one answer, with a deadline for all of them."""

    sock: socket.socket
    deadline: float
    buffer: bytes = b""
    ended: bool = False

    def more(self) -> bool:
        """Read some bytes; False at the end of the stream. Raises TimeoutError at the deadline."""
        if self.ended:
            return False
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
        try:
            chunk = self.sock.recv(65536)
        except ConnectionError:
            chunk = b""
        self.ended = not chunk
        self.buffer += chunk
        return not self.ended

    def line(self) -> bytes:
        """Return the bytes up to the next line end."""
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise EOFError
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, size: int) -> bytes:
        """Return *size* bytes."""
        while len(self.buffer) < size:
            if not self.more():
                raise EOFError
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def rest(self) -> bytes:
        """Return everything until the node closes the connection."""
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data


def _status_and_headers(reader: _Reader) -> tuple[int, str, dict[str, str]]:
    _unused, status, *reason = reader.line().decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while line := reader.line():
        name, _unused, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(status), reason[0] if reason else "", headers


def _chunks(reader: _Reader) -> bytes:
    body = b""
    while size := int(reader.line().split(b";")[0], 16):
        body += reader.exactly(size)
        reader.line()
    reader.line()
    return body


def _body(reader: _Reader, method: str, status: int, headers: dict[str, str]) -> bytes:
    # 304 carries the length of the body that it does not carry; the recorder, like Node's own client, knew that.
    if method == "HEAD" or status in (204, 304):
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        # Node's answer to a request without Host claims to be chunked, and then just closes.
        if status == 400 and headers.get("connection") == "close":
            return reader.rest().removesuffix(b"0\r\n\r\n")
        return _chunks(reader)
    if "content-length" in headers:
        return reader.exactly(int(headers["content-length"]))
    return reader.rest()


def _decoded(body: bytes, encoding: str | None) -> str:
    if encoding == "gzip":
        body = gzip.decompress(body)
    elif encoding == "deflate":
        body = zlib.decompress(body)
    return body.decode("utf-8", "replace")


def exchange(address: tuple[str, int], request: Request, *, host: str | None, patience: float | None) -> Response:
    """Send one request on a fresh connection and return what came back.

    *patience* is for a request to which the recorded node gave no answer, or one without end: seconds to wait for the
    first byte, and for the end; None when a whole answer is expected. Raises TimeoutError when an expected answer does
    not come or does not end.
    """
    with socket.create_connection(address, timeout=_ANSWER_TIMEOUT) as sock:
        reader = _Reader(sock, time.monotonic() + (_ANSWER_TIMEOUT if patience is None else patience))
        message = head(request, host) + (request.body or "").encode()
        # The node may refuse a body that is too long before it has read it all; its answer is still there to be read.
        with contextlib.suppress(ConnectionError):
            sock.sendall(message)
        try:
            if not reader.buffer and not reader.more():
                return Response(answered=False, closed=True)
        except TimeoutError:
            if patience is None:
                raise
            return Response(answered=False, closed=False)
        # Something comes: whatever it is, it gets the time to end.
        reader.deadline = time.monotonic() + (_ANSWER_TIMEOUT if patience is None else patience)
        interim = None
        status, reason, headers = _status_and_headers(reader)
        if status == 100:
            interim = f"{status} {reason}"
            status, reason, headers = _status_and_headers(reader)
        complete = True
        try:
            body = _body(reader, request.method, status, headers)
        except TimeoutError:
            if patience is None:
                raise
            body, complete = b"", False
    return Response(
        answered=True,
        status=status,
        reason=reason,
        headers=headers,
        body=_decoded(body, headers.get("content-encoding")) if complete else "",
        interim=interim,
        complete=complete,
    )
