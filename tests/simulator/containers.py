# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of one node, their volumes and locks, and what the network believes of its instances."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulator.appinfo import AppInfo, Part, sync_flag
from tests.simulator.logs import NEW_FILE, NEW_FILES, OLD_FILE, ContainerLog
from tests.simulator.profiles import P17
from tests.simulator.volumes import GIB, MARKER, Volume

if TYPE_CHECKING:
    from tests.simulator.node import Node

LOCATION_SECONDS = 7500.0
REFRESH_SECONDS = 3600.0
SIGTERM_LOCATION_SECONDS = 420.0
SYNC_SECONDS = 90.0


@dataclass(slots=True)
class Container:
    """One docker container; ``since`` = simulated epoch seconds of its last start or stop.

    ``held_down``: a fault keeps it from running. ``fresh``: created and never started. ``generation`` counts the
    containers of this name: another one has another id. ``files`` are its own file system, beside the volume.
    """

    name: str
    app: str
    component: str | None
    part: Part
    running: bool
    since: float
    created: float
    image_digest: str
    log: ContainerLog
    generation: int = 0
    held_down: bool = False
    paused: bool = False
    fresh: bool = False
    started: float | None = None
    finished: float | None = None
    exit_code: int = 0
    crashes: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def image(self) -> str:
        """The tag that it was made from."""
        return self.part.image

    @property
    def docker_id(self) -> str:
        """64 hex digits."""
        suffix = f" {self.generation}" if self.generation else ""
        return hashlib.sha256(f"{self.name}{suffix}".encode()).hexdigest()

    @property
    def identifier(self) -> str:
        """``component_app``, or the app."""
        return f"{self.component}_{self.app}" if self.component else self.app

    @property
    def flag(self) -> str:
        """``g``, ``r``, ``s`` or nothing."""
        return sync_flag(self.part.data)

    @property
    def state(self) -> str:
        """Docker's word."""
        if self.paused:
            return "paused"
        if self.fresh:
            return "created"
        return "running" if self.running else "exited"

    def status(self, now: float) -> str:
        """Docker's sentence."""
        span = human_duration(max(0.0, now - self.since))
        if self.paused:
            return f"Up {span} (Paused)"
        if self.fresh:
            return "Created"
        return f"Up {span}" if self.running else f"Exited ({self.exit_code}) {span} ago"

    def row(self, now: float, view: str) -> dict[str, Any]:
        """A docker list row: since 8.18 only three keys of it are shown."""
        state = self.state
        if view == "names":
            return {"Names": [f"/{self.name}"], "State": state, "Status": self.status(now)}
        port = {"IP": "0.0.0.0", "PrivatePort": self.part.inner_port, "PublicPort": self.part.port, "Type": "tcp"}
        return {
            "Id": self.docker_id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "ImageID": self.image_digest,
            "Command": "/docker-entrypoint.sh nginx -g 'daemon off;'",
            "Created": int(self.created),
            "Ports": [port] if self.running else [],
            "Labels": {},
            "State": state,
            "Status": self.status(now),
        }


def human_duration(seconds: float) -> str:
    """Docker's HumanDuration."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < 2:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    days = hours // 24
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    return f"{days // 30} months" if days < 730 else f"{days // 365} years"


@dataclass(slots=True)
class LocationRow:
    """What the network believes about one instance."""

    broadcast_at: float
    expires_at: float
    running_since: float


@dataclass
class NodeApps:
    """Apps, containers, volumes, locks and location rows of one node.

    ``installed`` holds the specification that the node has, which may be older than the registered one. ``locks`` are
    the durable operator stops, by docker name.
    """

    node: Node
    installed: dict[str, AppInfo] = field(default_factory=dict)
    containers: list[Container] = field(default_factory=list)
    rows: dict[str, LocationRow] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    locks: set[str] = field(default_factory=set)
    generations: dict[str, int] = field(default_factory=dict)

    # -- making and removing ------------------------------------------------------------------------------------------

    def install(self, app: AppInfo, running_since: float, broadcast_at: float) -> None:
        """Put an app on the node, running, with a marker in each volume: it is there as long as the data are."""
        self.installed[app.name] = app
        for component in app.container_names().values():
            container = self.create(app, component, running_since)
            container.running, container.fresh, container.started = True, False, running_since
            container.log.begin(self.node.world.clock.now())
            volume = self.volumes[container.name]
            volume.write(MARKER, f"data of {container.name}\n".encode(), running_since)
        self.rows[app.name] = LocationRow(broadcast_at, broadcast_at + LOCATION_SECONDS, running_since)

    def create(self, app: AppInfo, component: str | None, now: float) -> Container:
        """docker create; a volume is made when there is none."""
        name = next(name for name, each in app.container_names().items() if each == component)
        part = app.part(component)
        generation = self.generations.get(name, -1) + 1
        self.generations[name] = generation
        old = self.node.profile.name == P17
        log = ContainerLog(
            name, part.log_rate, part.log_file or (OLD_FILE if old else NEW_FILE), 1 if old else NEW_FILES
        )
        digest = self.node.world.image_digest(part.image)
        container = Container(name, app.name, component, part, False, now, now, digest, log, generation, fresh=True)
        if name not in self.volumes:
            self.volumes[name] = Volume(name, self.apps_folder, part.hdd * GIB, now)
        order = list(app.container_names())
        at = next(
            (
                at
                for at, other in enumerate(self.containers)
                if other.app == app.name and order.index(other.name) > order.index(name)
            ),
            len(self.containers),
        )
        self.containers.insert(at, container)
        return container

    @property
    def apps_folder(self) -> str:
        """Where the volumes are mounted."""
        if self.node.spec.arcane:
            return "/dat/var/lib/fluxos/flux-apps/"
        return "/home/flux/zelflux/ZelApps/"

    def discard(self, container: Container) -> None:
        """docker rm; volume and lock stay."""
        if container in self.containers:
            self.containers.remove(container)

    def delete_volume(self, app: str, name: str, why: str) -> None:
        """The data of a component are gone."""
        if self.volumes.pop(name, None) is not None:
            self.node.say("volume_deleted", why=f"{name}: {why}", apps=[app])

    # -- finding ------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Installed apps."""
        return list(self.installed)

    def of(self, app: str) -> list[Container]:
        """Containers of an app, in the order of its specification."""
        return [container for container in self.containers if container.app == app]

    def find(self, name: str) -> Container | None:
        """A container by its docker name or its whole id: exact, letter case counts."""
        return next((each for each in self.containers if name in (each.name, each.docker_id)), None)

    # -- the network's view -----------------------------------------------------------------------------------------

    def announces(self, app: AppInfo) -> bool:
        """Whether the node says that it runs an app: all components run, or a synced one is among them."""
        containers = self.of(app.name)
        if any(container.flag in ("g", "r") for container in containers):
            return True
        return len(containers) == len(app.container_names()) and all(container.running for container in containers)

    def broadcast(self) -> None:
        """Tell the network what runs here: its rows live another 7500 s."""
        now = self.node.world.clock.now()
        for name, app in self.installed.items():
            if self.announces(app):
                since = self.rows[name].running_since if name in self.rows else now
                self.rows[name] = LocationRow(now, now + LOCATION_SECONDS, since)

    def refresh_hourly(self) -> None:
        """The hourly sweep and broadcast; a node that is down or not confirmed says nothing."""
        if self.node.is_up and self.node.boot.settled:
            self.sweep()
        if self.node.is_up and self.node.confirmation.is_confirmed:
            self.broadcast()
        self.node.world.timeline.after(REFRESH_SECONDS, self.refresh_hourly)

    def live_rows(self, now: float) -> dict[str, LocationRow]:
        """Rows that have not run out."""
        return {app: row for app, row in self.rows.items() if row.expires_at > now}

    # -- running ------------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """The reconciler's look at everything: a lock stops, its absence starts; elections decide about ``g:``."""
        for app in list(self.installed):
            self.reconcile(app)

    def reconcile(self, name: str) -> None:
        """Bring the containers of an app to what is wanted of them."""
        app = self.installed.get(name)
        if app is None or not self.node.is_up or self.node.operations.keeps_off(name):
            return
        for docker_name, component in app.container_names().items():
            container = self.find(docker_name)
            if container is None:
                if self.node.faults.condition("container_missing"):
                    continue
                container = self.create(app, component, self.node.world.clock.now())
            if docker_name in self.locks:
                self.stop(container, "stopped by its owner before")
            elif not container.held_down and container.flag not in ("g", "r"):
                self.start(container)

    def start(self, container: Container, *, says: str = "started") -> None:
        """docker start."""
        if container.running:
            return
        now = self.node.world.clock.now()
        container.running, container.since, container.held_down = True, now, False
        container.fresh, container.started, container.exit_code = False, now, 0
        container.log.write(says, now)
        container.log.begin(now)
        self.node.say("container_started", why=container.name, apps=[container.app])

    def stop(self, container: Container, why: str, *, kill: bool = False) -> None:
        """docker stop (or kill), or an exit of its own."""
        if not container.running:
            return
        now = self.node.world.clock.now()
        container.log.end(now)
        if not kill:
            container.log.write("received SIGTERM, exiting", now)
        container.running, container.paused, container.since, container.finished = False, False, now, now
        container.exit_code = 137 if kill else 0
        self.node.say("container_stopped", why=f"{container.name}: {why}", apps=[container.app])

    def restart(self, container: Container, why: str) -> None:
        """docker restart of a running container."""
        now = self.node.world.clock.now()
        container.log.end(now)
        container.running, container.paused, container.finished = False, False, now
        self.node.say("container_stopped", why=f"{container.name}: {why}", apps=[container.app])
        self.start(container, says="restarted")

    def remove(self, names: list[str], why: str) -> None:
        """Remove apps with their data; the network forgets these instances at once."""
        gone = [name for name in names if name in self.installed]
        if not gone:
            return
        for name in gone:
            self.forget(name)
            self.rows.pop(name, None)
        self.node.say("apps_removed", why=why, apps=gone, data_lost=True)

    def forget(self, name: str) -> None:
        """Take an app from the node with everything that it has here."""
        app = self.installed.pop(name)
        self.containers = [container for container in self.containers if container.app != name]
        for docker_name in app.container_names():
            self.volumes.pop(docker_name, None)
            self.locks.discard(docker_name)
