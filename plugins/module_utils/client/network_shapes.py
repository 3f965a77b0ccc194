# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what gateways tell of many apps to typed results. Like :mod:`client.shapes`, for the whole network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_shapes import app_specs, docker_time, text_of
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import address_of, listed_place
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location, Specification


def locations(field: Field) -> tuple[tuple[Location, ...], int]:
    """``/apps/location(s)``: the rows, and how many were left out, having no name or not the address of a node."""
    rows = field.rows()
    found = [location for location in map(_location, rows) if location is not None]
    return tuple(found), len(rows) - len(found)


def _location(row: Mapping[str, Any]) -> Location | None:
    name, place = text_of(row, "name"), listed_place(text_of(row, "ip"))
    if not name or place is None:
        return None
    uptime, static = row.get("osUptime"), row.get("staticIp")
    return Location(
        name,
        address_of(*place),
        hash=text_of(row, "hash"),
        broadcast_at=docker_time(row.get("broadcastedAt")),
        expires_at=docker_time(row.get("expireAt")),
        running_since=docker_time(row.get("runningSince")),
        os_uptime=uptime if isinstance(uptime, (int, float)) and not isinstance(uptime, bool) else None,
        static_ip=static if isinstance(static, bool) else None,
    )


def specifications(field: Field) -> tuple[Specification, ...]:
    """``/apps/globalappsspecifications``: rows without a name or a version are left out."""
    return tuple(_specification(spec, row) for spec, row in app_specs(field))


def _specification(spec: AppSpec, row: Mapping[str, Any]) -> Specification:
    height = row.get("height")
    return Specification(
        name=spec.name,
        owner=spec.owner,
        version=spec.version,
        hash=spec.hash,
        instances=spec.instances,
        components=spec.components,
        height=height if isinstance(height, int) and not isinstance(height, bool) and height > 0 else 0,
        encrypted=bool(text_of(row, "enterprise")),
        document=row,
    )
