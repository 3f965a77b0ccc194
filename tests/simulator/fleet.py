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
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.simulator.clock import SimClock, Timeline
from tests.simulator.control import control_app
from tests.simulator.doors import Door, Doors, Listeners, bind
from tests.simulator.explorer import Explorer
from tests.simulator.faults import Faults
from tests.simulator.gateway import Gateway
from tests.simulator.journal import Journal
from tests.simulator.keys import Person
from tests.simulator.manifest import manifest
from tests.simulator.node import Node, NodeSpec
from tests.simulator.others import Domains, NodeProxy
from tests.simulator.scenario import Scenario, ScenarioError, timings_of
from tests.simulator.service import Front
from tests.simulator.sleeping import Sleeper
from tests.simulator.stats import Stats
from tests.simulator.tls import Certificate, make_certificate
from tests.simulator.volumes import packed
from tests.simulator.wire import HttpServer
from tests.simulator.world import World

CONTROL_PORT = 8081
PORTS = {"gateway": 8080, "stats": 8082, "explorer": 8083, "fdm": 8084, "proxy": 8085}
# Open files that are kept for connections.
SPARE_FILES = 2000
FIRST_NETWORK, LAST_NETWORK = 18, 250


class NoNetwork(OSError):
    """No free 127.N.0.0/16, or the one that was asked for is taken."""


class TooManyNodes(OSError):
    """More listeners than this process may have open files."""


def claim_network(wanted: str | int) -> tuple[int, socket.socket, socket.socket]:
    """The network number, and the sockets of gateway and control API, which are the claim: no two fleets share it."""
    numbers = range(FIRST_NETWORK, LAST_NETWORK + 1) if wanted == "auto" else [int(wanted)]
    for number in numbers:
        host = f"127.{number}.255.254"
        try:
            gateway = bind(host, PORTS["gateway"])
        except OSError:
            continue
        try:
            return number, gateway, bind(host, CONTROL_PORT)
        except OSError:
            gateway.close()
    raise NoNetwork(f"network {wanted}: no free gateway address 127.N.255.254:{PORTS['gateway']}")


def listeners_each(nodes: int) -> int:
    """How many of its three listeners each node has: all, or only that of the API. Raises TooManyNodes."""
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for count in (3, 1):
        if limit == resource.RLIM_INFINITY or nodes * count + SPARE_FILES <= limit:
            return count
    raise TooManyNodes(f"{nodes} nodes need {nodes + SPARE_FILES} open files, and the hard limit is {limit}")


class Fleet:
    """Build with ``await Fleet.start(...)``, end with ``await fleet.stop()``; both on the same event loop."""

    def __init__(self, scenario: Scenario, network: int, world: World, certificate: Certificate) -> None:
        self.scenario = scenario
        self.network = network
        self.world = world
        self.certificate = certificate
        self.gateway = Gateway(world)
        self.stats = Stats(world, **scenario.stats)
        self.explorer = Explorer(world)
        self.fdm = Domains(world)
        self.proxy = NodeProxy(world)
        self.urls = {name: f"http://127.{network}.255.254:{port}" for name, port in PORTS.items()}
        self.control_url = f"http://127.{network}.255.254:{CONTROL_PORT}"
        self._listeners: dict[str, Listeners] = {}
        self._doors = Doors()
        self._listeners_each = 3
        self._timeline_task: asyncio.Task[None] | None = None
        self._control: web.AppRunner | None = None
        self._fronts: dict[str, Front] = {}
        self._front_doors: list[Door] = []

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
        number, *claimed = claim_network(network)
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
            await fleet._open(*claimed)
        except BaseException:
            await fleet.stop()
            for one in claimed:
                one.close()
            raise
        return fleet

    def _populate(self) -> None:
        world = self.world
        for url, files in self.scenario.remote.items():
            world.remote[url] = packed({path: text.encode() for path, text in files.items()}, world.clock.now())
        for app in self.scenario.app_infos():
            world.add_app(app)
        specs = self.scenario.node_specs(self.network)
        self._listeners_each = listeners_each(len(specs))
        for name in {name.lower() for spec in specs for name in spec.outdated if name.lower() in world.apps}:
            # The registered specification is one revision ahead of what these nodes have.
            world.add_app(replace(world.apps[name], revision=world.apps[name].revision + 1))
        now, height = world.clock.now(), world.height()
        for position, spec in enumerate(specs):
            world.roll[spec.address] = Sleeper.of(spec, position, self.scenario.seed, now, height)
        if self.scenario.lazy:
            self._let_sleep(specs)
            return
        for spec in specs:
            node = Node(world, spec, timings_of(spec.timings, world.timings))
            world.nodes[node.address] = node
            for name in spec.apps:
                self._install(node, name, now - world.random.uniform(0, 3000))
        world.journal.write(self.describe("fleet"))
        world.elections.begin()
        for node in world.nodes.values():
            self._begin(node, world.random.uniform(60, 3600))

    def _let_sleep(self, specs: list[NodeSpec]) -> None:
        """A large network: a node is made when somebody asks for it; only who has something to say is awake."""
        world = self.world
        for spec in specs:
            for name in spec.apps:
                world.holders.setdefault(name, []).append(spec.address)
        world.wake = self._wake
        world.journal.write(self.describe("fleet"))
        for sleeper in world.roll.values():
            self._listeners[sleeper.spec.address] = self._listeners_of(sleeper.spec)
            if sleeper.is_restless:
                self._wake(sleeper)

    def _wake(self, sleeper: Sleeper) -> Node:
        """The node as if it had been awake from the start and nothing had happened to it."""
        world = self.world
        now = world.clock.now()
        spec = sleeper.as_of(now, world.height())
        node = Node(world, spec, timings_of(spec.timings, world.timings))
        world.nodes[node.address] = node
        for name in spec.apps:
            self._install(node, name, sleeper.row(now).broadcast_at)
        self._begin(node, sleeper.next_refresh(now) - now)
        return node

    def _begin(self, node: Node, refresh: float) -> None:
        """Time begins for a node: ``refresh`` seconds until its hourly broadcast."""
        node.confirmation.schedule()
        self.world.timeline.after(refresh, node.apps.refresh_hourly)
        for fault in node.spec.faults:
            node.faults.add(fault)
        node.boot.resume()
        listeners = self._listeners.setdefault(node.address, self._listeners_of(node.spec))
        node.set_listening = listeners.set

    def _listeners_of(self, spec: NodeSpec) -> Listeners:
        where = (spec.ip, spec.port)
        return Listeners(where, self._doors, self.certificate, partial(self.node, spec.address), self._listeners_each)

    def _install(self, node: Node, name: str, broadcast_at: float) -> None:
        world = self.world
        app = world.apps.get(name.lower())
        if app is None:
            raise ScenarioError(f"node {node.address}: app {name} is not among the scenario's apps")
        now = world.clock.now()
        if name in node.spec.outdated:
            app = replace(app, revision=app.revision - 1)
        node.apps.install(app, now - node.spec.uptime, broadcast_at)
        for container in node.apps.of(name):
            stopped = container.name in node.spec.stopped
            if stopped:
                node.apps.locks.add(container.name)
            if stopped or (container.flag == "g" and world.elections.primary(container.name) not in (None, node)):
                container.log.end(now)
                container.running = False
                container.finished = container.since

    async def _open(self, gateway_socket: socket.socket, control_socket: socket.socket) -> None:
        for address, listeners in self._listeners.items():
            node = self.world.nodes.get(address)
            if node is None or node.is_reachable:
                listeners.set(True)
        for front in (self.gateway, self.stats, self.explorer, self.fdm, self.proxy):
            self._fronts[front.name] = front
            place = (f"127.{self.network}.255.254", PORTS[front.name])
            door = Door(place, self._doors, HttpServer(front.answer))
            if front is self.gateway:
                door.use(gateway_socket)
            door.set(True)
            front.show = door.set
            self._front_doors.append(door)
        self.stats.begin()
        for name, rows in self.scenario.faults.items():
            for row in rows:
                self._fronts[name].faults.add(row)
        self._control = web.AppRunner(control_app(self), access_log=None)
        await self._control.setup()
        await web.SockSite(self._control, control_socket).start()
        self._timeline_task = asyncio.get_running_loop().create_task(self.world.timeline.run())

    async def stop(self) -> None:
        """Close everything."""
        if self._timeline_task is not None:
            self._timeline_task.cancel()
            await asyncio.gather(self._timeline_task, return_exceptions=True)
        for door in self._front_doors:
            door.set(False)
        for listeners in self._listeners.values():
            listeners.set(False)
        self._doors.close_all()
        if self._control is not None:
            await self._control.cleanup()
        # A connection that was aborted is closed by the loop in its next round, if there is one.
        await asyncio.sleep(0)
        self.world.journal.close()

    def node(self, address: str) -> Node:
        """A node, awake from now on. Raises KeyError."""
        node = self.world.find(address)
        if node is None:
            raise KeyError(address)
        return node

    @property
    def gateway_url(self) -> str:
        """URL of the gateway."""
        return self.urls["gateway"]

    def faults_of(self, address: str) -> Faults:
        """The faults of a node, or of ``gateway``, ``stats``, ``explorer``, ``fdm``, ``proxy``. Raises KeyError."""
        front = self._fronts.get(address)
        return self.node(address).faults if front is None else front.faults

    def describe(self, kind: str | None = None) -> dict[str, Any]:
        """The fleet: first line of the journal, state file, control API."""
        described: dict[str, Any] = {} if kind is None else {"kind": kind}
        return described | {
            "scenario": self.scenario.name,
            "network": self.network,
            "time_factor": self.world.clock.factor,
            **self.urls,
            "control": self.control_url,
            **manifest(self.world),
        }

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
