# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``node_info``: facts of one node, or of many at once."""

from __future__ import annotations

import time

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.facts import FACTS
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import RunModule


class TestOneNode:
    def test_everything_that_can_be_gathered_is(self, sim: RunningSimulator, node: str, run_module: RunModule) -> None:
        ran = run_module("node_info", gather=list(FACTS))
        facts = ran.result["node"]
        assert (ran.changed, set(facts)) == (False, {"address", *FACTS})
        assert (facts["address"], facts["version"], facts["tier"]) == (node, "8.20.0", "CUMULUS")
        assert (facts["flux_id"], facts["arcane"]) == (sim.operator.flux_id, False)
        assert facts["confirmation"]["status"] == "CONFIRMED"
        assert facts["dos"] == {"state": 0, "message": None}
        assert (facts["health"]["ok"], facts["health"]["offered"]) == (True, True)
        assert (facts["explorer_synced"], facts["boot_settled"]) == (True, True)
        assert facts["communication"]["established"] is True
        assert facts["block_height"] >= facts["confirmation"]["last_confirmed_height"]
        assert facts["process"]["started"] == facts["process"]["node_time"] - facts["process"]["uptime"]
        assert {row["component"] for row in facts["containers"]} == {"web", "cache"}
        assert [(app["name"], app["instances"], app["components"]) for app in facts["apps"]] == [
            ("TideBoard", 3, ["web", "cache"])
        ]
        assert facts["info"]["flux"]["version"] == "8.20.0"

    @pytest.mark.parametrize(
        ("fact", "requests"), [*((fact, 1) for fact in FACTS if fact != "benchmark"), ("benchmark", 2)]
    )
    def test_each_fact_costs_what_the_documentation_says(self, run_module: RunModule, fact: str, requests: int) -> None:
        extra = 1 if fact == "boot_settled" else 0  # It has to know the version, to know whether to ask.
        ran = run_module("node_info", gather=[fact])
        assert (set(ran.result["node"]), len(ran.requests)) == ({"address", fact}, requests + extra)

    def test_what_an_older_fluxos_does_not_have_is_said_so(self, sim: RunningSimulator, run_module: RunModule) -> None:
        sim.set(sim.addresses[0], version="8.17.0")
        facts = run_module("node_info", gather=["health", "boot_settled"]).result["node"]
        assert (facts["health"]["offered"], facts["boot_settled"]) == (False, None)

    def test_reads_the_same_in_check_mode_and_twice(self, run_module: RunModule) -> None:
        reads = [run_module("node_info", gather=["version", "tier"], check=check) for check in (False, True, False)]
        assert [(ran.changed, ran.result["node"]) for ran in reads] == [(False, reads[0].result["node"])] * 3
        assert all(ran.writes == [] for ran in reads)

    def test_a_gateway_is_refused_as_a_node(self, run_module: RunModule) -> None:
        ran = run_module("node_info", node="https://api.runonflux.io")
        assert "gateway" in ran.error
        assert ran.requests == []

    def test_no_node(self, run_module: RunModule) -> None:
        assert "fluxos_node" in run_module("node_info", node="").error

    def test_html_instead_of_an_answer_fails_with_node_and_operation(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="html", path="/flux/version")
        ran = run_module("node_info", gather=["version"])
        assert ran.error.startswith(f"{node}: read the version")
        assert ran.result["error"]["kind"] == "bad_answer"


class TestManyNodes:
    def test_come_in_the_order_asked_each_with_its_own_facts(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        asked = [sim.addresses[3], sim.addresses[0], sim.addresses[2]]
        ran = run_module("node_info", nodes=asked, gather=["version", "arcane"])
        assert [row["address"] for row in ran.result["nodes"]] == asked
        assert [row["version"] for row in ran.result["nodes"]] == ["8.20.0", "8.20.0", "8.18.0"]
        assert [row["arcane"] for row in ran.result["nodes"]] == [True, False, False]

    def test_one_that_fails_has_an_error_and_does_not_fail_the_task(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        sim.fault(sim.addresses[0], kind="unreachable")
        sim.fault(sim.addresses[1], kind="truncate", path="/flux/version")
        ran = run_module("node_info", nodes=sim.addresses, gather=["version"])
        assert not ran.changed
        kinds = [row.get("error", {}).get("kind") for row in ran.result["nodes"]]
        assert kinds == ["unreachable", "answer_lost", None, None]
        error = ran.result["nodes"][0]["error"]
        assert (error["node"], error["operation"]) == (sim.addresses[0], "read the version (/flux/version)")

    @pytest.mark.parametrize("workers", [0, 1, 1000])
    def test_any_number_of_workers_does(self, sim: RunningSimulator, run_module: RunModule, workers: int) -> None:
        ran = run_module("node_info", nodes=sim.addresses, gather=["version"], workers=workers)
        assert [row["address"] for row in ran.result["nodes"]] == sim.addresses

    def test_a_wrong_address_among_them_is_named(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = run_module("node_info", nodes=[*sim.addresses, "nowhere:1"])
        assert "nowhere:1" in ran.error
        assert ran.requests == []

    def test_names_and_addresses_may_be_mixed(self, sim: RunningSimulator, run_module: RunModule) -> None:
        first, second = sim.addresses[:2]
        ran = run_module("node_info", nodes=[{"name": "alpha", "address": first, "tier": "?"}, second], gather=["tier"])
        assert ran.result["nodes"] == [
            {"name": "alpha", "address": first, "tier": "CUMULUS"},
            {"address": second, "tier": "CUMULUS"},
        ]

    @pytest.mark.parametrize("entry", [7, {"name": "alpha"}, "", ["127.18.0.1"]])
    def test_what_names_no_node_is_said(self, run_module: RunModule, entry: object) -> None:
        ran = run_module("node_info", nodes=[entry])
        assert ran.error.startswith("nodes: ")
        assert ran.requests == []

    def test_none_at_all_are_an_empty_list(self, run_module: RunModule) -> None:
        """An empty group must not be taken for the node of the task's host."""
        ran = run_module("node_info", nodes=[])
        assert (ran.result["nodes"], ran.result["summary"]["total"], ran.requests) == ([], 0, [])

    def test_one_that_refuses_one_thing_is_asked_for_the_others(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        sim.fault(sim.addresses[0], kind="http_error", status=503, path="/flux/nodetier")
        ran = run_module("node_info", nodes=sim.addresses[:1], gather=["tier", "version"])
        (row,) = ran.result["nodes"]
        assert (row["version"], row["error"]["kind"], row["error"]["operation"]) == (
            "8.20.0",
            "busy",
            "read the tier (/flux/nodetier)",
        )
        assert (ran.result["summary"]["reachable"], ran.result["summary"]["failed"]) == (1, 1)

    def test_one_that_is_not_there_is_asked_once(self, sim: RunningSimulator, run_module: RunModule) -> None:
        sim.fault(sim.addresses[0], kind="truncate", path="/flux/version")
        ran = run_module("node_info", nodes=sim.addresses[:1], gather=["version", "tier", "dos"])
        assert ran.requests == ["/flux/version"]

    def test_the_summary_counts(self, sim: RunningSimulator, run_module: RunModule) -> None:
        sim.fault(sim.addresses[0], kind="unreachable")
        ran = run_module("node_info", nodes=sim.addresses, subset=["version", "confirmation"])
        assert ran.result["summary"] == {
            "total": 4,
            "reachable": 3,
            "failed": 1,
            "errors": {"unreachable": 1},
            "versions": {"8.20.0": 2, "8.18.0": 1},
            "tiers": {"CUMULUS": 3},
        }
        assert list(ran.result["summary"]["versions"]) == ["8.20.0", "8.18.0"]

    def test_the_version_alone_is_one_request_for_each_node(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = run_module("node_info", nodes=sim.addresses, subset=["version"])
        assert ran.requests == ["/flux/version"] * len(sim.addresses)

    def test_the_whole_ends_in_time_and_says_who_is_missing(self, sim: RunningSimulator, run_module: RunModule) -> None:
        sim.fault(sim.addresses[1], kind="stall", path="/flux/version")
        begun = time.monotonic()
        ran = run_module("node_info", nodes=sim.addresses, gather=["version"], timeout=60, total_timeout=1)
        assert time.monotonic() - begun < 30
        late = ran.result["nodes"][1]
        assert late["address"] == late["error"]["node"] == sim.addresses[1]
        assert (late["error"]["kind"], late["error"]["said"]) == (
            "out_of_time",
            "no outcome when the 1 s for all nodes were over",
        )
        assert ran.result["summary"]["errors"] == {"out_of_time": 1}
        assert ran.result["summary"]["reachable"] == 3

    def test_a_time_that_cannot_be(self, run_module: RunModule) -> None:
        assert "total_timeout is 0" in run_module("node_info", nodes=["127.18.0.1"], total_timeout=0).error
