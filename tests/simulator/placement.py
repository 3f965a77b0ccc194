# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/apps/placementlocations``: how many nodes of which tier are in which country (FluxOS 8.18 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulator.jsvalues import iso
from tests.simulator.places import DEFAULT
from tests.simulator.shapes import TIERS

if TYPE_CHECKING:
    from tests.simulator.world import World


def placement(world: World) -> dict[str, Any]:
    """The whole table. A fault domain is taken for an organisation in a country."""
    known = [node.spec for node in world.nodes.values() if node.confirmation.is_confirmed and node.listed]
    known += [sleeper.spec for sleeper in world.asleep()]
    located = [spec for spec in known if "no_geolocation" not in spec.odd]
    counts: dict[str, dict[str, dict[str, int]]] = {}
    domains: dict[tuple[str, str], set[str]] = {}
    for spec in located:
        place = spec.place or DEFAULT
        tiers = counts.setdefault(place.continent_code, {}).setdefault(place.country_code, dict.fromkeys(TIERS, 0))
        tiers[spec.tier] += 1
        domains.setdefault((place.continent_code, place.country_code), set()).add(place.org)
    continents: dict[str, Any] = {}
    for continent, countries in counts.items():
        rows = {
            country: {"nodes": sum(tiers.values()), "domains": len(domains[continent, country]), "tiers": tiers}
            for country, tiers in countries.items()
        }
        continents[continent] = {
            "nodes": sum(row["nodes"] for row in rows.values()),
            "domains": sum(row["domains"] for row in rows.values()),
            "tiers": {tier: sum(tiers[tier] for tiers in countries.values()) for tier in TIERS},
            "countries": rows,
        }
    return {
        "tableAvailable": True,
        "tableGenerated": iso(world.clock.now() * 1000),
        "total": {"nodes": len(located), "domains": sum(len(names) for names in domains.values())},
        "unresolved": len(known) - len(located),
        "continents": continents,
    }
