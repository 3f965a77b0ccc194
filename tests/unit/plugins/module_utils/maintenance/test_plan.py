# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: refused before they do harm, and merged so that one report tells the whole story."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.plan import (
    PlanError,
    in_flight,
    make_plan,
    merge,
    touched,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.waves import WaveError
from tests.unit.plans import EVERYTHING, plan


def made(given: dict[str, Any], **params: Any) -> dict[str, Any]:
    return make_plan("run-1", "example", 1000.0, {"plan": given, "report_dir": None, **params}, check_mode=False)


def events(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"time": 1000.0 + number, "event": event, "node": node} for number, (node, event) in enumerate(pairs)]


def decisions(of: dict[str, Any]) -> dict[str, str]:
    return {node["name"]: node["decision"] for node in of["nodes"]}


class TestMaking:
    def test_what_is_given_is_kept(self) -> None:
        kept = made(plan(criteria={"target_version": "8.20.0"}, overrides=["dos"]), report_dir="/reports")
        assert (kept["run_id"], kept["fleet"], kept["started"], kept["check_mode"]) == (
            "run-1",
            "example",
            1000.0,
            False,
        )
        assert (kept["report_dir"], kept["criteria"]) == ("/reports", {"target_version": "8.20.0"})
        assert (kept["overrides"], kept["waves"]) == (["dos"], [["alpha"], ["beta"]])
        assert tuple(node["name"] for node in kept["nodes"]) == EVERYTHING

    def test_a_candidate_that_got_no_wave_is_held_back_with_that_reason(self) -> None:
        held = [{"name": "beta", "reason": "app_budget", "sentence": "its app can spare none"}]
        kept = made(plan(waves=[["alpha"], []], held=held))
        beta = kept["nodes"][1]
        assert (beta["decision"], beta["reason"]) == ("hold", "app_budget")
        assert beta["message"] == "its app can spare none"
        assert kept["waves"] == [["alpha"]], "an empty wave is none"

    @pytest.mark.parametrize(
        ("cap", "size", "expected"), [(3, None, 3), ("5%", 60, 3), ("5%", None, 1), ("50%", None, 2)]
    )
    def test_the_cap_is_a_number_of_nodes(self, cap: int | str, size: int | None, expected: int) -> None:
        assert made(plan(cap=cap, fleet_size=size))["cap"] == expected

    def test_the_given_plan_is_not_changed(self) -> None:
        given = plan(waves=[["alpha"]], held=[{"name": "beta", "reason": "app_budget", "sentence": "why"}])
        before = copy.deepcopy(given)
        made(given)
        assert given == before

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"nodes": [], "waves": []}, "no 'cap'"),
            (plan(only=["alpha", "alpha"], waves=[["alpha"]]), "'alpha' twice"),
            (plan(waves=[["alpha"], ["alpha"], ["beta"]]), "'alpha' more than once"),
            (plan(waves=[["alpha"], ["beta"], ["omega"]]), "'omega', which is not among"),
            (plan(waves=[["alpha"], ["beta"], ["gamma"]]), "'gamma', which is not among"),
            (plan(waves=[["alpha"]]), "'beta' is to be restarted, but is in no wave"),
            (plan(alpha={"decision": "maybe"}), "'alpha': the decision is one of"),
            (plan(alpha={"message": None}), "'alpha' needs name, address"),
            ({**plan(), "nodes": ["alpha"]}, "'alpha' needs name, address"),
        ],
    )
    def test_a_plan_that_could_not_be_carried_out_is_refused(self, given: dict[str, Any], said: str) -> None:
        with pytest.raises(PlanError, match=said):
            made(given)

    def test_so_is_a_cap_that_is_none(self) -> None:
        with pytest.raises(WaveError, match="'lots'"):
            made(plan(cap="lots"))


class TestEvents:
    """``in_flight`` is what a run that goes on must not restart blindly."""

    @pytest.mark.parametrize(
        ("happened", "open_nodes", "touched_nodes"),
        [
            ([], set(), set()),
            ([("alpha", "planned"), ("beta", "held")], set(), set()),
            ([("alpha", "restarting")], {"alpha"}, {"alpha"}),
            ([("alpha", "restarting"), ("alpha", "restarted")], set(), {"alpha"}),
            ([("alpha", "restarting"), ("alpha", "already_restarted")], set(), {"alpha"}),
            ([("alpha", "restarting"), ("alpha", "failed")], set(), {"alpha"}),
            ([("alpha", "restarting"), ("beta", "restarting"), ("alpha", "restarted")], {"beta"}, {"alpha", "beta"}),
            ([("alpha", "restarting"), ("alpha", "failed"), ("alpha", "restarting")], {"alpha"}, {"alpha"}),
            ([("alpha", "restarting"), ("alpha", "held")], {"alpha"}, {"alpha"}),
        ],
    )
    def test_what_was_begun_and_what_is_open(
        self, happened: list[tuple[str, str]], open_nodes: set[str], touched_nodes: set[str]
    ) -> None:
        assert in_flight(events(*happened)) == open_nodes
        assert touched(events(*happened)) == touched_nodes

    def test_events_of_the_run_concern_no_node(self) -> None:
        assert touched([{"time": 1.0, "event": "resumed", "status": "running"}]) == set()


class TestMerging:
    OLD = made(plan())

    def test_what_was_done_stays_as_it_was_and_what_was_not_reached_is_replaced(self) -> None:
        new = made(
            plan(
                waves=[["gamma"]],
                alpha={"decision": "skip", "reason": "already_restarted", "version": "8.20.0"},
                beta={"decision": "hold", "reason": "benchmarking"},
                gamma={"decision": "restart", "reason": "outdated"},
            )
        )
        merged = merge(self.OLD, new, events(("alpha", "restarting"), ("alpha", "restarted")))
        assert decisions(merged) == {"alpha": "restart", "beta": "hold", "gamma": "restart", "delta": "skip"}
        assert merged["nodes"][0]["version"] == "8.18.0"
        assert merged["waves"] == [["alpha"], ["gamma"]]

    def test_a_node_whose_restart_is_verified_keeps_what_it_was_before(self) -> None:
        new = made(
            plan(
                waves=[["alpha"], ["beta"]],
                alpha={"decision": "verify", "reason": "interrupted", "version": "8.20.0", "process": {"uptime": 9}},
            )
        )
        merged = merge(self.OLD, new, events(("alpha", "restarting")))
        alpha = merged["nodes"][0]
        assert (alpha["decision"], alpha["version"]) == ("verify", "8.18.0")
        assert alpha["process"] == self.OLD["nodes"][0]["process"]
        assert merged["waves"] == [["alpha"], ["beta"]]

    def test_every_node_of_both_is_there_once_and_in_one_wave_at_most(self) -> None:
        new = made(
            plan(only=["gamma", "delta"], waves=[["gamma"]], gamma={"decision": "restart", "reason": "outdated"})
        )
        old = made(plan(only=["alpha", "beta", "gamma"]))
        merged = merge(old, new, events(("alpha", "restarting"), ("alpha", "restarted"), ("beta", "restarting")))
        names = [node["name"] for node in merged["nodes"]]
        assert sorted(names) == sorted(EVERYTHING)
        placed = [name for wave in merged["waves"] for name in wave]
        assert sorted(placed) == ["alpha", "beta", "gamma"]

    def test_the_first_begin_and_run_stay_and_the_latest_options_count(self) -> None:
        new = {**made(plan(cap=4, overrides=["apps"])), "run_id": "run-2", "started": 2000.0, "report_dir": "/later"}
        merged = merge(self.OLD, new, [])
        assert (merged["run_id"], merged["started"]) == ("run-1", 1000.0)
        assert (merged["cap"], merged["overrides"], merged["report_dir"]) == (4, ["apps"], "/later")

    def test_nothing_given_is_changed(self) -> None:
        old, new = copy.deepcopy(self.OLD), made(plan(beta={"decision": "hold"}, waves=[["alpha"]]))
        before = copy.deepcopy(new)
        merge(old, new, events(("alpha", "restarting")))
        assert (old, new) == (self.OLD, before)
