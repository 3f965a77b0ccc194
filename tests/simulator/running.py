# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet for tests, in the test's own process: a thread with its own event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.simulator.control import change
from tests.simulator.fleet import Fleet
from tests.simulator.keys import Person
from tests.simulator.scenario import Scenario, load

T = TypeVar("T")


@dataclass(frozen=True)
class NodeInfo:
    """A node as the run started with it."""

    address: str
    ip: str
    port: int
    arcane: bool
    tier: str
    version: str
    apps: tuple[str, ...]


class RunningSimulator:
    """``with RunningSimulator("fleet", nodes=6, time_factor=60) as sim:`` - see README.md.

    ``scenario``: a built-in name, a file, a mapping or a Scenario. ``time_factor`` 0 stands still but for ``advance``.
    """

    def __init__(
        self,
        scenario: str | Path | Mapping[str, Any] | Scenario = "demo",
        *,
        time_factor: float = 1.0,
        network: str | int = "auto",
        journal: Path | str | None = None,
        nodes: int = 60,
        seed: int = 1,
        start: float | None = None,
    ) -> None:
        self._scenario = load(scenario, nodes=nodes, seed=seed)
        self._factor = time_factor
        self._network = network
        self._journal = Path(journal) if journal else None
        self._start = start
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._fleet: Fleet | None = None

    # -- life -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def __enter__(self) -> RunningSimulator:
        self._thread.start()
        try:
            self._fleet = self._await(
                Fleet.start(
                    self._scenario,
                    network=self._network,
                    time_factor=self._factor,
                    start=self._start,
                    journal=self._journal,
                    keep_journal=True,
                )
            )
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._await(self.fleet.stop())
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        if pending:
            self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.close()

    def _await(self, work: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(60)

    def call(self, action: Callable[[Fleet], T]) -> T:
        """Run something with the fleet on its own thread; answers what it returns."""

        async def run() -> T:
            self.fleet.world.timeline.run_due()
            return action(self.fleet)

        result: T = self._await(run())
        return result

    # -- what a test looks at ---------------------------------------------------------------------------------------

    @property
    def fleet(self) -> Fleet:
        """The fleet; touch it through ``call`` only."""
        if self._fleet is None:
            raise RuntimeError("the simulator is not running: use it in a with statement")
        return self._fleet

    @property
    def gateway(self) -> str:
        """URL of the gateway."""
        return self.fleet.gateway_url

    @property
    def stats(self) -> str:
        """URL of stats."""
        return self.fleet.urls["stats"]

    @property
    def explorer(self) -> str:
        """URL of the explorer."""
        return self.fleet.urls["explorer"]

    @property
    def fdm(self) -> str:
        """URL of the load balancer's answers about apps."""
        return self.fleet.urls["fdm"]

    @property
    def proxy(self) -> str:
        """URL of the proxy, which takes the node from the Host header."""
        return self.fleet.urls["proxy"]

    @property
    def control(self) -> str:
        """URL of the control API."""
        return self.fleet.control_url

    @property
    def operator(self) -> Person:
        """Who owns the nodes: ``flux_id``, ``wif``, ``payment_address``, ``private_key``, ``sign(text)``."""
        return self.fleet.world.operator

    @property
    def tls_fingerprint(self) -> str:
        """SHA-256 of the nodes' certificate, hex."""
        return self.fleet.certificate.fingerprint

    @property
    def nodes(self) -> list[NodeInfo]:
        """All nodes as they were at the start."""
        specs = self.fleet.world.specs()
        return [NodeInfo(s.address, s.ip, s.port, s.arcane, s.tier, s.version, s.apps) for s in specs]

    @property
    def addresses(self) -> list[str]:
        """``ip:port`` of all nodes, in the scenario's order."""
        return [node.address for node in self.nodes]

    def node(self, address: str) -> dict[str, Any]:
        """A node as it is now (the keys of the control API)."""
        return self.call(lambda fleet: fleet.node(address).describe())

    def journal(self, kind: str | None = None, *, node: str | None = None) -> list[dict[str, Any]]:
        """The journal so far: all lines, or those of a kind (``request``, ``state``, ``fleet``) or of a node."""
        lines = self.call(lambda fleet: [dict(line) for line in fleet.world.journal.lines])
        return [
            line
            for line in lines
            if (kind is None or line["kind"] == kind) and (node is None or line.get("node") == node)
        ]

    def requests(self, *, node: str | None = None, path: str | None = None) -> list[dict[str, Any]]:
        """Request lines, of a node or a path."""
        return [line for line in self.journal("request", node=node) if path is None or line["path"] == path]

    def states(self, *, node: str | None = None, what: str | None = None) -> list[dict[str, Any]]:
        """State lines, of a node or of a kind of change."""
        return [line for line in self.journal("state", node=node) if what is None or line["what"] == what]

    # -- what a test does to the fleet --------------------------------------------------------------------------------

    def fault(self, address: str, fault: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Begin a fault: ``sim.fault(address, kind="daemon_down")``; the address may be ``gateway``, ``stats`` .."""
        self.call(lambda fleet: fleet.faults_of(address).add({**(fault or {}), **keys}))

    def heal(self, address: str, kind: str | None = None) -> None:
        """End faults."""
        self.call(lambda fleet: fleet.faults_of(address).heal(kind))

    def restart(self, address: str, *, down_seconds: float | None = None, reboot: bool = False) -> None:
        """Restart FluxOS from the host's side (``reboot``: the whole host)."""
        self.call(
            lambda fleet: fleet.node(address).boot.restart(
                "restart on the host", down_seconds=down_seconds, reboot=reboot
            )
        )

    def set(self, address: str, **facts: Any) -> None:
        """Change facts of a node: disk_version, version, owner, dos, confirmation_age."""
        self.call(lambda fleet: change(fleet.node(address), facts))

    def update_app(self, name: str, **changes: Any) -> None:
        """Register a new specification of an app: another revision, perhaps another ``image`` or ``instances``."""
        self.call(lambda fleet: fleet.world.update_app(name, changes))

    def push_image(self, image: str) -> None:
        """A tag names a new image from now on."""
        self.call(lambda fleet: fleet.world.push_image(image))

    def written(self, address: str, container: str) -> list[str]:
        """What a container wrote since the start of the run: lines with their timestamps, rotated away or not."""

        def read(fleet: Fleet) -> list[str]:
            found = fleet.node(address).apps.find(container)
            if found is None:
                return []
            found.log.catch_up(fleet.world.clock.now())
            return [line.stamped for line in found.log.written]

        return self.call(read)

    def files(self, address: str, container: str) -> dict[str, bytes] | None:
        """The files of a component's volume by path (``appdata/marker``); None without a volume."""

        def read(fleet: Fleet) -> dict[str, bytes] | None:
            volume = fleet.node(address).apps.volumes.get(container)
            return None if volume is None else dict(volume.files)

        return self.call(read)

    def publish(self, url: str, content: bytes | None) -> None:
        """Put something behind a URL outside the network, for nodes to fetch; None takes it away."""

        def put(fleet: Fleet) -> None:
            remote = fleet.world.remote
            remote.pop(url, None)
            if content is not None:
                remote[url] = content

        self.call(put)

    def store(self, address: str, container: str, path: str, content: bytes) -> None:
        """Write a file into the volume of a component (``appdata/data``)."""

        def write(fleet: Fleet) -> None:
            fleet.node(address).apps.volumes[container].write(path, content, fleet.world.clock.now())

        self.call(write)

    def advance(self, seconds: float) -> None:
        """Jump forward in simulated time and play what happens in between."""
        self.call(lambda fleet: fleet.world.timeline.advance(seconds))

    def now(self) -> float:
        """Simulated epoch seconds."""
        return self.call(lambda fleet: fleet.world.clock.now())
