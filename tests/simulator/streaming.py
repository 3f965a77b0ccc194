# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that are written piece by piece: chunked, each piece flushed at once (express with compression)."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.operations import Stream
from tests.simulator.wire import Protocol, RawResponse, head


class Flusher:
    """Compresses pieces so that each can be read as soon as it is there."""

    def __init__(self, encoding: str | None) -> None:
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 31 if encoding == "gzip" else 15) if encoding else None

    def piece(self, data: bytes) -> bytes:
        """One piece on the wire."""
        if self._packer is None:
            return data
        return self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """What comes last."""
        return self._packer.flush() if self._packer is not None else b""


def chunk(data: bytes) -> bytes:
    """A chunk of a chunked body; nothing for no bytes (an empty chunk would be the end)."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n" if data else b""


async def send(
    request: BaseRequest,
    stream: Stream,
    status: int,
    headers: list[tuple[str, str]],
    encoding: str | None,
    *,
    cut: int | None = None,
    ending: str = "keep",
) -> web.StreamResponse:
    """Write a stream until its end, or until the client is gone; ``cut`` bytes only, then ``close`` or ``wait``."""
    transport = request.transport
    protocol: Any = request.protocol
    assert isinstance(protocol, Protocol)
    flusher = Flusher(encoding)
    left = cut
    _write(transport, head(status, headers))
    while not protocol.closed.done():
        data = await _next(stream, protocol)
        if data is None:
            break
        if left is not None and len(data) >= left:
            _write(transport, chunk(flusher.piece(data[:left])))
            if ending == "wait":
                await asyncio.wait([protocol.closed])
            elif ending == "abort" and isinstance(transport, asyncio.Transport):
                transport.abort()
            return RawResponse(b"", keep=False)
        if left is not None:
            left -= len(data)
        _write(transport, chunk(flusher.piece(data)))
    if protocol.closed.done():
        return RawResponse(b"", keep=False)
    _write(transport, chunk(flusher.end()) + b"0\r\n\r\n")
    return RawResponse(b"", keep=bool(request.keep_alive))


async def _next(stream: Stream, protocol: Protocol) -> bytes | None:
    """The next bytes, or None when the stream ended or the client went."""
    reading = asyncio.ensure_future(stream.read())
    both: list[asyncio.Future[Any]] = [reading, protocol.closed]
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if reading.done():
        return reading.result()
    reading.cancel()
    return None


def _write(transport: asyncio.BaseTransport | None, data: bytes) -> None:
    if isinstance(transport, asyncio.WriteTransport) and not transport.is_closing() and data:
        transport.write(data)
