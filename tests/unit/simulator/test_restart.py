# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart, boot, and the moments at which a node loses its apps."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.unit.simulator.conftest import BYPASS, Start

APPS = [{"name": name, "owner": "@o", "components": ["web"]} for name in ("One", "Two", "Three")]
HOLDER: dict[str, Any] = {"apps": ["One", "Two", "Three"]}
IN_WINDOW = {
    "code": 503,
    "name": "ServiceUnavailable",
    "message": "Node is still reconciling its applications after boot",
}


def test_a_legacy_node_drops_the_connection_and_comes_back(start: Start) -> None:
    lab = start([{**HOLDER, "uptime": 500_000}], apps=APPS)
    lab.restart()
    assert lab.sim.requests(path="/flux/restart")[-1]["outcome"] == "dropped"
    with pytest.raises(requests.ConnectionError, match="refused"):
        lab.get("/flux/version")
    lab.sim.advance(7.9)
    with pytest.raises(requests.ConnectionError, match="refused"):
        lab.get("/flux/version")
    lab.sim.advance(0.2)
    assert lab.data("/flux/uptime") == 0
    assert lab.data("/explorer/issynced") is False
    lab.sim.advance(200)
    assert lab.whats() == ["down", "up", "session_dropped", "boot_settled"]
    assert lab.sim.node(lab.first)["apps"] == ["One", "Two", "Three"]
    assert all(lab.sim.node(lab.first)["containers"].values()), "containers run through a restart of FluxOS"


def test_a_restart_may_be_answered(start: Start) -> None:
    lab = start([{"timings": {"restart_answer": "answer"}}])
    answer = lab.get("/flux/restart", headers=lab.login())
    assert answer.json() == {"status": "success", "data": "Restarting FluxOS"}
    lab.sim.advance(1)
    assert not lab.sim.node(lab.first)["up"]


def test_arcane_answers_an_error_and_nothing_restarts(start: Start) -> None:
    lab = start([{"arcane": True}])
    answer = lab.get("/flux/restart", headers=lab.login()).json()
    assert answer == {"status": "error", "data": {"code": "ENOENT", "name": "Error", "message": "spawn pm2 ENOENT"}}
    assert lab.sim.node(lab.first)["restarts"] == 0


def test_arcane_restarts_from_its_host(start: Start) -> None:
    lab = start([{"arcane": True, "version": "8.18.0", "disk_version": "8.20.0"}])
    requests.post(f"{lab.sim.control}/nodes/{lab.first}/restart", timeout=10).raise_for_status()
    lab.sim.advance(100)
    assert lab.data("/flux/version") == "8.20.0"
    assert lab.sim.states(what="down")[0]["why"] == "restart on the host"


def test_the_version_on_disk_runs_after_a_restart(start: Start) -> None:
    lab = start([{"version": "8.17.0", "disk_version": "8.20.0"}])
    assert lab.get("/flux/health").status_code == 404
    lab.restart()
    lab.sim.advance(100)
    assert lab.data("/flux/version") == "8.20.0"
    assert lab.get("/flux/health").status_code == 200


@pytest.mark.parametrize(("version", "window"), [("8.17.0", False), ("8.18.0", True), ("8.20.0", True)])
def test_the_boot_window(start: Start, version: str, window: bool) -> None:
    lab = start([{"version": version}])
    lab.restart()
    lab.sim.advance(8 + 74)
    answer = lab.get("/apps/appstart/x")
    if window:
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "15"
        assert answer.json()["data"] == IN_WINDOW
    else:
        assert answer.json()["data"]["code"] == 401
    lab.sim.advance(2)
    assert lab.get("/apps/appstart/x").json()["data"]["code"] == 401


def test_a_node_that_started_a_moment_ago_is_in_its_boot_window(start: Start) -> None:
    lab = start([{"uptime": 20}])
    assert lab.data("/explorer/issynced") is False
    assert lab.get("/apps/appstart/x").status_code == 503
    lab.sim.advance(54)
    assert lab.get("/apps/appstart/x").status_code == 503
    lab.sim.advance(2)
    assert lab.get("/apps/appstart/x").status_code == 200
    assert lab.data("/explorer/issynced") is True


def test_the_probe_of_the_boot_window_is_no_write(start: Start) -> None:
    lab = start()
    lab.get("/apps/appstart/x")
    assert lab.sim.requests(path="/apps/appstart/x")[-1]["write"] is False


def test_peers_come_back_slowly_and_the_numbers_rise(start: Start) -> None:
    lab = start()
    lab.restart()
    lab.sim.advance(9)
    found = []
    for _unused in range(5):
        found.append(lab.error("/flux/checkcommunication")["message"])
        lab.sim.advance(28)
    assert found == sorted(found)
    assert len(set(found)) == 5
    assert found[0] == "Not enough outgoing connections established to Flux network. Minimum required 8 found 0"
    lab.sim.advance(20)
    assert lab.data("/flux/checkcommunication")["message"] == "Communication to Flux network is properly established"


def test_a_restart_clears_dos_unless_it_is_a_hold(start: Start) -> None:
    lab = start([{"dos": {"state": 12, "message": "m"}}, {"dos": {"state": 12, "message": "m", "sticky": True}}])
    for node in lab.sim.addresses:
        lab.sim.restart(node)
    lab.sim.advance(10)
    assert [lab.data("/flux/dosstate", node)["dosState"] for node in lab.sim.addresses] == [0, 12]


# -- losing apps at a start --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("down", "lost"), [(330, False), (440, True)])
def test_a_reboot_of_more_than_7_minutes_loses_all_apps(start: Start, down: float, lost: bool) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.restart(lab.first, down_seconds=down, reboot=True)
    assert not any(lab.sim.node(lab.first)["containers"].values())
    lab.sim.advance(down + 120)
    node = lab.sim.node(lab.first)
    assert node["apps"] == ([] if lost else ["One", "Two", "Three"])
    assert ("apps_removed" in lab.whats()) is lost
    assert lost or all(node["containers"].values()), "stopped containers start again when the boot is settled"


def test_a_reboot_that_settles_after_the_location_rows_ran_out_loses_stopped_apps(start: Start) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.restart(lab.first, down_seconds=390, reboot=True)
    lab.sim.advance(390 + 120)
    lost = lab.sim.states(what="apps_removed")
    assert [line["why"] for line in lost] == ["no valid location record at the start"]


@pytest.mark.parametrize(("down", "lost"), [(7400, False), (7560, True)])
def test_without_the_marker_it_is_125_minutes(start: Start, down: float, lost: bool) -> None:
    lab = start([{**HOLDER, "confirmation_age": 0}], apps=APPS)
    lab.sim.restart(lab.first, down_seconds=down)
    lab.sim.advance(down + 120)
    assert lab.sim.node(lab.first)["apps"] == ([] if lost else ["One", "Two", "Three"])


def test_a_daemon_that_is_not_ready_within_5_minutes_costs_the_apps(start: Start) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.fault(lab.first, kind="daemon_down")
    lab.sim.restart(lab.first)
    lab.sim.advance(8 + 3 + 295)
    assert lab.sim.node(lab.first)["apps"] == ["One", "Two", "Three"]
    lab.sim.advance(10)
    lost = lab.sim.states(what="apps_removed")
    assert [(line["why"], line["apps"]) for line in lost] == [
        ("daemon not ready within 5 minutes of the start", ["One", "Two", "Three"])
    ]
    lab.sim.heal(lab.first)
    lab.sim.advance(120)
    assert lab.sim.node(lab.first)["boot_settled"]


def test_a_daemon_that_is_ready_within_5_minutes_does_not(start: Start) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.fault(lab.first, kind="daemon_warming", for_seconds=200)
    lab.sim.restart(lab.first)
    lab.sim.advance(400)
    assert lab.sim.node(lab.first)["apps"] == ["One", "Two", "Three"]
    assert lab.whats()[-1] == "boot_settled"


def test_a_start_while_not_confirmed_costs_the_apps(start: Start) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.fault(lab.first, kind="unhealthy_after_restart", what={"kind": "status", "value": "OFFLINE"})
    lab.sim.restart(lab.first)
    lab.sim.advance(12)
    assert lab.sim.states(what="apps_removed")[0]["why"] == "not CONFIRMED at the start: OFFLINE"


def test_an_explorer_that_never_syncs_costs_the_apps_after_5_minutes(start: Start) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.fault(lab.first, kind="unhealthy_after_restart", what="explorer")
    lab.sim.restart(lab.first)
    lab.sim.advance(8 + 3 + 290)
    assert lab.sim.node(lab.first)["apps"]
    lab.sim.advance(20)
    assert lab.sim.node(lab.first)["apps"] == []


def test_dos_100_at_the_start_costs_the_apps(start: Start) -> None:
    lab = start([{**HOLDER, "dos": {"state": 100, "message": "held", "sticky": True}}], apps=APPS)
    lab.sim.restart(lab.first)
    lab.sim.advance(12)
    assert lab.sim.states(what="apps_removed")[0]["why"] == "in DOS at the start"


# -- losing apps while running -----------------------------------------------------------------------------------------


def test_one_poll_that_says_not_confirmed_removes_apps_one_by_one(start: Start) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.fault(lab.first, kind="status", value="OFFLINE")
    lab.sim.advance(31)
    assert lab.sim.node(lab.first)["apps"] == ["Two", "Three"]
    lab.sim.advance(58)
    assert lab.sim.node(lab.first)["apps"] == ["Two", "Three"]
    lab.sim.advance(2)
    assert lab.sim.node(lab.first)["apps"] == ["Three"]
    lab.sim.heal(lab.first)
    lab.sim.advance(300)
    assert lab.sim.node(lab.first)["apps"] == ["Three"]


def test_a_daemon_gone_for_125_minutes_removes_apps(start: Start) -> None:
    lab = start([{**HOLDER, "confirmation_age": 0}], apps=APPS)
    lab.sim.fault(lab.first, kind="daemon_down")
    lab.sim.advance(7400)
    assert lab.sim.node(lab.first)["apps"] == ["One", "Two", "Three"]
    lab.sim.advance(400)
    assert lab.sim.node(lab.first)["apps"] == []
    assert {line["why"] for line in lab.sim.states(what="apps_removed")} == {"daemon unreachable for 125 minutes"}


def test_a_daemon_unsynced_for_2_hours_removes_apps_3_minutes_apart(start: Start) -> None:
    lab = start([{**HOLDER, "confirmation_age": 0}], apps=APPS)
    lab.sim.fault(lab.first, kind="daemon_syncing", behind=300)
    lab.sim.advance(7200)
    assert lab.sim.node(lab.first)["apps"] == ["One", "Two", "Three"]
    lab.sim.advance(1600)
    lost = lab.sim.states(what="apps_removed")
    assert [line["apps"] for line in lost] == [["One"], ["Two"], ["Three"]]
    assert 180 <= lost[1]["sim"] - lost[0]["sim"] <= 210


def test_dos_100_removes_all_apps_at_the_20_minute_tick(start: Start) -> None:
    lab = start([HOLDER], apps=APPS)
    lab.sim.set(lab.first, dos={"state": 100, "message": "m"})
    lab.sim.advance(1260)
    assert [line["apps"] for line in lab.sim.states(what="apps_removed")] == [["One", "Two", "Three"]]


def test_removed_apps_leave_the_location_list_at_once(start: Start) -> None:
    lab = start([HOLDER, {"apps": ["One"]}], apps=APPS)
    assert len(lab.data("/apps/location/One", lab.sim.addresses[1])) == 2
    lab.sim.fault(lab.first, kind="status", value="expired")
    lab.sim.advance(31)
    rows = lab.data("/apps/location/One", lab.sim.addresses[1])
    assert [row["ip"] for row in rows] == [lab.sim.addresses[1]]


def test_location_rows_live_125_minutes_without_a_refresh(start: Start) -> None:
    lab = start([{**HOLDER, "confirmation_age": 0}, {}], apps=APPS)
    lab.sim.advance(4000)
    other = lab.sim.addresses[1]
    assert len(lab.data("/apps/locations", other)) == 3
    lab.sim.fault(lab.first, kind="never_up")
    lab.sim.restart(lab.first)
    lab.sim.advance(3800)
    assert len(lab.data("/apps/locations", other)) == 3
    lab.sim.advance(3800)
    assert lab.data("/apps/locations", other) == []


def test_cached_reads_of_a_request_that_the_restart_interrupts_are_reset(start: Start) -> None:
    lab = start()
    lab.get("/flux/version", headers=BYPASS)
    lab.sim.restart(lab.first)
    with pytest.raises(requests.ConnectionError):
        lab.get("/flux/version", headers=BYPASS)
