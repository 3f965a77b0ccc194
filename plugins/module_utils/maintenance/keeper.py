# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a maintenance run as the controller keeps it, one method for each state of the module."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError, Result
from ansible_collections.fluxme.fluxos.plugins.module_utils.files import write_json, write_text
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.lock import Holder
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.plan import in_flight, make_plan, merge
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.report import (
    build_report,
    markdown,
    plan_lines,
    summary_lines,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.selection import seconds
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.store import (
    FleetStore,
    Run,
    report_directory,
)


class Keeper:
    """Keeps one run, with the options of one task."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._params = call.params
        self._store = FleetStore(call.params["state_dir"], call.params["fleet"])

    def opened(self) -> Result:
        """Find out whether a run was interrupted. Reads only."""
        found = self._store.unfinished(seconds(self._params["resume_within"])) if self._params["resume"] else None
        values: dict[str, Any] = {"run_id": self._store.new_run_id(), "resumed": False, "started": time.time()}
        before: dict[str, Any] = {}
        open_nodes: set[str] = set()
        if found:
            values.update(run_id=found.run_id, resumed=True, started=found.plan["started"])
            before = {node["name"]: node["process"] for node in found.plan["nodes"] if node.get("process")}
            open_nodes = in_flight(found.events())
        restarts = self._store.restarts()
        return Result(values={**values, "before": before, "in_flight": sorted(open_nodes), "restarts": restarts})

    def started(self) -> Result:
        """Take the lock and keep the plan; a run that goes on keeps both plans as one."""
        params, call = self._params, self._call
        run_id, begun = params["run_id"], params["started"] or time.time()
        plan = make_plan(run_id, params["fleet"], begun, params, check_mode=call.check_mode)
        if call.check_mode:
            self._write_check_report(plan)
            return self._planned(plan, plan)
        run = self._store.run(run_id)
        self._store.prepare()
        if params["report_dir"]:
            # Before the lock is taken, so that nothing is left behind when the user cannot have it.
            report_directory(params["report_dir"])
        holder = Holder.of_this_process(run_id, call.controller_pid, params["lock_ttl"])
        refused_by = self._store.lock.take(holder)
        if refused_by:
            raise CallError(
                f"fleet {params['fleet']} is being maintained by {refused_by.sentence()}. Two runs at once would break "
                "the limits of both: wait until it has ended. Fleets that have no node in common get names of their "
                "own with fluxos_fleet",
                holder={
                    "owner": refused_by.owner,
                    "host": refused_by.host,
                    "pid": refused_by.pid,
                    "run_id": refused_by.run_id,
                },
            )
        if (run.directory / "plan.json").exists():
            self._continue(run, plan)
        else:
            run.begin(plan)
            run.write_report()
        return self._planned(plan, run.plan)

    def _continue(self, run: Run, plan: dict[str, Any]) -> None:
        """Keep one plan made of the kept and the new one; what changed for a node is an event of its own."""
        reasons = {node["name"]: node for node in plan["nodes"]}
        touched = {name for wave in plan["waves"] for name in wave}
        run.begin(merge(run.plan, plan, run.events()))
        if self._params["resuming"]:
            run.record("resumed", status="running")
        for name, node in reasons.items():
            if name in touched or node["decision"] == "hold":
                event = "planned" if name in touched else "held"
                run.record(event, node=name, reason=node["reason"], message=node["message"])

    def _planned(self, plan: Mapping[str, Any], kept: Mapping[str, Any]) -> Result:
        """The new plan as a result. What nodes were before their restart is told as it was kept: of a restart that an
        interrupted run had begun, a reading from now knows nothing any more.
        """
        waves = self._params["plan"]["waves"]
        before = {node["name"]: node.get("before") or {} for node in kept["nodes"]}
        return Result(
            changed=True,
            values={
                "run_id": plan["run_id"],
                "lines": plan_lines(plan),
                "order": [name for wave in waves for name in wave],
                "sizes": [len(wave) for wave in waves if wave],
                "before": {name: before[name] for wave in waves for name in wave},
                "directory": str(self._store.run(plan["run_id"]).directory),
            },
        )

    def _write_check_report(self, plan: Mapping[str, Any]) -> None:
        if self._params["report_dir"]:
            place = report_directory(self._params["report_dir"])
            report = build_report(plan, [], "checked")
            write_json(place / "report.json", report)
            write_text(place / "report.md", markdown(report))

    def recorded(self) -> Result:
        """Keep what happened to a node. Says whether the run's error budget is used up."""
        if self._call.check_mode:
            return Result(changed=self._params["event"] == "restarting", values={"stop": False, "failed_nodes": []})
        run, facts = self._run(), dict(self._params["facts"] or {})
        node, event = self._params["node"], self._params["event"]
        address = next((kept["address"] for kept in run.plan["nodes"] if kept["name"] == node), None)
        if address is None:
            raise CallError(f"run {run.run_id} has no node {node!r} in its plan; nothing was kept")
        run.record(event, node=node, **facts)
        if event == "failed":
            run.write_failure(node, facts)
        self._store.lock.refresh(run.run_id)
        if event in ("restarted", "already_restarted") and facts.get("process"):
            self._store.remember_restart(address, {key: facts.get(key) for key in ("version", "process")})
        failed = sorted({kept["node"] for kept in run.events() if kept["event"] == "failed"})
        stop = len(failed) > self._params["error_budget"]
        return Result(changed=event == "restarting", values={"stop": stop, "failed_nodes": failed})

    def reported(self) -> Result:
        """The report as it stands. Reads only."""
        run = self._run()
        processes = {node["name"]: node["process"] for node in run.plan["nodes"] if node.get("process")}
        return Result(values={"report": run.report(), "processes": processes})

    def finished(self) -> Result:
        """End the run: release the lock, then write the report for the last time."""
        if self._call.check_mode:
            return Result(values={"lines": ["Check mode: nothing was sent."], "report": None})
        run = self._run()
        self._store.lock.release(run.run_id)
        if run.status == "running":
            # The first end counts: a run that failed does not become a success because a later task ends it too.
            run.record("finished", status=self._params["status"], message=self._params["why"])
        report = run.write_report()
        return Result(values={"lines": summary_lines(report), "report": report, "directory": str(run.directory)})

    def recovered(self) -> Result:
        """Undo what a run that died left behind: its lock. Its report is closed as interrupted."""
        holder = self._store.lock.holder()
        if holder is None:
            return Result(values={"lines": [f"fleet {self._params['fleet']}: nothing to recover"]})
        if holder.is_alive(time.time()):
            raise CallError(f"fleet {self._params['fleet']}: {holder.sentence()} is still at work; nothing was changed")
        if not self._call.check_mode:
            self._store.lock.release(holder.run_id)
            run = self._store.run(holder.run_id)
            if (run.directory / "plan.json").exists():
                run.record("finished", status="interrupted", message="the run died and was recovered by hand")
        return Result(
            changed=True,
            values={"lines": [f"fleet {self._params['fleet']}: the lock of {holder.sentence()} is released"]},
        )

    def _run(self) -> Run:
        if not self._params["run_id"]:
            raise CallError("run_id is needed to record or finish a run: take it from the task that started it")
        return self._store.kept_run(self._params["run_id"])
