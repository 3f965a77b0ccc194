# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run verbs since 8.18: the route records what is wanted and waits for one pass of the reconciler.

What the pass did not bring about is promised, with the reason (FluxOS: appController.js, appReconciler.js).
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulator.appinfo import AppInfo, container_name, main_name
from tests.simulator.call import Call
from tests.simulator.containers import Container
from tests.simulator.envelope import Reply, data, error
from tests.simulator.instances import recreate
from tests.simulator.node import Node
from tests.simulator.routes.health import docker_down

DONE = {"start": "started", "stop": "stopped", "restart": "restarted", "kill": "killed"}
RETRY = 5.0
NO_DOCKER = "docker is not reachable"
NOT_HERE = "it is not installed on this node"
UNREADABLE = "its state could not be read: no such container"


@dataclass(frozen=True)
class Wish:
    """What is wanted of one component."""

    node: Node
    app: AppInfo
    docker_name: str
    verb: str

    @property
    def wants_it_down(self) -> bool:
        """Whether it is to stop, for good."""
        return self.verb in ("stop", "kill")

    def record(self) -> None:
        """The durable part: it outlives the process."""
        locks = self.node.apps.locks
        if self.wants_it_down:
            locks.add(self.docker_name)
        else:
            locks.discard(self.docker_name)

    def not_yet(self) -> str:
        """The reason when the reconciler did not come to it."""
        return f"the reconciler has not {'stopped' if self.wants_it_down else 'started'} it yet"

    def carry_out(self) -> str | None:
        """One pass; the reason why it is not as wanted, or None."""
        node = self.node
        if node.operations.keeps_off(self.app.name):
            node.world.timeline.after(RETRY, self.again)
            return self.not_yet()
        container = node.apps.find(self.docker_name)
        if self.wants_it_down:
            if container is not None:
                node.apps.stop(container, f"{DONE[self.verb]} by its owner", kill=self.verb == "kill")
            return None
        if container is None:
            container = recreate(node, self.app.name, self.docker_name)
        return UNREADABLE if container is None else self._raise(container)

    def again(self) -> None:
        """A later pass, unless something else is wanted by now, or the app is gone."""
        locked = self.docker_name in self.node.apps.locks
        if self.node.is_up and self.app.name in self.node.apps.installed and locked is self.wants_it_down:
            self.carry_out()

    def _raise(self, container: Container) -> str | None:
        apps = self.node.apps
        if container.held_down:
            return self.not_yet()
        if container.flag == "g" and not container.running:
            return self.node.world.elections.verdict(self.node, container)
        if self.verb == "restart" and container.running:
            apps.restart(container, "restarted by its owner")
        else:
            apps.start(container)
        return None


def act(call: Call, name: str, verb: str) -> Reply:
    """Answer a run verb."""
    node = call.node
    known = call.world.find_app(main_name(name) if "_" in name else name)
    if known is None:
        return error("Application not found")
    label = name if "_" in name else known.name
    promise = f"Application {label} will be {DONE[verb]}: "
    app = node.apps.installed.get(known.name)
    if app is None:
        return data(promise + NOT_HERE)
    wanted = container_name(name) if "_" in name else None
    names = [each for each in app.container_names() if wanted in (None, each)]
    if not names:
        return error(f"Component {name.split('_')[0]} not found in application {known.name}")
    wishes = [Wish(node, app, each, verb) for each in names]
    for wish in wishes:
        wish.record()
    if docker_down(node):
        for wish in wishes:
            node.world.timeline.after(RETRY, wish.again)
        return data(promise + NO_DOCKER)
    slow = node.faults.use("reconciler_slow", app.name)
    if slow is not None:
        for wish in wishes:
            node.world.timeline.after(float(slow.options.get("seconds", 20.0)), wish.again)
        return data(promise + str(slow.options.get("reason", wishes[0].not_yet())))
    # One after the other; what was promised for the first that is not as wanted is the answer.
    reasons = [reason for reason in (wish.carry_out() for wish in wishes) if reason is not None]
    return data(promise + reasons[0] if reasons else f"Application {label} {DONE[verb]}")
