# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what the maintenance rules judge: the only place where readings are made.

Steps, for a fleet: the version and the process of every node; for the nodes that somebody wants to restart the rest;
for the apps on those nodes where else they run. The last is looked up, not believed: a location row outlives its
instance by up to two hours, so the nodes that the rows name are asked what runs there.

Nothing here fails because a node fails. What cannot be read becomes an :class:`Unread` with the reason, and the gate
that needs it does not pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, cast

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError, Unreachable
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import App, Container, Instance

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Member:
    """A node of the fleet under its inventory name."""

    name: str
    client: NodeClient


def attempt(look: Callable[[], T]) -> T | Unread:
    """The value, or why it could not be read."""
    try:
        return look()
    except FluxOSError as error:
        return unread(error)


def unread(error: FluxOSError) -> Unread:
    return Unread(f"'{error.operation}' failed: {error.said}")


def first_reading(member: Member) -> NodeReading:
    """Whether a node answers, with which version and since when; a node that does not is asked once."""
    client, endpoint = member.client, member.client.endpoint
    version = attempt(client.version)
    process = version if isinstance(version, Unread) else attempt(client.process)
    return NodeReading(name=member.name, address=endpoint.address, ip=endpoint.ip, version=version, process=process)


def with_recovery(member: Member, known: NodeReading) -> NodeReading:
    """Add what tells whether a node has come back from a restart, and no more: it is read many times while it does."""
    client = member.client
    version = None if isinstance(known.version, Unread) else known.version
    return replace(
        known,
        confirmation=attempt(client.confirmation),
        dos=attempt(client.dos),
        health=attempt(client.health),
        explorer_synced=attempt(client.explorer_synced),
        communication=attempt(client.communication),
        boot_settled=attempt(partial(client.boot_settled, version)),
        containers=attempt(partial(client.containers, all_states=True)),
        apps=attempt(client.installed_apps),
    )


def with_rest(member: Member, known: NodeReading, network_height: int | Unread) -> NodeReading:
    """Add what only the decision to restart a node needs."""
    client = member.client
    return replace(
        known,
        network_height=network_height,
        arcane=attempt(client.is_arcane),
        block_height=attempt(client.block_height),
        benchmark=attempt(client.benchmark),
    )


class Survey:
    """Readings of one task, with what they share: clients, the network's height, who runs what."""

    def __init__(self, call: Call, workers: int = 50) -> None:
        self._call = call
        self._workers = workers
        self._running: dict[str, tuple[Container, ...] | Unread] = {}

    def member(self, name: str, address: str) -> Member:
        if not isinstance(address, str):
            raise CallError(f"nodes: {name} has the address {address!r}: a text such as 203.0.113.7:16127 is expected")
        return Member(name, self._call.client_of(address))

    # -- single readings ----------------------------------------------------------------------------------------

    def identify(self, members: Sequence[Member]) -> list[NodeReading]:
        """The first reading of each node: does it answer, which version, since when. One process for both reads."""
        return self._each(members, first_reading)

    def examine(self, members: Sequence[Member], readings: Sequence[NodeReading]) -> list[NodeReading]:
        """Complete readings with everything that the gates need, apps elsewhere excepted."""
        # Who runs what is true for as long as one look takes, and somebody who waits looks again an hour later.
        self._running.clear()
        network_height = self.network_height()
        first = {reading.name: reading for reading in readings}

        def look(member: Member) -> NodeReading:
            return with_rest(member, with_recovery(member, first[member.name]), network_height)

        complete = self._each(members, look)
        for reading in complete:
            self._running[reading.address] = reading.containers
        return complete

    def vitals(self, members: Sequence[Member]) -> list[NodeReading]:
        """What tells a sick node from a well one, and no more: this is read of the whole fleet between waves."""
        network_height = self.network_height()

        def look(member: Member) -> NodeReading:
            client = member.client
            try:
                height: int | Unread = client.block_height()
            except Unreachable as error:
                # Asked once, not four times: each would wait for its own timeout.
                return NodeReading(member.name, client.endpoint.address, client.endpoint.ip, block_height=unread(error))
            except FluxOSError as error:
                height = unread(error)
            return NodeReading(
                name=member.name,
                address=client.endpoint.address,
                ip=client.endpoint.ip,
                network_height=network_height,
                block_height=height,
                confirmation=attempt(client.confirmation),
                dos=attempt(client.dos),
                health=attempt(client.health),
            )

        return self._each(members, look)

    def network_height(self) -> int | Unread:
        """The height of the chain as the network sees it."""
        return self._ask_gateways(lambda gateway: gateway.block_height())

    # -- apps elsewhere -----------------------------------------------------------------------------------------

    def with_elsewhere(self, readings: Sequence[NodeReading]) -> list[NodeReading]:
        """Add to each reading how many other nodes run each of its apps right now."""
        locations = self._locations({app.name for reading in readings for app in apps_of(reading)})
        self._look_at(
            {instance.address for rows in locations.values() if not isinstance(rows, Unread) for instance in rows}
        )
        return [replace(reading, elsewhere=self._elsewhere(reading, locations)) for reading in readings]

    def _elsewhere(
        self, reading: NodeReading, locations: Mapping[str, tuple[Instance, ...] | Unread]
    ) -> Mapping[str, int] | Unread:
        if isinstance(reading.apps, Unread):
            return reading.apps
        counts: dict[str, int] = {}
        for app in reading.apps:
            rows = locations[app.name]
            if isinstance(rows, Unread):
                return rows
            others = {instance.address for instance in rows} - {reading.address}
            counts[app.name] = sum(1 for address in others if self._runs(address, app))
        return counts

    def _runs(self, address: str, app: App) -> bool:
        """Whether that node serves the app, or stands by to: every component runs, or waits for its election.

        A node that does not answer serves nothing.
        """
        containers = self._running.get(address)
        if containers is None or isinstance(containers, Unread):
            return False
        own = [container for container in containers if container.app.lower() == app.name.lower()]
        ready = [container.running or (container.component or "") in app.elected for container in own]
        return len(ready) >= max(1, len(app.components)) and all(ready)

    def _locations(self, names: Iterable[str]) -> dict[str, tuple[Instance, ...] | Unread]:
        ordered = sorted(names)
        rows = self._each(ordered, lambda name: self._ask_gateways(lambda gateway: gateway.app_locations(name)))
        return dict(zip(ordered, rows, strict=True))

    def _look_at(self, addresses: Iterable[str]) -> None:
        unknown = sorted(set(addresses) - set(self._running))
        clients = [self._call.client_of_other(address) for address in unknown]
        for address, seen in zip(
            unknown,
            self._each(clients, lambda client: attempt(partial(client.containers, all_states=True))),
            strict=True,
        ):
            self._running[address] = seen

    def located(self, reading: NodeReading) -> frozenset[str] | Unread:
        """The apps of a node that the network's location list has at this node."""
        names = [app.name for app in apps_of(reading)]
        rows = self._locations(names)
        unread = next((row for row in rows.values() if isinstance(row, Unread)), None)
        if unread is not None:
            return unread
        return frozenset(
            name
            for name, instances in rows.items()
            if not isinstance(instances, Unread) and any(instance.address == reading.address for instance in instances)
        )

    # -- plumbing -----------------------------------------------------------------------------------------------

    def _each(self, items: Sequence[T], look: Callable[[T], R]) -> list[R]:
        """Look at every item at once; ``look`` turns errors into readings itself, so each item has a result."""
        results: list[R] = []
        for outcome in each(items, look, workers=self._workers):
            if outcome.error is not None:
                raise outcome.error
            results.append(cast("R", outcome.result))
        return results

    def _ask_gateways(self, ask: Callable[[GatewayClient], R]) -> R | Unread:
        """What the first gateway that answers says, or why none did."""
        answer: R | Unread = Unread(
            "no gateway is set: set gateway, the host variable fluxos_gateway or FLUXOS_GATEWAY"
        )
        for gateway in self._call.gateways:
            answer = attempt(partial(ask, gateway))
            if not isinstance(answer, Unread):
                break
        return answer


def apps_of(reading: NodeReading) -> tuple[App, ...]:
    return () if isinstance(reading.apps, Unread) else reading.apps
