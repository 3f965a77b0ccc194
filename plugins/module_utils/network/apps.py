# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps as the network as a whole knows them: specifications and locations put together, and when they end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location, Specification
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain

FORK = 2_020_000
"""The block from which on blocks take 30 s instead of 120 s (FluxOS: config fluxapps.daemonPONFork)."""

LASTING = 22_000
"""Blocks that an app lives whose specification does not say so (versions 1 to 5), four times as many since the fork."""


def end_of(specification: Specification) -> int | None:
    """The last block of an app, ``None`` when its own block is not known. Every update starts the count anew.

    An app goes when this is less than the current height, which FluxOS looks at every 8 blocks. What was left at the
    fork counts four times (FluxOS: registryManager.js expireGlobalApplications).
    """
    height = specification.height
    if height <= 0:
        return None
    expire = specification.document.get("expire")
    if not isinstance(expire, int) or isinstance(expire, bool) or expire <= 0:
        expire = LASTING if height < FORK else 4 * LASTING
    end = height + expire
    return FORK + 4 * (end - FORK) if height < FORK < end else end


def app_row(
    specification: Specification,
    *,
    block_height: int,
    locations: Iterable[Location] | None = None,
    whole: bool = True,
) -> dict[str, Any]:
    """One app as the plain values that a task returns.

    ``locations`` are left out when ``None``, the specification's document unless ``whole``.
    """
    end = end_of(specification)
    row: dict[str, Any] = {
        "name": specification.name,
        "owner": specification.owner,
        "version": specification.version,
        "hash": specification.hash,
        "height": specification.height,
        "expires_height": end,
        "expires_in": None if end is None else end - block_height,
        "encrypted": specification.encrypted,
        "instances": specification.instances,
        "components": list(specification.component_names),
    }
    if locations is not None:
        row["locations"] = [_location(each) for each in sorted(locations, key=lambda each: each.address)]
    if whole:
        row["specification"] = plain(specification.document)
    return row


def _location(location: Location) -> dict[str, Any]:
    return {
        "address": location.address,
        "hash": location.hash,
        "broadcast_at": location.broadcast_at,
        "expires_at": location.expires_at,
        "running_since": location.running_since,
    }
