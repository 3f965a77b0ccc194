# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network services beside the nodes: stats, explorer, load balancer, node proxy, and the gateway's retries."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.simulator.faults import FaultError
from tests.simulator.scenario import ScenarioError
from tests.unit.simulator.conftest import Lab, Start

FLEET: list[dict[str, Any]] = [
    {"tier": "STRATUS", "arcane": True, "apps": ["Tide"]},
    {"tier": "NIMBUS", "version": "8.18.0", "disk_version": "8.20.0"},
    {"host": 9, "port": 16137, "faults": [{"kind": "unreachable"}]},
    {"place": {"country": "{{ 7*7 }}", "org": "Zürich\n"}, "odd": ["duplicate"]},
    {"odd": ["no_geolocation", "no_apps", "never_paid"]},
]
APPS = [{"name": "Tide", "owner": "@o", "components": ["web", "cache"]}]


@pytest.fixture
def lab(start: Start) -> Lab:
    return start(FLEET, apps=APPS, stats={"round_age": 300})


def get(lab: Lab, path: str, **options: Any) -> requests.Response:
    return lab.http.get(f"{lab.sim.stats}{path}", timeout=10, **options)


def rows(lab: Lab, projection: str = "") -> list[dict[str, Any]]:
    """Of a successful answer."""
    answer = get(lab, f"/fluxinfo?projection={projection}").json()
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]
    return found


def listed(address: str) -> str:
    return address.removesuffix(":16127")


# -- stats -------------------------------------------------------------------------------------------------------------


def test_one_row_for_each_of_the_list_whatever_is_asked_for(lab: Lab) -> None:
    found = rows(lab, "ip,tier,flux.version")
    assert len(found) == 6
    assert {row["ip"] for row in found} == {listed(address) for address in lab.sim.addresses}
    assert rows(lab, "nosuch") == [{}] * 6
    by_path = get(lab, "/fluxinfo/ip,tier,flux.version?projection=nosuch").json()["data"]
    assert by_path == found, "the path wins"


def test_a_document_is_what_the_node_says_of_itself(lab: Lab) -> None:
    said = lab.data("/flux/info")
    row = next(row for row in rows(lab) if row["ip"] == listed(lab.first))
    assert said["flux"].pop("explorerScannedHeigth")["generalScannedHeight"] == row["scannedHeight"]
    for part in ("daemon", "node", "benchmark", "flux", "apps", "geolocation"):
        assert row[part] == said[part]
    assert [each["Names"] for each in row["apps"]["runningapps"]] == [["/fluxweb_Tide"], ["/fluxcache_Tide"]]


def test_who_does_not_answer_is_there_all_the_same(lab: Lab) -> None:
    row = next(row for row in rows(lab) if row["ip"].endswith(":16137"))
    assert (row["flux"]["version"], row["daemon"]["info"]["version"], row["error"]) == ("", 0, {})
    assert row["apps"]["fluxusage"] == "0"
    assert (row["tier"], row["lastConfirmedHeight"] > 0) == ("CUMULUS", True)
    assert [row["ip"] for row in get(lab, "/fluxversions").json()["data"]].count("") == 1


def test_odd_rows(lab: Lab) -> None:
    found = rows(lab)
    twice = [row for row in found if row["ip"] == listed(lab.sim.addresses[3])]
    assert len({row["collateralHash"] for row in twice}) == 2
    assert twice[0]["geolocation"]["country"] == "{{ 7*7 }}"
    lacking = next(row for row in found if row["ip"] == listed(lab.sim.addresses[4]))
    assert (lacking["geolocation"], "apps" in lacking, lacking["lastPaidHeight"]) == (None, False, 0)
    assert lab.data("/flux/geolocation", lab.sim.addresses[3])["org"] == "Zürich\n"


def test_a_round_is_as_old_as_it_says(lab: Lab) -> None:
    before = rows(lab, "flux.version,ip,roundTime,dataCollectedAt")
    assert {row["roundTime"] for row in before} == {int((lab.sim.now() - 300) * 1000)}
    assert all(row["dataCollectedAt"] >= row["roundTime"] for row in before)
    old = lab.sim.addresses[1]
    lab.sim.restart(old)
    lab.sim.advance(600 + 900 + 1)
    # The walk that is served now began after the restart, and no cache lives as long.
    after = {row["ip"]: row for row in rows(lab, "flux.version,ip,roundTime,dataCollectedAt")}
    assert {row["ip"]: row["flux"]["version"] for row in before}[listed(old)] == "8.18.0"
    assert after[listed(old)]["flux"]["version"] == "8.20.0"
    assert after[listed(old)]["roundTime"] > before[0]["roundTime"]
    assert len(get(lab, "/availabletimes").json()["data"]) > 2000


def test_answers_are_kept_by_the_order_of_the_names(lab: Lab) -> None:
    first, again = get(lab, "/fluxinfo?projection=ip,tier"), get(lab, "/fluxinfo?projection=ip,tier")
    assert first.text == again.text
    assert [line["from_cache"] for line in lab.sim.requests(path="/fluxinfo")] == [False, True]
    lab.sim.fault("stats", kind="stale_round")
    lab.sim.heal("stats")
    tag = first.headers["etag"]
    unchanged = get(lab, "/fluxinfo?projection=ip,tier", headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_gzip(lab: Lab) -> None:
    packed = get(lab, "/fluxinfo", headers={"Accept-Encoding": "gzip"}, stream=True)
    assert packed.headers["content-encoding"] == "gzip"
    plain = get(lab, "/fluxinfo", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed.raw.read()) == plain.content


def test_what_mongodb_refuses_is_an_error_with_status_200(lab: Lab) -> None:
    answer = get(lab, "/fluxinfo?projection=apps,apps.resources")
    assert (answer.status_code, answer.json()["status"]) == (200, "error")
    assert answer.json()["data"]["name"] == "MongoServerError"
    assert get(lab, "/fluxinfo?projection=$ip").json()["status"] == "error"


@pytest.mark.parametrize("kept", [False, True])
def test_a_cold_cache_answers_an_error_once(lab: Lab, kept: bool) -> None:
    lab.sim.fault("stats", kind="cold_cache", seconds=0, kept=kept)
    cold = get(lab, "/fluxinfo?projection=ip").json()
    assert cold["data"]["message"] == "Internal error. Try again later"
    assert get(lab, "/fluxinfo?projection=ip").json()["status"] == ("error" if kept else "success")
    bypass = {"x-apicache-bypass": "1"}
    assert get(lab, "/fluxinfo?projection=ip", headers=bypass).json()["status"] == "success"


def test_a_scenario_has_faults_of_services_too(start: Start) -> None:
    faults = {"stats": [{"kind": "cold_cache", "seconds": 0}], "explorer": [{"kind": "http_error", "status": 502}]}
    lab = start([{}], faults=faults)
    answers = [get(lab, "/fluxinfo?projection=ip").json()["status"] for _unused in range(2)]
    assert answers == ["error", "success"]
    assert lab.http.get(f"{lab.sim.explorer}/api/fluxnode/listfluxnodes", timeout=10).status_code == 502
    with pytest.raises(ScenarioError, match="nosuch"):
        start([{}], faults={"nosuch": []})
    with pytest.raises(FaultError, match="expired"):
        start([{}], faults={"stats": [{"kind": "expired"}]})


def test_a_stale_round(lab: Lab) -> None:
    lab.sim.fault("stats", kind="stale_round", age=86400)
    told = rows(lab, "roundTime")[0]["roundTime"]
    assert told == int((lab.sim.now() - 86400) * 1000)
    lab.sim.advance(7200)
    assert rows(lab, "roundTime")[0]["roundTime"] == told


def test_the_other_answers(lab: Lab) -> None:
    ip = lab.first.split(":")[0]
    assert get(lab, f"/fluxlocation/{ip}").json()["data"]["country"] == "Germany"
    assert get(lab, "/fluxlocation/192.0.2.1").json()["data"] is None
    assert get(lab, "/fluxlocation").status_code == 404
    assert len(get(lab, "/fluxlocations").json()["data"]) == 5
    assert set(get(lab, "/getmodulesminimumversions").json()["data"]) == {"syncthing", "docker"}
    history = get(lab, "/fluxhistorystats").json()["data"]
    assert next(iter(history.values())) == {"cumulus": 4, "nimbus": 1, "stratus": 1}
    assert "Cannot GET /nosuch" in get(lab, "/nosuch").text


# -- explorer, load balancer, proxy ------------------------------------------------------------------------------------


def test_the_explorer_and_the_daemon_give_one_list(lab: Lab) -> None:
    answer = lab.http.get(f"{lab.sim.explorer}/api/fluxnode/listfluxnodes", timeout=10).json()
    assert "status" not in answer
    assert answer["result"] == lab.data("/daemon/viewdeterministicfluxnodelist")
    assert {row["rank"] for row in answer["result"] if row["tier"] == "CUMULUS"} == {0, 1, 2, 3}
    status = lab.http.get(f"{lab.sim.explorer}/api/status?q=getFluxNodes", timeout=10).json()
    assert status == {"fluxNodes": answer["result"]}
    mine = lab.http.get(f"{lab.sim.explorer}/api/fluxnode/listfluxnodes/{lab.sim.nodes[2].ip}", timeout=10).json()
    assert [row["ip"] for row in mine["result"]] == [lab.sim.addresses[2]]
    for path, code in (("/api/nosuch", 404), ("/api/status?q=nosuch", 400)):
        refused = lab.http.get(f"{lab.sim.explorer}{path}", timeout=10)
        assert (refused.status_code, refused.headers["content-type"]) == (code, "text/plain; charset=utf-8")


def test_the_load_balancer_names_instances(lab: Lab) -> None:
    found = lab.http.get(f"{lab.sim.fdm}/appips/tide", timeout=10).json()
    assert found == {"status": "success", "data": {"ips": [f"{lab.sim.nodes[0].ip}:31112"]}}
    assert lab.http.get(f"{lab.sim.fdm}/appips/Nobody", timeout=10).json()["status"] == "error"


def test_the_load_balancer_names_the_primary(start: Start) -> None:
    apps = [{"name": "Reef", "components": [{"name": "db", "data": "g:/data"}]}]
    lab = start([{"apps": ["Reef"]}, {"apps": ["Reef"]}], apps=apps)
    ips = lab.http.get(f"{lab.sim.fdm}/appips/Reef", timeout=10).json()["data"]["ips"]
    assert ips == [f"{lab.sim.nodes[0].ip}:31112"]


def test_the_proxy_answers_a_page_for_who_is_not_confirmed(lab: Lab) -> None:
    def through(address: str) -> requests.Response:
        name = address.replace(".", "-").replace(":", "-") + ".node.api.runonflux.io"
        return lab.http.get(f"{lab.sim.proxy}/flux/version", headers={"Host": name}, timeout=10)

    assert through(lab.first).json()["data"] == "8.20.0"
    lab.sim.fault(lab.first, kind="status", value="expired")
    for page in (through(lab.first), through("192.0.2.1:16127")):
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html"
        assert "<h1>Flux Node is not confirmed on the network" in page.text


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["gateway", "stats", "explorer", "fdm", "proxy"])
def test_each_can_be_down(lab: Lab, service: str) -> None:
    url = str(lab.sim.fleet.urls[service])
    lab.sim.fault(service, kind="unreachable")
    with pytest.raises(requests.ConnectionError):
        lab.http.get(url, timeout=10)
    lab.sim.heal(service)
    assert lab.http.get(url, timeout=10).status_code in (200, 404)
    assert [line["what"] for line in lab.sim.states(node=service)] == ["fault", "healed"]


def test_half_an_answer_another_page_and_no_service(lab: Lab) -> None:
    whole = get(lab, "/fluxinfo?projection=ip", headers={"Accept-Encoding": "identity"}).text
    lab.sim.fault("stats", kind="truncate", bytes=40, count=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(lab, "/fluxinfo?projection=ip", headers={"Accept-Encoding": "identity"})
    lab.sim.fault("stats", kind="html", title="Just a moment", count=1)
    assert "<h1>Just a moment</h1>" in get(lab, "/fluxinfo?projection=ip").text
    lab.sim.fault("stats", kind="http_error", status=503, retry_after=2, count=1)
    busy = get(lab, "/fluxinfo?projection=ip")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
    assert get(lab, "/fluxinfo?projection=ip").text == whole
    outcomes = [line["outcome"] for line in lab.sim.requests(node="stats")]
    assert outcomes == ["success", "truncated", "html", "http_503", "success"]


def test_who_cannot_have_a_condition_says_so(lab: Lab) -> None:
    for address, kind in (("explorer", "stale_round"), ("gateway", "daemon_down"), (lab.first, "cold_cache")):
        answer = lab.http.post(f"{lab.sim.control}/nodes/{address}/fault", data=json.dumps({"kind": kind}), timeout=10)
        assert answer.status_code == 400
        assert "cannot have the condition" in answer.json()["error"]
    assert lab.http.post(f"{lab.sim.control}/nodes/stats/fault", data='{"kind": "html"}', timeout=10).ok


# -- the gateway -------------------------------------------------------------------------------------------------------


def two(start: Start) -> Lab:
    return start([{"tier": "STRATUS"}, {"tier": "STRATUS"}])


def test_a_read_is_tried_again_with_another_node(start: Start) -> None:
    lab = two(start)
    for address in lab.sim.addresses:
        lab.sim.fault(address, kind="empty", path="/apps/locations", count=1)
    lab.sim.heal(lab.sim.addresses[1])
    codes = {lab.http.get(f"{lab.sim.gateway}/apps/locations", timeout=10).status_code for _unused in range(2)}
    assert codes == {200}
    lines = lab.sim.requests(path="/apps/locations")
    assert [line["outcome"] for line in lines].count("dropped") == 1
    broken = next(line for line in lines if line["outcome"] == "dropped")
    assert (broken["node"], broken["via"]) == ("gateway", lab.sim.addresses[0])


def test_a_write_is_never_tried_again(start: Start) -> None:
    lab = two(start)
    for address in lab.sim.addresses:
        lab.sim.fault(address, kind="reset")
    answer = lab.http.post(f"{lab.sim.gateway}/apps/appregister", data="{}", timeout=10)
    assert (answer.status_code, "502 Bad Gateway" in answer.text) == (502, True)
    assert [line["outcome"] for line in lab.sim.requests(path="/apps/appregister")] == ["reset", "http_502"]
    assert lab.http.get(f"{lab.sim.gateway}/flux/version", timeout=10).status_code == 502
    assert len(lab.sim.requests(path="/flux/version")) == 3


def test_one_node_answers_for_an_address_and_says_which(start: Start) -> None:
    lab = start([{"tier": "STRATUS"} for _unused in range(5)])
    names = {lab.http.get(f"{lab.sim.gateway}/flux/version", timeout=10).headers["fluxnode"] for _unused in range(4)}
    assert len(names) == 1
    server, _unused, ip = names.pop().partition("_")
    assert (server.startswith("server"), ip in {node.ip for node in lab.sim.nodes}) == (True, True)
    tag = lab.http.get(f"{lab.sim.gateway}/flux/version", timeout=10).headers["etag"]
    headers = {"If-None-Match": tag}
    unchanged = lab.http.get(f"{lab.sim.gateway}/flux/version", headers=headers, timeout=10)
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_too_old_a_node_is_not_behind_the_gateway(start: Start) -> None:
    lab = start([{"tier": "STRATUS", "version": "8.1.9"}, {"tier": "STRATUS", "version": "8.17.0"}])
    for _unused in range(3):
        lab.http.get(f"{lab.sim.gateway}/apps/locations", timeout=10)
    assert {line["via"] for line in lab.sim.requests(path="/apps/locations")} == {lab.sim.addresses[1]}


def test_while_one_computes_others_are_told_to_come_again(start: Start) -> None:
    """600 rows, so that the first one lets the second in before it is done."""
    hosts = [{"host": 1 + at // 8} for at in range(600)]
    lab = start(hosts)
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda name: get(lab, f"/fluxinfo?projection={name}").json(), ("ip", "tier", "ip,tier"))
        )
    said = [answer["data"]["message"] for answer in answers if answer["status"] == "error"]
    assert set(said) <= {"Internal error. Try again later"}
    assert len(said) < 3
