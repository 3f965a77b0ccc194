# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins, sessions, self-issued phrases and privileges."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.simulator.keys import Person
from tests.unit.simulator.conftest import BYPASS, Lab, Start

APP = {"name": "Tide", "owner": "@tide owner", "components": ["web"]}
HOLDER: dict[str, Any] = {"apps": ["Tide"]}
UNAUTHORIZED = {"code": 401, "name": "Unauthorized", "message": "Unauthorized. Access denied."}


def login_body(lab: Lab, **changes: Any) -> dict[str, Any]:
    """A body of verifylogin that would be accepted, but for the changes; None removes a key."""
    phrase = str(lab.data("/id/emergencyphrase"))
    body: dict[str, Any] = {
        "zelid": lab.sim.operator.flux_id,
        "loginPhrase": phrase,
        "signature": lab.sim.operator.sign(phrase),
    }
    body.update(changes)
    return {key: value for key, value in body.items() if value is not None}


def verify(lab: Lab, body: dict[str, Any]) -> dict[str, Any]:
    """POST to verifylogin."""
    answer = lab.http.post(f"http://{lab.first}/id/verifylogin", data=json.dumps(body), timeout=10).json()
    return dict(answer)


def test_a_login_answers_its_privilege_and_makes_a_session(start: Start) -> None:
    lab = start()
    answer = verify(lab, login_body(lab))["data"]
    assert answer["message"] == "Successfully logged in"
    assert answer["privilage"] == "admin"
    assert lab.sim.node(lab.first)["sessions"] == 1


def test_a_phrase_is_good_for_one_login(start: Start) -> None:
    lab = start()
    body = login_body(lab)
    assert verify(lab, body)["status"] == "success"
    assert verify(lab, body)["data"]["message"] == ("Signed message is no longer valid. Please request a new one.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"zelid": None}, "No Flux ID is specified"),
        ({"zelid": "3D9iyFHi1Zs9KoyynUfrL82rGhJfYTfSG4"}, "Flux ID is not valid"),
        ({"zelid": "1" * 40}, "Flux ID is not valid"),
        ({"loginPhrase": None}, "No message is specified"),
        ({"loginPhrase": "1700000000000short"}, "Signed message is not valid"),
        ({"loginPhrase": "9" * 50}, "Signed message is not valid"),
        ({"signature": None}, "No signature is specified"),
        ({"signature": "nonsense"}, "Invalid signature"),
    ],
)
def test_what_a_login_refuses(start: Start, changes: dict[str, Any], message: str) -> None:
    lab = start()
    assert verify(lab, login_body(lab, **changes))["data"]["message"] == message


def test_a_phrase_runs_out_after_15_minutes(start: Start) -> None:
    lab = start()
    body = login_body(lab)
    lab.sim.advance(15 * 60 + 1)
    assert verify(lab, body)["data"]["message"] == "Signed message is not valid"


def test_a_node_whose_clock_is_behind_refuses_a_phrase_of_ours(start: Start) -> None:
    lab = start()
    header = lab.self_issued(lab.sim.operator, age=60)
    assert lab.get("/id/loggedsessions", headers=header).json()["status"] == "success"
    lab.sim.fault(lab.first, kind="clock", seconds=-120)
    assert lab.get("/id/loggedsessions", headers=header).json()["data"] == UNAUTHORIZED


def test_admin_needs_a_session_and_the_owner(start: Start) -> None:
    lab = start()
    assert lab.get("/id/loggedusers", headers=lab.self_issued(lab.sim.operator)).json()["data"] == UNAUTHORIZED
    assert lab.get("/id/loggedusers", headers=lab.login(Person.named("stranger"))).json()["data"] == UNAUTHORIZED
    assert lab.get("/id/loggedusers", headers=lab.login()).json()["status"] == "success"


@pytest.mark.parametrize(("hours", "known"), [(15.9, True), (16.1, False)])
def test_a_self_issued_phrase_serves_a_user_for_16_hours(start: Start, hours: float, known: bool) -> None:
    lab = start()
    answer = lab.get("/id/loggedsessions", headers=lab.self_issued(Person.named("somebody"), hours * 3600)).json()
    assert (answer["status"] == "success") is known


@pytest.mark.parametrize(("hours", "known"), [(1.9, True), (2.1, False)])
def test_and_an_app_owner_for_2_hours(start: Start, hours: float, known: bool) -> None:
    lab = start([HOLDER], apps=[APP])
    header = lab.self_issued(Person.named("tide owner"), hours * 3600)
    answer = lab.get("/apps/appstop/Tide", headers=header).json()
    assert (answer["status"] == "success") is known
    assert lab.sim.node(lab.first)["containers"] == {"fluxweb_Tide": not known}


@pytest.mark.parametrize(("version", "allowed"), [("8.17.0", True), ("8.18.0", False), ("8.20.0", False)])
def test_since_8_18_the_operator_may_not_touch_apps(start: Start, version: str, allowed: bool) -> None:
    lab = start([{**HOLDER, "version": version}], apps=[APP])
    answer = lab.get("/apps/apprestart/Tide", headers=lab.login()).json()
    assert (answer["status"] == "success") is allowed


@pytest.mark.parametrize(("version", "restarts"), [("8.18.0", False), ("8.20.0", True)])
def test_the_team_may_restart_since_8_19(start: Start, version: str, restarts: bool) -> None:
    lab = start([{"version": version}])
    member = Person.named("team member")

    def put_on_the_team(fleet: Any) -> None:
        fleet.world.team_id = member.flux_id

    lab.sim.call(put_on_the_team)
    header = lab.login(member)
    if restarts:
        with pytest.raises(requests.ConnectionError):
            lab.get("/flux/restart", headers=header)
    else:
        assert lab.get("/flux/restart", headers=header).json()["data"] == UNAUTHORIZED
    assert lab.sim.node(lab.first)["restarts"] == int(restarts)


def test_a_header_in_query_string_form_needs_its_plus_escaped(start: Start) -> None:
    lab = start()
    for _unused in range(40):
        header = json.loads(lab.self_issued(lab.sim.operator)["zelidauth"])
        if "+" in header["signature"]:
            break
    raw = "&".join(f"{key}={value}" for key, value in header.items())
    escaped = urlencode(header)
    sent = {"zelidauth": raw, **BYPASS}
    assert lab.get("/id/loggedsessions", headers=sent).json()["data"] == UNAUTHORIZED
    assert lab.get("/id/loggedsessions", headers={**sent, "zelidauth": escaped}).json()["status"] == "success"


def test_logging_out(start: Start) -> None:
    lab = start()
    header, other = lab.login(), lab.login()
    assert lab.get("/id/logoutcurrentsession", headers=header).json()["data"]["message"] == "Successfully logged out"
    assert lab.sim.node(lab.first)["sessions"] == 1
    assert lab.get("/id/loggedusers", headers=header).json()["data"] == UNAUTHORIZED
    assert lab.get("/id/logoutallsessions", headers=other).json()["status"] == "success"
    assert lab.sim.node(lab.first)["sessions"] == 0


def test_a_restart_drops_sessions_and_phrases_a_moment_after_listening(start: Start) -> None:
    lab = start()
    header = lab.login()
    lab.sim.restart(lab.first)
    lab.sim.advance(8.5)
    assert lab.get("/flux/uptime", headers=BYPASS).json()["status"] == "success"
    assert lab.get("/id/loggedusers", headers=header).json()["data"] == UNAUTHORIZED, "no database yet"
    assert lab.error("/id/emergencyphrase")["name"] == "TypeError"
    lab.sim.advance(1)
    assert lab.get("/id/loggedusers", headers=header).json()["status"] == "success"
    lab.login()
    assert lab.sim.node(lab.first)["sessions"] == 2, "a login too early is possible, and lost"
    lab.sim.advance(2)
    assert lab.sim.node(lab.first)["sessions"] == 0
    assert lab.get("/id/loggedusers", headers=header).json()["data"] == UNAUTHORIZED


def test_health_refuses_a_login_phrase_but_not_the_emergency_phrase(start: Start) -> None:
    lab = start([{"dos": {"state": 12, "message": "Flux is not available for outside communication"}}])
    assert lab.error("/id/loginphrase") == {
        "code": 12,
        "name": "CONNERROR",
        "message": "Flux is not available for outside communication",
    }
    assert len(lab.data("/id/emergencyphrase")) >= 50


def test_checkprivilege(start: Start) -> None:
    lab = start()
    body = json.loads(lab.login()["zelidauth"])
    url = f"http://{lab.first}/id/checkprivilege"
    assert lab.http.post(url, data=json.dumps(body), timeout=10).json()["data"]["message"] == "admin"
    body["signature"] = lab.sim.operator.sign("something else")
    assert lab.http.post(url, data=json.dumps(body), timeout=10).json() == {
        "status": "error",
        "data": {"message": "none"},
    }
