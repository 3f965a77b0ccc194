# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of the network at one time, and its form in an inventory cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import SCHEMA, NodeHost, as_int
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_instances import InstanceHost


@dataclass(frozen=True)
class Snapshot:
    """Hosts before any selection, where they come from and when they were read."""

    hosts: list[NodeHost]
    gateway: str | None
    """URL of the gateway that answered; ``None`` when none was asked."""
    read_at: float
    """Epoch seconds of the controller's clock."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Of the node list: reason to number of rows."""
    instances: list[InstanceHost] = field(default_factory=list)
    """Instances of apps, with what is known of their nodes."""
    skipped_instances: Counter[str] = field(default_factory=Counter)
    """Of the location list: reason to number of rows."""

    def age(self, now: float) -> float:
        """Seconds since it was read; 0 when the clock went back."""
        return max(0.0, now - self.read_at)

    def as_entry(self) -> dict[str, Any]:
        """Plain values for a cache plugin."""
        return {
            "schema": SCHEMA,
            "read_at": self.read_at,
            "gateway": self.gateway,
            "skipped": dict(self.skipped),
            "hosts": self.hosts,
            "instances": self.instances,
            "skipped_instances": dict(self.skipped_instances),
        }

    @classmethod
    def from_entry(cls, entry: Any) -> Snapshot | None:
        """Read an entry back; ``None`` for one that is not ours or of another version."""
        if not isinstance(entry, Mapping) or entry.get("schema") != SCHEMA:
            return None
        read_at, gateway = entry.get("read_at"), entry.get("gateway")
        hosts, instances = entry.get("hosts"), entry.get("instances")
        if isinstance(read_at, bool) or not isinstance(read_at, (int, float)):
            return None
        if not isinstance(hosts, list) or not isinstance(instances, list):
            return None
        return cls(
            hosts=hosts,
            gateway=gateway if isinstance(gateway, str) else None,
            read_at=float(read_at),
            skipped=_counter(entry.get("skipped")),
            instances=instances,
            skipped_instances=_counter(entry.get("skipped_instances")),
        )


def _counter(kept: Any) -> Counter[str]:
    return Counter({str(key): as_int(count) or 0 for key, count in dict(kept or {}).items()})
