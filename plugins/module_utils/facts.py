# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read of a node, by the names under which users ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain

#: What can be gathered: the name of the fact to the client's method of that name.
FACTS: Mapping[str, str] = {
    "version": "version",
    "process": "process",
    "tier": "tier",
    "flux_id": "flux_id",
    "arcane": "is_arcane",
    "confirmation": "confirmation",
    "block_height": "block_height",
    "dos": "dos",
    "health": "health",
    "explorer_synced": "explorer_synced",
    "benchmark": "benchmark",
    "communication": "communication",
    "boot_settled": "boot_settled",
    "containers": "containers",
    "apps": "installed_apps",
    "geolocation": "geolocation",
    "info": "info",
}


def read(client: NodeClient, gather: Iterable[str]) -> dict[str, Any]:
    """The facts of one node as plain values, under the names of FACTS."""
    facts = {fact: plain(getattr(client, FACTS[fact])()) for fact in gather}
    return {"address": client.endpoint.address, **facts}
