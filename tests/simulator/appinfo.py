# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registered apps: names, components and specifications (FluxOS: appValidator.js, registryManager.js)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_IMAGE = "nginx:1.27-alpine"


@dataclass(frozen=True)
class Part:
    """One component. ``data`` is containerData with its flags (``g:/data``); ``log_rate`` lines per simulated second.

    ``log_file``: bytes of one log file, after which docker rotates (None: 20 MB, since 8.18 5 MB). ``shell``: the image
    has one.
    """

    name: str
    image: str = DEFAULT_IMAGE
    data: str = "/data"
    port: int = 31112
    inner_port: int = 80
    cpu: float = 0.5
    ram: int = 500
    hdd: int = 5
    env: tuple[str, ...] = ()
    log_rate: float = 0.0
    log_file: int | None = None
    shell: bool = True


def container_name(identifier: str) -> str:
    """The docker name of an identifier (``web_shop``); one that is a docker name already is used as it is."""
    return identifier if identifier.startswith(("flux", "zel")) else f"flux{identifier}"


def main_name(identifier: str) -> str:
    """The app of an identifier, for authorization: what stands between the first and the second ``_``."""
    return identifier.split("_")[1] if "_" in identifier else identifier


def sync_flag(data: str) -> str:
    """``g``, ``r``, ``s`` or nothing: a substring test, as in FluxOS."""
    return next((flag for flag in "grs" if f"{flag}:" in data), "")


def mount_path(data: str) -> str:
    """Where the volume is inside the container: containerData without flags and further mounts."""
    return data.split("|")[0].rsplit(":", 1)[-1] or "/data"


@dataclass(frozen=True)
class AppInfo:
    """A registered app. ``components`` are names; a specification before version 4 has none of its own.

    ``parts`` describe components closer (as many as there are components, one for a specification before version 4).
    ``revision`` counts updates of the specification: another one has another hash. ``expire``: blocks.
    ``enterprise``: its components are encrypted (version 8 only), the network sees that text alone.
    """

    name: str
    owner: str
    instances: int | None = 3
    components: tuple[str, ...] = ("web",)
    version: int = 7
    image: str = DEFAULT_IMAGE
    height: int = 2_900_000
    parts: tuple[Part, ...] = ()
    revision: int = 1
    description: str = ""
    expire: int = 88000
    enterprise: bool = False

    @property
    def digest(self) -> str:
        """The hash of the app's message."""
        revision = f" revision {self.revision}" if self.revision > 1 else ""
        return hashlib.sha256(f"app {self.name} {self.version}{revision}".encode()).hexdigest()

    @property
    def component_names(self) -> list[str]:
        """Empty for a specification before version 4."""
        return list(self.components) if self.version > 3 else []

    @property
    def is_composed(self) -> bool:
        """Whether it has components."""
        return self.version > 3

    def all_parts(self) -> tuple[Part, ...]:
        """One for each container, in the order of the specification."""
        if self.parts:
            return self.parts
        if not self.is_composed:
            return (Part(self.name, self.image, "/tmp", 31111),)
        return tuple(Part(name, self.image, port=31112 + at) for at, name in enumerate(self.components))

    def part(self, component: str | None) -> Part:
        """The part of a component; None: the only one of an app without components."""
        parts = self.all_parts()
        return next((part for part in parts if part.name == component), parts[0])

    def container_names(self) -> dict[str, str | None]:
        """Docker name -> component name (None for a specification without components)."""
        if not self.is_composed:
            return {container_name(self.name): None}
        return {container_name(f"{component}_{self.name}"): component for component in self.components}

    def is_synced(self) -> bool:
        """Whether any component's volume is synced (``g:``, ``r:``, ``s:``)."""
        return any(sync_flag(part.data) for part in self.all_parts())

    def _part_rows(self) -> list[dict[str, Any]]:
        env_name = "environmentParameters" if self.is_composed else "enviromentParameters"
        rows = []
        for part in self.all_parts():
            resources: dict[str, Any] = {"cpu": part.cpu, "ram": part.ram, "hdd": part.hdd}
            if self.version <= 7:
                resources["tiered"] = False
            if self.version >= 7:
                resources["repoauth"] = ""
            if self.version == 7:
                resources["secrets"] = ""
            head: dict[str, Any] = {"name": part.name, "description": part.name} if self.is_composed else {}
            ports: list[Any] = [part.port] if self.is_composed else [str(part.port)]
            rows.append(
                {
                    **head,
                    "repotag": part.image,
                    "ports": ports,
                    "domains": [""],
                    env_name: list(part.env),
                    "commands": [],
                    "containerPorts": [part.inner_port] if self.is_composed else [str(part.inner_port)],
                    "containerData": part.data,
                    **resources,
                }
            )
        return rows

    def specification(self) -> dict[str, Any]:
        """As ``/apps/installedapps`` and ``/apps/globalappsspecifications`` show it."""
        spec: dict[str, Any] = {
            "version": self.version,
            "name": self.name,
            "description": self.description or f"{self.name} of the simulated network",
            "owner": self.owner,
        }
        rows = self._part_rows()
        if self.is_composed:
            spec["compose"] = rows
        else:
            spec.update(rows[0])
            if self.version == 1:
                spec["ports"] = spec["ports"][0]
        if self.instances is not None and self.version >= 3:
            spec["instances"] = self.instances
        if self.version >= 5:
            spec["contacts"] = []
            spec["geolocation"] = []
        if self.version >= 6:
            spec["expire"] = self.expire
        if self.version >= 7:
            spec["nodes"] = []
            spec["staticip"] = False
        if self.version >= 8:
            spec["enterprise"] = ""
        if self.enterprise:
            spec |= {"compose": [], "contacts": [], "enterprise": f"{self.digest}{self.digest}"}
        spec["hash"] = self.digest
        spec["height"] = self.height
        return spec


def parts_of(row: Mapping[str, Any], version: int) -> tuple[tuple[str, ...], tuple[Part, ...]]:
    """Component names and parts of an app's row in a scenario.

    Components are names or objects with the keys of :class:`Part`; the same keys beside them hold for all components.
    Raises TypeError for a key that is none.
    """
    keys = ("image", "data", "port", "inner_port", "cpu", "ram", "hdd", "env", "log_rate", "log_file", "shell")
    common = {key: row[key] for key in keys if key in row}
    listed = row.get("components", ("web",))
    names = tuple(str(entry["name"]) if isinstance(entry, Mapping) else str(entry) for entry in listed)
    if version <= 3:
        own = dict(listed[0]) if listed and isinstance(listed[0], Mapping) else {}
        if not common and not own:
            return names, ()
        values = {"data": "/tmp", "port": 31111, **common, **own, "name": str(row["name"])}
        return names, (_part(values),)
    parts = []
    for at, entry in enumerate(listed):
        own = dict(entry) if isinstance(entry, Mapping) else {}
        parts.append(_part({"port": 31112 + at, **common, **own, "name": names[at]}))
    return names, tuple(parts)


def _part(values: dict[str, Any]) -> Part:
    values["env"] = tuple(values.get("env", ()))
    return Part(**values)


def recorded_part(name: str, row: Mapping[str, Any]) -> Part:
    """A part from a component of a specification (or a specification without components)."""
    ports = row["ports"] if isinstance(row["ports"], list) else [row["ports"]]
    inner = row["containerPorts"] if isinstance(row["containerPorts"], list) else [row["containerPorts"]]
    return Part(
        name,
        row["repotag"],
        row["containerData"],
        int((ports or [31112])[0]),
        int((inner or [80])[0]),
        row["cpu"],
        row["ram"],
        row["hdd"],
        tuple(row.get("environmentParameters") or row.get("enviromentParameters") or ()),
    )
