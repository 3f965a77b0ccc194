# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``api``: one operation, as it is."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils import endpoint
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import RunModule

LOGOUT: dict[str, Any] = {"path": "/id/logoutallusers", "authenticate": "session", "changes": True}


class TestRead:
    def test_returns_what_the_node_said(self, run_module: RunModule) -> None:
        ran = run_module("api", path="/flux/version")
        assert (ran.changed, ran.result["sent"]) == (False, True)
        assert (ran.result["status"], ran.result["data"], ran.result["message"]) == ("success", "8.20.0", None)

    def test_is_sent_in_check_mode_too(self, run_module: RunModule) -> None:
        ran = run_module("api", path="/flux/version", check=True)
        assert (ran.changed, ran.result["data"]) == (False, "8.20.0")

    def test_takes_the_cache_when_asked(self, node: str, run_module: RunModule) -> None:
        run_module("api", path="/flux/uptime", fresh=False)
        again = run_module("api", path="/flux/uptime", fresh=False)
        assert [line["from_cache"] for line in again.journal if line["kind"] == "request"] == [True]
        fresh = run_module("api", path="/flux/uptime")
        assert [line["from_cache"] for line in fresh.journal if line["kind"] == "request"] == [False]

    def test_sends_a_query(self, run_module: RunModule) -> None:
        ran = run_module("api", path="/apps/location", query={"appname": "TideBoard"})
        assert {row["name"] for row in ran.result["data"]} == {"TideBoard"}

    def test_may_be_of_a_gateway_without_a_login(
        self, sim: RunningSimulator, run_module: RunModule, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only the gateways of the Internet are known by their names; others are taken for a node behind a proxy."""
        host = endpoint.Endpoint.parse(sim.gateway).host
        monkeypatch.setattr(endpoint, "KNOWN_GATEWAYS", frozenset({host}))
        owner = run_module("api", node=sim.gateway, path="/apps/appowner/TideBoard").result["data"]
        owned = run_module("api", node=sim.gateway, path="/apps/globalappsspecifications", query={"owner": owner})
        assert "TideBoard" in {app["name"] for app in owned.result["data"]}
        for options in ({"authenticate": "session"}, {"method": "POST"}, {"changes": True}):
            refused = run_module("api", node=sim.gateway, path="/flux/version", **options)
            assert (refused.result["error"]["kind"], refused.requests) == ("gateway_not_a_node", [])

    def test_logs_in_for_an_operators_read_and_shows_no_phrase(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        ran = run_module("api", path="/id/loggedusers", authenticate="session")
        assert (ran.changed, ran.logins) == (False, 1)
        assert [row["zelid"] for row in ran.result["data"]] == [sim.operator.flux_id]
        assert [row["loginPhrase"] for row in ran.result["data"]] == ["VALUE_HIDDEN"]

    def test_that_would_need_a_login_is_not_sent_in_check_mode(self, run_module: RunModule) -> None:
        ran = run_module("api", path="/id/loggedusers", authenticate="session", check=True)
        assert (ran.changed, ran.result["sent"], ran.requests) == (False, False, [])

    def test_whose_login_has_died_says_so_in_check_mode(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        run_module("session")
        sim.restart(node)
        sim.advance(60)
        ran = run_module("api", path="/id/loggedusers", authenticate="session", check=True)
        assert "in check mode no login is sent" in ran.error.lower()
        assert ran.writes == []

    def test_signs_a_phrase_of_its_own(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = run_module("api", path="/id/loggedsessions", authenticate="self")
        assert (ran.changed, ran.writes, ran.result["data"]) == (False, [], [])


class TestWrite:
    def test_is_sent_once_and_says_changed(self, run_module: RunModule) -> None:
        ran = run_module("api", **LOGOUT)
        assert (ran.changed, ran.result["sent"]) == (True, True)
        assert ran.writes.count(LOGOUT["path"]) == 1

    def test_is_not_sent_in_check_mode(self, run_module: RunModule) -> None:
        ran = run_module("api", check=True, **LOGOUT)
        assert (ran.changed, ran.result["sent"], ran.requests) == (True, False, [])

    def test_is_not_idempotent(self, run_module: RunModule) -> None:
        """As its documentation says: it does not know what the operation means."""
        assert run_module("api", **LOGOUT).changed
        assert run_module("api", **LOGOUT).changed

    def test_whose_answer_is_lost_is_not_sent_again(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="reset", path=str(LOGOUT["path"]), late=True)
        ran = run_module("api", **LOGOUT)
        assert ran.result["error"]["kind"] == "answer_lost"
        assert ran.writes.count(LOGOUT["path"]) == 1


class TestErrors:
    def test_http_200_with_an_error_inside_is_a_failure(self, node: str, run_module: RunModule) -> None:
        ran = run_module("api", path="/id/loggedusers")
        assert ran.result["error"]["kind"] == "unauthorized"
        assert ran.error.startswith(f"{node}: GET /id/loggedusers: Unauthorized. Access denied.")

    def test_a_route_that_does_not_exist(self, run_module: RunModule) -> None:
        assert run_module("api", path="/flux/nothing").result["error"]["kind"] == "not_found"

    def test_a_path_without_its_slash_is_refused(self, run_module: RunModule) -> None:
        ran = run_module("api", path="flux/version")
        assert "begins with a slash" in ran.error
        assert ran.requests == []

    def test_a_login_without_a_key(self, run_module: RunModule) -> None:
        assert "no key is given" in run_module("api", private_key=None, **LOGOUT).error

    def test_no_node(self, run_module: RunModule) -> None:
        assert "fluxos_node" in run_module("api", node="", path="/flux/version").error

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"timeout": 0}, "timeout"),
            ({"retries": -1}, "retries is -1"),
            ({"node": "not an address"}, "not an address"),
            ({"proxy": "gopher://proxy"}, "proxy"),
            ({"scheme": "https", "tls_mode": "pin", "tls_fingerprint": "12:34"}, "tls_fingerprint"),
            ({"scheme": "https", "tls_mode": "verify", "ca_file": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
        ],
    )
    def test_options_that_cannot_work_name_themselves(
        self, run_module: RunModule, options: dict[str, Any], said: str
    ) -> None:
        ran = run_module("api", path="/flux/version", **options)
        assert said in ran.error
        assert ran.requests == []


def test_the_certificate_is_pinned_with_https(sim: RunningSimulator, run_module: RunModule) -> None:
    pinned: dict[str, Any] = {"path": "/flux/version", "scheme": "https", "tls_mode": "pin"}
    assert run_module("api", tls_fingerprint=sim.tls_fingerprint, **pinned).result["data"] == "8.20.0"
    assert "certificate" in run_module("api", tls_fingerprint="0" * 64, **pinned).error
