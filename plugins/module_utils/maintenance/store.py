# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of maintenance runs, and where.

``<state directory>/<fleet>/lock.json``                 who works on the fleet now
``<state directory>/<fleet>/restarts.json``             what the last restart of each node gave
``<state directory>/<fleet>/runs/<run>/plan.json``      what was decided, and from which readings
``<state directory>/<fleet>/runs/<run>/events.jsonl``   what happened, one line each, written at once
``<state directory>/<fleet>/runs/<run>/failure-<node>.json``  what was known of a node that failed
``<state directory>/<fleet>/runs/<run>/report.json``, ``report.md``   both, for people and programs; rewritten at
every event

The report on disk is therefore never older than the last event, however the run ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.files import (
    append_line,
    as_json,
    private_directory,
    read_json,
    read_lines,
    write_json,
    write_text,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.lock import FleetLock
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.report import build_report, markdown

FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")
FLEET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RUN_ID = FLEET_NAME


class StoreError(UsageError):
    """The state directory cannot be used as asked."""


def report_directory(path: str) -> Path:
    """Make the directory that a user wants the report in. Raises :class:`StoreError` when that cannot be done."""
    place = Path(path).expanduser()
    try:
        private_directory(place)
        writable = os.access(place, os.W_OK | os.X_OK)
    except OSError as error:
        raise StoreError(f"the report directory {place} cannot be made: {error.strerror}") from error
    if not writable:
        raise StoreError(f"the report directory {place} cannot be written to")
    return place


class Run:
    """One maintenance run on disk."""

    def __init__(self, fleet: FleetStore, run_id: str) -> None:
        self.run_id = run_id
        self._fleet = fleet
        self.directory = fleet.directory / "runs" / run_id

    @cached_property
    def plan(self) -> dict[str, Any]:
        """What was decided. Read once: every event looks at it several times, and a large fleet has megabytes of it."""
        content: dict[str, Any] | None = read_json(self.directory / "plan.json")
        if content is None:
            raise StoreError(f"run {self.run_id} has no readable plan in {self.directory}")
        return content

    def events(self) -> list[dict[str, Any]]:
        return read_lines(self.directory / "events.jsonl")

    @property
    def status(self) -> str:
        """``running`` until an event says otherwise."""
        ends = [event["status"] for event in self.events() if event["event"] in ("finished", "resumed")]
        return str(ends[-1]) if ends else "running"

    def begin(self, plan: Mapping[str, Any]) -> None:
        private_directory(self.directory)
        write_json(self.directory / "plan.json", plan)
        self.__dict__.pop("plan", None)

    def record(self, event: str, **facts: Any) -> None:
        """Keep what happened, then bring the report up to date."""
        append_line(self.directory / "events.jsonl", {"time": time.time(), "event": event, **facts})
        self.write_report()

    def write_failure(self, node: str, facts: Mapping[str, Any]) -> None:
        """Keep what is known of a node that failed in a file of its own, for whoever looks at it later."""
        for place in self._places():
            write_json(place / f"failure-{FILE_NAME.sub('_', node)}.json", {"node": node, "time": time.time(), **facts})

    def report(self) -> dict[str, Any]:
        return build_report(self.plan, self.events(), self.status)

    def write_report(self) -> dict[str, Any]:
        # Parallel workers record at the same time: the guard keeps an older report from replacing a newer one.
        with open(self.directory / "report.guard", "a", encoding="utf-8") as guard:
            os.chmod(guard.fileno(), 0o600)
            fcntl.flock(guard, fcntl.LOCK_EX)
            report = self.report()
            content, page = as_json(report), markdown(report)
            for place in self._places():
                write_text(place / "report.json", content)
                write_text(place / "report.md", page)
        return report

    def _places(self) -> list[Path]:
        """The run's own directory, and the one that the user named."""
        named = self.plan.get("report_dir")
        return [self.directory, report_directory(named)] if named else [self.directory]


class FleetStore:
    """Everything that is kept of one fleet."""

    def __init__(self, state_dir: str | Path, fleet: str) -> None:
        if not FLEET_NAME.fullmatch(fleet):
            raise StoreError(f"the fleet's name {fleet!r} may hold letters, digits, dots, dashes and underscores only")
        self.fleet = fleet
        self.directory = Path(state_dir).expanduser() / fleet
        self.lock = FleetLock(self.directory)

    def prepare(self) -> None:
        try:
            private_directory(self.directory / "runs")
        except OSError as error:
            raise StoreError(f"the state directory {self.directory} cannot be made: {error.strerror}") from error

    def new_run_id(self) -> str:
        """Sorts by time, and is short enough to say aloud."""
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(2)

    def run(self, run_id: str) -> Run:
        if not RUN_ID.fullmatch(run_id):
            raise StoreError(f"{run_id!r} is no run: give the run_id that maintenance_run returned")
        return Run(self, run_id)

    def kept_run(self, run_id: str) -> Run:
        """A run that was begun. Raises :class:`StoreError` for any other."""
        run = self.run(run_id)
        if not isinstance(read_json(run.directory / "plan.json"), dict):
            raise StoreError(f"fleet {self.fleet} has no run {run_id} with a readable plan in {self.directory}")
        return run

    def unfinished(self, within: float) -> Run | None:
        """The last run, when it never ended, began less than ``within`` seconds ago and nobody works on it now."""
        runs = self.directory / "runs"
        names = sorted((path.name for path in runs.iterdir()), reverse=True) if runs.is_dir() else []
        for name in filter(RUN_ID.fullmatch, names):
            run = self.run(name)
            if not isinstance(read_json(run.directory / "plan.json"), dict):
                continue
            recent = time.time() - float(run.plan["started"]) < within
            return run if recent and run.status == "running" and not self.lock.living_holder() else None
        return None

    # -- what restarts gave ------------------------------------------------------------------------------------

    def restarts(self) -> dict[str, Any]:
        """Node address to ``{"version", "target_version", "process"}`` as seen after our last restart of it."""
        content = read_json(self.directory / "restarts.json")
        return content if isinstance(content, dict) else {}

    def remember_restart(self, address: str, facts: Mapping[str, Any]) -> None:
        with open(self.directory / "restarts.guard", "a", encoding="utf-8") as guard:
            os.chmod(guard.fileno(), 0o600)
            fcntl.flock(guard, fcntl.LOCK_EX)
            write_json(self.directory / "restarts.json", {**self.restarts(), address: dict(facts)})
