# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading one answer: how long it may take, how large it may be, and quickly.

A read timeout starts anew with every byte, so a node that trickles one byte a second holds a client for ever. Here
every read of the socket is bounded by what is left of the request's time.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.fluxme.fluxos.plugins.module_utils.repeats import Repeats


class TooLarge(OSError):
    """More came than the request allows, as it comes over the wire."""


class _Attempt(threading.local):
    """The request that the current thread is making; requests makes and reads one request in one thread."""

    deadline = float("inf")
    """``time.monotonic()`` at which to give up."""
    timeout = 60.0
    """Seconds to connect, and that any single read may take."""
    limit = 0
    """Bytes that one answer may have."""
    repeats: Repeats | None = None
    """How often it may still be made again."""
    sent = False
    """Something of the request was written to the node, by the newest connection made for it."""

    def begin(self, *, deadline: float, timeout: float, limit: int, repeats: Repeats) -> None:
        self.deadline = deadline
        self.timeout = timeout
        self.limit = limit
        self.repeats = repeats
        self.sent = False

    def remaining(self) -> float:
        return self.deadline - time.monotonic()


ATTEMPT = _Attempt()


class BoundedReader(io.RawIOBase):
    """The raw bytes of one answer, each read within the attempt's time."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        # makefile keeps the socket open while the answer is read, also when the connection object lets go of it.
        self._raw = sock.makefile("rb", buffering=0)
        # What is read is bounded where it is used; this holds for what the library reads by itself and throws away.
        # The allowance is for the headers, which http.client bounds.
        self._left = ATTEMPT.limit + 2**20

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = ATTEMPT.remaining()
        if remaining <= 0:
            raise TimeoutError("the time for the whole answer is over")
        limit = min(ATTEMPT.timeout, remaining)
        # It is there already unless the whole is about to end; to set it again is a call of the system.
        if limit < (self._sock.gettimeout() or float("inf")):
            self._sock.settimeout(limit)
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooLarge("the answer is too large")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


# Status, reason and headers of a usual answer. What has another form (an interim answer, folded or broken lines,
# HTTP/1.0) is left to the library.
_USUAL_HEAD = re.compile(
    rb"HTTP/1\.1 (20[0-35-9]|30[0-35-9]|[45][0-9]{2}) ?([^\r\n]*)\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r\n){1,100})\r\n"
)


class BoundedResponse(http.client.HTTPResponse):
    """An answer that is read within the attempt's time, and whose head is read quickly."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._buffer: io.BufferedReader | None = None
        # A TLS connection through a TLS proxy is no real socket; it keeps the plain read timeout.
        if isinstance(sock, socket.socket):
            plain = self.fp
            self.fp = self._buffer = io.BufferedReader(BoundedReader(sock), 65536)
            plain.close()

    def begin(self) -> None:
        """Read status and headers. The library takes them apart as e-mail, which costs as much as sending the request;
        here a usual head is read at once, as a whole. FluxOS has no HEAD, whose answers have no body.
        """
        # Until then it is None, which the library's type does not say.
        known: Any = self.headers
        if self._buffer is None or known is not None:
            super().begin()
            return
        found = _USUAL_HEAD.match(self._buffer.peek(1))
        if found is None:
            super().begin()
            return
        self._buffer.read(found.end())
        self.version = 11
        self.code = self.status = int(found[1])
        self.reason = found[2].decode("iso-8859-1").strip()
        self.headers = self.msg = http.client.HTTPMessage()
        first: dict[str, str] = {}
        for line in found[3].decode("iso-8859-1").split("\r\n")[:-1]:
            name, _colon, value = line.partition(":")
            value = value.lstrip(" \t")
            self.headers[name] = value
            first.setdefault(name.lower(), value)
        self.chunked = first.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = first.get("content-length", "").strip()
        self.length = int(length) if length.isdecimal() and length.isascii() and not self.chunked else None
        self.will_close = "close" in first.get("connection", "").lower() or not (
            self.chunked or self.length is not None
        )
