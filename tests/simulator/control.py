# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API (JSON): what a test, or the host of a node, does to the fleet from outside FluxOS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.simulator.faults import FaultError, Faults

if TYPE_CHECKING:
    from tests.simulator.fleet import Fleet
    from tests.simulator.node import Node


class Control:
    """Handlers. Errors answer ``{"error": text}`` with HTTP 400 or 404."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def _node(self, request: web.Request) -> Node:
        address = request.match_info["address"]
        if ":" not in address:
            address += ":16127"
        node = self._fleet.world.find(address)
        if node is None:
            raise web.HTTPNotFound(text=json.dumps({"error": f"no node {address}"}), content_type="application/json")
        return node

    def _faults(self, request: web.Request) -> Faults:
        address = request.match_info["address"]
        return self._fleet.faults_of(address) if address in self._fleet.urls else self._node(request).faults

    async def _options(self, request: web.Request) -> dict[str, Any]:
        text = await request.text()
        options = json.loads(text) if text.strip() else {}
        if not isinstance(options, dict):
            raise ValueError("the body must be a JSON object")
        return options

    async def state(self, request: web.Request) -> web.Response:
        """GET /state: the state file, and the time."""
        world = self._fleet.world
        return web.json_response({**self._fleet.state(), "sim": world.clock.now(), "height": world.height()})

    async def nodes(self, request: web.Request) -> web.Response:
        """GET /nodes: all nodes as they are now; of a large network those that somebody has asked, and ``asleep``."""
        world = self._fleet.world
        found = [node.describe() for node in world.nodes.values()]
        found += [{"address": sleeper.spec.address, "asleep": True} for sleeper in world.asleep()]
        return web.json_response(found)

    async def node(self, request: web.Request) -> web.Response:
        """GET /nodes/ADDRESS: one node as it is now."""
        return web.json_response(self._node(request).describe())

    async def restart(self, request: web.Request) -> web.Response:
        """POST /nodes/ADDRESS/restart: what ``systemctl restart fluxos`` on the host does (``reboot``: the host)."""
        node, options = self._node(request), await self._options(request)
        down = options.get("down_seconds")
        why = "reboot of the host" if options.get("reboot") else "restart on the host"
        node.boot.restart(why, down_seconds=down, reboot=bool(options.get("reboot")))
        return web.json_response(node.describe())

    async def fault(self, request: web.Request) -> web.Response:
        """POST /nodes/ADDRESS/fault {"kind": ..}: begin a fault; ADDRESS may be ``gateway`` or a service."""
        faults, options = self._faults(request), await self._options(request)
        return web.json_response(faults.add(options).describe())

    async def heal(self, request: web.Request) -> web.Response:
        """POST /nodes/ADDRESS/heal {"kind": ..}: end the faults of a kind, or all."""
        faults, options = self._faults(request), await self._options(request)
        faults.heal(options.get("kind"))
        return web.json_response([fault.describe() for fault in faults.all()])

    async def put(self, request: web.Request) -> web.Response:
        """POST /nodes/ADDRESS/set {"disk_version": ..}: change facts of a node."""
        node, options = self._node(request), await self._options(request)
        change(node, options)
        return web.json_response(node.describe())

    async def app(self, request: web.Request) -> web.Response:
        """POST /apps/NAME {"image": ..}: the owner registers a new specification; nodes keep the old one."""
        options = await self._options(request)
        app = self._fleet.world.update_app(request.match_info["name"], options)
        return web.json_response(app.specification())

    async def image(self, request: web.Request) -> web.Response:
        """POST /images {"image": ..}: the tag names a new image from now on."""
        options = await self._options(request)
        self._fleet.world.push_image(str(options["image"]))
        return web.json_response({"digest": self._fleet.world.image_digest(str(options["image"]))})

    async def advance(self, request: web.Request) -> web.Response:
        """POST /advance {"seconds": ..}: jump forward in simulated time, playing what happens."""
        options = await self._options(request)
        self._fleet.world.timeline.advance(float(options["seconds"]))
        return web.json_response({"sim": self._fleet.world.clock.now()})


def change(node: Node, options: dict[str, Any]) -> None:
    """Facts that may be changed while running. Raises ValueError for others."""
    for name, value in options.items():
        if name == "disk_version":
            node.disk_version = str(value)
        elif name == "version":
            node.set_version(str(value))
        elif name == "owner":
            node.owner = str(value)
        elif name == "dos":
            node.set_dos(value.get("state", 0), value.get("message"))
        elif name == "confirmation_age":
            node.confirmation.last_confirmed_height = node.world.height() - int(value)
            node.confirmation.schedule()
        else:
            raise ValueError(f"{name} cannot be set; disk_version, version, owner, dos and confirmation_age can")


@web.middleware
async def _guard(request: web.Request, handler: Any) -> web.StreamResponse:
    """Only loopback; mistakes of the caller as JSON."""
    if not (request.remote or "").startswith("127."):
        raise web.HTTPForbidden(text="loopback only")
    try:
        answer: web.StreamResponse = await handler(request)
    except (FaultError, ValueError, KeyError, TypeError) as wrong:
        return web.json_response({"error": str(wrong)}, status=400)
    return answer


def control_app(fleet: Fleet) -> web.Application:
    """The application of the control listener."""
    control = Control(fleet)
    app = web.Application(middlewares=[_guard])
    app.router.add_get("/state", control.state)
    app.router.add_get("/nodes", control.nodes)
    app.router.add_get("/nodes/{address}", control.node)
    app.router.add_post("/nodes/{address}/restart", control.restart)
    app.router.add_post("/nodes/{address}/fault", control.fault)
    app.router.add_post("/nodes/{address}/heal", control.heal)
    app.router.add_post("/nodes/{address}/set", control.put)
    app.router.add_post("/apps/{name}", control.app)
    app.router.add_post("/images", control.image)
    app.router.add_post("/advance", control.advance)
    return app
