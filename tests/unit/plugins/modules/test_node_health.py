# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``node_health``: waiting for one node, judging many."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.running import RunningSimulator
from tests.unit.module_run import RunModule

ONCE: dict[str, Any] = {"wait": False, "samples": 1}


def state_before(run_module: RunModule, address: str) -> dict[str, Any]:
    """What a preflight keeps of a node for its health check."""
    before: dict[str, Any] = run_module("node_preflight", node=address).result["node"]["before"]
    return before


class TestOneNode:
    def test_a_healthy_node_is_healthy_at_once(self, run_module: RunModule) -> None:
        ran = run_module("node_health", **ONCE)
        assert (ran.changed, ran.writes, ran.result["version"]) == (False, [], "8.20.0")
        assert ran.result["process"]["uptime"] > 0

    @pytest.mark.parametrize("samples", [2, 3])
    def test_without_waiting_it_is_looked_at_as_often_as_the_samples_say(
        self, run_module: RunModule, samples: int
    ) -> None:
        ran = run_module("node_health", wait=False, samples=samples, wait_interval=0.05)
        assert not ran.changed
        assert ran.requests.count("/flux/health") == samples

    def test_a_sample_reads_only_what_it_judges(self, run_module: RunModule) -> None:
        ran = run_module("node_health", **ONCE)
        unjudged = {"/flux/isarcaneos", "/benchmark/getstatus", "/benchmark/getbenchmarks", "/daemon/getblockcount"}
        assert unjudged.isdisjoint(ran.requests)

    def test_what_is_kept_of_a_node_that_did_not_come_back_is_complete(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="peers")
        evidence = run_module("node_health", **ONCE).result["error"]["evidence"]
        unread = {name for name, value in evidence.items() if isinstance(value, dict) and set(value) == {"why"}}
        assert unread == {"elsewhere"}

    def test_after_a_restart_it_is_waited_for_until_all_is_back(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        before = state_before(run_module, node)
        run_module("node_restart")
        ran = run_module("node_health", before=before, samples=2)
        now = sim.node(node)
        assert now["boot_settled"], "it was called healthy inside its boot window"
        assert ran.result["process"]["uptime"] < before["process"]["uptime"]

    def test_without_a_restart_it_never_counts_as_back(self, node: str, run_module: RunModule) -> None:
        before = state_before(run_module, node)
        ran = run_module("node_health", before=before, wait_timeout=0.5)
        assert ran.result["error"]["kind"] == "timeout"
        assert ran.error.startswith(f"{node}: wait until the node is healthy: not so after 0.5 s; last seen: ")
        assert "it still needs its uptime to go down (saw: up for " in ran.error

    def test_is_read_alike_in_check_mode(self, run_module: RunModule) -> None:
        ran = run_module("node_health", check=True, **ONCE)
        assert (ran.changed, ran.result["version"]) == (False, "8.20.0")

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ({"kind": "unreachable"}, "read the version"),
            ({"kind": "health", "check": "docker"}, "its own health check to be green"),
            ({"kind": "expired"}, "its status to be CONFIRMED"),
            ({"kind": "explorer"}, "its explorer to be synced"),
            ({"kind": "dos", "state": 12, "message": "too slow"}, "its DOS state to be 0"),
            ({"kind": "peers"}, "its communication with peers to be established"),
            ({"kind": "location_missing"}, "its apps to be on the network's location list"),
            ({"kind": "html", "path": "/flux/dosstate"}, "its DOS state to be 0"),
        ],
        ids=lambda value: value["kind"] if isinstance(value, dict) else "",
    )
    def test_what_it_lacks_is_in_the_message(
        self, sim: RunningSimulator, node: str, run_module: RunModule, fault: dict[str, Any], said: str
    ) -> None:
        sim.fault(node, **fault)
        ran = run_module("node_health", **ONCE)
        assert "not so after 1 look; last seen: " in ran.error
        assert said in ran.error

    def test_a_container_that_does_not_come_back_is_named(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        before = state_before(run_module, node)
        sim.fault(node, kind="container", name="TideBoard")
        ran = run_module("node_health", before=before, **ONCE)
        assert "every app container that ran before to run again" in ran.error
        assert "fluxweb_TideBoard" in ran.error

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"samples": 0}, "samples is 0"),
            ({"before": {"process": {"uptime": "long"}}}, "is no process"),
            ({"before": {"containers": [{"name": "fluxweb_shop"}]}}, "pass that on unchanged"),
            ({"node": ""}, "fluxos_node"),
        ],
    )
    def test_options_that_cannot_work_name_themselves(
        self, run_module: RunModule, options: dict[str, Any], said: str
    ) -> None:
        assert said in run_module("node_health", **options).error


class TestFleet:
    def test_a_healthy_fleet_passes(self, sim: RunningSimulator, run_module: RunModule) -> None:
        ran = run_module("node_health", nodes=dict(zip("abcd", sim.addresses, strict=True)))
        assert (ran.changed, ran.writes, ran.result["sick"]) == (False, [], [])
        assert "0 of 4" in ran.result["message"]

    def test_one_sick_node_always_may_be_two_of_four_may_not(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        nodes = dict(zip("abcd", sim.addresses, strict=True))
        sim.fault(sim.addresses[1], kind="daemon_down")
        assert run_module("node_health", nodes=nodes).result["sick"] == ["b"]
        sim.fault(sim.addresses[3], kind="unreachable")
        ran = run_module("node_health", nodes=nodes)
        assert (ran.result["sick"], ran.result["reason"]) == (["b", "d"], "too_many_sick")
        assert "2 of 4" in ran.error
        assert run_module("node_health", nodes=nodes, max_sick="50%").result["sick"] == ["b", "d"]

    @pytest.mark.parametrize(
        ("options", "said"),
        [({"max_sick": "some"}, "'some'"), ({"nodes": {"a": 7}}, "nodes: a has the address 7")],
    )
    def test_options_that_cannot_work_name_themselves(
        self, sim: RunningSimulator, run_module: RunModule, options: dict[str, Any], said: str
    ) -> None:
        ran = run_module("node_health", **{"nodes": {"a": sim.addresses[0]}, **options})
        assert said in ran.error
