# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read of a node, by the names under which users ask for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import (
    Busy,
    FluxOSError,
    NotFound,
    Refused,
    Unauthorized,
    UsageError,
)
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


def read_what_answers(client: NodeClient, gather: Iterable[str]) -> dict[str, Any]:
    """The facts of one node among many, and under ``error`` why one of them (the first) is missing.

    A node that refuses one thing is asked for the others; one that is not there is asked once.
    """
    row: dict[str, Any] = {"address": client.endpoint.address}
    for fact in gather:
        try:
            row[fact] = plain(getattr(client, FACTS[fact])())
        except FluxOSError as error:
            row.setdefault("error", error.as_dict())
            if not isinstance(error, (Refused, NotFound, Busy)):
                break
    return row


#: Kinds of errors that FluxOS itself gave, so that the node was reached.
_ANSWERED = frozenset((Refused.kind, Unauthorized.kind, NotFound.kind, Busy.kind))


def place_of(entry: Any) -> tuple[str | None, str]:
    """Name and address of an entry of a list of nodes: an address, or an object with ``address`` and maybe ``name``.

    Raises:
        UsageError: for anything else.
    """
    name, address = (entry.get("name"), entry.get("address")) if isinstance(entry, Mapping) else (None, entry)
    if not isinstance(address, str) or not address:
        raise UsageError(
            f"nodes: {entry!r} names no node. Accepted are an address such as 203.0.113.7:16127, the name of a host of "
            "the inventory that has the variable fluxos_node, and an object with address and name"
        )
    return (name if isinstance(name, str) else None), address


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many nodes there are, what became of them, and what they run.

    ``reachable`` are those that FluxOS answered on, be it with a refusal. ``failed`` are those with an ``error``.
    Versions and tiers are counted where they were read.
    """
    kinds = [row["error"]["kind"] for row in rows if "error" in row]
    read = [row for row in rows if len(row) > 1]
    return {
        "total": len(rows),
        "reachable": len(rows) - sum(kind not in _ANSWERED for kind in kinds),
        "failed": len(kinds),
        "errors": dict(Counter(kinds).most_common()),
        "versions": _counted(_version(row) for row in read),
        "tiers": _counted(_tier(row) for row in read),
    }


def _version(row: Mapping[str, Any]) -> Any:
    return row.get("version") or _within(row, "info", "flux", "version")


def _tier(row: Mapping[str, Any]) -> Any:
    return row.get("tier") or _within(row, "confirmation", "tier")


def _within(row: Mapping[str, Any], *keys: str) -> Any:
    value: Any = row
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _counted(values: Iterable[Any]) -> dict[str, int]:
    """The most frequent first."""
    return dict(Counter(value for value in values if isinstance(value, str) and value).most_common())
