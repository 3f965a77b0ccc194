# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between FluxOS 8.17, 8.18 and 8.20."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.profiles import profile_of
from tests.unit.simulator.conftest import Start

APPS = [
    {"name": "Tide", "owner": "@tide owner", "components": ["web", "cache"]},
    {"name": "Old", "owner": "@o", "version": 3},
]
VERSIONS = ("8.17.0", "8.18.0", "8.20.0")


@pytest.mark.parametrize(
    ("version", "profile"),
    [
        ("8.13.1", "8.17"),
        ("8.17.1", "8.17"),
        ("8.18.0", "8.18"),
        ("8.18.5-rc1", "8.18"),
        ("8.19.0", "8.20"),
        ("8.20.0", "8.20"),
        ("9.0.0", "8.20"),
    ],
)
def test_a_version_has_its_profile(version: str, profile: str) -> None:
    assert profile_of(version).name == profile


@pytest.mark.parametrize("version", VERSIONS)
def test_health_exists_since_8_19(start: Start, version: str) -> None:
    answer = start([{"version": version}]).get("/flux/health")
    if version == "8.20.0":
        expected = dict.fromkeys(("db", "syncthing", "docker", "hardware", "dos", "appsDos"), "ok")
        assert answer.json() == {"status": "success", "data": expected}
    else:
        assert answer.status_code == 404
        assert "Cannot GET /flux/health" in answer.text


@pytest.mark.parametrize("path", ["/flux/blockedports", "/flux/blockedrepositories"])
def test_blocked_lists_were_removed_in_8_19(start: Start, path: str) -> None:
    lab = start([{"version": version} for version in VERSIONS])
    assert [lab.get(path, node).status_code for node in lab.sim.addresses] == [200, 200, 404]


def test_container_rows_show_three_keys_since_8_18(start: Start) -> None:
    lab = start([{"version": version, "apps": ["Tide", "Old"]} for version in VERSIONS], apps=APPS)
    seen = [lab.data("/apps/listrunningapps", node) for node in lab.sim.addresses]
    for rows in seen:
        assert [row["Names"] for row in rows] == [["/fluxweb_Tide"], ["/fluxcache_Tide"], ["/fluxOld"]]
        assert {row["State"] for row in rows} == {"running"}
    assert "Image" in seen[0][0]
    assert all(set(row) == {"Names", "State", "Status"} for rows in seen[1:] for row in rows)


def test_pausing_is_gone_since_8_18(start: Start) -> None:
    lab = start([{"version": version, "apps": ["Tide"]} for version in VERSIONS], apps=APPS)
    from tests.simulator.keys import Person

    header = lab.self_issued(Person.named("tide owner"))
    answers: list[dict[str, Any]] = [
        lab.get("/apps/apppause/web_Tide", node, headers=header).json() for node in lab.sim.addresses
    ]
    assert answers[0]["data"] == "Flux App web_Tide successfully paused."
    assert [answer["data"]["code"] for answer in answers[1:]] == [410, 410]


def test_syncthing_on_arcane_is_degraded_and_on_legacy_a_failure(start: Start) -> None:
    lab = start([{"arcane": True}, {"arcane": False}])
    for node in lab.sim.addresses:
        lab.sim.fault(node, kind="health", check="syncthing")
    assert lab.data("/flux/health")["syncthing"] == "degraded"
    assert lab.error("/flux/health", lab.sim.addresses[1])["message"] == "Syncthing is not running properly"


def test_health_is_green_right_after_a_restart(start: Start) -> None:
    lab = start()
    lab.sim.restart(lab.first)
    lab.sim.advance(12)
    assert lab.data("/flux/health")["syncthing"] == "unmeasured"
    assert lab.data("/explorer/issynced") is False


def test_flux_info_of_arcane_and_legacy(start: Start) -> None:
    lab = start([{"arcane": True, "host": 1}, {"host": 1}], apps=APPS)
    arcane, legacy = (lab.data("/flux/info", node) for node in lab.sim.addresses)
    assert "arcaneVersion" in arcane["flux"]
    assert "arcaneVersion" not in legacy["flux"]
    assert arcane["flux"]["dosStaging"] is None
    assert arcane["benchmark"]["bench"]["ipaddress"] == lab.first.split(":")[0]
    assert legacy["node"]["status"]["ip"] == lab.sim.addresses[1]
    assert legacy["node"]["status"]["network"] == ""
    assert [lab.data("/flux/isarcaneos", node) for node in lab.sim.addresses] == [True, False]


def test_stopped_apps_may_be_negative(start: Start) -> None:
    lab = start([{"apps": ["Tide"]}], apps=APPS)
    assert lab.data("/apps/fluxusage")["stoppedApps"] == -1


def test_a_verb_is_promised_when_it_cannot_be_done(start: Start) -> None:
    lab = start([{}, {"apps": ["Tide"]}], apps=APPS)
    from tests.simulator.keys import Person

    header = lab.self_issued(Person.named("tide owner"))
    answer = lab.get("/apps/appstart/Tide", headers=header).json()
    assert answer["data"] == "Application Tide will be started: it is not installed on this node"
    lab.sim.fault(lab.sim.addresses[1], kind="docker_down")
    answer = lab.get("/apps/appstop/web_Tide", lab.sim.addresses[1], headers=header).json()
    assert answer["data"] == "Application web_Tide will be stopped: docker is not reachable"


def test_placement_locations_take_no_query(start: Start) -> None:
    lab = start()
    assert lab.data("/apps/placementlocations")["total"] == {"nodes": 1, "domains": 1}
    answer = lab.get("/apps/placementlocations?_=1")
    assert answer.status_code == 400
    assert answer.json()["data"]["message"] == "This endpoint takes no query parameters"


def test_peers(start: Start) -> None:
    lab = start([{} for _unused in range(3)])
    everybody = lab.data("/flux/peers")
    outbound, inbound = lab.data("/flux/peers/outbound"), lab.data("/flux/peers/inbound")
    assert outbound + inbound == everybody
    assert [row["ip"] for row in outbound] == lab.data("/flux/connectedpeers")
    assert [row["ip"] for row in inbound] == lab.data("/flux/incomingconnections")
    one = f"{outbound[0]['ip']}:{outbound[0]['port']}"
    assert lab.data(f"/flux/peers/{one}")[0] == outbound[0]
    assert lab.error("/flux/peers/9.9.9.9:1")["message"] == "Peer 9.9.9.9:1 not found"


def test_one_node_sees_another(start: Start) -> None:
    lab = start([{}, {"host": 9, "port": 16147}])
    path = "/flux/checkfluxavailability/" + lab.sim.addresses[1].replace(":", "/")
    assert lab.data(path)["message"] == "Asking Flux is available"
    lab.sim.fault(lab.sim.addresses[1], kind="unreachable")
    assert lab.error(path)["message"] == "Asking Flux is not available"
    assert lab.error("/flux/checkfluxavailability")["message"] == "No ip specified."
