# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listening sockets of the nodes, however many: one epoll for all of them, a server only for who is called."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.dispatch import Exchange
from tests.simulator.wire import HttpServer, RawResponse, head

if TYPE_CHECKING:
    from tests.simulator.node import Node
    from tests.simulator.tls import Certificate

AT_ONCE = 64
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
PAUSE = 0.1


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, so that connections wait even before the event loop serves them."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(512)
    except OSError:
        opened.close()
        raise
    opened.setblocking(False)
    return opened


class Doors:
    """All listening sockets. A server of asyncio's for each of 15,000 would take longer to make than to use."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, Callable[[socket.socket], None]]] = {}
        self._loop.add_reader(self._poll.fileno(), self._ready)

    def open(self, host: str, port: int, welcome: Callable[[socket.socket], None]) -> int:
        """Listen; ``welcome`` gets each accepted connection. Returns the number to close it by."""
        return self.add(bind(host, port), welcome)

    def add(self, opened: socket.socket, welcome: Callable[[socket.socket], None]) -> int:
        """The same with a socket that is open already."""
        self._open[opened.fileno()] = (opened, welcome)
        self._poll.register(opened.fileno(), select.EPOLLIN)
        return opened.fileno()

    def close(self, number: int) -> None:
        """Listen no longer: connecting is refused from now on."""
        opened, _unused = self._open.pop(number)
        self._poll.unregister(number)
        opened.close()

    def close_all(self) -> None:
        """The end of the fleet."""
        self._loop.remove_reader(self._poll.fileno())
        for opened, _unused in self._open.values():
            opened.close()
        self._open.clear()
        self._poll.close()

    def _ready(self) -> None:
        for number, _unused in self._poll.poll(0, AT_ONCE):
            found = self._open.get(number)
            if found is not None:
                self._accept(*found)

    def _accept(self, opened: socket.socket, welcome: Callable[[socket.socket], None]) -> None:
        for _unused in range(AT_ONCE):
            try:
                accepted, _peer = opened.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as problem:
                if problem.errno not in NO_ROOM:
                    raise
                # As asyncio does: look again when somebody may have closed a file.
                self._loop.remove_reader(self._poll.fileno())
                self._loop.call_later(PAUSE, self._resume)
                return
            accepted.setblocking(False)
            welcome(accepted)

    def _resume(self) -> None:
        if not self._poll.closed:
            self._loop.add_reader(self._poll.fileno(), self._ready)


async def serve(server: HttpServer, accepted: socket.socket, tls: ssl.SSLContext | None) -> asyncio.Transport | None:
    """Hand an accepted connection to a server; None when the client went away, or does not speak TLS."""
    loop = asyncio.get_running_loop()
    try:
        transport, _unused = await loop.connect_accepted_socket(server, accepted, ssl=tls)
    except OSError:
        accepted.close()
        return None
    assert isinstance(transport, asyncio.Transport)
    return transport


class Door:
    """The one listener of a service."""

    def __init__(self, place: tuple[str, int], doors: Doors, server: HttpServer) -> None:
        self._place = place
        self._doors = doors
        self._server = server
        self._number: int | None = None
        self._tasks: set[asyncio.Task[asyncio.Transport | None]] = set()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{self._place[0]}:{self._place[1]}"

    def use(self, opened: socket.socket) -> None:
        """Listen with a socket that is open already."""
        self._number = self._doors.add(opened, self._welcome)

    def set(self, listening: bool) -> None:
        """Open, or close and reset every connection."""
        if listening and self._number is None:
            self._number = self._doors.open(*self._place, self._welcome)
        elif not listening and self._number is not None:
            self._doors.close(self._number)
            self._number = None
            self._server.abort_connections()

    def _welcome(self, accepted: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(serve(self._server, accepted, None))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Listeners:
    """The listeners of a node: API, HTTPS one port above, UI one port below; or only the first of them.

    ``node`` wakes the node when somebody connects for the first time.
    """

    __slots__ = ("_certificate", "_count", "_doors", "_life", "_node", "_numbers", "_place", "_servers", "_tasks")

    def __init__(
        self, place: tuple[str, int], doors: Doors, certificate: Certificate, node: Callable[[], Node], count: int = 3
    ) -> None:
        self._place = place
        self._doors = doors
        self._certificate = certificate
        self._node = node
        self._count = count
        self._numbers: list[int] = []
        self._servers: dict[int, HttpServer] | None = None
        self._tasks: set[asyncio.Task[None]] | None = None
        self._life = 0

    def set(self, listening: bool) -> None:
        """Open or close at once; closing resets every connection."""
        if listening == bool(self._numbers):
            return
        if listening:
            ip, port = self._place
            for kind, step in enumerate((0, 1, -1)[: self._count]):
                self._numbers.append(self._doors.open(ip, port + step, partial(self._welcome, kind)))
            return
        self._life += 1
        for number in self._numbers:
            self._doors.close(number)
        self._numbers = []
        for server in (self._servers or {}).values():
            server.abort_connections()

    def _welcome(self, kind: int, accepted: socket.socket) -> None:
        if self._servers is None:
            self._servers, self._tasks = {}, set()
        if kind not in self._servers:
            # The bound methods are looked up here, so that a node that nobody calls costs none.
            answer = (self._answer, self._answer_secure, self._answer_ui)[kind]
            self._servers[kind] = HttpServer(answer)
        assert self._tasks is not None
        task = asyncio.get_running_loop().create_task(self._serve(kind, accepted, self._life))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, kind: int, accepted: socket.socket, life: int) -> None:
        assert self._servers is not None
        tls = self._certificate.context if kind == 1 else None
        transport = await serve(self._servers[kind], accepted, tls)
        if transport is not None and life != self._life:
            # The node went down in between.
            transport.abort()

    async def _answer(self, request: BaseRequest) -> web.StreamResponse:
        return await Exchange(self._node(), request).run()

    async def _answer_secure(self, request: BaseRequest) -> web.StreamResponse:
        return await Exchange(self._node(), request, secure=True).run()

    async def _answer_ui(self, request: BaseRequest) -> web.StreamResponse:
        path = request.raw_path.split("?")[0]
        status, kind, text = 200, "text/plain", "OK"
        if path != "/health":
            if "." in path.rsplit("/", 1)[-1]:
                status, text = 404, "Not Found"
            else:
                kind, text = "text/html", "<!DOCTYPE html><html><head><title>FluxOS</title></head><body></body></html>"
        headers = [("Content-Type", kind), ("Content-Length", str(len(text)))]
        return RawResponse(head(status, headers) + text.encode(), keep=bool(request.keep_alive))
