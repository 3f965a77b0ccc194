# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of one node: what tests and the control API see of them, and the faults that befall them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.appinfo import container_name

if TYPE_CHECKING:
    from tests.simulator.containers import Container
    from tests.simulator.faults import Fault
    from tests.simulator.node import Node

# Seconds before each further start of a container that exits by itself; a run of ten minutes counts as a new beginning.
LADDER = (0.0, 30.0, 300.0, 900.0, 1800.0)
STABLE = 600.0
NOTICED = 1.0
REJECTION = "unhandled rejection"


def instances(node: Node) -> dict[str, Any]:
    """App -> its installed hash and its containers, with locks, logs and files of the volume."""
    apps = node.apps
    now = node.world.clock.now()
    found: dict[str, Any] = {}
    for name, app in apps.installed.items():
        containers: dict[str, Any] = {}
        for docker_name in app.container_names():
            container = apps.find(docker_name)
            if container is not None:
                container.log.catch_up(now)
            volume = apps.volumes.get(docker_name)
            containers[docker_name] = {
                "state": container.state if container else None,
                "id": container.docker_id if container else None,
                "image": container.image_digest if container else None,
                "started": container.started if container else None,
                "locked": docker_name in apps.locks,
                "log_lines": container.log.total if container else 0,
                "files": sorted(volume.files) if volume else None,
            }
        found[name] = {"hash": app.digest, "containers": containers}
    return found


def instance_fault(node: Node, kind: str, fault: Fault | None) -> None:
    """What the beginning (or the end: None) of a fault does to containers at once."""
    if kind == "container":
        _container(node, fault)
    elif kind == "container_missing":
        _missing(node, fault)
    elif kind == "crash" and fault is not None:
        _crash(node, fault)
    elif kind == "no_volume" and fault is not None:
        for docker_name, volume in list(node.apps.volumes.items()):
            if _named(docker_name, volume.name, fault):
                node.apps.volumes.pop(docker_name)


def _named(name: str, app: str, fault: Fault) -> bool:
    wanted = fault.options.get("name")
    return wanted in (None, name, app) or container_name(str(wanted)) == name


def _container(node: Node, fault: Fault | None) -> None:
    apps = node.apps
    for container in apps.containers:
        if fault is None and container.held_down:
            apps.start(container)
        elif fault is not None and _named(container.name, container.app, fault):
            apps.stop(container, "exited")
            container.held_down = True
            return


def _crash(node: Node, fault: Fault) -> None:
    """A process exits; the reconciler starts it again: at once the first time, then later and later."""
    for container in node.apps.containers:
        if container.running and _named(container.name, container.app, fault):
            node.apps.stop(container, "exited by itself", kill=True)
            container.exit_code = int(fault.options.get("code", 1))
            stable = container.started is not None and container.since - container.started > STABLE
            container.crashes = 0 if stable else container.crashes
            delay = LADDER[min(container.crashes, len(LADDER) - 1)]
            container.crashes += 1
            node.world.timeline.after(delay + NOTICED, partial(node.apps.reconcile, container.app))
    node.faults.end(fault)


def _missing(node: Node, fault: Fault | None) -> None:
    """Removed by hand; at the end of the fault the reconciler makes it anew."""
    apps = node.apps
    if fault is None:
        for app in list(apps.installed):
            apps.reconcile(app)
        return
    for container in list(apps.containers):
        if _named(container.name, container.app, fault):
            apps.stop(container, "removed by hand", kill=True)
            apps.discard(container)


def recreate(node: Node, app_name: str, docker_name: str) -> Container | None:
    """What the reconciler does for a container that is missing (since 8.18 also when a verb asks for it)."""
    app = node.apps.installed.get(app_name)
    fault = node.faults.condition("container_missing")
    if app is None or (fault is not None and fault.options.get("stuck")):
        return None
    for name, component in app.container_names().items():
        if name == docker_name:
            return node.apps.create(app, component, node.world.clock.now())
    return None


def rejected(node: Node) -> None:
    """An unhandled rejection: up to 8.17 FluxOS ends a second later, if the scenario says so (fault ``exits``)."""
    fault = node.faults.condition("exits")
    if fault is not None and node.is_up:
        seconds = fault.options.get("down_seconds")
        node.world.timeline.after(1.0, lambda: node.boot.restart(REJECTION, down_seconds=seconds))
