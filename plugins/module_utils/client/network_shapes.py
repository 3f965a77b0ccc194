# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what gateways tell of many apps to typed results. Like :mod:`client.shapes`, for the whole network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import address_of, listed_place
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location, Specification
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import DEFAULT_INSTANCES


def locations(field: Field) -> tuple[Location, ...]:
    """``/apps/location(s)``: rows without a name or without the address of a node are left out."""
    found: list[Location] = []
    for row in field.rows():
        name, ip = row.get("name"), row.get("ip")
        if not isinstance(name, str) or not name or not isinstance(ip, str):
            continue
        place = listed_place(ip)
        if place is None:
            continue
        get = row.get
        found.append(
            Location(
                name,
                address_of(*place),
                hash=_text(row, "hash"),
                broadcast_at=_moment(get("broadcastedAt")),
                expires_at=_moment(get("expireAt")),
                running_since=_moment(get("runningSince")),
                os_uptime=_number(get("osUptime")),
                static_ip=row["staticIp"] if isinstance(get("staticIp"), bool) else None,
            )
        )
    return tuple(found)


def specifications(field: Field) -> tuple[Specification, ...]:
    """``/apps/globalappsspecifications``: rows without a name are left out."""
    return tuple(_specification(row) for row in field.rows() if _text(row, "name"))


def _specification(row: Mapping[str, Any]) -> Specification:
    compose = row.get("compose")
    components = compose if isinstance(compose, list) else []
    return Specification(
        name=_text(row, "name"),
        owner=_text(row, "owner"),
        version=_count(row, "version", 0),
        instances=_count(row, "instances", DEFAULT_INSTANCES),
        components=tuple(_text(each, "name") for each in components if isinstance(each, dict)),
        hash=_text(row, "hash"),
        height=_count(row, "height", 0),
        encrypted=bool(_text(row, "enterprise")),
        document=row,
    )


def _moment(value: Any) -> float | None:
    """Epoch seconds of ``2026-09-30T18:55:16.430Z``, the only form in which JavaScript writes a time."""
    if not isinstance(value, str) or not value.endswith("Z"):
        return None
    try:
        # Python 3.10 knows no Z.
        return datetime.fromisoformat(value[:-1]).replace(tzinfo=timezone.utc).timestamp()
    except (ValueError, OverflowError):
        return None


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _count(row: Mapping[str, Any], key: str, default: int) -> int:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default
