# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run verbs of apps in three generations: words, locks, standbys, promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Lab, Start

OLD, NEW = "8.17.0", "8.20.0"
APPS = [
    {"name": "Tide", "components": ["web", "cache"], "version": 8},
    {"name": "Plain", "version": 3},
    {"name": "Elect", "components": ["web", {"name": "db", "data": "g:/data"}], "version": 8},
]
ALL = {"apps": ["Tide", "Plain", "Elect"]}


def _lab(start: Start, *versions: str) -> Lab:
    return start([{"version": version, **ALL} for version in versions], apps=APPS)


def _locked(lab: Lab, app: str, node: str | None = None) -> list[str]:
    containers = lab.sim.node(node or lab.first)["instances"][app]["containers"]
    return [name for name, row in containers.items() if row["locked"]]


def test_docker_s_words_up_to_8_17(start: Start) -> None:
    lab = _lab(start, OLD)
    header = lab.owner()
    assert lab.said("/apps/appstart/Tide", header) == "(HTTP code 304) container already started -  "
    assert lab.said("/apps/appstop/web_Tide", header) == "Flux App web_Tide successfully stopped."
    assert lab.said("/apps/appstop/web_Tide", header) == "Flux App web_Tide is already stopped."
    assert lab.states("Tide") == {"fluxweb_Tide": "exited", "fluxcache_Tide": "running"}
    assert lab.said("/apps/apprestart/web_Tide", header) == "Flux App web_Tide was stopped, successfully started."
    assert lab.said("/apps/apprestart/Plain", header) == "Flux App Plain successfully restarted."
    assert lab.said("/apps/apprestart/PLAIN", header) == "Cannot read properties of undefined (reading 'Id')"
    assert lab.said("/apps/appstop/fluxweb_Tide", header) == "Flux App fluxweb_Tide successfully stopped."


def test_one_running_component_keeps_the_whole_app_from_starting_up_to_8_17(start: Start) -> None:
    lab = _lab(start, OLD)
    header = lab.owner()
    lab.said("/apps/appstop/cache_Tide", header)
    assert lab.said("/apps/appstart/Tide", header) == "(HTTP code 304) container already started -  "
    assert lab.states("Tide")["fluxcache_Tide"] == "exited"
    assert _locked(lab, "Tide") == [], "its lock is cleared all the same"
    lab.sim.advance(3700)
    assert lab.states("Tide")["fluxcache_Tide"] == "running", "so the sweep starts it"


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_stop_outlives_sweep_restart_and_reboot(start: Start, version: str) -> None:
    lab = _lab(start, version)
    lab.said("/apps/appstop/Tide", lab.owner())
    assert _locked(lab, "Tide") == ["fluxweb_Tide", "fluxcache_Tide"]
    lab.sim.advance(3700)
    lab.sim.restart(lab.first, reboot=True)
    lab.sim.advance(200)
    assert set(lab.states("Tide").values()) == {"exited"}
    assert lab.states("Plain") == {"fluxPlain": "running"}


def test_always_the_same_words_since_8_18(start: Start) -> None:
    lab = _lab(start, "8.18.0", NEW)
    for node in lab.sim.addresses:
        header = lab.owner()
        assert lab.said("/apps/appstart/Tide", header, node) == "Application Tide started"
        assert lab.said("/apps/appstop/web_Tide", header, node) == "Application web_Tide stopped"
        assert lab.said("/apps/appstop/web_Tide", header, node) == "Application web_Tide stopped"
        assert lab.said("/apps/apprestart/Plain", header, node) == "Application Plain restarted"
        assert lab.said("/apps/appkill/cache_Tide", header, node) == "Application cache_Tide killed"
        assert lab.states("Tide", node) == {"fluxweb_Tide": "exited", "fluxcache_Tide": "exited"}
        assert lab.said("/apps/appstart/ghost_Tide", header, node) == "Component ghost not found in application Tide"
        assert lab.said("/apps/apppause/Tide", header, node).startswith("Pausing applications is no longer supported.")


@pytest.mark.parametrize("version", [OLD, NEW])
def test_the_operator_may_act_up_to_8_17_only(start: Start, version: str) -> None:
    lab = _lab(start, version)
    answer = lab.get("/apps/apprestart/Plain", headers=lab.self_issued(lab.sim.operator)).json()
    assert (answer["status"] == "success") is (version == OLD)
    assert lab.sim.requests(path="/apps/apprestart/Plain")[-1]["authorized"] is (version == OLD)


def test_a_standby_is_not_started_up_to_8_17(start: Start) -> None:
    lab = _lab(start, OLD, OLD)
    second, header = lab.sim.addresses[1], lab.owner()
    assert lab.states("Elect", second)["fluxdb_Elect"] == "exited"
    words = "Component db_Elect uses g:syncthing mode and is not running - skipped start"
    assert lab.said("/apps/appstart/db_Elect", header, second) == words
    assert lab.said("/apps/apprestart/Elect", header, second) == "Application Elect restarted"
    assert lab.states("Elect", second) == {"fluxweb_Elect": "running", "fluxdb_Elect": "exited"}


def test_a_standby_waits_for_the_election_since_8_18(start: Start) -> None:
    lab = _lab(start, NEW, NEW)
    first, second = lab.sim.addresses
    header = lab.owner()
    standby = "Application db_Elect will be started: the election has not made this node the writer"
    assert lab.said("/apps/appstart/db_Elect", header, second) == standby
    assert lab.said("/apps/apprestart/db_Elect", header, first) == "Application db_Elect restarted"
    lab.said("/apps/appstop/db_Elect", header, first)
    waiting = "Application db_Elect will be started: waiting for the election"
    assert lab.said("/apps/appstart/db_Elect", header, second) == waiting
    lab.sim.advance(150)
    assert lab.states("Elect", second)["fluxdb_Elect"] == "exited", "the first one in line is asked for 3 minutes"
    lab.sim.advance(100)
    assert lab.states("Elect", second)["fluxdb_Elect"] == "running"
    assert lab.states("Elect", first)["fluxdb_Elect"] == "exited", "it is locked"
    lab.said("/apps/appstart/db_Elect", header, first)
    lab.sim.advance(100)
    assert lab.states("Elect", first)["fluxdb_Elect"] == "exited", "the primary stays"


def test_what_the_reconciler_has_not_done_yet_is_promised(start: Start) -> None:
    lab = _lab(start, NEW)
    header = lab.owner()
    lab.sim.fault(lab.first, kind="reconciler_slow", seconds=20, count=1)
    words = "Application Tide will be stopped: the reconciler has not stopped it yet"
    assert lab.said("/apps/appstop/Tide", header) == words
    assert set(lab.states("Tide").values()) == {"running"}
    lab.sim.advance(21)
    assert set(lab.states("Tide").values()) == {"exited"}
    lab.sim.fault(lab.first, kind="node_busy", what="soft redeploy", for_seconds=30)
    words = "Application Tide will be started: the reconciler has not started it yet"
    assert lab.said("/apps/appstart/Tide", header) == words
    lab.sim.advance(40)
    assert set(lab.states("Tide").values()) == {"running"}
    lab.sim.fault(lab.first, kind="docker_down")
    assert lab.said("/apps/appstop/Plain", header) == "Application Plain will be stopped: docker is not reachable"


def test_a_process_that_exits_is_started_again_later_and_later(start: Start) -> None:
    lab = _lab(start, NEW)
    for seconds in (2, 32):
        lab.sim.fault(lab.first, kind="crash", name="web_Tide", code=3)
        row = next(row for row in lab.data("/apps/listallapps") if row["Names"] == ["/fluxweb_Tide"])
        assert row["Status"].startswith("Exited (3) ")
        lab.sim.advance(seconds)
        assert lab.states("Tide")["fluxweb_Tide"] == "running"
    lab.sim.fault(lab.first, kind="crash", name="web_Tide")
    lab.sim.advance(200)
    assert lab.states("Tide")["fluxweb_Tide"] == "exited"
    lab.sim.advance(200)
    assert lab.states("Tide")["fluxweb_Tide"] == "running"


@pytest.mark.parametrize("version", [OLD, NEW])
def test_app_control_is_not_to_be_kept_since_8_18(start: Start, version: str) -> None:
    lab = _lab(start, version)
    answer = lab.get("/apps/apprestart/Tide", headers=lab.owner())
    assert answer.headers.get("Cache-Control") == (None if version == OLD else "no-store")


def test_a_later_wish_wins(start: Start) -> None:
    lab = _lab(start, NEW)
    header = lab.owner()
    lab.sim.fault(lab.first, kind="reconciler_slow", seconds=20, count=1)
    lab.said("/apps/appstop/Plain", header)
    assert lab.said("/apps/appstart/Plain", header) == "Application Plain started"
    lab.sim.advance(30)
    assert lab.states("Plain") == {"fluxPlain": "running"}


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_container_that_was_removed_by_hand(start: Start, version: str) -> None:
    lab = _lab(start, version)
    header = lab.owner()
    lab.sim.fault(lab.first, kind="container_missing", name="fluxweb_Tide")
    assert "/fluxweb_Tide" not in [row["Names"][0] for row in lab.data("/apps/listallapps")]
    said = lab.said("/apps/appstart/web_Tide", header)
    if version == OLD:
        assert said == "Cannot read properties of undefined (reading 'Id')"
        lab.sim.heal(lab.first, "container_missing")
    else:
        assert said == "Application web_Tide started"
    assert lab.states("Tide")["fluxweb_Tide"] == "running"
    assert lab.sim.files(lab.first, "fluxweb_Tide") == {"appdata/marker": b"data of fluxweb_Tide\n"}


def test_a_global_command_goes_to_every_instance(start: Start) -> None:
    lab = _lab(start, NEW, OLD, NEW)
    header = lab.owner()
    answer = lab.get("/apps/appstop/Tide/true", headers=header).json()
    assert answer == {"status": "success", "data": {"message": "Tide queried for global stop"}}
    lab.sim.advance(5)
    assert all(set(lab.states("Tide", node).values()) == {"exited"} for node in lab.sim.addresses)
    passed = [line for line in lab.sim.requests(path="/apps/appstop/Tide") if "by" in line]
    assert [line["node"] for line in passed] == lab.sim.addresses
    assert {(line["by"], line["authorized"], line["write"]) for line in passed} == {(lab.first, True, True)}
    answer = lab.get("/apps/appstop/web_Tide/true", headers=header).json()
    assert answer["data"]["message"] == "web_Tide queried for global stop"
    lab.sim.advance(5)
    assert not lab.sim.requests(path="/apps/appstop/web_Tide"), "a component has no locations"


def test_the_built_in_scenario_of_instances() -> None:
    with RunningSimulator("instances", time_factor=0) as sim:
        assert {node.version for node in sim.nodes} == {"8.20.0", "8.18.0", "8.17.0"}
        assert all(len(node.apps) == 4 for node in sim.nodes)
        databases = [sim.node(node)["instances"]["ReefMail"]["containers"]["fluxdb_ReefMail"] for node in sim.addresses]
        assert sorted(row["state"] for row in databases) == ["exited"] * 8 + ["running"]
        (owner,) = sim.call(lambda fleet: fleet.state()["owners"])
        assert owner["flux_id"] == Person.named("app owner").flux_id
