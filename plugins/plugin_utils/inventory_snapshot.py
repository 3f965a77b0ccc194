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


@dataclass(frozen=True)
class Snapshot:
    """Hosts before any selection, where they come from and when they were read."""

    hosts: list[NodeHost]
    gateway: str | None
    """URL of the gateway that answered; ``None`` when none was asked."""
    read_at: float
    """Epoch seconds of the controller's clock."""
    skipped: Counter[str] = field(default_factory=Counter)

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
        }

    @classmethod
    def from_entry(cls, entry: Any) -> Snapshot | None:
        """Read an entry back; ``None`` for one that is not ours or of another version."""
        if not isinstance(entry, Mapping) or entry.get("schema") != SCHEMA:
            return None
        read_at, hosts, gateway = entry.get("read_at"), entry.get("hosts"), entry.get("gateway")
        if isinstance(read_at, bool) or not isinstance(read_at, (int, float)) or not isinstance(hosts, list):
            return None
        skipped = entry.get("skipped")
        return cls(
            hosts=hosts,
            gateway=gateway if isinstance(gateway, str) else None,
            read_at=float(read_at),
            skipped=Counter({str(key): as_int(count) or 0 for key, count in dict(skipped or {}).items()}),
        )


def spoken_age(seconds: float) -> str:
    """``40 seconds``, ``12 minutes``, ``5 hours``, ``3 days``."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}s"
    return f"{int(seconds)} seconds"
