# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request bodies, routing and the look of express' answers."""

from __future__ import annotations

import json

import pytest
import requests

from tests.unit.simulator.conftest import Start

PHRASE = "1700000000000abcdefghijklmnopqrstuvwxyzabcdefghij"


def post(lab_url: str, body: str, content_type: str | None, timeout: float = 10) -> requests.Response:
    """POST a text with a content type."""
    headers = {"Content-Type": content_type} if content_type else {}
    return requests.post(lab_url, data=body.encode(), headers=headers, timeout=timeout)


def test_a_raw_body_handler_never_answers_json(start: Start) -> None:
    lab = start()
    with pytest.raises(requests.ReadTimeout):
        post(f"http://{lab.first}/id/verifylogin", "{}", "application/json", timeout=0.5)
    line = lab.sim.requests(path="/id/verifylogin")[-1]
    assert (line["outcome"], line["http"]) == ("hung", None)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_raw_body_handler_takes_json_text_and_query_strings(start: Start, content_type: str | None) -> None:
    lab = start()
    url = f"http://{lab.first}/id/checkprivilege"
    for body in ('{"zelid":"1abc"}', "zelid=1abc"):
        assert post(url, body, content_type).json()["data"]["message"] == "No user loginPhrase specificed"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ('{"a":', 400, "SyntaxError"),
        ('"text"', 400, "SyntaxError"),
        (json.dumps({"a": "x" * 110_000}), 413, "PayloadTooLargeError"),
    ],
)
def test_broken_json_is_an_html_page(start: Start, body: str, status: int, said: str) -> None:
    lab = start()
    answer = post(f"http://{lab.first}/id/verifylogin", body, "application/json")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert said in answer.text


def test_raw_bodies_have_no_limit(start: Start) -> None:
    lab = start()
    answer = post(f"http://{lab.first}/id/verifylogin", json.dumps({"a": "x" * 2_000_000}), "text/plain")
    assert answer.json()["data"]["message"] == "No Flux ID is specified"


def test_an_unknown_route_is_an_html_page(start: Start) -> None:
    lab = start()
    answer = lab.get("/no/such")
    assert answer.status_code == 404
    assert "Cannot GET /no/such" in answer.text
    assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/FLUX/Version", "/flux/version/"])
def test_case_and_a_trailing_slash_do_not_count(start: Start, path: str) -> None:
    assert start().get(path).json()["data"] == "8.20.0"


def test_path_parameters_win_over_query_parameters(start: Start) -> None:
    lab = start(apps=[{"name": "One", "owner": "@a"}, {"name": "Two", "owner": "@b"}])
    one, two = lab.data("/apps/appowner/One"), lab.data("/apps/appowner/Two")
    assert one != two
    assert lab.data("/apps/appowner?appname=Two") == two
    assert lab.data("/apps/appowner/One?appname=Two") == one
    assert lab.data("/apps/appowner/tWO") == two


def test_headers_are_those_of_express(start: Start) -> None:
    headers = start().get("/flux/version").headers
    assert headers["x-powered-by"] == "Express"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["keep-alive"] == "timeout=5"
    assert headers["content-type"] == "application/json; charset=utf-8"


def test_https_one_port_above_and_the_user_interface_one_below(start: Start) -> None:
    lab = start()
    ip = lab.first.split(":")[0]
    with pytest.warns(Warning, match="Unverified HTTPS"):
        assert lab.http.get(f"https://{ip}:16128/flux/version", verify=False, timeout=10).json()["data"] == "8.20.0"
    assert lab.http.get(f"http://{ip}:16126/health", timeout=10).text == "OK"
