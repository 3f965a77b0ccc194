# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a ``g:`` component, and when an ``r:`` component starts (FluxOS: advancedWorkflows.js masterSlaveApps).

Every 30 s each node looks: a primary that runs stays it, a second one stops; without a primary the instance that runs
the longest starts at once, the next one three minutes later, and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulator.containers import Container
    from tests.simulator.node import Node
    from tests.simulator.world import World

CYCLE = 30.0
STEP = 180.0


def may_run(node: Node, container: Container) -> bool:
    """Whether the election may start a container here."""
    apps = node.apps
    return (
        node.is_up
        and node.database_ready
        and node.boot.settled
        and not container.held_down
        and container.name not in apps.locks
        and not node.operations.keeps_off(container.app)
        and node.faults.condition("docker_down") is None
        and node.faults.condition("no_election") is None
    )


class Elections:
    """All ``g:`` components of the network."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._without_since: dict[str, float] = {}
        self._primary: dict[str, Node] = {}
        self._begun = False

    def begin(self) -> None:
        """Hold elections from now on, when there is anything to elect."""
        if not self._begun and any(part.data.count("g:") for app in self._world.apps.values() for part in app.parts):
            self._begun = True
            self._world.timeline.after(CYCLE, self._cycle)

    def primary(self, docker_name: str) -> Node | None:
        """The node that runs a component, as the load balancer knows it."""
        known = self._primary.get(docker_name)
        if known is not None and self._runs(known, docker_name):
            return known
        for node in self._world.nodes.values():
            if self._runs(node, docker_name):
                self._primary[docker_name] = node
                return node
        return None

    @staticmethod
    def _runs(node: Node, docker_name: str) -> bool:
        container = node.apps.find(docker_name)
        return container is not None and container.running and node.is_up

    def _cycle(self) -> None:
        holders: dict[str, list[tuple[float, Node, Container]]] = {}
        for node in self._world.nodes.values():
            for container in node.apps.containers:
                if container.flag == "g":
                    row = node.apps.rows.get(container.app)
                    since = row.running_since if row is not None else self._world.clock.now()
                    holders.setdefault(container.name, []).append((since, node, container))
        for name, instances in holders.items():
            self._elect(name, sorted(instances, key=lambda instance: (instance[0], instance[1].address)))
        self._world.timeline.after(CYCLE, self._cycle)

    def _elect(self, name: str, instances: list[tuple[float, Node, Container]]) -> None:
        now = self._world.clock.now()
        primary = self.primary(name)
        if primary is not None:
            self._without_since.pop(name, None)
            for _unused, node, container in instances:
                if node is not primary and container.running and node.is_up:
                    node.apps.stop(container, "another node is the primary")
            return
        since = self._without_since.setdefault(name, now)
        for index, (_unused, node, container) in enumerate(instances):
            if now - since >= index * STEP and may_run(node, container):
                node.apps.start(container)
                self._primary[name] = node
                self._without_since.pop(name, None)
                return

    def verdict(self, node: Node, container: Container) -> str:
        """Why a component does not run here, in the words of 8.18 and later."""
        primary = self.primary(container.name)
        if primary is not None and primary is not node:
            return "the election has not made this node the writer"
        return "waiting for the election"
