# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps of the network, and the containers of one node."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.node import Node

LOCATION_SECONDS = 7500.0
REFRESH_SECONDS = 3600.0
SIGTERM_LOCATION_SECONDS = 420.0


@dataclass(frozen=True)
class AppInfo:
    """A registered app. ``components`` are names; a specification before version 4 has none of its own."""

    name: str
    owner: str
    instances: int | None = 3
    components: tuple[str, ...] = ("web",)
    version: int = 7
    image: str = "nginx:1.27-alpine"
    height: int = 2_900_000

    @property
    def digest(self) -> str:
        """The hash of the app's message."""
        return hashlib.sha256(f"app {self.name} {self.version}".encode()).hexdigest()

    @property
    def component_names(self) -> list[str]:
        """Empty for a specification before version 4."""
        return list(self.components) if self.version > 3 else []

    def container_names(self) -> dict[str, str | None]:
        """Docker name -> component name (None for a specification without components)."""
        if self.version <= 3:
            return {f"flux{self.name}": None}
        return {f"flux{component}_{self.name}": component for component in self.components}

    def specification(self) -> dict[str, Any]:
        """As ``/apps/installedapps`` and ``/apps/globalappsspecifications`` show it."""
        resources: dict[str, Any] = {"cpu": 0.5, "ram": 500, "hdd": 5}
        if self.version <= 7:
            resources["tiered"] = False
        if self.version >= 7:
            resources["repoauth"] = ""
        if self.version == 7:
            resources["secrets"] = ""
        spec: dict[str, Any] = {
            "version": self.version,
            "name": self.name,
            "description": f"{self.name} of the simulated network",
            "owner": self.owner,
        }
        if self.version <= 3:
            spec.update(
                {
                    "repotag": self.image,
                    "ports": ["31111"] if self.version > 1 else "31111",
                    "domains": [""],
                    "enviromentParameters": [],
                    "commands": [],
                    "containerPorts": ["80"],
                    "containerData": "/tmp",
                    **resources,
                }
            )
        else:
            spec["compose"] = [
                {
                    "name": component,
                    "description": component,
                    "repotag": self.image,
                    "ports": [31112 + at],
                    "domains": [""],
                    "environmentParameters": [],
                    "commands": [],
                    "containerPorts": [80],
                    "containerData": "/data",
                    **resources,
                }
                for at, component in enumerate(self.components)
            ]
        if self.instances is not None and self.version >= 3:
            spec["instances"] = self.instances
        if self.version >= 5:
            spec["contacts"] = []
            spec["geolocation"] = []
        if self.version >= 6:
            spec["expire"] = 88000
        if self.version >= 7:
            spec["nodes"] = []
            spec["staticip"] = False
        if self.version >= 8:
            spec["enterprise"] = ""
        spec["hash"] = self.digest
        spec["height"] = self.height
        return spec


@dataclass(slots=True)
class Container:
    """One docker container; ``since`` = simulated epoch seconds of its last start or stop."""

    name: str
    app: str
    component: str | None
    image: str
    running: bool
    since: float
    held_down: bool = False
    paused: bool = False

    @property
    def docker_id(self) -> str:
        """64 hex digits."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def state(self) -> str:
        """Docker's word."""
        if self.paused:
            return "paused"
        return "running" if self.running else "exited"

    def status(self, now: float) -> str:
        """Docker's sentence."""
        span = human_duration(max(0.0, now - self.since))
        if self.paused:
            return f"Up {span} (Paused)"
        return f"Up {span}" if self.running else f"Exited (0) {span} ago"

    def row(self, now: float, view: str) -> dict[str, Any]:
        """A docker list row: since 8.18 only three keys of it are shown."""
        state = self.state
        if view == "names":
            return {"Names": [f"/{self.name}"], "State": state, "Status": self.status(now)}
        return {
            "Id": self.docker_id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "ImageID": "sha256:" + hashlib.sha256(self.image.encode()).hexdigest(),
            "Command": "/docker-entrypoint.sh nginx -g 'daemon off;'",
            "Created": int(self.since),
            "Ports": [],
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
    """Apps, containers and location rows of one node."""

    node: Node
    installed: dict[str, AppInfo] = field(default_factory=dict)
    containers: list[Container] = field(default_factory=list)
    rows: dict[str, LocationRow] = field(default_factory=dict)

    def install(self, app: AppInfo, running_since: float, broadcast_at: float) -> None:
        """Put an app on the node, running."""
        self.installed[app.name] = app
        for name, component in app.container_names().items():
            self.containers.append(Container(name, app.name, component, app.image, True, running_since))
        self.rows[app.name] = LocationRow(broadcast_at, broadcast_at + LOCATION_SECONDS, running_since)

    @property
    def names(self) -> list[str]:
        """Installed apps."""
        return list(self.installed)

    def of(self, app: str) -> list[Container]:
        """Containers of an app."""
        return [container for container in self.containers if container.app == app]

    def broadcast(self) -> None:
        """Tell the network what runs here: its rows live another 7500 s."""
        now = self.node.world.clock.now()
        for app in self.installed:
            containers = self.of(app)
            if any(container.running for container in containers):
                since = self.rows[app].running_since if app in self.rows else now
                self.rows[app] = LocationRow(now, now + LOCATION_SECONDS, since)

    def refresh_hourly(self) -> None:
        """The hourly broadcast; a node that is down or not confirmed says nothing."""
        if self.node.is_up and self.node.confirmation.is_confirmed:
            self.broadcast()
        self.node.world.timeline.after(REFRESH_SECONDS, self.refresh_hourly)

    def live_rows(self, now: float) -> dict[str, LocationRow]:
        """Rows that have not run out."""
        return {app: row for app, row in self.rows.items() if row.expires_at > now}

    def start(self, container: Container) -> None:
        """docker start."""
        if container.running:
            return
        container.running, container.since, container.held_down = True, self.node.world.clock.now(), False
        self.node.say("container_started", why=container.name, apps=[container.app])

    def stop(self, container: Container, why: str) -> None:
        """docker stop, or an exit of its own."""
        if not container.running:
            return
        container.running, container.since = False, self.node.world.clock.now()
        self.node.say("container_stopped", why=f"{container.name}: {why}", apps=[container.app])

    def remove(self, names: list[str], why: str) -> None:
        """Remove apps with their data; the network forgets these instances at once."""
        gone = [name for name in names if name in self.installed]
        if not gone:
            return
        for name in gone:
            del self.installed[name]
            self.rows.pop(name, None)
        self.containers = [container for container in self.containers if container.app not in gone]
        self.node.say("apps_removed", why=why, apps=gone)
