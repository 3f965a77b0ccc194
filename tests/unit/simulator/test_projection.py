# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projections of stats: the semantics of a MongoDB inclusion projection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.projection import BadProjection, compile_names, names_of, project

DOCUMENT: dict[str, Any] = {
    "ip": "1.2.3.4:16137",
    "flux": {"version": "8.18.0", "dos": {"dosState": 0, "dosMessage": None}},
    "apps": {"fluxusage": "0", "runningapps": [{"Names": ["/a"], "State": "running"}, "odd", [{"Names": ["/b"]}], {}]},
    "geolocation": {"country": "Germany", "lat": 1, "regionName": "Saxony"},
    "error": None,
}


def kept(text: str) -> dict[str, Any]:
    """What a projection leaves of the document."""
    return project(DOCUMENT, compile_names(names_of(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ip", {"ip": "1.2.3.4:16137"}),
        ("flux.version,ip", {"ip": "1.2.3.4:16137", "flux": {"version": "8.18.0"}}),
        ("flux.dos.dosMessage", {"flux": {"dos": {"dosMessage": None}}}),
        ("nosuch", {}),
        ("ip, tier", {"ip": "1.2.3.4:16137"}),
        ("flux.nosuch", {"flux": {}}),
        ("ip.deeper", {}),
        ("error", {"error": None}),
        ("apps.fluxusage.totalApps", {"apps": {}}),
        # Through an array to each element: what is neither object nor array is dropped, what lacks the field is empty.
        ("apps.runningapps.Names", {"apps": {"runningapps": [{"Names": ["/a"]}, [{"Names": ["/b"]}], {}]}}),
        ("geo", {"geolocation": {"country": "Germany", "regionName": "Saxony"}}),
        ("geolocation,geo", {"geolocation": DOCUMENT["geolocation"]}),
        ("ip,ip", {"ip": "1.2.3.4:16137"}),
    ],
)
def test_what_is_kept(text: str, expected: dict[str, Any]) -> None:
    assert kept(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("apps,apps.resources", 31249, "Path collision at apps.resources remaining portion resources"),
        ("apps.resources,apps", 31250, "Path collision at apps"),
        ("geo,geolocation.country", 31250, "Path collision at geolocation.country"),
        ("flux,flux.dos.dosState", 31249, "Path collision at flux.dos.dosState remaining portion dos.dosState"),
        ("$ip", 16410, "may not start with '$'"),
        ("flux.$x", 16410, "may not start with '$'"),
        ("ip,,tier", 40352, "empty string"),
        ("flux.", 40353, "must not end with a '.'"),
        ("flux..version", 15998, "may not be empty"),
    ],
)
def test_what_mongodb_refuses(text: str, code: int, said: str) -> None:
    with pytest.raises(BadProjection) as refused:
        kept(text)
    assert refused.value.code == code
    assert said in refused.value.message


def test_the_order_of_the_names_is_part_of_the_key() -> None:
    assert names_of("ip,tier") != names_of("tier,ip")
    assert names_of("ip,geo")[0] == "geolocation.continent"
    assert names_of("ip,tier,ip") == ("ip", "tier")
