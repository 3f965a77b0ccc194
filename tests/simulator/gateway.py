# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway: one address in front of good nodes, as api.runonflux.io is (HAProxy)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.dispatch import Exchange
from tests.simulator.faults import Fault, Faults
from tests.simulator.wire import RawResponse, head

if TYPE_CHECKING:
    from tests.simulator.node import Node
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
MIN_UPTIME = 60
NO_SERVER = (
    b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"
)


class Gateway:
    """Passes a request on to one node: the same one for the same client, or in turn on some paths."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults(self, wire_only=True)
        self._turn = 0

    def say(self, what: str, *, why: str | None = None) -> None:
        """A state line of the gateway."""
        self.world.journal.state("gateway", what, why=why)

    def condition_changed(self, kind: str, fault: Fault | None) -> None:
        """A fault of the wire changes nothing of the gateway itself."""

    def candidates(self) -> list[Node]:
        """STRATUS nodes on the default port that are up, confirmed and at the tip; ArcaneOS if there is any.

        A small fleet may have no such node: then any good node on the default port serves.
        """
        good = [
            node
            for node in self.world.nodes.values()
            if node.is_reachable
            and node.spec.port == 16127
            and node.uptime > MIN_UPTIME
            and node.confirmation.is_confirmed
            and node.daemon_is_fine
        ]
        stratus = [node for node in good if node.spec.tier == "STRATUS"]
        arcane = [node for node in stratus if node.spec.arcane]
        return arcane or stratus or good

    def pick(self, path: str, client: str, forced: bool) -> Node | None:
        """The node for this request."""
        nodes = self.candidates()
        if not nodes:
            return None
        if forced or path.startswith(ROUND_ROBIN):
            self._turn += 1
            return nodes[self._turn % len(nodes)]
        return nodes[zlib.crc32(client.encode()) % len(nodes)]

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """One request."""
        self.world.timeline.run_due()
        forced = request.headers.get("X-Flux-Mode", "").lower() == "roundrobin"
        node = self.pick(request.raw_path.lower(), request.remote or "", forced)
        if node is None:
            page = NO_SERVER
            headers = [("Content-Type", "text/html"), ("Cache-Control", "no-cache"), ("Content-Length", str(len(page)))]
            self.world.journal.write(
                {
                    "node": "gateway",
                    "kind": "request",
                    "method": request.method,
                    "path": request.raw_path.partition("?")[0],
                    "query": request.raw_path.partition("?")[2],
                    "flux_id": None,
                    "privilege": "public",
                    "authorized": None,
                    "write": False,
                    "from_cache": False,
                    "outcome": "http_503",
                    "http": 503,
                    "via": None,
                }
            )
            return RawResponse(head(503, headers) + page, keep=False)
        exchange = Exchange(node, request, via="gateway")
        exchange.more_faults = self.faults
        number = list(self.world.nodes).index(node.address)
        exchange.extra_headers = (("FLUXNODE", f"server{number}_{node.spec.ip}"),)
        return await exchange.run()
