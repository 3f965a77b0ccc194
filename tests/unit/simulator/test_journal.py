# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of the journal, which judges outside of this project read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.simulator.running import RunningSimulator
from tests.unit.simulator.conftest import Lab, Start

REQUEST_KEYS = {
    "seq",
    "wall",
    "sim",
    "node",
    "kind",
    "method",
    "path",
    "query",
    "flux_id",
    "privilege",
    "authorized",
    "write",
    "from_cache",
    "outcome",
    "http",
}
STATE_KEYS = {"seq", "wall", "sim", "node", "kind", "what", "why", "apps"}
APPS = [{"name": "Tide", "owner": "@o", "instances": 3, "components": ["web"]}]


def test_every_line_has_its_keys_and_its_place(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    scenario = {"nodes": [{"apps": ["Tide"]}, {"version": "8.17.0"}], "apps": APPS}
    with RunningSimulator(scenario, time_factor=0, journal=path) as sim:
        lab = Lab(sim)
        with lab.http:
            lab.restart()
            lab.sim.advance(300)
            lab.get("/flux/version?x=%20")
            lab.get("/flux/version?x=%20")
            lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
            assert lines == sim.journal(), "flushed at once"
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    assert [line["sim"] for line in lines] == sorted(line["sim"] for line in lines)
    assert [line["wall"] for line in lines] == sorted(line["wall"] for line in lines)
    for line in lines[1:]:
        keys = REQUEST_KEYS if line["kind"] == "request" else STATE_KEYS
        assert keys <= set(line), line
    first, last = lines[0], lines[-1]
    assert first["kind"] == "fleet"
    assert [(n["node"], n["ip"], n["profile"], n["arcane"], n["apps"]) for n in first["nodes"]] == [
        (sim.addresses[0], sim.nodes[0].ip, "8.20", False, ["Tide"]),
        (sim.addresses[1], sim.nodes[1].ip, "8.17", False, []),
    ]
    assert {key: first["apps"][0][key] for key in ("name", "instances")} == {"name": "Tide", "instances": 3}
    assert (last["path"], last["query"], last["from_cache"]) == ("/flux/version", "x=%20", True)


def test_a_restart_stands_before_its_effects(start: Start) -> None:
    lab = start()
    lab.restart()
    lines = lab.sim.journal(node=lab.first)
    at = next(number for number, line in enumerate(lines) if line.get("path") == "/flux/restart")
    line = lines[at]
    assert (line["flux_id"], line["privilege"]) == (lab.sim.operator.flux_id, "adminandfluxteam")
    assert (line["authorized"], line["write"], line["outcome"], line["http"]) == (True, True, "dropped", None)
    assert lines[at + 1]["what"] == "down"


def test_who_asked_and_who_was_let_in(start: Start) -> None:
    lab = start()
    lab.get("/id/loggedusers")
    lab.get("/id/loggedusers", headers=lab.self_issued(lab.sim.operator))
    lab.get("/id/loggedusers", headers=lab.login())
    lines = lab.sim.requests(path="/id/loggedusers")
    operator = lab.sim.operator.flux_id
    assert [(line["flux_id"], line["authorized"], line["outcome"]) for line in lines] == [
        (None, False, "error"),
        (operator, False, "error"),
        (operator, True, "success"),
    ]
    login = lab.sim.requests(path="/id/verifylogin")[-1]
    assert (login["flux_id"], login["authorized"], login["write"], login["privilege"]) == (
        operator,
        None,
        True,
        "public",
    )


def test_reads_are_no_writes(start: Start) -> None:
    lab = start()
    for path in ("/flux/info", "/id/emergencyphrase", "/daemon/getfluxnodestatus", "/no/such"):
        lab.get(path)
    assert {line["write"] for line in lab.sim.journal("request")} == {False}


def test_requests_through_the_gateway_name_the_node_that_answered(start: Start) -> None:
    lab = start([{"tier": "STRATUS"}])
    answer = lab.http.get(f"{lab.sim.gateway}/daemon/getinfo", timeout=10)
    assert answer.headers["fluxnode"].endswith(lab.first.split(":")[0])
    line = lab.sim.requests(path="/daemon/getinfo")[-1]
    assert (line["node"], line["via"]) == ("gateway", lab.first)
