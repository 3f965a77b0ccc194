# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``maintenance_run``: one test class for each state."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.module_run import Ran, RunModule
from tests.unit.plans import EVERYTHING, plan

RUN = "20261125T080000Z-0001"


@pytest.fixture
def step(run_module: RunModule) -> Any:
    """One step of a run of the fleet ``example``."""

    def do(state: str, **options: Any) -> Ran:
        return run_module("maintenance_run", state=state, **{"fleet": "example", "run_id": RUN, **options})

    return do


def start(step: Any, **options: Any) -> Ran:
    ran: Ran = step("started", **{"plan": plan(), **options})
    return ran


def kept(tmp_path: Path) -> list[str]:
    """Every file of the state directory, but not the guards of its locks."""
    return sorted(
        str(path.relative_to(tmp_path / "state"))
        for path in (tmp_path / "state").rglob("*")
        if path.is_file() and path.suffix != ".guard"
    )


class TestOpened:
    def test_without_an_earlier_run_gives_a_new_one_and_keeps_nothing(self, step: Any, tmp_path: Path) -> None:
        ran = step("opened", run_id=None)
        assert (ran.changed, ran.result["resumed"], ran.result["in_flight"]) == (False, False, [])
        assert not (tmp_path / "state").exists()

    def test_finds_what_a_killed_run_had_begun(self, step: Any, tmp_path: Path) -> None:
        start(step)
        step("recorded", node="alpha", event="restarting")
        self.die(tmp_path)
        for check in (False, True):
            ran = step("opened", run_id=None, check=check)
            assert (ran.result["run_id"], ran.result["resumed"], ran.result["in_flight"]) == (RUN, True, ["alpha"])
            assert set(ran.result["before"]) == set(EVERYTHING)

    def test_leaves_a_run_alone_that_is_alive_or_old(self, step: Any, tmp_path: Path) -> None:
        start(step, started=1_000_000_000.0)
        assert step("opened", run_id=None, resume_within="5200w").result["resumed"] is False
        self.die(tmp_path)
        assert step("opened", run_id=None).result["resumed"] is False
        assert step("opened", run_id=None, resume_within="5200w").result["resumed"] is True

    def test_a_duration_that_is_none_is_refused(self, step: Any) -> None:
        assert "'soon' is no duration" in step("opened", resume_within="soon").error

    def die(self, tmp_path: Path) -> None:
        """Let the lock's holder be a process that is gone."""
        lock = tmp_path / "state" / "example" / "lock.json"
        lock.write_text(json.dumps({**json.loads(lock.read_text()), "pid_start": "1"}))


class TestStarted:
    def test_takes_the_lock_and_keeps_plan_and_report(self, step: Any, tmp_path: Path) -> None:
        ran = start(step, report_dir=str(tmp_path / "reports"))
        assert (ran.changed, ran.result["order"], ran.result["sizes"]) == (True, ["alpha", "beta"], [1, 1])
        assert kept(tmp_path) == [
            "example/lock.json",
            *(f"example/runs/{RUN}/{name}" for name in ("plan.json", "report.json", "report.md")),
        ]
        assert {path.name for path in (tmp_path / "reports").iterdir()} == {"report.json", "report.md"}
        assert "wave 1: alpha (outdated)" in ran.result["lines"]

    def test_keeps_nothing_in_check_mode_but_the_report_that_was_asked_for(self, step: Any, tmp_path: Path) -> None:
        ran = start(step, check=True, report_dir=str(tmp_path / "reports"))
        assert (ran.changed, ran.result["order"], kept(tmp_path)) == (True, ["alpha", "beta"], [])
        report = json.loads((tmp_path / "reports" / "report.json").read_text())
        assert (report["status"], report["check_mode"], report["counts"]["planned"]) == ("checked", True, 2)

    def test_refuses_a_second_run_and_names_the_first(self, step: Any) -> None:
        start(step)
        ran = step("started", run_id="20261125T090000Z-0002", plan=plan())
        assert f"is being maintained by run {RUN} of" in ran.error
        assert (ran.result["holder"]["run_id"], ran.result["holder"]["pid"]) == (RUN, os.getpid())

    def test_adds_to_the_plan_when_called_again(self, step: Any) -> None:
        start(step)
        step("recorded", node="alpha", event="restarting")
        step("recorded", node="alpha", event="restarted", facts={"version": "8.20.0", "process": {"uptime": 9}})
        again = plan(waves=[["gamma"]], only=["gamma"], gamma={"decision": "restart", "reason": "outdated"})
        assert start(step, plan=again).result["order"] == ["gamma"]
        report = step("reported").result["report"]
        assert report["resumed"] == 0, "it was no interruption"
        assert {node["name"]: node["result"] for node in report["nodes"]} == {
            "alpha": "restarted",
            "beta": "planned",
            "gamma": "planned",
            "delta": "skipped",
        }

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"plan": {"nodes": [], "cap": 1}}, "no 'waves'"),
            ({"plan": plan(cap="lots")}, "'lots'"),
            ({"fleet": "../other"}, "'../other'"),
            ({"run_id": "../../other"}, "'../../other' is no run"),
            ({"state_dir": "/proc/nowhere"}, "/proc/nowhere"),
            ({"report_dir": "/proc/nowhere"}, "the report directory /proc/nowhere cannot be made"),
        ],
    )
    def test_options_that_cannot_work_name_themselves_and_leave_no_lock(
        self, step: Any, tmp_path: Path, options: dict[str, Any], said: str
    ) -> None:
        assert said in start(step, **options).error
        assert kept(tmp_path) == []


class TestRecorded:
    def test_keeps_each_event_and_the_report_with_it(self, step: Any, tmp_path: Path) -> None:
        start(step)
        begun = step("recorded", node="alpha", event="restarting", facts={"method": "api"})
        assert (begun.changed, begun.result) == (True, {"changed": True, "stop": False, "failed_nodes": []})
        on_disk = json.loads((tmp_path / "state" / "example" / "runs" / RUN / "report.json").read_text())
        assert on_disk["nodes"][0]["result"] == "restarting"
        process = {"uptime": 9, "node_time": 1.0}
        done = step("recorded", node="alpha", event="restarted", facts={"version": "8.20.0", "process": process})
        assert not done.changed
        address = next(node["address"] for node in plan()["nodes"] if node["name"] == "alpha")
        assert step("opened", run_id=None).result["restarts"] == {address: {"version": "8.20.0", "process": process}}

    @pytest.mark.parametrize(("budget", "stops"), [(0, [True, True]), (1, [False, True]), (2, [False, False])])
    def test_more_failures_than_the_budget_stop_the_run(self, step: Any, budget: int, stops: list[bool]) -> None:
        start(step)
        failed = [step("recorded", node=node, event="failed", error_budget=budget) for node in ("alpha", "beta")]
        assert [ran.result["stop"] for ran in failed] == stops
        assert failed[1].result["failed_nodes"] == ["alpha", "beta"]

    def test_what_is_known_of_a_node_that_failed_gets_a_file_of_its_own(self, step: Any, tmp_path: Path) -> None:
        start(step, report_dir=str(tmp_path / "reports"))
        facts = {
            "reason": "not_healthy_again",
            "message": "it lacks peers",
            "evidence": {"error": {"said": "no peers"}},
        }
        step("recorded", node="alpha", event="failed", facts=facts)
        for place in (tmp_path / "state" / "example" / "runs" / RUN, tmp_path / "reports"):
            bundle = json.loads((place / "failure-alpha.json").read_text())
            assert bundle == {"node": "alpha", "time": bundle["time"], **facts}

    def test_keeps_nothing_in_check_mode(self, step: Any, tmp_path: Path) -> None:
        ran = step("recorded", check=True, node="alpha", event="restarting")
        assert (ran.changed, ran.result["stop"], ran.result["failed_nodes"], kept(tmp_path)) == (True, False, [], [])

    def test_a_node_that_is_not_in_the_plan_is_refused(self, step: Any) -> None:
        start(step)
        assert "no node 'omega' in its plan" in step("recorded", node="omega", event="restarted").error
        assert {node["name"] for node in step("reported").result["report"]["nodes"]} == set(EVERYTHING)

    @pytest.mark.parametrize("state", ["recorded", "reported", "finished"])
    def test_a_run_that_never_began_is_named(self, step: Any, state: str) -> None:
        assert f"has no run {RUN}" in step(state, node="alpha", event="restarted").error


class TestFinished:
    def test_releases_the_lock_and_sums_up(self, step: Any, tmp_path: Path) -> None:
        start(step)
        ran = step("finished")
        assert (ran.changed, ran.result["report"]["status"]) == (False, "finished")
        assert ran.result["lines"][-1] == "Nothing was changed."
        assert "example/lock.json" not in kept(tmp_path)

    def test_a_second_end_does_not_change_the_first(self, step: Any) -> None:
        start(step)
        step("finished", status="failed", why="alpha did not come back")
        again = step("finished").result["report"]
        assert (again["status"], again["stopped_because"]) == ("failed", "alpha did not come back")

    def test_keeps_the_lock_in_check_mode(self, step: Any, tmp_path: Path) -> None:
        start(step)
        assert not step("finished", check=True).changed
        assert "example/lock.json" in kept(tmp_path)


class TestRecovered:
    def test_releases_the_lock_of_a_run_that_died_once(self, step: Any, tmp_path: Path) -> None:
        start(step)
        step("recorded", node="alpha", event="restarting")
        TestOpened().die(tmp_path)
        for check, changed in ((True, True), (False, True), (False, False), (True, False)):
            assert step("recovered", check=check).changed is changed
        report = step("reported").result["report"]
        assert (report["status"], report["nodes"][0]["result"]) == ("interrupted", "interrupted")

    def test_leaves_a_living_run_alone(self, step: Any) -> None:
        start(step)
        assert "is still at work" in step("recovered").error
