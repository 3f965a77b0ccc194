# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway: one address in front of good nodes, as api.runonflux.io is (HAProxy)."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.dispatch import Exchange
from tests.simulator.faults import Fault
from tests.simulator.profiles import version_key
from tests.simulator.routes.peers import numbers
from tests.simulator.service import Front
from tests.simulator.wire import RawResponse, head

if TYPE_CHECKING:
    from tests.simulator.node import Node, NodeSpec
    from tests.simulator.world import World

ROUND_ROBIN = (
    "/apps/verifyappregistrationspecifications",
    "/apps/verifyappupdatespecifications",
    "/apps/appregister",
    "/apps/appupdate",
    "/apps/temporarymessages",
    "/apps/location",
    "/apps/testappinstall",
)
TURN_HEADER = ("X-Flux-Mode", "Roundrobin")
MIN_UPTIME = 60
# More than so many outgoing and incoming peers.
MIN_PEERS = (8, 4)
MIN_VERSION = (8, 2, 0)
TRIES = 4
# What a node does when it is broken in a way that the gateway tries another one for.
BROKEN = ("reset", "empty")
PAGES = {
    502: ("502 Bad Gateway", "The server returned an invalid or incomplete response."),
    503: ("503 Service Unavailable", "No server is available to handle this request."),
}


class Gateway(Front):
    """Passes a request on to one node: the same one for the same client, or in turn on some paths."""

    name = "gateway"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._turn = 0
        self._pools: list[list[NodeSpec]] | None = None
        self._numbers: dict[str, int] = {}

    def _groups(self) -> list[list[NodeSpec]]:
        """The nodes on the default port: first STRATUS on ArcaneOS, then STRATUS, then any."""
        if self._pools is None:
            specs = self.world.specs()
            self._numbers = {spec.address: number for number, spec in enumerate(specs)}
            known = [spec for spec in specs if spec.port == 16127]
            stratus = [spec for spec in known if spec.tier == "STRATUS"]
            self._pools = [[spec for spec in stratus if spec.arcane], stratus, known]
        return self._pools

    def candidates(self) -> list[NodeSpec]:
        """STRATUS nodes on the default port that are up, confirmed, connected and at the tip; ArcaneOS if there is any.

        A small fleet may have no such node: then any good node on the default port serves, or one without peers.
        """
        for with_peers in (True, False):
            for group in self._groups():
                good = [spec for spec in group if self._is_good(spec, with_peers)]
                if good:
                    return good
        return []

    def _is_good(self, spec: NodeSpec, with_peers: bool) -> bool:
        node = self.world.nodes.get(spec.address)
        if node is None:
            return version_key(spec.version) >= MIN_VERSION
        if with_peers and any(have <= few for have, few in zip(numbers(node), MIN_PEERS, strict=True)):
            return False
        return (
            node.is_reachable
            and node.uptime > MIN_UPTIME
            and node.confirmation.is_confirmed
            and node.daemon_is_fine
            and version_key(node.version) >= MIN_VERSION
        )

    def pick(self, client: str, in_turn: bool, tried: set[str]) -> Node | None:
        """The node for this request, not one of those that were tried."""
        nodes = self.candidates()
        left = [spec for spec in nodes if spec.address not in tried] if tried else nodes
        if not left:
            return None
        if in_turn:
            self._turn += 1
            chosen = left[self._turn % len(left)]
        else:
            chosen = left[zlib.crc32(client.encode()) % len(left)]
        return self.world.find(chosen.address)

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """One request: up to three more nodes when one is broken, but never for what is no read."""
        self.world.timeline.run_due()
        in_turn = request.raw_path.startswith(ROUND_ROBIN)
        tried: set[str] = set()
        for _unused in range(TRIES if request.method in ("GET", "HEAD") else 1):
            node = self.pick(request.remote or "", in_turn, tried)
            if node is None:
                break
            fault = self._broken(node, request)
            if fault is None:
                exchange = Exchange(node, request, via=self.name)
                exchange.more_faults = self.faults
                named = ("FLUXNODE", f"server{self._numbers[node.address]}_{node.spec.ip}")
                exchange.extra_headers = (named, TURN_HEADER) if in_turn else (named,)
                return await exchange.run()
            tried.add(node.address)
            self.journal(request, "reset" if fault.kind == "reset" else "dropped", None, via=node.address)
            await asyncio.sleep(0)
        await request.content.read()
        return self._page(request, 502 if tried else 503)

    def _broken(self, node: Node, request: BaseRequest) -> Fault | None:
        """The fault with which a node closes the connection in place of an answer, used up by this attempt."""
        path = request.raw_path.partition("?")[0]
        for fault in node.faults.all():
            early = fault.kind in BROKEN and not fault.options.get("late")
            if early and fault.matches(request.method, path):
                node.faults.spend(fault)
                return fault
        return None

    def _page(self, request: BaseRequest, status: int) -> web.StreamResponse:
        """A page of the gateway itself."""
        title, said = PAGES[status]
        page = f"<html><body><h1>{title}</h1>\n{said}\n</body></html>\n".encode()
        headers = [("Content-Type", "text/html"), ("Cache-Control", "no-cache"), ("Content-Length", str(len(page)))]
        self.journal(request, f"http_{status}", status, via=None)
        return RawResponse(head(status, headers) + page, keep=False)
