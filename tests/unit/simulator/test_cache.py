# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The response cache (apicache) and the daemon's RPC cache."""

from __future__ import annotations

import gzip
import http.client

import pytest
import requests

from tests.unit.simulator.conftest import BYPASS, Start


def test_an_answer_is_kept_for_its_time_and_then_made_anew(start: Start) -> None:
    lab = start()
    before = lab.get("/flux/uptime").json()["data"]
    lab.sim.advance(29)
    kept = lab.get("/flux/uptime")
    assert kept.json()["data"] == before
    assert kept.headers["apicache-store"] == "memory"
    lab.sim.advance(2)
    anew = lab.get("/flux/uptime")
    assert anew.json()["data"] == before + 31
    assert "apicache-store" not in anew.headers


@pytest.mark.parametrize("header", ["x-apicache-bypass", "x-apicache-force-fetch"])
def test_bypass_runs_the_handler_and_leaves_the_entry(start: Start, header: str) -> None:
    lab = start()
    before = lab.get("/flux/uptime").json()["data"]
    lab.sim.advance(10)
    assert lab.get("/flux/uptime", headers={header: "1"}).json()["data"] == before + 10
    assert lab.get("/flux/uptime", headers={"Cache-Control": "no-cache"}).json()["data"] == before


def test_the_key_is_the_url_as_sent(start: Start) -> None:
    lab = start()
    before = lab.get("/flux/uptime").json()["data"]
    lab.sim.advance(10)
    for other in ("/FLUX/uptime", "/flux/uptime/", "/flux/uptime?x=1"):
        assert lab.get(other).json()["data"] == before + 10


@pytest.mark.parametrize(
    ("version", "max_age"), [("8.20.0", "max-age=20"), ("8.18.0", "max-age=20"), ("8.17.0", "max-age=30")]
)
def test_max_age_of_a_hit(start: Start, version: str, max_age: str) -> None:
    lab = start([{"version": version}])
    assert lab.get("/flux/version").headers["cache-control"] == "max-age=30"
    lab.sim.advance(10)
    assert lab.get("/flux/version").headers["cache-control"] == max_age


def test_errors_are_kept_but_not_those_of_health(start: Start) -> None:
    lab = start()
    assert lab.get("/apps/appowner/Nobody").json()["status"] == "error"
    assert "apicache-store" in lab.get("/apps/appowner/Nobody").headers
    lab.sim.fault(lab.first, kind="health", check="hardware")
    assert lab.get("/flux/health").json()["data"]["message"] == "Node hardware requirements not met"
    lab.sim.heal(lab.first)
    assert lab.get("/flux/health").json()["status"] == "success"
    lab.sim.fault(lab.first, kind="health", check="hardware")
    assert lab.get("/flux/health").json()["status"] == "success", "the success is kept for 30 s"


def test_in_8_17_a_refused_restart_is_served_to_the_operator(start: Start) -> None:
    lab = start([{"version": "8.17.0"}])
    header = lab.login()
    del header["x-apicache-bypass"]
    assert lab.get("/flux/restart").json()["data"]["code"] == 401
    assert lab.get("/flux/restart", headers=header).json()["data"]["code"] == 401
    line = lab.sim.requests(path="/flux/restart")[-1]
    assert (line["from_cache"], line["authorized"], line["write"]) == (True, None, True)
    with pytest.raises(requests.ConnectionError):
        lab.get("/flux/restart", headers={**header, **BYPASS})


def test_since_8_18_a_restart_is_not_cached(start: Start) -> None:
    lab = start([{"version": "8.18.0"}])
    header = lab.login()
    del header["x-apicache-bypass"]
    lab.get("/flux/restart")
    with pytest.raises(requests.ConnectionError):
        lab.get("/flux/restart", headers=header)


def test_a_head_miss_keeps_nothing(start: Start) -> None:
    lab = start()
    assert lab.http.head(f"http://{lab.first}/flux/version", timeout=10).headers["content-length"] == "36"
    assert "apicache-store" not in lab.get("/flux/version").headers


def test_etag_and_304(start: Start) -> None:
    lab = start([{"version": "8.17.0"}])
    tag = lab.get("/flux/version").headers["etag"]
    assert tag == 'W/"24-66qwtH9/Rcf1acnkY9OOg3Z1mTQ"', "as FluxOS 8.17.0 gives it"
    answer = lab.get("/flux/version", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert lab.sim.requests(path="/flux/version")[-1]["outcome"] == "not_modified"


def test_gzip_from_a_kilobyte_on(start: Start) -> None:
    lab = start()
    connection = http.client.HTTPConnection(lab.first, timeout=10)
    try:
        connection.request("GET", "/flux/info", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.read()).startswith(b'{"status":"success"')
        connection.request("GET", "/flux/version", headers={"Accept-Encoding": "gzip"})
        small = connection.getresponse()
        assert small.headers["content-encoding"] is None
        assert small.read() == b'{"status":"success","data":"8.20.0"}'
    finally:
        connection.close()


def test_daemon_results_are_kept_20_seconds_whatever_the_header(start: Start) -> None:
    lab = start()
    before = lab.data("/daemon/getblockcount")
    lab.sim.advance(19)
    assert lab.data("/daemon/getblockcount") == before
    lab.sim.advance(30)
    assert lab.data("/daemon/getblockcount") == before + 1
    lab.sim.fault(lab.first, kind="daemon_down")
    assert lab.data("/daemon/getblockcount") == before + 1, "served from the RPC cache although the daemon is gone"
    lab.sim.advance(21)
    assert lab.error("/daemon/getblockcount")["code"] == "ECONNREFUSED"


def test_a_restart_empties_the_cache(start: Start) -> None:
    lab = start()
    lab.get("/flux/uptime")
    lab.sim.restart(lab.first)
    lab.sim.advance(9)
    assert lab.get("/flux/uptime").json()["data"] == 1
