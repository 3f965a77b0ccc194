# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redeploys, removals and installations: their streams, what is kept and what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.unit.simulator.conftest import objects

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Lab, Start

OLD, NEW = "8.17.0", "8.20.0"
APPS = [
    {"name": "Tide", "components": ["web", "cache"], "version": 8},
    {"name": "Plain", "version": 3},
    {"name": "Sync", "components": [{"name": "db", "data": "r:/data"}, {"name": "main", "data": "g:/data"}]},
]
DONE = {"message": "Flux App Tide successfully installed and launched"}
MARKER = {"appdata/marker": b"data of fluxweb_Tide\n"}


def _lab(start: Start, version: str = NEW, **node: Any) -> Lab:
    return start([{"version": version, "apps": ["Tide", "Plain", "Sync"], **node}], apps=APPS)


def _statuses(stream: list[dict[str, Any]]) -> list[str]:
    return [row["status"] for row in stream if "data" not in row]


@pytest.mark.parametrize("version", [OLD, "8.18.0", NEW])
def test_a_soft_redeploy_keeps_data_and_lock(start: Start, version: str) -> None:
    lab = _lab(start, version)
    header = lab.owner()
    lab.said("/apps/appstop/cache_Tide", header)
    before = lab.sim.node(lab.first)["instances"]["Tide"]["containers"]["fluxweb_Tide"]["id"]
    stream = lab.stream("/apps/redeploy/Tide", header)
    texts = _statuses(stream)
    assert texts[0] == "Stopping Flux App Component cache..."
    assert "Flux App component web of Tide was successfully removed" in texts
    assert {"status": "success", "data": {"message": "Application softly removed. Awaiting installation..."}} in stream
    assert "Creating component web of local Flux App Tide" in texts
    assert {"status": "success", "data": "Flux App web_Tide successfully started."} in stream
    assert stream[-1] == {"status": "success", "data": DONE}
    assert lab.sim.files(lab.first, "fluxweb_Tide") == MARKER
    assert lab.sim.node(lab.first)["instances"]["Tide"]["containers"]["fluxweb_Tide"]["id"] != before
    assert lab.states("Tide") == {"fluxweb_Tide": "running", "fluxcache_Tide": "running"}
    lab.sim.advance(3700)
    assert lab.states("Tide")["fluxcache_Tide"] == "exited", "its lock was kept, and the sweep obeys it"
    assert "apps_removed" not in lab.whats()
    assert [line["why"] for line in lab.sim.states(what="redeployed")] == ["soft"]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_hard_redeploy_loses_data_and_lock(start: Start, version: str) -> None:
    lab = _lab(start, version)
    header = lab.owner()
    lab.said("/apps/appstop/Tide", header)
    stream = lab.stream("/apps/redeploy/Tide/true", header)
    assert "Volume mount verified for component web" in _statuses(stream)
    assert stream[-1]["data"] == DONE
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {}
    assert set(lab.states("Tide").values()) == {"running"}
    lab.sim.advance(3700)
    assert set(lab.states("Tide").values()) == {"running"}
    lost = [line["why"].split(":")[0] for line in lab.sim.states(what="volume_deleted")]
    assert lost == ["fluxcache_Tide", "fluxweb_Tide"]


def test_an_app_of_version_3_has_its_own_words(start: Start) -> None:
    lab = _lab(start)
    stream = lab.stream("/apps/redeploy/Plain", lab.owner())
    texts = _statuses(stream)
    assert "Stopping Flux App Plain..." in texts
    assert "Pulling global Flux App Plain was successful" in texts
    assert "Creating local Flux App Plain" in texts
    assert stream[-1]["data"]["message"] == "Flux App Plain successfully installed and launched"


def test_synced_components_start_later(start: Start) -> None:
    lab = _lab(start)
    lab.sim.fault(lab.first, kind="no_election")
    stream = lab.stream("/apps/redeploy/Sync/true", lab.owner(), seconds=60)
    assert stream[-1]["data"]["message"] == "Flux App Sync successfully installed and launched"
    assert "Creating .stfolder for syncthing..." in _statuses(stream)
    assert lab.states("Sync") == {"fluxdb_Sync": "created", "fluxmain_Sync": "created"}
    lab.sim.heal(lab.first, "no_election")
    lab.sim.advance(150)
    assert lab.states("Sync") == {"fluxdb_Sync": "running", "fluxmain_Sync": "running"}


def test_a_redeploy_brings_the_registered_specification_and_image(start: Start) -> None:
    lab = _lab(start, outdated=["Tide"])
    installed = lab.data("/apps/installedapps/Tide")[0]["hash"]
    registered = lab.data("/apps/appspecifications/Tide")["hash"]
    assert installed != registered
    assert lab.data("/apps/location/Tide")[0]["hash"] == installed
    lab.sim.push_image("nginx:1.27-alpine")
    header = lab.owner()
    before = lab.get("/apps/appinspect/web_Tide", headers=header).json()["data"]["Image"]
    lab.stream("/apps/redeploy/Tide", header)
    assert lab.data("/apps/installedapps/Tide")[0]["hash"] == registered
    assert lab.get("/apps/appinspect/web_Tide", headers=header).json()["data"]["Image"] != before
    lab.sim.update_app("Tide", image="nginx:1.28-alpine")
    assert lab.data("/apps/appspecifications/Tide")["compose"][0]["repotag"] == "nginx:1.28-alpine"
    assert lab.data("/apps/installedapps/Tide")[0]["hash"] == registered


@pytest.mark.parametrize("phase", ["removal", "requirements", "install"])
@pytest.mark.parametrize("hard", ["false", "true"])
@pytest.mark.parametrize("version", [OLD, "8.18.0", NEW])
def test_a_redeploy_that_fails(start: Start, version: str, hard: str, phase: str) -> None:
    lab = _lab(start, version)
    lab.sim.fault(lab.first, kind="redeploy_fails", phase=phase, message="no room", app="Tide", count=1)
    stream = lab.stream(f"/apps/redeploy/Tide/{hard}", lab.owner())
    assert DONE not in [row.get("data") for row in stream]
    reason = {"status": "error", "data": {"name": "Error", "message": "no room"}}
    if version == OLD:
        assert (reason in stream) is (phase == "install"), "only a failing installation is told"
        assert stream[-1]["data"]["message"] == "Removal step done. Result: Flux App Tide was successfuly removed"
        assert stream[-1]["status"] == "success"
        assert "Tide" not in lab.sim.node(lab.first)["apps"]
        lost = lab.sim.states(what="apps_removed")
        assert [(line["apps"], line["data_lost"]) for line in lost] == [(["Tide"], True)]
        assert "data_lost" in lost[0]["why"]
        return
    assert stream[-1] == reason
    assert lab.sim.node(lab.first)["apps"] == ["Tide", "Plain", "Sync"] or phase == "install"
    lab.sim.advance(100)
    assert set(lab.states("Tide").values()) == {"running"}
    assert lab.sim.files(lab.first, "fluxweb_Tide") == MARKER
    assert "apps_removed" not in lab.whats()


@pytest.mark.parametrize("version", [OLD, NEW])
def test_one_operation_at_a_time(start: Start, version: str) -> None:
    lab = _lab(start, version)
    header = lab.owner()
    first = lab.get("/apps/redeploy/Tide", headers=header, stream=True)
    busy = lab.get("/apps/redeploy/Plain", headers=header, stream=True)
    piece = next(busy.iter_content(4096))
    assert objects(piece.decode()) == [
        {"status": "warning", "data": {"message": "Another application is undergoing soft redeploy"}}
    ]
    if version == OLD:
        busy.close()
        with pytest.raises(requests.ConnectionError):
            assert lab.http.get(f"http://{lab.first}/apps/redeploy/Plain", headers=header, timeout=0.5).text
    else:
        assert busy.raw.read() == b""
    lab.sim.advance(100)
    assert objects(first.text)[-1]["data"] == DONE
    outcomes = [line["outcome"] for line in lab.sim.requests(path="/apps/redeploy/Plain")]
    assert set(outcomes) == {"warning"}


@pytest.mark.parametrize("finishes", [True, False])
def test_a_stream_that_never_ends(start: Start, finishes: bool) -> None:
    lab = _lab(start)
    lab.sim.fault(lab.first, kind="stream_stall", after=5, finishes=finishes, count=1)
    with pytest.raises(requests.ConnectionError):
        assert lab.http.get(f"http://{lab.first}/apps/redeploy/Tide", headers=lab.owner(), timeout=0.5).text
    lab.sim.advance(200)
    assert ("redeployed" in lab.whats()) is finishes, "it goes on without its client, or stands still"
    answer = lab.get("/apps/redeploy/Plain", headers=lab.owner(), stream=True)
    assert (b"undergoing soft redeploy" in next(answer.iter_content(4096))) is not finishes


@pytest.mark.parametrize(("kind", "outcome"), [("truncate", "truncated"), ("stall", "stalled"), ("reset", "reset")])
def test_faults_of_the_wire_within_a_stream(start: Start, kind: str, outcome: str) -> None:
    lab = _lab(start)
    lab.sim.fault(lab.first, kind=kind, path="/apps/redeploy/*", bytes=60, late=True)
    with pytest.raises(requests.RequestException):
        assert lab.http.get(f"http://{lab.first}/apps/redeploy/Tide", headers=lab.owner(), timeout=0.5).text
    assert lab.sim.requests(path="/apps/redeploy/Tide")[-1]["outcome"] == outcome
    lab.sim.advance(200)
    assert "redeployed" in lab.whats()


def test_a_process_that_dies_within_a_redeploy_has_lost_the_app(start: Start) -> None:
    lab = _lab(start)
    answer = lab.get("/apps/redeploy/Tide", headers=lab.owner(), stream=True)
    lab.sim.advance(20)
    lab.sim.restart(lab.first)
    with pytest.raises(requests.RequestException):
        assert answer.text
    lab.sim.advance(200)
    assert lab.sim.states(what="apps_removed")[0]["apps"] == ["Tide"]
    assert lab.data("/apps/installedapps/Tide") == []


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_component_alone(start: Start, version: str) -> None:
    lab = _lab(start, version)
    header = lab.owner()
    assert lab.said("/apps/redeploycomponent/Tide/ghost", header) == "Component ghost not found in application Tide"
    assert lab.said("/apps/redeploycomponent/Plain/web", header) == "Application Plain is not a composed application"
    assert lab.said("/apps/redeploy/web_Tide", header) == "Component cannot be redeployed manually"
    stream = lab.stream("/apps/redeploycomponent/Tide/web/true", header)
    if version == OLD:
        assert "Tide" not in lab.sim.node(lab.first)["apps"], "broken up to 8.17: it costs the whole app"
        return
    assert stream[-1]["data"]["message"] == "Component web of Tide redeployed successfully"
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {}
    assert lab.sim.files(lab.first, "fluxcache_Tide") == {"appdata/marker": b"data of fluxcache_Tide\n"}


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_removal(start: Start, version: str) -> None:
    lab = _lab(start, version)
    header = lab.owner()
    assert lab.said("/apps/appremove/web_Tide", header) == "Components cannot be removed manually"
    stream = lab.stream("/apps/appremove/Tide", header)
    assert stream[-1]["data"]["message"] == "Removal step done. Result: Flux App Tide was successfuly removed"
    assert lab.data("/apps/location/Tide") == []
    assert lab.sim.states(what="apps_removed")[0]["why"] == "removed by its owner; data_lost"
    assert lab.stream("/apps/appremove/Tide", header)[-1]["data"]["message"] == "Flux App not found"
    expected = "No Flux App specified" if version == NEW else "Cannot read properties of undefined (reading 'includes')"
    assert lab.said("/apps/appremove", header) == expected


@pytest.mark.parametrize(
    ("version", "hard", "installed"), [(OLD, "true", True), (OLD, "", False), (NEW, "true", False)]
)
def test_a_redeploy_where_the_app_is_not(start: Start, version: str, hard: str, installed: bool) -> None:
    lab = start([{"version": version}], apps=APPS)
    stream = lab.stream(f"/apps/redeploy/Tide/{hard}", lab.owner())
    assert stream[0]["data"]["message"] == "Flux App not found"
    assert (lab.data("/apps/installedapps/Tide") != []) is installed


def test_who_may_install(start: Start) -> None:
    lab = start([{"version": OLD}, {"version": NEW}], apps=APPS)
    header = lab.login()
    stream = lab.stream("/apps/installapplocally/Tide", header)
    assert stream[-1]["data"] == DONE
    answer = lab.get("/apps/installapplocally/Tide", lab.sim.addresses[1], headers=lab.login(node=lab.sim.addresses[1]))
    assert answer.json()["data"]["code"] == 401, "since 8.18 the team only"


def test_a_test_installation_leaves_nothing_and_costs_an_app_that_is_there_up_to_8_17(start: Start) -> None:
    lab = start([{"version": OLD, "apps": ["Plain"]}], apps=APPS)
    header = lab.login()
    assert lab.stream("/apps/testappinstall/Tide", header)[-1]["data"] == DONE
    assert lab.sim.node(lab.first)["apps"] == ["Plain"]
    with pytest.raises(requests.ConnectionError):
        assert lab.http.get(f"http://{lab.first}/apps/testappinstall/Plain", headers=header, timeout=0.5).text
    assert lab.sim.node(lab.first)["apps"] == []


def test_the_structure_of_version_8_changed(start: Start) -> None:
    lab = _lab(start)
    lab.sim.update_app("Tide", components=["web"])
    stream = lab.stream("/apps/redeploy/Tide", lab.owner())
    assert stream[0]["status"] == "warning"
    assert "Escalating to hard redeploy" in stream[0]["data"]["message"]
    assert lab.states("Tide") == {"fluxweb_Tide": "running"}
    assert [part["name"] for part in lab.data("/apps/installedapps/Tide")[0]["compose"]] == ["web"]
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {}
