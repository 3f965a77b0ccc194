# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault does what README.md says, and ends when it is told to."""

from __future__ import annotations

import time

import pytest
import requests

from tests.simulator.faults import CONDITIONS, WIRE, FaultError
from tests.unit.simulator.conftest import BYPASS, Start

APPS = [{"name": "Tide", "owner": "@o", "components": ["web", "cache"]}]


def test_an_unknown_kind_is_refused(start: Start) -> None:
    lab = start()
    with pytest.raises(FaultError, match="no fault of kind 'rain'"):
        lab.sim.fault(lab.first, kind="rain")


def test_the_readme_names_every_kind() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "simulator" / "README.md").read_text(encoding="utf-8")
    assert [kind for kind in WIRE + CONDITIONS if f"`{kind}`" not in text] == []


# -- on the wire -------------------------------------------------------------------------------------------------------


def test_latency(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="latency", seconds=0.3, count=1)
    began = time.monotonic()
    assert lab.get("/flux/version").status_code == 200
    assert time.monotonic() - began >= 0.3
    assert lab.sim.node(lab.first)["faults"] == []


def test_http_error_with_count_and_path(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="http_error", status=503, retry_after=7, path="/flux/v*", count=2)
    assert lab.get("/flux/uptime").status_code == 200
    answer = lab.get("/flux/version")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert lab.get("/flux/version").status_code == 503
    assert lab.get("/flux/version").status_code == 200
    outcomes = [line["outcome"] for line in lab.sim.requests(path="/flux/version")]
    assert outcomes == ["http_503", "http_503", "success"]


def test_html_instead_of_json(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="html", title="Flux Node is not confirmed on the network")
    answer = lab.get("/flux/version")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert "<h1>Flux Node is not confirmed on the network</h1>" in answer.text


@pytest.mark.parametrize(("kind", "outcome"), [("reset", "reset"), ("empty", "dropped")])
def test_no_answer_at_all(start: Start, kind: str, outcome: str) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind=kind)
    with pytest.raises(requests.ConnectionError):
        lab.get("/flux/version")
    assert lab.sim.requests(path="/flux/version")[-1]["outcome"] == outcome
    lab.sim.heal(lab.first)
    assert lab.get("/flux/version").status_code == 200


def test_half_an_answer(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="truncate", bytes=10)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        lab.get("/flux/version")
    assert lab.sim.requests(path="/flux/version")[-1]["outcome"] == "truncated"


def test_an_answer_that_is_far_too_large(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="flood", bytes=3_000_000, count=1)
    assert len(lab.get("/flux/version").json()["data"]) == 3_000_000
    assert lab.get("/flux/version").json()["data"] == "8.20.0"


def test_a_redirect(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="http_error", status=302, location="/flux/uptime")
    answer = lab.get("/flux/version", allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "/flux/uptime")


def test_an_answer_that_stalls(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="stall")
    with pytest.raises(requests.ConnectionError, match="timed out"):
        lab.http.get(f"http://{lab.first}/flux/version", timeout=0.5)
    assert lab.sim.requests(path="/flux/version")[-1]["outcome"] == "stalled"


def test_a_late_fault_lets_the_request_happen(start: Start) -> None:
    lab = start([{"timings": {"restart_answer": "answer"}}])
    lab.sim.fault(lab.first, kind="reset", path="/flux/restart", late=True, count=1)
    header = lab.login()
    with pytest.raises(requests.ConnectionError):
        lab.get("/flux/restart", headers=header)
    lab.sim.advance(1)
    assert lab.sim.node(lab.first)["restarts"] == 1


def test_an_early_fault_keeps_it_from_happening(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="reset", path="/flux/restart", count=1)
    header = lab.login()
    with pytest.raises(requests.ConnectionError):
        lab.get("/flux/restart", headers=header)
    lab.sim.advance(1)
    assert lab.sim.node(lab.first)["restarts"] == 0


def test_a_fault_that_ends_by_itself(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="html", for_seconds=60)
    lab.sim.advance(59)
    assert "text/html" in lab.get("/flux/version").headers["content-type"]
    lab.sim.advance(2)
    assert lab.get("/flux/version").json()["status"] == "success"


def test_faults_of_the_gateway(start: Start) -> None:
    lab = start()
    lab.sim.fault("gateway", kind="http_error", status=502, count=1)
    assert lab.http.get(f"{lab.sim.gateway}/daemon/getinfo", timeout=10).status_code == 502
    assert lab.http.get(f"{lab.sim.gateway}/daemon/getinfo", timeout=10).status_code == 200
    with pytest.raises(FaultError, match="only faults of the wire"):
        lab.sim.fault("gateway", kind="daemon_down")


# -- conditions --------------------------------------------------------------------------------------------------------


def test_unreachable(start: Start) -> None:
    lab = start([{"faults": [{"kind": "unreachable"}]}, {}])
    with pytest.raises(requests.ConnectionError, match="refused"):
        lab.get("/flux/version")
    lab.sim.heal(lab.first)
    assert lab.get("/flux/version").status_code == 200
    lab.sim.fault(lab.first, kind="unreachable")
    with pytest.raises(requests.ConnectionError):
        lab.get("/flux/version")


def test_a_wrong_clock(start: Start) -> None:
    from email.utils import parsedate_to_datetime

    lab = start()
    lab.sim.fault(lab.first, kind="clock", seconds=-500)
    shown = parsedate_to_datetime(lab.get("/flux/version").headers["date"]).timestamp()
    assert abs(shown - (lab.sim.now() - 500)) <= 1
    assert lab.data("/flux/clockdrift")["offset"] == -500


@pytest.mark.parametrize(("kind", "code"), [("daemon_down", "ECONNREFUSED"), ("daemon_warming", -28)])
def test_a_daemon_without_answers(start: Start, kind: str, code: object) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind=kind)
    for path in ("/daemon/getfluxnodestatus", "/daemon/getinfo", "/flux/info"):
        assert lab.error(path)["code"] == code
    assert lab.data("/explorer/issynced") is False
    lab.sim.heal(lab.first)
    assert lab.data("/daemon/getfluxnodestatus")["status"] == "CONFIRMED"
    assert lab.whats() == ["fault", "daemon_down", "healed", "daemon_up"]


def test_a_syncing_daemon_is_behind(start: Start) -> None:
    lab = start(height=3_000_000)
    lab.sim.fault(lab.first, kind="daemon_syncing", behind=200)
    assert lab.data("/daemon/getblockcount") == 2_999_800
    info = lab.data("/daemon/getblockchaininfo")
    assert (info["blocks"], info["headers"]) == (2_999_800, 3_000_000)


def test_dos(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="dos", state=6.24, message=None)
    assert lab.data("/flux/dosstate") == {"dosState": 6.24, "dosMessage": None}
    assert lab.data("/flux/health")["dos"] == "ok", "up to 10 without a message is no refusal"
    lab.sim.fault(lab.first, kind="dos", state=100, message="Flux IP detection failed")
    assert lab.error("/flux/health") == {"code": 100, "name": "DOS", "message": "Flux IP detection failed"}
    lab.sim.heal(lab.first)
    assert lab.data("/flux/dosstate") == {"dosState": 0, "dosMessage": None}


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_benchmark_that_runs_or_failed(start: Start, state: str) -> None:
    lab = start([{"benchmark": state}])
    assert lab.data("/benchmark/getstatus")["benchmarking"] == state
    assert lab.data("/benchmark/getbenchmarks")["status"] == state


def test_a_benchmark_that_is_down_makes_arcane_look_legacy(start: Start) -> None:
    lab = start([{"arcane": True, "benchmark": "down"}])
    assert lab.error("/benchmark/getstatus")["code"] == "ECONNREFUSED"
    assert lab.get("/flux/isarcaneos").json()["data"] is False
    lab.sim.heal(lab.first)
    assert lab.get("/flux/isarcaneos").json()["data"] is False, "kept for a day"
    assert lab.data("/flux/isarcaneos") is True


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("db", "connect ECONNREFUSED 127.0.0.1:27017"),
        ("syncthing", "Syncthing is not running properly"),
        ("docker", "connect ENOENT /var/run/docker.sock"),
        ("hardware", "Node hardware requirements not met"),
    ],
)
def test_health(start: Start, check: str, said: str) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="health", check=check)
    assert lab.error("/flux/health")["message"] == said
    assert lab.error("/id/loginphrase")["message"] == said


def test_status_and_expiry(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="status", value="OFFLINE")
    assert lab.data("/daemon/getfluxnodestatus")["status"] == "OFFLINE"
    lab.sim.heal(lab.first)
    lab.sim.fault(lab.first, kind="expired")
    assert lab.data("/daemon/getfluxnodestatus")["status"] == "expired"
    lab.sim.heal(lab.first)
    assert lab.data("/daemon/getfluxnodestatus")["status"] == "CONFIRMED"


def test_no_confirmation(start: Start) -> None:
    lab = start([{"confirmation_age": 510, "reconfirm_at": 505, "faults": [{"kind": "no_confirmation"}]}])
    lab.sim.advance(600)
    assert lab.sim.node(lab.first)["confirmation_age"] == 530


def test_explorer_and_peers(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="explorer")
    lab.sim.fault(lab.first, {"kind": "peers", "out": 9, "in": 1})
    assert lab.data("/explorer/issynced") is False
    assert "incoming" in lab.error("/flux/checkcommunication")["message"]
    assert len(lab.data("/flux/connectedpeersinfo")) == 9


def test_a_container_that_exits(start: Start) -> None:
    lab = start([{"apps": ["Tide"]}], apps=APPS)
    lab.sim.fault(lab.first, kind="unhealthy_after_restart", what={"kind": "container", "name": "fluxcache_Tide"})
    assert all(lab.sim.node(lab.first)["containers"].values())
    lab.sim.restart(lab.first)
    lab.sim.advance(200)
    assert lab.sim.node(lab.first)["containers"] == {"fluxweb_Tide": True, "fluxcache_Tide": False}
    assert [row["State"] for row in lab.data("/apps/listallapps")] == ["running", "exited"]
    lab.sim.heal(lab.first)
    assert all(lab.sim.node(lab.first)["containers"].values())


def test_a_restart_that_does_nothing(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="restart_ignored")
    assert lab.get("/flux/restart", headers=lab.login()).json()["data"] == "Restarting FluxOS"
    lab.sim.advance(60)
    assert lab.sim.node(lab.first)["restarts"] == 0


def test_a_node_that_never_comes_up(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="never_up")
    lab.sim.restart(lab.first)
    lab.sim.advance(3600)
    assert not lab.sim.node(lab.first)["up"]
    lab.sim.heal(lab.first)
    assert lab.data("/flux/uptime") == 0


def test_a_boot_window_that_never_closes(start: Start) -> None:
    lab = start()
    lab.sim.fault(lab.first, kind="boot_stuck")
    lab.sim.restart(lab.first)
    lab.sim.advance(3600)
    assert lab.get("/apps/appstart/x").status_code == 503


def test_rows_that_are_missing(start: Start) -> None:
    lab = start([{"apps": ["Tide"]}, {}], apps=APPS)
    other = lab.sim.addresses[1]
    lab.sim.fault(lab.first, kind="location_missing")
    assert lab.data("/apps/location/Tide", other) == []
    lab.sim.heal(lab.first)
    lab.sim.fault(other, kind="short_registry")
    assert lab.data("/apps/locations", other) == []
    assert len(lab.data("/apps/locations")) == 1


def test_a_database_that_is_down_lets_nobody_in(start: Start) -> None:
    lab = start()
    header = lab.login()
    lab.sim.fault(lab.first, kind="database_down")
    assert lab.get("/id/loggedusers", headers=header).json()["data"]["code"] == 401
    assert lab.error("/id/emergencyphrase")["name"] == "MongoServerSelectionError"


def test_a_missing_policy_refuses_redeployments(start: Start) -> None:
    from tests.simulator.keys import Person

    lab = start([{"apps": ["Tide"]}], apps=APPS)
    lab.sim.fault(lab.first, kind="policy_missing")
    answer = lab.get("/apps/redeploy/Tide", headers=lab.self_issued(Person.named("o")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")


def test_docker_down(start: Start) -> None:
    lab = start([{"apps": ["Tide"]}], apps=APPS)
    lab.sim.fault(lab.first, kind="docker_down")
    assert lab.error("/apps/listrunningapps")["code"] == "ENOENT"
    assert lab.get("/apps/locations", headers=BYPASS).json()["status"] == "success"
