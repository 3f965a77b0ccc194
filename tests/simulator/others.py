# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two more services: who is the primary of an app, and the way to a node through a proxy."""

from __future__ import annotations

import html
import re

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.appnames import BadName
from tests.simulator.dispatch import Exchange
from tests.simulator.envelope import Reply, data, error
from tests.simulator.service import Ask, Front, Service, ServiceRoute
from tests.simulator.wire import RawResponse, head

HOST = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)-(\d+)\.")
NOT_CONFIRMED = "Flux Node is not confirmed on the network"


class Domains(Service):
    """The load balancer's answer about an app: its addresses, the primary first (FDM, port 16130)."""

    name = "fdm"

    def routes(self) -> list[ServiceRoute]:
        """What of the service is simulated."""
        return [ServiceRoute("/appips/:app", self._ips, 20)]

    def _ips(self, ask: Ask) -> Reply:
        """Addresses with the port of the app's first component."""
        name = ask.param("app")
        try:
            app = self.world.find_app(name)
        except BadName:
            app = None
        if app is None:
            return error(f"App {name} not found")
        nodes = [row["ip"] for row in self.world.locations(app.name)]
        synced = next((docker for docker, part in zip(app.container_names(), app.all_parts(), strict=False)
                       if "g:" in part.data), None)  # fmt: skip
        primary = self.world.elections.primary(synced) if synced else None
        if synced:
            # Only the primary is routed.
            nodes = [] if primary is None else [primary.address]
        port = app.all_parts()[0].port
        return data({"ips": [f"{node.split(':')[0]}:{port}" for node in nodes]})


class NodeProxy(Front):
    """A node by its name ``1-2-3-4-16127.node.api...`` in the Host header; a page for one that is not confirmed."""

    name = "proxy"

    async def answer(self, request: BaseRequest) -> web.StreamResponse:
        """One request: passed on, or answered with a page of HTML."""
        self.world.timeline.run_due()
        named = HOST.match(request.headers.get("Host", ""))
        address = "{}.{}.{}.{}:{}".format(*named.groups()) if named else ""
        node = self.world.find(address)
        if node is not None and node.is_reachable and node.confirmation.is_confirmed:
            exchange = Exchange(node, request, via=self.name)
            exchange.more_faults = self.faults
            return await exchange.run()
        await request.content.read()
        said = f"{NOT_CONFIRMED}: {html.escape(address or 'no such name')}"
        page = f"<!DOCTYPE html><html><head><title>Flux</title></head><body><h1>{said}</h1></body></html>".encode()
        headers = [("Content-Type", "text/html"), ("Content-Length", str(len(page)))]
        self.journal(request, "html", 200, via=None)
        return RawResponse(
            head(200, [*headers, *self.connection_headers(request)]) + page, keep=bool(request.keep_alive)
        )
