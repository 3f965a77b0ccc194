# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where nodes are: countries, with how many nodes of which tier the real network had there on 2026-09-30."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

CONTINENTS = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A geolocation as nodes tell it."""

    continent: str
    continent_code: str
    country: str
    country_code: str
    region: str
    region_name: str
    lat: float
    lon: float
    org: str

    @classmethod
    def parse(cls, text: Mapping[str, Any]) -> Place:
        """From a scenario: some of the fields, the rest as in ``DEFAULT``. Raises TypeError for a key that is none."""
        return cls(**{**DEFAULT.as_mapping(), **text})

    def as_mapping(self) -> dict[str, Any]:
        """Field by field."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


DEFAULT = Place("Europe", "EU", "Germany", "DE", "SN", "Saxony", 50.4777, 12.3649, "Simulated Hosting")

# Code, name, continent, nodes of the tiers CUMULUS, NIMBUS and STRATUS, region, its name, latitude, longitude.
# Counted by FluxOS itself (GET /apps/placementlocations of a live node, 6,688 located nodes).
_ROWS: tuple[tuple[str, str, str, int, int, int, str, str, float, float], ...] = (
    ("DE", "Germany", "EU", 687, 239, 530, "SN", "Saxony", 50.4777, 12.3649),
    ("US", "United States", "NA", 537, 400, 208, "PA", "Pennsylvania", 40.0364, -75.2219),
    ("FI", "Finland", "EU", 292, 168, 510, "18", "Uusimaa", 60.1797, 24.9344),
    ("FR", "France", "EU", 437, 182, 122, "HDF", "Hauts-de-France", 50.4907, 2.8564),
    ("DK", "Denmark", "EU", 448, 43, 8, "82", "Central Jutland", 56.1567, 10.2108),
    ("CA", "Canada", "NA", 194, 154, 35, "QC", "Québec", 45.5017, -73.5673),
    ("RU", "Russia", "EU", 134, 52, 23, "MOW", "Москва", 55.7558, 37.6173),
    ("PL", "Poland", "EU", 17, 31, 106, "14", "Mazovia", 52.2297, 21.0122),
    ("GB", "United Kingdom", "EU", 44, 34, 32, "ENG", "England", 51.5074, -0.1278),
    ("NL", "The Netherlands", "EU", 54, 17, 17, "NH", "North Holland", 52.3676, 4.9041),
    ("NO", "Norway", "EU", 37, 19, 30, "03", "Oslo", 59.9139, 10.7522),
    ("UA", "Ukraine", "EU", 21, 44, 11, "30", "Kyiv City", 50.4501, 30.5234),
    ("ES", "Spain", "EU", 6, 6, 57, "MD", "Madrid", 40.4168, -3.7038),
    ("JP", "Japan", "AS", 41, 11, 0, "13", "東京都", 35.6762, 139.6503),
    ("RO", "Romania", "EU", 26, 11, 13, "B", "București", 44.4268, 26.1025),
    ("CH", "Switzerland", "EU", 27, 16, 7, "ZH", "Zürich", 47.3769, 8.5417),
    ("BH", "Bahrain", "AS", 41, 7, 0, "13", "Manama", 26.2285, 50.586),
    ("AE", "United Arab Emirates", "AS", 36, 0, 10, "DU", "Dubai", 25.2048, 55.2708),
    ("IT", "Italy", "EU", 19, 25, 1, "62", "Lazio", 41.9028, 12.4964),
    ("LV", "Latvia", "EU", 39, 2, 2, "RIX", "Rīga", 56.9496, 24.1052),
    ("CL", "Chile", "SA", 41, 1, 0, "RM", "Santiago Metropolitan", -33.4489, -70.6693),
    ("AU", "Australia", "OC", 25, 14, 0, "NSW", "New South Wales", -33.8688, 151.2093),
    ("SE", "Sweden", "EU", 21, 11, 2, "AB", "Stockholm County", 59.3293, 18.0686),
    ("SG", "Singapore", "AS", 22, 9, 0, "01", "Central Singapore", 1.3521, 103.8198),
    ("PT", "Portugal", "EU", 10, 16, 0, "11", "Lisbon", 38.7223, -9.1393),
    ("SK", "Slovakia", "EU", 9, 12, 0, "BL", "Bratislava Region", 48.1486, 17.1077),
    ("BG", "Bulgaria", "EU", 16, 3, 1, "22", "Sofia-Capital", 42.6977, 23.3219),
    ("ZA", "South Africa", "AF", 10, 1, 6, "GP", "Gauteng", -26.2041, 28.0473),
    ("HU", "Hungary", "EU", 10, 4, 2, "BU", "Budapest", 47.4979, 19.0402),
    ("AR", "Argentina", "SA", 10, 6, 0, "C", "Buenos Aires F.D.", -34.6037, -58.3816),
    ("BE", "Belgium", "EU", 11, 0, 3, "BRU", "Brussels Capital", 50.8503, 4.3517),
    ("HK", "Hong Kong", "AS", 5, 5, 1, "HCW", "Central and Western District", 22.3193, 114.1694),
    ("CZ", "Czechia", "EU", 6, 4, 0, "10", "Hlavní město Praha", 50.0755, 14.4378),
    ("LT", "Lithuania", "EU", 8, 0, 0, "VL", "Vilnius", 54.6872, 25.2797),
    ("DM", "Dominica", "NA", 1, 7, 0, "04", "Saint George Parish", 15.3092, -61.3794),
    ("MY", "Malaysia", "AS", 0, 8, 0, "14", "Kuala Lumpur", 3.139, 101.6869),
    ("IL", "Israel", "AS", 0, 8, 0, "TA", "Tel Aviv", 32.0853, 34.7818),
    ("TR", "Türkiye", "AS", 0, 1, 4, "34", "İstanbul", 41.0082, 28.9784),
    ("IE", "Ireland", "EU", 4, 0, 0, "L", "Leinster", 53.3498, -6.2603),
    ("VN", "Vietnam", "AS", 4, 0, 0, "HN", "Hà Nội", 21.0278, 105.8342),
    ("NZ", "New Zealand", "OC", 3, 0, 1, "AUK", "Auckland", -36.8509, 174.7645),
    ("LU", "Luxembourg", "EU", 3, 0, 0, "LU", "Luxembourg", 49.6116, 6.1319),
    ("AT", "Austria", "EU", 1, 1, 1, "9", "Vienna", 48.2082, 16.3738),
    ("MD", "Moldova", "EU", 0, 3, 0, "CU", "Chișinău Municipality", 47.0105, 28.8638),
    ("BR", "Brazil", "SA", 0, 3, 0, "SP", "São Paulo", -23.5505, -46.6333),
    ("GR", "Greece", "EU", 2, 0, 0, "I", "Attica", 37.9838, 23.7275),
    ("TW", "Taiwan", "AS", 0, 1, 1, "TPE", "Taipei City", 25.033, 121.5654),
    ("AL", "Albania", "EU", 1, 0, 0, "11", "Tirana", 41.3275, 19.8187),
    ("RS", "Serbia", "EU", 1, 0, 0, "00", "Belgrade", 44.7866, 20.4489),
    ("SI", "Slovenia", "EU", 1, 0, 0, "061", "Ljubljana", 46.0569, 14.5058),
    ("MX", "Mexico", "NA", 1, 0, 0, "CMX", "Mexico City", 19.4326, -99.1332),
    ("TH", "Thailand", "AS", 0, 0, 1, "10", "Bangkok", 13.7563, 100.5018),
    ("PF", "French Polynesia", "OC", 1, 0, 0, "V", "Îles du Vent", -17.5346, -149.5703),
)

ORGANISATIONS = (
    "Hetzner Online GmbH",
    "GHOSTnet GmbH",
    "Stofa A/S",
    "OVH SAS",
    "Contabo GmbH",
    "netcup GmbH",
    "Comcast",
)


def weighted() -> tuple[list[Place], list[tuple[int, int, int]]]:
    """All places, and how many nodes of each tier the real network had in each."""
    places = [
        Place(CONTINENTS[continent], continent, name, code, region, region_name, lat, lon, ORGANISATIONS[at % 7])
        for at, (code, name, continent, _c, _n, _s, region, region_name, lat, lon) in enumerate(_ROWS)
    ]
    return places, [(row[3], row[4], row[5]) for row in _ROWS]
