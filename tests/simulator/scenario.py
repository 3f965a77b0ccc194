# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios: which nodes and apps a run starts with. README.md documents the keys of a scenario file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.simulator.appinfo import DEFAULT_IMAGE, AppInfo, parts_of
from tests.simulator.keys import Person
from tests.simulator.node import NodeSpec
from tests.simulator.places import Place
from tests.simulator.world import Timings

PORTS = (16127, 16137, 16147, 16157, 16167, 16177, 16187, 16197)
NODE_KEYS = {
    "address",
    "ip",
    "host",
    "port",
    "profile",
    "version",
    "disk_version",
    "arcane",
    "tier",
    "owner",
    "payment_address",
    "uptime",
    "confirmation_age",
    "reconfirm_at",
    "status",
    "apps",
    "stopped",
    "outdated",
    "faults",
    "dos",
    "benchmark",
    "host_connection",
    "hidden_ip",
    "timings",
    "place",
    "timezone",
    "odd",
    "added_height",
    "pubkey",
}


APP_FIELDS = ("instances", "height", "revision", "description", "expire", "enterprise")
APP_KEYS = {
    "name",
    "owner",
    "instances",
    "components",
    "version",
    "height",
    "revision",
    "description",
    "expire",
    "enterprise",
}
SERVICES = {"gateway", "stats", "explorer", "fdm", "proxy"}
STATS_KEYS = {"round_age", "round_seconds"}
PART_KEYS = {"image", "data", "port", "inner_port", "cpu", "ram", "hdd", "env", "log_rate", "log_file", "shell"}


class ScenarioError(ValueError):
    """A scenario that cannot be built; the text says where."""


@dataclass(frozen=True)
class Scenario:
    """A fleet before it exists: rows as in a scenario file. The addresses depend on the network number."""

    name: str
    nodes: list[dict[str, Any]]
    apps: list[dict[str, Any]]
    seed: int = 1
    operator: str = "operator"
    timings: Timings = field(default_factory=Timings)
    height: int = 2_997_000
    extra_owners: tuple[str, ...] = ()
    stats: dict[str, float] = field(default_factory=dict)
    lazy: bool = False
    remote: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, text: Mapping[str, Any], name: str = "scenario") -> Scenario:
        """From the parsed content of a file. Raises ScenarioError."""
        known = {"name", "nodes", "apps", "seed", "operator", "timings", "height", "stats", "remote", "faults"}
        unknown = set(text) - known
        if unknown:
            raise ScenarioError(f"unknown keys {sorted(unknown)}; a scenario has {sorted(known)}")
        return cls(
            name=str(text.get("name", name)),
            nodes=[dict(node) for node in text.get("nodes", [])],
            apps=[dict(app) for app in text.get("apps", [])],
            seed=int(text.get("seed", 1)),
            operator=str(text.get("operator", "operator")),
            timings=timings_of(text.get("timings", {}), Timings()),
            height=int(text.get("height", 2_997_000)),
            stats=_stats(text.get("stats", {})),
            remote={str(url): dict(files) for url, files in text.get("remote", {}).items()},
            faults=_service_faults(text.get("faults", {})),
        )

    def node_specs(self, network: int) -> list[NodeSpec]:
        """The nodes with their addresses in 127.<network>.0.0/16."""
        used: dict[str, list[int]] = {}
        specs = []
        for position, row in enumerate(self.nodes):
            unknown = set(row) - NODE_KEYS
            if unknown:
                raise ScenarioError(f"node {position}: unknown keys {sorted(unknown)}; a node has {sorted(NODE_KEYS)}")
            specs.append(_node_spec(row, position, network, used, self.seed))
        return specs

    def app_owners(self) -> list[Person]:
        """The throw-away identities that own apps."""
        labels = {str(row.get("owner", "@app owner")) for row in self.apps}
        return [Person.named(label[1:]) for label in sorted(labels) if label.startswith("@")]

    def app_infos(self) -> list[AppInfo]:
        """The registered apps."""
        found = []
        for row in self.apps:
            found.append(_app_info(row))
        return found


def _stats(text: Mapping[str, Any]) -> dict[str, float]:
    unknown = set(text) - STATS_KEYS
    if unknown:
        raise ScenarioError(f"stats: unknown keys {sorted(unknown)}; there are {sorted(STATS_KEYS)}")
    return {key: float(value) for key, value in text.items()}


def _service_faults(text: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    unknown = set(text) - SERVICES
    if unknown:
        raise ScenarioError(f"faults: there is no {sorted(unknown)}; there are {sorted(SERVICES)}, a node has its own")
    return {name: [dict(row) for row in rows] for name, rows in text.items()}


def _app_info(row: Mapping[str, Any]) -> AppInfo:
    unknown = set(row) - APP_KEYS - PART_KEYS
    if unknown:
        raise ScenarioError(f"app {row.get('name')}: unknown keys {sorted(unknown)}; an app has {sorted(APP_KEYS)}")
    version = int(row.get("version", 7))
    try:
        names, parts = parts_of(row, version)
    except TypeError as wrong:
        raise ScenarioError(f"app {row.get('name')}: {wrong}") from wrong
    rest = {key: row[key] for key in APP_FIELDS if key in row}
    return AppInfo(
        name=str(row["name"]),
        owner=identity(str(row.get("owner", "@app owner"))),
        components=names,
        version=version,
        image=str(row.get("image", DEFAULT_IMAGE)),
        parts=parts,
        **rest,
    )


def identity(text: str) -> str:
    """A Flux ID; ``@alice`` stands for the throw-away identity of that name."""
    return Person.named(text[1:]).flux_id if text.startswith("@") else text


def timings_of(text: Mapping[str, Any], base: Timings) -> Timings:
    """Timings with some replaced. Raises ScenarioError."""
    values = {entry.name: getattr(base, entry.name) for entry in fields(Timings)}
    unknown = set(text) - set(values)
    if unknown:
        raise ScenarioError(f"unknown timings {sorted(unknown)}; there are {sorted(values)}")
    values.update(text)
    return Timings(**values)


def _place(row: Mapping[str, Any], position: int, network: int, used: dict[str, list[int]]) -> tuple[str, int]:
    port = row.get("port")
    if "address" in row:
        ip, _unused, text = str(row["address"]).partition(":")
        port = int(text or 16127)
    elif "ip" in row:
        ip = str(row["ip"])
    else:
        host = int(row.get("host", position + 1))
        ip = f"127.{network}.{host >> 8}.{host & 255}"
    if not ip.startswith("127."):
        raise ScenarioError(f"node {position}: {ip} is not on loopback")
    taken = used.setdefault(ip, [])
    if port is None:
        free = [candidate for candidate in PORTS if candidate not in taken]
        if not free:
            raise ScenarioError(f"node {position}: no more than 8 nodes fit on {ip}")
        port = free[0]
    if int(port) not in PORTS or int(port) in taken:
        raise ScenarioError(f"node {position}: port {port} is not one of {PORTS} or is taken on {ip}")
    taken.append(int(port))
    return ip, int(port)


def _node_spec(row: Mapping[str, Any], position: int, network: int, used: dict[str, list[int]], seed: int) -> NodeSpec:
    ip, port = _place(row, position, network, used)
    faults = [dict(fault) for fault in row.get("faults", ())]
    if row.get("dos"):
        faults.append({"kind": "dos", **row["dos"]})
    if row.get("benchmark"):
        faults.append({"kind": "benchmark", "status": row["benchmark"]})
    version = str(row.get("version") or {"8.17": "8.17.0", "8.18": "8.18.0"}.get(str(row.get("profile")), "8.20.0"))
    return NodeSpec(
        ip=ip,
        port=port,
        version=version,
        disk_version=row.get("disk_version"),
        arcane=bool(row.get("arcane", False)),
        tier=str(row.get("tier", "CUMULUS")),
        owner=identity(str(row.get("owner", ""))),
        payment_address=str(row.get("payment_address", "")),
        uptime=float(row.get("uptime", 86400.0)),
        confirmation_age=int(row.get("confirmation_age", (position * 37 + seed * 11) % 400)),
        reconfirm_at=int(row.get("reconfirm_at", 500 + (position * 7 + seed) % 21)),
        status=str(row.get("status", "CONFIRMED")),
        apps=tuple(row.get("apps", ())),
        stopped=tuple(row.get("stopped", ())),
        outdated=tuple(row.get("outdated", ())),
        faults=tuple(faults),
        host_connection=bool(row.get("host_connection", False)),
        hidden_ip=bool(row.get("hidden_ip", False)),
        timings=dict(row.get("timings", {})),
        place=_where(row.get("place"), position),
        **{key: row[key] for key in ("timezone", "added_height", "pubkey") if key in row},
        odd=tuple(row.get("odd", ())),
    )


def _where(text: Any, position: int) -> Place | None:
    if text is None or isinstance(text, Place):
        return text
    try:
        return Place.parse(text)
    except TypeError as wrong:
        raise ScenarioError(f"node {position}: place: {wrong}") from wrong


Builder = Callable[[int, int], Scenario]


def load(name: str | Path | Mapping[str, Any] | Scenario, *, nodes: int = 60, seed: int = 1) -> Scenario:
    """A built-in scenario by name, a JSON or YAML file, a mapping, or a ready one. Raises ScenarioError."""
    from tests.simulator.builtin import BUILTIN

    if isinstance(name, Scenario):
        return name
    if isinstance(name, Mapping):
        return Scenario.from_mapping(name)
    if str(name) in BUILTIN:
        return BUILTIN[str(name)](nodes, seed)
    path = Path(name)
    if not path.is_file():
        raise ScenarioError(f"no scenario {str(name)!r}: neither a file nor one of {', '.join(BUILTIN)}")
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".yml", ".yaml"):
        import yaml

        return Scenario.from_mapping(yaml.safe_load(text), path.stem)
    return Scenario.from_mapping(json.loads(text), path.stem)
