# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running fleet: the world, its listeners, the gateway and the control API."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tests.simulator.clock import SimClock, Timeline
from tests.simulator.control import control_app
from tests.simulator.dispatch import Exchange
from tests.simulator.faults import Faults
from tests.simulator.gateway import Gateway
from tests.simulator.journal import Journal
from tests.simulator.keys import Person
from tests.simulator.node import Node
from tests.simulator.scenario import Scenario, ScenarioError, timings_of
from tests.simulator.tls import Certificate, make_certificate
from tests.simulator.volumes import packed
from tests.simulator.wire import HttpServer, RawResponse, head
from tests.simulator.world import World

GATEWAY_PORT, CONTROL_PORT = 8080, 8081
FIRST_NETWORK, LAST_NETWORK = 18, 250


class NoNetwork(OSError):
    """No free 127.N.0.0/16, or the one that was asked for is taken."""


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


def claim_network(wanted: str | int) -> tuple[int, socket.socket]:
    """The network number and the gateway's socket, which is the claim: two fleets cannot have the same."""
    numbers = range(FIRST_NETWORK, LAST_NETWORK + 1) if wanted == "auto" else [int(wanted)]
    for number in numbers:
        try:
            return number, bind(f"127.{number}.255.254", GATEWAY_PORT)
        except OSError:
            continue
    raise NoNetwork(f"network {wanted}: no free gateway address 127.N.255.254:{GATEWAY_PORT}")


class Listeners:
    """The three listeners of a node: API, HTTPS one port above, UI one port below."""

    def __init__(self, node: Node, certificate: Certificate) -> None:
        self._node = node
        self._certificate = certificate
        self._api = HttpServer(self._answer)
        self._tls = HttpServer(self._answer_secure)
        self._ui = HttpServer(self._answer_ui)
        self._open: list[asyncio.Server] = []
        self._opening: list[socket.socket] = []
        self._wanted = False
        self._life = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def _answer(self, request: BaseRequest) -> web.StreamResponse:
        return await Exchange(self._node, request).run()

    async def _answer_secure(self, request: BaseRequest) -> web.StreamResponse:
        return await Exchange(self._node, request, secure=True).run()

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

    async def open(self) -> None:
        """Listen."""
        self._wanted = True
        await self._serve(self._bind(), self._life)

    def _bind(self) -> list[socket.socket]:
        ip, port = self._node.spec.ip, self._node.spec.port
        self._opening = [bind(ip, port), bind(ip, port + 1), bind(ip, port - 1)]
        return self._opening

    async def _serve(self, sockets: list[socket.socket], life: int) -> None:
        loop = asyncio.get_running_loop()
        servers: tuple[HttpServer, ...] = (self._api, self._tls, self._ui)
        opened: list[asyncio.Server] = []
        for server, one, tls in zip(servers, sockets, (None, self._certificate.context, None), strict=True):
            if life == self._life:
                opened.append(await loop.create_server(server, sock=one, ssl=tls))
        if life == self._life:
            self._open += opened
            self._opening = []
        else:
            # The node went down again before it was quite up.
            for listener in opened:
                listener.close()

    def set(self, listening: bool) -> None:
        """Open or close at once; closing resets every connection."""
        if listening == self._wanted:
            return
        self._wanted = listening
        if listening:
            task = asyncio.get_running_loop().create_task(self._serve(self._bind(), self._life))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        self._life += 1
        for one in self._opening:
            one.close()
        self._opening = []
        for listener in self._open:
            listener.close()
        self._open.clear()
        for server in (self._api, self._tls, self._ui):
            server.abort_connections()


class Fleet:
    """Build with ``await Fleet.start(...)``, end with ``await fleet.stop()``; both on the same event loop."""

    def __init__(self, scenario: Scenario, network: int, world: World, certificate: Certificate) -> None:
        self.scenario = scenario
        self.network = network
        self.world = world
        self.certificate = certificate
        self.gateway = Gateway(world)
        self.gateway_url = f"http://127.{network}.255.254:{GATEWAY_PORT}"
        self.control_url = f"http://127.{network}.255.254:{CONTROL_PORT}"
        self._listeners: list[Listeners] = []
        self._timeline_task: asyncio.Task[None] | None = None
        self._control: web.AppRunner | None = None
        self._gateway_http = HttpServer(self.gateway.answer)
        self._gateway_server: asyncio.Server | None = None

    @classmethod
    async def start(
        cls,
        scenario: Scenario,
        *,
        network: str | int = "auto",
        time_factor: float = 1.0,
        start: float | None = None,
        journal: Path | None = None,
        keep_journal: bool = False,
    ) -> Fleet:
        """Everything listens when this returns. Raises NoNetwork, ScenarioError, FaultError."""
        _allow_many_files()
        number, gateway_socket = claim_network(network)
        clock = SimClock(time_factor, start)
        timeline = Timeline(clock)
        world = World(
            clock,
            timeline,
            Journal(timeline, journal, keep=keep_journal),
            operator=Person.named(scenario.operator),
            seed=scenario.seed,
            height=scenario.height,
            timings=scenario.timings,
        )
        fleet = cls(scenario, number, world, make_certificate())
        try:
            fleet._populate()
            await fleet._open(gateway_socket)
        except BaseException:
            gateway_socket.close()
            await fleet.stop()
            raise
        return fleet

    def _populate(self) -> None:
        world = self.world
        for url, files in self.scenario.remote.items():
            world.remote[url] = packed({path: text.encode() for path, text in files.items()}, world.clock.now())
        for app in self.scenario.app_infos():
            world.add_app(app)
        specs = self.scenario.node_specs(self.network)
        for name in {name.lower() for spec in specs for name in spec.outdated if name.lower() in world.apps}:
            # The registered specification is one revision ahead of what these nodes have.
            world.add_app(replace(world.apps[name], revision=world.apps[name].revision + 1))
        for spec in specs:
            node = Node(world, spec, timings_of(spec.timings, world.timings))
            world.nodes[node.address] = node
            for name in spec.apps:
                self._install(node, name)
        world.journal.write(self.describe("fleet"))
        world.elections.begin()
        for node in world.nodes.values():
            node.confirmation.schedule()
            world.timeline.after(world.random.uniform(60, 3600), node.apps.refresh_hourly)
            for fault in node.spec.faults:
                node.faults.add(fault)
            node.boot.resume()
            listeners = Listeners(node, self.certificate)
            node.set_listening = listeners.set
            self._listeners.append(listeners)

    def _install(self, node: Node, name: str) -> None:
        world = self.world
        app = world.apps.get(name.lower())
        if app is None:
            raise ScenarioError(f"node {node.address}: app {name} is not among the scenario's apps")
        now = world.clock.now()
        if name in node.spec.outdated:
            app = replace(app, revision=app.revision - 1)
        node.apps.install(app, now - node.spec.uptime, now - world.random.uniform(0, 3000))
        for container in node.apps.of(name):
            stopped = container.name in node.spec.stopped
            if stopped:
                node.apps.locks.add(container.name)
            if stopped or (container.flag == "g" and world.elections.primary(container.name) not in (None, node)):
                container.log.end(now)
                container.running = False
                container.finished = container.since

    async def _open(self, gateway_socket: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for node, listeners in zip(self.world.nodes.values(), self._listeners, strict=True):
            if node.is_reachable:
                await listeners.open()
        self._gateway_server = await loop.create_server(self._gateway_http, sock=gateway_socket)
        self._control = web.AppRunner(control_app(self), access_log=None)
        await self._control.setup()
        await web.TCPSite(self._control, f"127.{self.network}.255.254", CONTROL_PORT).start()
        self._timeline_task = loop.create_task(self.world.timeline.run())

    async def stop(self) -> None:
        """Close everything."""
        if self._timeline_task is not None:
            self._timeline_task.cancel()
            await asyncio.gather(self._timeline_task, return_exceptions=True)
        for listeners in self._listeners:
            listeners.set(False)
        if self._gateway_server is not None:
            self._gateway_server.close()
            self._gateway_http.abort_connections()
        if self._control is not None:
            await self._control.cleanup()
        # A connection that was aborted is closed by the loop in its next round, if there is one.
        await asyncio.sleep(0)
        self.world.journal.close()

    def faults_of(self, address: str) -> Faults:
        """The faults of a node, or of ``gateway``."""
        return self.gateway.faults if address == "gateway" else self.world.nodes[address].faults

    def describe(self, kind: str | None = None) -> dict[str, Any]:
        """The fleet: first line of the journal, state file, control API."""
        world = self.world
        described: dict[str, Any] = {} if kind is None else {"kind": kind}
        described |= {
            "scenario": self.scenario.name,
            "network": self.network,
            "time_factor": world.clock.factor,
            "gateway": self.gateway_url,
            "control": self.control_url,
            "nodes": [
                {
                    "node": node.address,
                    "ip": node.spec.ip,
                    "profile": node.profile.name,
                    "version": node.version,
                    "disk_version": node.disk_version,
                    "arcane": node.spec.arcane,
                    "tier": node.spec.tier,
                    "owner": node.owner,
                    "payment_address": node.payment_address,
                    "host_connection": node.spec.host_connection,
                    "uptime": node.uptime,
                    "confirmation_age": node.confirmation.age,
                    "status": node.confirmation.status,
                    "apps": node.apps.names,
                }
                for node in world.nodes.values()
            ],
            "apps": [
                {"name": app.name, "owner": app.owner, "instances": app.instances, "components": app.component_names}
                for app in world.apps.values()
            ],
        }
        return described

    def state(self) -> dict[str, Any]:
        """What the state file holds."""
        operator = self.world.operator
        return {
            **self.describe(),
            "operator": {
                "flux_id": operator.flux_id,
                "wif": operator.wif,
                "payment_address": operator.payment_address,
            },
            "owners": [
                {"label": person.label, "flux_id": person.flux_id, "wif": person.wif}
                for person in self.scenario.app_owners()
            ],
            "tls_fingerprint": self.certificate.fingerprint,
            "pid": os.getpid(),
        }


def _allow_many_files() -> None:
    """Three listeners a node: more than the usual soft limit of open files allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65536
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
