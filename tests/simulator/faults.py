# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand. README.md lists the kinds with their keys.

Wire faults spoil answers (each matching request uses one of ``count``); conditions change the node itself until they
are healed or ``for_seconds`` of simulated time have passed.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tests.simulator.world import World

WIRE = ("latency", "http_error", "reset", "truncate", "stall", "html", "empty", "flood")
CONDITIONS = (
    "unreachable",
    "clock",
    "daemon_down",
    "daemon_warming",
    "daemon_syncing",
    "dos",
    "benchmark",
    "health",
    "status",
    "expired",
    "explorer",
    "peers",
    "container",
    "restart_ignored",
    "never_up",
    "boot_stuck",
    "location_missing",
    "database_down",
    "docker_down",
    "no_confirmation",
    "short_registry",
    "policy_missing",
    "unhealthy_after_restart",
    "node_busy",
    "redeploy_fails",
    "stream_stall",
    "reconciler_slow",
    "no_election",
    "container_missing",
    "no_volume",
    "no_space",
    "exec_hangs",
    "exits",
    "log_loss",
    "backup_fails",
    "restore_fails",
    "file_operation",
    "slow_files",
    "crash",
)
# Of the gateway and the network services.
SERVICE = ("unreachable", "cold_cache", "stale_round")


class FaultError(ValueError):
    """A fault that the simulator does not know."""


@dataclass
class Fault:
    """One fault. ``options`` are the keys of its kind."""

    kind: str
    path: str | None = None
    method: str | None = None
    count: int | None = None
    until: float | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: Mapping[str, Any], now: float) -> Fault:
        """From a scenario or the control API."""
        keys = dict(text)
        kind = str(keys.pop("kind", ""))
        known = dict.fromkeys(WIRE + CONDITIONS + SERVICE)
        if kind not in known:
            raise FaultError(f"no fault of kind {kind!r}; kinds are {', '.join(known)}")
        seconds = keys.pop("for_seconds", None)
        count = keys.pop("count", None)
        if kind == "cold_cache" and seconds is None and count is None:
            count = 1
        return cls(
            kind,
            keys.pop("path", None),
            keys.pop("method", None),
            None if count is None else int(count),
            None if seconds is None else now + float(seconds),
            keys,
        )

    def describe(self) -> dict[str, Any]:
        """For the control API and the journal."""
        shown: dict[str, Any] = {"kind": self.kind, **self.options}
        for name in ("path", "method", "count", "until"):
            if getattr(self, name) is not None:
                shown[name] = getattr(self, name)
        return shown

    def matches(self, method: str, path: str) -> bool:
        """Whether a wire fault is meant for this request."""
        if self.method is not None and self.method.upper() != method:
            return False
        return self.path is None or fnmatch.fnmatchcase(path.lower(), self.path.lower())


class Afflicted(Protocol):
    """Who can have faults: a node, the gateway, or a network service."""

    world: World

    def say(self, what: str, *, why: str | None = None) -> None:
        """Write a state line."""

    def condition_changed(self, kind: str, fault: Fault | None) -> None:
        """Feel the beginning (or the end: None) of a fault."""


class Faults:
    """The faults of one node; or of a service (``name``), which has those of the wire and few ``conditions``."""

    def __init__(self, node: Afflicted, *, name: str = "a node", conditions: tuple[str, ...] = CONDITIONS) -> None:
        self._node = node
        self._name = name
        self._allowed = conditions
        self._conditions: dict[str, Fault] = {}
        self._wire: list[Fault] = []

    def all(self) -> list[Fault]:
        """Everything active."""
        return [*self._conditions.values(), *self._wire]

    def condition(self, kind: str) -> Fault | None:
        """An active condition."""
        return self._conditions.get(kind)

    def option(self, kind: str, name: str, default: Any) -> Any:
        """An option of an active condition, or the default."""
        fault = self._conditions.get(kind)
        return default if fault is None else fault.options.get(name, default)

    def use(self, kind: str, app: str | None = None) -> Fault | None:
        """A condition that one request meets: it counts down, and may be meant for one app (key ``app``)."""
        fault = self._conditions.get(kind)
        if fault is None or (app is not None and fault.options.get("app") not in (None, app)):
            return None
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self.end(fault)
        return fault

    def take_wire(self, method: str, path: str) -> list[Fault]:
        """Wire faults that this request meets: all latencies, and the first of the others."""
        if not self._wire:
            return []
        met: list[Fault] = []
        for fault in list(self._wire):
            if not fault.matches(method, path):
                continue
            if fault.kind != "latency" and any(other.kind != "latency" for other in met):
                continue
            met.append(fault)
            self.spend(fault)
        return met

    def spend(self, fault: Fault) -> None:
        """A request used a fault of the wire."""
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self._wire.remove(fault)

    def add(self, text: Mapping[str, Any]) -> Fault:
        """Begin a fault. Raises FaultError."""
        world = self._node.world
        fault = Fault.parse(text, world.clock.now())
        if fault.kind in WIRE:
            self._wire.append(fault)
        elif fault.kind not in self._allowed:
            few = "" if self._allowed == CONDITIONS else f", only faults of the wire and {', '.join(self._allowed)}"
            raise FaultError(f"{self._name} cannot have the condition {fault.kind}{few}")
        else:
            self._conditions[fault.kind] = fault
        if fault.until is not None:
            world.timeline.at(fault.until, lambda: self.end(fault))
        self._node.say("fault", why=fault.kind)
        self._node.condition_changed(fault.kind, fault)
        return fault

    def end(self, fault: Fault) -> None:
        """End one fault if it is still there."""
        if fault in self._wire:
            self._wire.remove(fault)
        elif self._conditions.get(fault.kind) is fault:
            del self._conditions[fault.kind]
        else:
            return
        self._node.say("healed", why=fault.kind)
        self._node.condition_changed(fault.kind, None)

    def heal(self, kind: str | None = None) -> None:
        """End all faults, or those of a kind."""
        for fault in self.all():
            if kind is None or fault.kind == kind:
                self.end(fault)
