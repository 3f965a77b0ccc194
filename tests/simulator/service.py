# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of the nodes or beside them: the gateway and the network services, each with one address."""

from __future__ import annotations

import asyncio
import inspect
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.cache import ResponseCache
from tests.simulator.dispatch import preferred_encoding
from tests.simulator.envelope import Reply, html_page, weak_etag
from tests.simulator.faults import Fault, Faults
from tests.simulator.jsvalues import parse_query
from tests.simulator.routing import BadPercent, decode_segment
from tests.simulator.spoil import EARLY, spoil
from tests.simulator.wire import Protocol, RawResponse, head, http_date

if TYPE_CHECKING:
    from tests.simulator.world import World

GZIP_FROM = 1024
Headers = list[tuple[str, str]]


class Front:
    """Something with an address of its own that can have faults. ``show`` opens and closes its listener."""

    name = "service"
    conditions: tuple[str, ...] = ("unreachable",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults(self, name=f"the {self.name}", conditions=self.conditions)
        self.show: Callable[[bool], None] | None = None

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """One request."""
        raise NotImplementedError

    def say(self, what: str, *, why: str | None = None) -> None:
        """A state line."""
        self.world.journal.state(self.name, what, why=why)

    def condition_changed(self, kind: str, fault: Fault | None) -> None:
        """The beginning, or the end (None), of a condition."""
        if kind == "unreachable" and self.show is not None:
            self.show(fault is None)

    def journal(self, request: BaseRequest, outcome: str, status: int | None, **more: Any) -> None:
        """The line of a request that no node answered."""
        path, _unused, query = request.raw_path.partition("?")
        line: dict[str, Any] = {
            "node": self.name,
            "kind": "request",
            "method": request.method,
            "path": path,
            "query": query,
            "flux_id": None,
            "privilege": "public",
            "authorized": None,
            "write": False,
            "from_cache": False,
            "outcome": "not_modified" if status == 304 else outcome,
            "http": status,
        }
        self.world.journal.write(line | more)

    def connection_headers(self, request: BaseRequest) -> Headers:
        """The last headers of an answer."""
        return [
            ("Date", http_date(self.world.clock.now())),
            ("Connection", "keep-alive" if request.keep_alive else "close"),
        ]

    async def spoil(
        self, request: BaseRequest, fault: Fault, answer: tuple[int, bytes, Headers], **more: Any
    ) -> web.StreamResponse:
        """What a fault of the wire makes of an answer."""
        spoiled = spoil(fault, answer, self.connection_headers(request))
        self.journal(request, spoiled.outcome, spoiled.http, **more)
        if spoiled.ending == "abort" and isinstance(request.transport, asyncio.Transport):
            request.transport.abort()
        keep = spoiled.ending == "keep" and bool(request.keep_alive)
        response = RawResponse(spoiled.payload, keep=keep)
        if spoiled.ending == "wait":
            await response.prepare(request)
            if isinstance(request.protocol, Protocol):
                await asyncio.wait([request.protocol.closed])
            return RawResponse(b"", keep=False)
        return response


@dataclass(slots=True)
class Ask:
    """One request as a service's handler sees it. ``bypass``: the client wants no cached answer."""

    url: str
    path: str
    params: dict[str, str]
    query: dict[str, Any] = field(default_factory=dict)
    bypass: bool = False

    def param(self, name: str) -> str:
        """``req.params.x || req.query.x`` as text; empty when neither is given."""
        value = self.params.get(name) or self.query.get(name) or ""
        return ",".join(str(each) for each in value) if isinstance(value, list) else str(value)


Handler = Callable[[Ask], Reply | Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """``pattern``: express form, the last segment may be ``:name?``; ``seconds``: how long the URL cache keeps it."""

    pattern: str
    handler: Handler
    seconds: float | None = None


class Service(Front):
    """An HTTP service with routes, a cache by URL, gzip and conditional requests."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.kept = ResponseCache()

    def routes(self) -> list[ServiceRoute]:
        """All routes."""
        raise NotImplementedError

    def missing(self, ask: Ask) -> Reply:
        """The answer to a path that there is not."""
        return html_page(404, f"Cannot GET {ask.path}")

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """One request."""
        self.world.timeline.run_due()
        path, _unused, query = request.raw_path.partition("?")
        faults = self.faults.take_wire(request.method, path)
        for fault in faults:
            if fault.kind == "latency":
                await asyncio.sleep(float(fault.options.get("seconds", 1.0)))
        spoiler = next((fault for fault in faults if fault.kind != "latency"), None)
        await request.content.read()
        if spoiler is not None and spoiler.kind in EARLY and not spoiler.options.get("late"):
            return await self.spoil(request, spoiler, (200, b"", []))
        bypass = bool(request.headers.get("x-apicache-bypass"))
        reply, cached = await self._reply(Ask(request.raw_path, path, {}, parse_query(query), bypass), request)
        status, payload, headers = await self._render(request, reply)
        if spoiler is not None:
            return await self.spoil(request, spoiler, (status, payload, headers), from_cache=cached)
        self.journal(request, reply.outcome, status, from_cache=cached)
        body = b"" if request.method == "HEAD" or status == 304 else payload
        return RawResponse(head(status, headers) + body, keep=bool(request.keep_alive))

    async def _reply(self, ask: Ask, request: BaseRequest) -> tuple[Reply, bool]:
        """The answer, and whether it was kept from before."""
        if request.method not in ("GET", "HEAD"):
            return html_page(404, f"Cannot {request.method} {ask.path}"), False
        now = self.world.clock.now()
        entry = None if ask.bypass else self.kept.get(ask.url, now)
        if entry is not None:
            return entry.reply, True
        route = self._find(ask)
        if route is None:
            return self.missing(ask), False
        found = route.handler(ask)
        reply = await found if inspect.isawaitable(found) else found
        if route.seconds is not None and reply.outcome == "success":
            reply.headers = (("Cache-Control", f"max-age={route.seconds:.0f}"),)
            self.kept.put(ask.url, reply, route.seconds, now)
        return reply, False

    def _find(self, ask: Ask) -> ServiceRoute | None:
        parts = [part for part in ask.path.split("/") if part]
        for route in self.routes():
            segments = route.pattern.strip("/").split("/")
            optional = segments[-1].endswith("?")
            if not len(segments) - optional <= len(parts) <= len(segments):
                continue
            params: dict[str, str] = {}
            for segment, part in zip(segments, parts, strict=False):
                if segment.startswith(":"):
                    try:
                        params[segment[1:].rstrip("?")] = decode_segment(part)
                    except BadPercent:
                        return None
                elif segment.lower() != part.lower():
                    break
            else:
                ask.params = params
                return route
        return None

    async def _render(self, request: BaseRequest, reply: Reply) -> tuple[int, bytes, Headers]:
        payload = reply.body
        tag = weak_etag(payload) if reply.etag else None
        headers: Headers = [("Access-Control-Allow-Origin", "*"), *reply.headers]
        if tag is not None:
            headers.append(("ETag", tag))
        if tag is not None and reply.status == 200 and request.headers.get("If-None-Match") == tag:
            return 304, b"", [*headers, *self.connection_headers(request)]
        if reply.content_type:
            headers += [("Content-Type", reply.content_type), ("Vary", "Accept-Encoding")]
        packed = preferred_encoding(request.headers.get("Accept-Encoding", ""))
        if packed == "gzip" and len(payload) >= GZIP_FROM and request.method != "HEAD":
            # Elsewhere, because megabytes take as long as a thousand requests.
            payload = await asyncio.to_thread(_gzip, payload)
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(payload))))
        return reply.status, payload, [*headers, *self.connection_headers(request)]


def _gzip(payload: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(payload) + packer.flush()
