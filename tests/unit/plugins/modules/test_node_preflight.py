# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``node_preflight``: every gate holds a simulated node, and a fleet is decided on in one task."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.running import RunningSimulator
from tests.unit.module_run import Ran, RunModule

#: The fault that makes one gate fail, and the reason that a user is given.
HELD: list[tuple[dict[str, Any], str]] = [
    ({"kind": "unreachable"}, "unreachable"),
    ({"kind": "daemon_down"}, "daemon_unreachable"),
    ({"kind": "daemon_syncing", "behind": 200}, "daemon_behind"),
    ({"kind": "explorer"}, "explorer_behind"),
    ({"kind": "expired"}, "not_confirmed"),
    ({"kind": "dos", "state": 12, "message": "too slow"}, "dos"),
    ({"kind": "benchmark", "status": "running"}, "benchmarking"),
    ({"kind": "health", "check": "docker"}, "unhealthy"),
    ({"kind": "boot_stuck"}, "booting"),
    ({"kind": "html", "path": "/flux/isarcaneos"}, "cannot_evaluate"),
    ({"kind": "truncate", "path": "/apps/installedapps"}, "cannot_evaluate"),
    ({"kind": "http_error", "status": 500, "path": "/flux/version"}, "unreachable"),
]


def fleet(sim: RunningSimulator) -> dict[str, str]:
    return dict(zip(("alpha", "beta", "gamma", "delta"), sim.addresses, strict=True))


def decisions(ran: Ran) -> dict[str, tuple[str, str]]:
    assert not ran.failed, ran.result
    return {node["name"]: (node["decision"], node["reason"]) for node in ran.result["nodes"]}


class TestOneNode:
    def test_may_be_restarted_when_every_gate_passes(self, node: str, run_module: RunModule) -> None:
        ran = run_module("node_preflight", app_budget=1)
        assert (ran.changed, ran.writes, ran.result["decision"]) == (False, [], "restart")
        verdict = ran.result["node"]
        assert (verdict["address"], verdict["method"], verdict["apps"]) == (node, "api", ["TideBoard"])
        assert all(gate["ok"] for gate in verdict["gates"])
        assert verdict["before"]["process"] == verdict["process"]

    @pytest.mark.parametrize(("fault", "reason"), HELD, ids=[f"{f['kind']}-{r}" for f, r in HELD])
    def test_is_held_back_with_the_reason(
        self, sim: RunningSimulator, node: str, run_module: RunModule, fault: dict[str, Any], reason: str
    ) -> None:
        if fault["kind"] == "boot_stuck":
            sim.fault(node, **fault)
            sim.restart(node)
            sim.advance(300)
        else:
            sim.fault(node, **fault)
        ran = run_module("node_preflight")
        assert (ran.changed, ran.result["decision"], ran.result["reason"]) == (False, "hold", reason)
        assert ran.result["message"], "a reason without words"
        assert ran.writes == []

    @pytest.mark.parametrize(("age", "reason"), [(470, "slack"), (505, "confirmation_due")])
    def test_is_held_back_before_it_has_to_confirm(
        self, sim: RunningSimulator, node: str, run_module: RunModule, age: int, reason: str
    ) -> None:
        sim.set(node, confirmation_age=age)
        assert run_module("node_preflight").result["reason"] == reason

    def test_is_held_back_as_the_only_instance_that_runs_whatever_the_list_says(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        for other in sim.addresses[1:3]:
            sim.fault(other, kind="container", name="TideBoard")
        assert run_module("node_preflight").result["reason"] == "only_instance"

    def test_on_arcane_needs_a_command(self, sim: RunningSimulator, run_module: RunModule) -> None:
        arcane = sim.addresses[3]
        assert run_module("node_preflight", node=arcane).result["reason"] == "no_restart_path"
        with_command = run_module("node_preflight", node=arcane, restart_command=True)
        assert (with_command.result["decision"], with_command.result["node"]["method"]) == ("restart", "command")

    def test_an_override_lets_it_pass_and_is_named(
        self, sim: RunningSimulator, node: str, run_module: RunModule
    ) -> None:
        sim.fault(node, kind="dos", state=5, message="too slow")
        ran = run_module("node_preflight", overrides=["dos", "health"])
        assert (ran.result["decision"], ran.result["node"]["overridden"]) == (
            "restart",
            ["dos", "health"],
        )

    def test_no_gateway_that_answers_holds_it(self, sim: RunningSimulator, run_module: RunModule) -> None:
        assert run_module("node_preflight", gateway=[]).result["reason"] == "cannot_evaluate"
        sim.fault("gateway", kind="html")
        second = run_module("node_preflight", gateway=[sim.gateway, f"http://{sim.addresses[3]}"])
        assert second.result["decision"] == "restart", "the second gateway was not asked"

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"target_version": "8.20"}, "'8.20' is not a FluxOS version"),
            ({"max_uptime": "a week"}, "'a week' is no duration"),
            ({"planned_minutes": 400}, "planned_minutes is 400"),
            ({"planned_minutes": -1}, "planned_minutes is -1"),
            ({"app_budget": -1}, "-1"),
            ({"nodes": {"alpha": None}}, "nodes: alpha has the address None"),
            ({"node": ""}, "fluxos_node"),
        ],
    )
    def test_options_that_cannot_work_name_themselves(
        self, run_module: RunModule, options: dict[str, Any], said: str
    ) -> None:
        ran = run_module("node_preflight", **options)
        assert said in ran.error
        assert ran.requests == []


class TestFleet:
    def test_every_node_is_decided_on_in_order_in_check_mode_too(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        for check in (False, True):
            ran = run_module("node_preflight", nodes=fleet(sim), target_version="newest", check=check)
            assert (ran.changed, ran.writes, ran.result["target_version"]) == (False, [], "8.20.0")
            assert list(decisions(ran).items()) == [
                ("alpha", ("skip", "not_outdated")),
                ("beta", ("skip", "not_outdated")),
                ("gamma", ("restart", "outdated")),
                ("delta", ("skip", "not_outdated")),
            ]
            assert ran.result["candidates"] == [{"name": "gamma", "ip": sim.nodes[2].ip, "apps": ["TideBoard"]}]

    def test_candidates_by_name_and_by_uptime(self, sim: RunningSimulator, run_module: RunModule) -> None:
        named = decisions(run_module("node_preflight", nodes=fleet(sim), names=["beta", "delta"]))
        assert named["beta"] == ("restart", "named")
        assert named["delta"] == ("hold", "no_restart_path")
        assert named["alpha"] == ("skip", "not_selected")
        sim.restart(sim.addresses[0])
        sim.advance(600)
        by_uptime = decisions(run_module("node_preflight", nodes=fleet(sim), max_uptime="12h"))
        assert by_uptime["alpha"] == ("skip", "not_selected")
        assert by_uptime["beta"] == ("restart", "long_running")

    def test_a_node_restarted_since_it_was_seen_is_left_alone(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        first = run_module("node_preflight", nodes=fleet(sim))
        before = {node["name"]: node["process"] for node in first.result["nodes"]}
        for address in sim.addresses[:2]:
            sim.restart(address)
        sim.advance(600)
        ran = run_module("node_preflight", nodes=fleet(sim), before=before, in_flight=["beta"])
        assert decisions(ran)["alpha"] == ("skip", "already_restarted")
        assert decisions(ran)["beta"] == ("verify", "interrupted")
        assert decisions(ran)["gamma"] == ("restart", "named")

    def test_a_node_that_a_restart_did_not_update_is_not_restarted_for_its_version_again(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        gamma = sim.addresses[2]
        process = run_module("node_info", node=gamma, gather=["process"]).result["node"]["process"]
        restarts = {gamma: {"version": "8.18.0", "process": process}}
        ran = run_module("node_preflight", nodes=fleet(sim), target_version="newest", restarts=restarts)
        assert decisions(ran)["gamma"] == ("skip", "not_updated_by_restart")

    def test_held_nodes_are_asked_again_with_patience_and_it_says_so(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        sim.fault(sim.addresses[0], kind="benchmark", status="running", for_seconds=60)
        ran = run_module("node_preflight", nodes=fleet(sim), names=["alpha"], patience=30, interval=0.2)
        assert decisions(ran)["alpha"] == ("restart", "named")
        assert any("asked again" in line and "alpha" in line for line in ran.lines)

    def test_a_fleet_without_a_comparable_version_is_never_restarted_as_a_whole(
        self, sim: RunningSimulator, run_module: RunModule
    ) -> None:
        for address in sim.addresses:
            sim.set(address, version="8.20.0-dev")
        ran = run_module("node_preflight", nodes=fleet(sim), target_version="newest")
        assert {decision for decision, _unused in decisions(ran).values()} == {"hold"}
        assert {reason for _unused, reason in decisions(ran).values()} == {"cannot_evaluate"}
