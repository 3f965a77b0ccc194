# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed and goes on, step by step. ``test_maintenance_run`` has each step by itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.keeper import Keeper
from tests.unit.calls import call_of
from tests.unit.plans import plan

PROCESS = {"uptime": 9, "node_time": 1_790_000_100.0}


class Controller:
    """Whoever runs the playbook: each has a process of its own, which may be dead."""

    def __init__(self, folder: Path, pid: int | None = None) -> None:
        self.folder = folder
        self.pid = pid or os.getpid()
        self.run_id: str | None = None

    def step(self, state: str, **options: Any) -> dict[str, Any]:
        if self.run_id and state != "opened":
            options.setdefault("run_id", self.run_id)
        call = call_of("maintenance_run", state=state, fleet="example", state_dir=str(self.folder), **options)
        call.controller_pid = self.pid
        result = getattr(Keeper(call), state)()
        values: dict[str, Any] = json.loads(json.dumps(result.values))
        return values

    def open(self) -> dict[str, Any]:
        opened = self.step("opened")
        self.run_id = opened["run_id"]
        return opened

    def start(self, opened: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return self.step("started", started=opened["started"], resuming=opened["resumed"], plan=plan(**changes))

    def record(self, node: str, event: str, **facts: Any) -> dict[str, Any]:
        return self.step("recorded", node=node, event=event, facts=facts)

    def results(self) -> dict[str, str]:
        return {node["name"]: node["result"] for node in self.step("reported")["report"]["nodes"]}


@pytest.fixture
def dead_pid() -> int:
    """The number of a process that is gone."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def killed(folder: Path, dead_pid: int) -> Controller:
    """A run that restarted alpha, had begun with beta, and died."""
    first = Controller(folder, dead_pid)
    first.start(first.open())
    first.record("alpha", "restarting", method="api")
    first.record("alpha", "restarted", version="8.20.0", process=PROCESS)
    first.record("beta", "restarting", method="api")
    return first


def test_the_next_run_goes_on_with_it(tmp_path: Path, dead_pid: int) -> None:
    first = killed(tmp_path, dead_pid)
    second = Controller(tmp_path)
    opened = second.open()
    assert (second.run_id, opened["resumed"], opened["in_flight"]) == (first.run_id, True, ["beta"])
    assert opened["before"]["beta"] == {"uptime": 86400, "node_time": 1_790_000_000.0}
    assert set(opened["restarts"]) == {"203.0.113.1:16127"}

    started = second.start(
        opened,
        waves=[["beta"]],
        alpha={"decision": "skip", "reason": "already_restarted"},
        beta={"decision": "verify", "reason": "interrupted", "process": PROCESS},
    )
    assert (started["order"], started["sizes"]) == (["beta"], [1])
    second.record("beta", "restarted", version="8.20.0", process=PROCESS)
    report = second.step("finished")["report"]
    assert (report["status"], report["resumed"], report["changed"]) == ("finished", 1, True)
    assert second.results() == {"alpha": "restarted", "beta": "restarted", "gamma": "held", "delta": "skipped"}
    assert [wave["nodes"] for wave in report["waves"]] == [["alpha"], ["beta"]]
    assert report["nodes"][1]["version_before"] == "8.18.0"


def test_a_run_that_goes_on_twice_counts_both(tmp_path: Path, dead_pid: int) -> None:
    killed(tmp_path, dead_pid)
    for _unused in range(2):
        again = Controller(tmp_path, dead_pid)
        again.start(again.open())
    assert again.step("reported")["report"]["resumed"] == 2


def test_a_new_run_does_not_begin_beside_one_that_lives(tmp_path: Path) -> None:
    first, second = Controller(tmp_path), Controller(tmp_path, os.getppid())
    first.start(first.open())
    opened = second.open()
    assert (opened["resumed"], opened["run_id"] != first.run_id) == (False, True)
    with pytest.raises(CallError, match=f"is being maintained by run {first.run_id}"):
        second.start(opened)
    assert [path.name for path in (tmp_path / "example" / "runs").iterdir()] == [first.run_id]


def test_what_was_held_back_and_is_asked_again_tells_both(tmp_path: Path) -> None:
    run = Controller(tmp_path)
    opened = run.open()
    run.start(opened)
    run.record("alpha", "restarting")
    run.record("alpha", "restarted", version="8.20.0", process=PROCESS)
    run.record("beta", "held", reason="benchmarking", message="its benchmark is running")
    assert run.results()["beta"] == "held"
    run.step(
        "started",
        started=opened["started"],
        plan=plan(only=["beta", "gamma"], waves=[["beta"]], gamma={"reason": "slack", "message": "29 blocks left"}),
    )
    assert run.results()["beta"] == "planned"
    nodes = {node["name"]: node for node in run.step("reported")["report"]["nodes"]}
    assert (nodes["gamma"]["result"], nodes["gamma"]["message"]) == ("held", "29 blocks left")
    assert run.step("reported")["report"]["resumed"] == 0


def test_two_nodes_of_one_wave_that_fail_end_the_run_once(tmp_path: Path) -> None:
    run = Controller(tmp_path)
    run.start(run.open())
    for node in ("alpha", "beta"):
        run.record(node, "restarting")
        assert run.record(node, "failed", reason="restart_failed", message=f"{node} failed")["stop"]
        run.step("finished", status="failed", why=f"{node} failed")
    report = run.step("reported")["report"]
    assert (report["stopped_because"], report["counts"]["failed"]) == ("alpha failed", 2)
    assert (tmp_path / "example" / "lock.json").exists() is False


def test_a_lock_is_kept_for_the_controller_and_not_for_its_worker(tmp_path: Path, dead_pid: int) -> None:
    run = Controller(tmp_path, os.getppid())
    run.start(run.open())
    assert json.loads((tmp_path / "example" / "lock.json").read_text())["pid"] == os.getppid()
