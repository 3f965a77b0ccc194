# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a request through one node: faults, express.json, routes, response cache, gate, privilege, handler."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator import envelope
from tests.simulator.appnames import BadName
from tests.simulator.auth import claimed
from tests.simulator.bodies import Body, read_body
from tests.simulator.cache import Entry
from tests.simulator.call import Call, node_header
from tests.simulator.envelope import Reply, html_page, weak_etag
from tests.simulator.faults import Fault, Faults
from tests.simulator.node import RpcError
from tests.simulator.routes import TABLES
from tests.simulator.routing import BadPercent, Route
from tests.simulator.spoil import EARLY, spoil
from tests.simulator.streaming import send
from tests.simulator.wire import Protocol, RawResponse, head, http_date

if TYPE_CHECKING:
    from tests.simulator.node import Node

BOOT_MESSAGE = "Node is still reconciling its applications after boot"
GZIP_FROM = 1024
_FOREIGN = re.compile(r"[^\x21\x23-\x3b\x3d\x3f-\x5f\x61-\x7a\x7c\x7e%]|%(?![0-9A-Fa-f]{2})")


class Exchange:
    """One request and what becomes of it. ``via`` names the gateway when it passed the request on."""

    def __init__(self, node: Node, request: BaseRequest, *, secure: bool = False, via: str | None = None) -> None:
        self.node = node
        self.request = request
        self.secure = secure
        self.via = via
        self.method = request.method
        self.url = request.raw_path
        target = self.url.split("#", 1)[0]
        if "://" in target:
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        self.path, _unused, self.query = target.partition("?")
        self.call: Call | None = None
        self.route: Route | None = None
        self.entry: Entry | None = None
        self.extra_headers: tuple[tuple[str, str], ...] = ()
        self.more_faults: Faults | None = None

    async def run(self) -> web.StreamResponse:
        """Answer, and write the journal."""
        node = self.node
        node.world.timeline.run_due()
        faults = node.faults.take_wire(self.method, self.path)
        if self.more_faults is not None:
            faults += self.more_faults.take_wire(self.method, self.path)
        for fault in faults:
            if fault.kind == "latency":
                await asyncio.sleep(float(fault.options.get("seconds", 1.0)))
        spoiler = next((fault for fault in faults if fault.kind != "latency"), None)
        if spoiler is not None and spoiler.kind in EARLY and not spoiler.options.get("late"):
            await self.request.content.read()
            return await self._spoil(spoiler, (200, b"", []), None)
        body = await read_body(self.request)
        node.world.timeline.run_due()
        if not node.is_up:
            # The process died while the request was on its way.
            return await self._finish(envelope.drop(), None)
        reply = body if isinstance(body, Reply) else self._answer(body)
        return await self._finish(reply, spoiler)

    # -- the node's own work ----------------------------------------------------------------------------------------

    def _answer(self, body: Body) -> Reply:
        if self.method == "OPTIONS":
            return _preflight(self.request.headers.get("Access-Control-Request-Headers"))
        try:
            found = TABLES[self.node.profile.name].find(self.method, self.path)
        except BadPercent as bad:
            return html_page(400, f"URIError: Failed to decode param '{bad}'\n    at decodeURIComponent (<anonymous>)")
        if found is None:
            return html_page(404, f"Cannot {self.method} {encode_url(self.path)}")
        self.route, params = found
        self.call = Call(
            self.node, self.method, self.path, self.query, self.request.headers, self.route, params, body, self.secure
        )
        seconds = self.route.of(self.route.cache, self.node.profile)
        headers = self.request.headers
        bypass = headers.get("x-apicache-bypass") or headers.get("x-apicache-force-fetch")
        now = self.node.world.clock.now()
        if seconds is None or bypass:
            return self._handle(self.call)
        self.entry = self.node.responses.get(self.url, now)
        if self.entry is not None:
            return self.entry.reply
        reply = self._handle(self.call)
        if reply.flow != "answer":
            return reply
        reply.headers += (("Cache-Control", f"max-age={int(seconds)}"),)
        keeps = self.route.keeps_errors or reply.outcome == "success"
        # A HEAD or a 304 has no body, and an answer without a body is not kept.
        if keeps and self.method != "HEAD" and not self._unchanged(reply):
            self.node.responses.put(self.url, reply, float(seconds), now)
        return reply

    def _handle(self, call: Call) -> Reply:
        route, node = call.route, call.node
        if route.body == "raw" and call.body.consumed:
            return envelope.hang()
        if route.gated and node.profile.boot_window and not node.boot.settled:
            return envelope.unavailable(BOOT_MESSAGE)
        if route.refuses_query and call.query_text:
            return envelope.envelope(
                "error", {"code": 400, "name": "Error", "message": "This endpoint takes no query parameters"}, http=400
            )
        privilege = route.of(route.privilege, node.profile)
        if route.checks == "first" and privilege not in (None, "public") and not call.authorize(str(privilege)):
            return envelope.unauthorized()
        try:
            reply = route.handler(call)
        except RpcError as failed:
            return envelope.error(failed.message, code=failed.code)
        except BadName as wrong:
            return envelope.error(wrong.message, name=wrong.name)
        if route.gated and node.profile.boot_window:
            # Since 8.18 nobody is to keep an answer of app control.
            reply.headers += (("Cache-Control", "no-store"),)
        return reply

    def _unchanged(self, reply: Reply) -> bool:
        headers = self.request.headers
        wanted = headers.get("If-None-Match")
        if not wanted or self.method not in ("GET", "HEAD") or not reply.etag:
            return False
        if self.entry is not None:
            # apicache compares the texts and nothing else.
            return wanted == self.entry.etag
        if not 200 <= reply.status < 300 or "no-cache" in headers.get("Cache-Control", ""):
            return False
        if "If-Modified-Since" in headers:
            # Answers have no Last-Modified, so they count as modified.
            return False
        # express compares weakly (library fresh).
        tags = {part.strip().removeprefix("W/") for part in wanted.split(",")}
        return wanted == "*" or weak_etag(reply.body).removeprefix("W/") in tags

    # -- the answer on the wire -------------------------------------------------------------------------------------

    async def _finish(self, reply: Reply, spoiler: Fault | None) -> web.StreamResponse:
        if reply.flow == "hang":
            self._journal("hung", None)
            if reply.after is not None:
                reply.after()
            await self._until_closed()
            return RawResponse(b"", keep=False)
        if reply.flow == "drop":
            self._journal("dropped", None)
            self._abort()
            if reply.after is not None:
                reply.after()
            return RawResponse(b"", keep=False)
        if reply.delay and self.node.world.clock.factor:
            await self._pass(reply.delay)
        if reply.stream is not None:
            return await self._send_stream(reply, spoiler)
        status, payload, headers = self._render(reply)
        if spoiler is not None:
            return await self._spoil(spoiler, (status, payload, headers), reply.after)
        self._journal(reply.outcome, status)
        if reply.after is not None:
            reply.after()
        keep = bool(self.request.keep_alive)
        body = b"" if self.method == "HEAD" or status in (204, 304) else payload
        return RawResponse(head(status, headers) + body, keep=keep)

    async def _pass(self, seconds: float) -> None:
        """Let simulated time pass, as long as the client is there."""
        over = asyncio.Event()
        self.node.world.timeline.after(seconds, over.set)
        protocol: Any = self.request.protocol
        waiting = asyncio.ensure_future(over.wait())
        await asyncio.wait([waiting, protocol.closed], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _send_stream(self, reply: Reply, spoiler: Fault | None) -> web.StreamResponse:
        """A body in pieces; the journal has its line when the stream begins."""
        assert reply.stream is not None
        headers: list[tuple[str, str]] = [("X-Powered-By", "Express"), ("Access-Control-Allow-Origin", "*")]
        headers += reply.headers
        packed: str | None = None
        if reply.content_type:
            # Only what has a type that can be compressed is (library compression).
            headers += [("Content-Type", reply.content_type), ("Vary", "Accept-Encoding")]
            packed = preferred_encoding(self.request.headers.get("Accept-Encoding", ""))
        if packed:
            headers.append(("Content-Encoding", packed))
        headers += [("Transfer-Encoding", "chunked"), *self._connection_headers()]
        if spoiler is not None and spoiler.kind not in ("truncate", "stall", "reset"):
            return await self._spoil(spoiler, (reply.status, b"", headers), reply.after)
        cut: int | None = None
        outcome, ending = reply.outcome, "keep"
        if spoiler is not None:
            cut = int(spoiler.options.get("bytes", 200))
            outcome, ending = {
                "truncate": ("truncated", "close"),
                "stall": ("stalled", "wait"),
                "reset": ("reset", "abort"),
            }[spoiler.kind]
        self._journal(outcome, reply.status)
        if self.method == "HEAD":
            return RawResponse(head(reply.status, headers), keep=bool(self.request.keep_alive))
        return await send(self.request, reply.stream, reply.status, headers, packed, cut=cut, ending=ending)

    def _render(self, reply: Reply) -> tuple[int, bytes, list[tuple[str, str]]]:
        """Status, body and headers, in the order express and Node give them."""
        request, entry = self.request, self.entry
        headers: list[tuple[str, str]] = [("X-Powered-By", "Express")]
        if reply.cors:
            headers.append(("Access-Control-Allow-Origin", "*"))
        content = [(name, value) for name, value in reply.headers if name != "Cache-Control"]
        unchanged = self._unchanged(reply)
        status = 304 if unchanged else reply.status
        payload = reply.body
        bare = unchanged and entry is None
        headers += content
        if reply.content_type and not bare:
            headers.append(("Content-Type", reply.content_type))
        packed: str | None = None
        if not unchanged and self.method != "HEAD" and len(payload) >= GZIP_FROM:
            packed = preferred_encoding(request.headers.get("Accept-Encoding", ""))
        if not bare and not packed and reply.content_type:
            headers.append(("Content-Length", str(len(payload))))
        if reply.etag:
            headers.append(("ETag", (entry.etag if entry is not None else None) or weak_etag(payload)))
        headers += self._cache_headers(reply)
        headers += self.extra_headers
        if reply.content_type and not bare:
            headers.append(("Vary", "Accept-Encoding"))
        if packed:
            headers += [("Content-Encoding", packed), ("Transfer-Encoding", "chunked")]
            if packed == "deflate":
                squeezed = zlib.compress(payload)
            else:
                squeezed = entry.gzip() if entry is not None else _gzip(payload)
            payload = f"{len(squeezed):x}\r\n".encode() + squeezed + b"\r\n0\r\n\r\n"
        if status == 204:
            headers.append(("Content-Length", "0"))
        headers += self._connection_headers()
        return status, payload, headers

    def _cache_headers(self, reply: Reply) -> list[tuple[str, str]]:
        entry = self.entry
        if entry is None:
            return [pair for pair in reply.headers if pair[0] == "Cache-Control"]
        left = entry.seconds
        if self.node.profile.max_age == "remaining":
            left = max(0.0, entry.until - self.node.world.clock.now())
        return [
            ("Cache-Control", f"max-age={left:.0f}"),
            ("apicache-store", "memory"),
            ("apicache-version", "1.6.3"),
        ]

    def _connection_headers(self) -> list[tuple[str, str]]:
        date = ("Date", http_date(self.node.now()))
        if self.request.keep_alive:
            return [date, ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5")]
        return [date, ("Connection", "close")]

    # -- faults on the wire -----------------------------------------------------------------------------------------

    async def _spoil(
        self, fault: Fault, answer: tuple[int, bytes, list[tuple[str, str]]], after: Callable[[], None] | None
    ) -> web.StreamResponse:
        """Send something else, after the request was carried out (``after``) or in place of it."""
        spoiled = spoil(fault, answer, self._connection_headers())
        self._journal(spoiled.outcome, spoiled.http)
        if spoiled.ending == "abort":
            self._abort()
        if after is not None:
            after()
        keep = spoiled.ending == "keep" and bool(self.request.keep_alive)
        response = RawResponse(spoiled.payload, keep=keep)
        if spoiled.ending == "wait":
            await response.prepare(self.request)
            await self._until_closed()
            return RawResponse(b"", keep=False)
        return response

    def _abort(self) -> None:
        transport = self.request.transport
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    async def _until_closed(self) -> None:
        protocol: Any = self.request.protocol
        if isinstance(protocol, Protocol):
            await asyncio.wait([protocol.closed])

    def _is_write(self) -> bool:
        """A gated run verb without credentials is the known probe of the boot window: it cannot act."""
        route = self.route
        return bool(route and route.write and not (route.gated and "zelidauth" not in self.request.headers))

    # -- the journal ------------------------------------------------------------------------------------------------

    def _journal(self, outcome: str, status: int | None) -> None:
        call, route = self.call, self.route
        privilege = "public"
        flux_id = None
        authorized = None
        if route is not None and call is not None:
            privilege = str(route.of(route.privilege, self.node.profile) or "public")
            authorized = call.authorized
            flux_id = call.flux_id
        if flux_id is None:
            who = claimed(node_header(self.request.headers, "zelidauth"))
            flux_id = who.zelid if who else None
        line: dict[str, Any] = {
            "node": self.via or self.node.address,
            "kind": "request",
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "flux_id": flux_id,
            "privilege": privilege,
            "authorized": authorized,
            "write": self._is_write(),
            "from_cache": self.entry is not None,
            "outcome": "not_modified" if status == 304 else outcome,
            "http": status,
        }
        if self.via:
            line["via"] = self.node.address
        self.node.world.journal.write(line)


def preferred_encoding(accepted: str) -> str | None:
    """gzip or deflate, as the client prefers, or None. FluxOS gives br to who asks for it; here they get gzip."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _unused, parameters = part.partition(";")
        quality = re.search(r"q\s*=\s*([0-9.]+)", parameters)
        weights[name.strip()] = float(quality[1]) if quality else 1.0
    known = [(weights.get(name, weights.get("*", 0.0)), name) for name in ("gzip", "deflate")]
    best, name = max(known, key=lambda pair: pair[0])
    return name if best > 0 else None


def encode_url(path: str) -> str:
    """The path as an error page shows it (library encodeurl): what does not belong in a URL is escaped, once."""
    return _FOREIGN.sub(lambda found: quote(found[0], safe=""), path)


def _gzip(payload: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(payload) + packer.flush()


def _preflight(asked: str | None) -> Reply:
    headers: tuple[tuple[str, str], ...] = (
        ("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE"),
        ("Vary", "Access-Control-Request-Headers"),
    )
    if asked:
        headers += (("Access-Control-Allow-Headers", asked),)
    return Reply(b"", 204, None, headers, outcome="http_204", etag=False)
