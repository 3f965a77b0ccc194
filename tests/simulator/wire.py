# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 as Node writes it, on top of aiohttp's server and its parser (llhttp, the same that Node uses)."""

from __future__ import annotations

import asyncio
import email.utils
import http
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.web_request import BaseRequest

HEADER_LIMIT = 16384
_dates: dict[int, str] = {}


def http_date(moment: float) -> str:
    """The Date header of a moment; the last ones are remembered, since each answer needs one."""
    second = int(moment)
    text = _dates.get(second)
    if text is None:
        if len(_dates) > 512:
            _dates.clear()
        text = _dates[second] = email.utils.formatdate(second, usegmt=True)
    return text


# Names that Node gives these codes and Python's table of this version may not.
REASONS = {413: "Payload Too Large", 422: "Unprocessable Entity"}


def head(status: int, headers: list[tuple[str, str]]) -> bytes:
    """Status line and header lines."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status) or http.HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class RawResponse(web.StreamResponse):
    """An answer whose bytes are all made here: names, order and letter case of the headers are Node's."""

    def __init__(self, payload: bytes, *, keep: bool) -> None:
        super().__init__()
        self._payload = payload
        self._keep = keep

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open."""
        return self._keep

    async def prepare(self, request: BaseRequest) -> Any:
        """Write everything at once."""
        transport = request.transport
        if transport is not None and not transport.is_closing():
            transport.write(self._payload)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Wait until a slow reader has taken what was written."""


class Protocol(web.RequestHandler):
    """One connection. Only loopback is served; ``closed`` is done when the connection is gone."""

    closed: asyncio.Future[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse a peer that is not on loopback (it cannot happen on these addresses, and must not)."""
        super().connection_made(transport)
        self.closed = asyncio.get_running_loop().create_future()
        peer = transport.get_extra_info("peername")
        if not peer or not str(peer[0]).startswith("127."):
            assert isinstance(transport, asyncio.Transport)
            transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Release who waits for the end of the connection."""
        super().connection_lost(exc)
        if not self.closed.done():
            self.closed.set_result(None)

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What Node answers to bytes that are no HTTP: a status line and nothing more."""
        if exc is not None and status >= 500:
            # A bug of the simulator: aiohttp's own page and log line show it.
            return super().handle_error(request, status, exc, message)
        if isinstance(exc, BadHttpMessage) and "'Host'" in exc.message:
            lines = [("Connection", "close"), ("Transfer-Encoding", "chunked")]
            return RawResponse(head(400, lines) + b"0\r\n\r\n", keep=False)
        code = 431 if isinstance(exc, LineTooLong) else 400
        return RawResponse(head(code, [("Connection", "close")]), keep=False)


Handler = Callable[[BaseRequest], Awaitable[web.StreamResponse]]


class HttpServer(web.Server):
    """The protocol factory of one listener group; keeps track of its connections."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)
        self.options: dict[str, Any] = {
            "keepalive_timeout": 5.0,
            "max_line_size": HEADER_LIMIT,
            "max_headers": 2000,
            "max_field_size": HEADER_LIMIT,
            "auto_decompress": False,
            "access_log": None,
        }

    def __call__(self) -> web.RequestHandler:
        """A new connection."""
        return Protocol(self, loop=asyncio.get_running_loop(), **self.options)

    def abort_connections(self) -> None:
        """Reset every open connection, as a killed process does."""
        for connection in list(self.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.Transport):
                transport.abort()


async def listen(server: HttpServer, host: str, port: int, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Open a listener on a literal address."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(server, host, port, ssl=tls, backlog=512)
