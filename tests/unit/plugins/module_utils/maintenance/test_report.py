# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports: pure, every node once, and words that are true."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.plan import make_plan
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.report import (
    RESULTS,
    build_report,
    duration,
    markdown,
    plan_lines,
    summary_lines,
)
from tests.unit.plans import EVERYTHING, plan

KINDS = ("planned", "restarting", "restarted", "already_restarted", "held", "failed")


def made(**changes: Any) -> dict[str, Any]:
    given = plan(**{"criteria": {"target_version": "8.20.0"}, **changes})
    return make_plan("run-1", "example", 1000.0, {"plan": given, "report_dir": None}, check_mode=False)


def event(kind: str, node: str | None = None, at: float = 1010.0, **facts: Any) -> dict[str, Any]:
    return {"time": at, "event": kind, **({"node": node} if node else {}), **facts}


def report(*events: dict[str, Any], status: str = "running", **changes: Any) -> dict[str, Any]:
    return build_report(made(**changes), events, status)


def results(of: dict[str, Any]) -> dict[str, str]:
    return {node["name"]: node["result"] for node in of["nodes"]}


ALPHA_DONE = (
    event("restarting", "alpha", 1010.0, method="api"),
    event("restarted", "alpha", 1085.5, version="8.20.0", process={"uptime": 9}),
)


class TestNodes:
    def test_without_events_is_what_was_planned(self) -> None:
        assert results(report()) == {"alpha": "planned", "beta": "planned", "gamma": "held", "delta": "skipped"}

    def test_a_restart_tells_versions_method_wave_and_time(self) -> None:
        alpha = report(*ALPHA_DONE)["nodes"][0]
        assert (alpha["result"], alpha["method"], alpha["wave"]) == ("restarted", "api", 1)
        assert (alpha["version_before"], alpha["version_after"], alpha["seconds"]) == ("8.18.0", "8.20.0", 75.5)

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("running", "restarting"),
            ("failed", "interrupted"),
            ("interrupted", "interrupted"),
            ("finished", "interrupted"),
        ],
    )
    def test_a_restart_without_an_end_is_open_only_while_the_run_is(self, status: str, expected: str) -> None:
        assert results(report(event("restarting", "alpha"), status=status))["alpha"] == expected

    def test_later_events_win(self) -> None:
        held = event("held", "beta", 1020.0, reason="benchmarking", message="its benchmark is running")
        again = event("planned", "beta", 1030.0, reason="outdated", message="it is older")
        done = event("restarted", "beta", 1040.0, version="8.20.0")
        beta = report(held)["nodes"][1]
        assert (beta["result"], beta["reason"], beta["message"]) == ("held", "benchmarking", "its benchmark is running")
        beta = report(held, again)["nodes"][1]
        assert (beta["result"], beta["reason"]) == ("planned", "outdated")
        assert results(report(held, again, done))["beta"] == "restarted"

    def test_a_failure_brings_its_evidence(self) -> None:
        failed = event("failed", "alpha", reason="not_healthy_again", message="no", evidence={"last": "seen"})
        alpha = report(event("restarting", "alpha"), failed)["nodes"][0]
        assert (alpha["result"], alpha["reason"], alpha["evidence"]) == (
            "failed",
            "not_healthy_again",
            {"last": "seen"},
        )

    def test_events_of_unknown_nodes_make_no_node(self) -> None:
        assert set(results(report(event("restarted", "omega")))) == set(EVERYTHING)

    @given(
        st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(EVERYTHING))),
        st.sampled_from(["running", "finished", "failed", "interrupted"]),
    )
    def test_every_node_is_there_once_with_a_result_and_a_reason_whatever_happened(
        self, happened: list[tuple[str, str]], status: str
    ) -> None:
        events = [event(kind, node, 1000.0 + number) for number, (kind, node) in enumerate(happened)]
        kept, before = made(), copy.deepcopy(events)
        first = build_report(kept, events, status)
        assert [node["name"] for node in first["nodes"]] == list(EVERYTHING)
        assert all(node["result"] in RESULTS and node["reason"] and node["message"] for node in first["nodes"])
        assert sum(first["counts"].values()) == first["fleet_size"] == 4
        assert first == build_report(kept, events, status)
        assert events == before
        assert (status == "running") or "restarting" not in first["counts"]
        text = markdown(first)
        assert all(text.count(f"| {name} |") == 1 for name in EVERYTHING), text


class TestRun:
    def test_the_end_and_its_reason(self) -> None:
        end = event("finished", at=1100.0, status="failed", message="alpha did not come back")
        whole = report(*ALPHA_DONE, end, status="failed")
        assert (whole["ended"], whole["seconds"]) == (1100.0, 100.0)
        assert whole["stopped_because"] == "alpha did not come back"
        assert "Stopped because: alpha did not come back" in summary_lines(whole)

    def test_a_run_that_goes_on_has_no_end_and_takes_as_long_as_its_last_event(self) -> None:
        whole = report(*ALPHA_DONE, event("resumed", at=1090.0, status="running"))
        assert (whole["ended"], whole["seconds"], whole["resumed"]) == (None, 90.0, 1)

    @pytest.mark.parametrize(
        ("events", "changed"),
        [
            ((), False),
            ((event("held", "alpha"),), False),
            ((event("already_restarted", "alpha"),), False),
            # Failed before anything was sent, a key that is not there for example.
            ((event("failed", "alpha"),), False),
            ((event("restarting", "alpha"), event("failed", "alpha")), True),
            ((event("restarting", "alpha"),), True),
            (ALPHA_DONE, True),
        ],
    )
    def test_nothing_was_changed_is_said_only_when_nothing_was(
        self, events: tuple[dict[str, Any], ...], changed: bool
    ) -> None:
        whole = report(*events, status="finished")
        assert whole["changed"] is changed
        assert ("Nothing was changed." in summary_lines(whole)) is not changed

    def test_waves_are_those_that_were_carried_out(self) -> None:
        asked_again = event("restarted", "gamma", wave=3, version="8.20.0")
        assert report(*ALPHA_DONE, asked_again)["waves"] == [
            {"wave": 1, "nodes": ["alpha"]},
            {"wave": 2, "nodes": ["beta"]},
            {"wave": 3, "nodes": ["gamma"]},
        ]


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(None, "-"), (0.04, "0.0 s"), (59.4, "59.4 s"), (59.9, "1 min 0 s"), (75, "1 min 15 s"), (7290, "2 h 1 min")],
    )
    def test_durations(self, seconds: float | None, text: str) -> None:
        assert duration(seconds) == text

    def test_the_plan_is_shown_before_the_first_write(self) -> None:
        assert plan_lines(made(overrides=["dos"])) == [
            "4 nodes: 2 to restart, 1 held back, 1 with nothing to do.",
            "Target version 8.20.0. At most 1 node at a time, one per IP, 2 waves.",
            "wave 1: alpha (outdated)",
            "wave 2: beta (outdated)",
            "held back: gamma: why gamma is slack",
            "overridden gates: dos",
        ]

    def test_a_plan_of_one_node_is_in_the_singular(self) -> None:
        one = made(only=["alpha"], waves=[["alpha"]], criteria={})
        assert plan_lines(one)[:2] == [
            "1 node: 1 to restart, 0 held back, 0 with nothing to do.",
            "At most 1 node at a time, one per IP, 1 wave.",
        ]

    def test_a_plan_without_waves_says_so(self) -> None:
        assert plan_lines(made(only=["gamma"], waves=[]))[:2] == [
            "1 node: 0 to restart, 1 held back, 0 with nothing to do.",
            "Target version 8.20.0. There is nothing to restart.",
        ]

    def test_the_summary_counts_every_node(self) -> None:
        whole = report(*ALPHA_DONE, event("finished", at=1100.0, status="finished"), status="finished")
        assert summary_lines(whole) == [
            "run run-1: finished after 1 min 40 s, 1 wave done.",
            "4 nodes: 1 restarted, 1 planned but not reached, 1 held back, 1 not selected.",
        ]

    def test_text_of_a_node_does_not_break_the_tables(self) -> None:
        text = markdown(report(gamma={"message": "its status is `a|b`\n| evil | row |"}))
        rows = [line for line in text.splitlines() if "gamma" in line]
        assert len(rows) == 1
        assert rows[0].replace("\\|", "").count("|") == 5
