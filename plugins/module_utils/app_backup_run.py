# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup or restore on a node: sent once, read to its end, judged, and the app proved to run again.

Properties:

- Only the lines decide, and of one that has no end the state of the node: while FluxOS is at it, the app's stopped
  containers are still among the running ones that it lists.
- FluxOS stops the whole app for it. What ran before has to run again, else it is a failure that says so: after one that
  failed FluxOS starts nothing itself, and its reconciler may take an hour (FluxOS: advancedWorkflows.js,
  appReconciler.js). An elected component waits for its election.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import with_explanation
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import (
    AnswerLost,
    BadAnswer,
    Busy,
    FluxOSError,
    Refused,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Standing, read_standing
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import when_ready
from ansible_collections.fluxme.fluxos.plugins.module_utils.task_lines import (
    TaskVerdict,
    TaskWatch,
    judge_task,
    lost_components,
    redeploys_others,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter, WaitTimeout

LAST_LOOKS = 60.0
"""Seconds for which the state is looked at, at least, after the lines ended or broke off."""
NOTHING_CAME = 30.0
"""Seconds without a sign of a task whose answer was lost, after which it counts as not begun or as failed: the first
sign comes 3 to 6 s after the request."""
_START_IT = "fluxme.fluxos.app_instance with state started starts it now, FluxOS itself within the hour"


class NotStarted(FluxOSError):
    """It is done, but a component that ran before does not run."""

    kind = "not_started"
    maybe_done = True


@dataclass
class Report:
    """What a task gave, for the result, also of one that failed."""

    changed: bool = False
    outcome: str | None = None
    said: str | None = None
    stream: list[str] = field(default_factory=list)
    data_lost: bool | None = False
    """``None``: nobody can tell."""
    others: list[str] = field(default_factory=list)
    """Instances that FluxOS redeploys hard after a restore."""
    files: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For results."""
        return {
            "outcome": self.outcome,
            "said": self.said,
            "stream": self.stream,
            "data_lost": self.data_lost,
            "others": self.others,
            "files": self.files,
        }


class LongTask:
    """A backup or a restore of one app on one node."""

    def __init__(self, call: Call, standing: Standing, version: str, report: Report, *, others: list[str]) -> None:
        """``others``: addresses of the instances that a restore would redeploy."""
        self._call = call
        self._before = standing
        self._version = version
        self._report = report
        self._others = others
        self._ends: float = time.monotonic() + call.params["wait_timeout"]

    def run(
        self,
        operation: str,
        send: Callable[[TaskWatch, float], None],
        result: Callable[[], tuple[str, bool]],
        *,
        deletes: bool = False,
    ) -> None:
        """Send it once, to a node that is ready, and prove that it is done.

        ``send`` gets what reads the lines, and the seconds that are left. ``result`` looks at the node: what it saw, in
        words, and whether that proves that all is done. ``deletes``: data are deleted on the way.

        Raises:
            Refused: it failed, or was refused; data that were deleted are in the report.
            AnswerLost, WaitTimeout: nobody can tell what came of it.
            NotStarted: it is done, and the app does not run as before.
        """
        verdict = when_ready(self._call, operation, lambda: self._attempt(operation, send))
        self._report.outcome, self._report.said = verdict.outcome, verdict.said
        if not self._call.params["wait"] and verdict.outcome == "unended":
            return
        if verdict.outcome == "unended":
            known = self._report.data_lost
            self._report.data_lost = known or (None if deletes else False)
            self._read_back(operation, verdict, result)
        if verdict.outcome == "failed":
            raise self._failed(operation, verdict)
        down = self._wait_for_start()
        if down:
            raise NotStarted(
                self._before.address,
                operation,
                f"it is done, but {down} ran before, was stopped for it and does not run now",
                f"Look at its log; {_START_IT}",
            )
        self._tell_of_standbys()

    # -- the lines --------------------------------------------------------------------------------------------------

    def _attempt(self, operation: str, send: Callable[[TaskWatch, float], None]) -> TaskVerdict:
        call, node = self._call, self._before.address
        watch = TaskWatch(lambda line: call.progress(f"{node}: {line}"), leave_when_begun=not call.params["wait"])
        try:
            with_explanation(call, self._before.app, self._version, lambda: send(watch, self._left()))
            verdict = judge_task(watch.lines, ended=watch.ended)
        except Refused:
            raise
        except FluxOSError as error:
            if not error.maybe_done or (isinstance(error, BadAnswer) and not watch.lines):
                raise
            verdict = judge_task(watch.lines, ended=False)
            if verdict.outcome == "unended":
                verdict = TaskVerdict("unended", f"{error.said}; last line: {verdict.said}")
        finally:
            self._note(watch)
        if verdict.outcome == "busy":
            raise Busy(node, operation, verdict.said, "Another backup or restore of the app runs; ask again later")
        return verdict

    def _note(self, watch: TaskWatch) -> None:
        report = self._report
        report.stream = list(watch.lines)
        report.changed = report.changed or any(line.startswith("Stopping application") for line in watch.lines)
        report.data_lost = bool(lost_components(watch.lines))
        report.others = self._others if redeploys_others(watch.lines) else []

    # -- what came of it --------------------------------------------------------------------------------------------

    def _read_back(self, operation: str, verdict: TaskVerdict, result: Callable[[], tuple[str, bool]]) -> None:
        """The node's own word for a task whose lines broke off, or never ended."""
        grace = min(NOTHING_CAME, self._call.params["wait_timeout"] / 2)
        quiet: list[float] = []

        def look() -> Look[tuple[str, bool]]:
            if self._is_under_way():
                quiet.clear()
                return Look("FluxOS is at it, the app is stopped")
            saw, done = result()
            quiet.append(time.monotonic())
            return Look(saw, (saw, done) if done or quiet[-1] - quiet[0] >= grace else None)

        advice = "Look at the archives (state listed), at the data and at the app before asking again"
        try:
            saw, done = self._waiter(f"wait for the end of: {operation}").until(look)
        except WaitTimeout as late:
            raise WaitTimeout(late.node, operation, f"{verdict.said}; {late.said}", self._with_start(advice)) from late
        if not done:
            said = f"{verdict.said}; and then: {saw}"
            raise AnswerLost(self._before.address, operation, said, self._with_start(advice))
        self._report.changed = True
        self._report.data_lost = False
        self._call.warn(f"{self._before.address}: {operation}: {verdict.said}; read back: {saw}")

    def _is_under_way(self) -> bool:
        """During a backup or restore the stopped containers stay in the list (FluxOS: appQueryService.js)."""
        app = self._before.app.lower()
        return any(
            row.app.lower() == app and row.state not in ("running", "paused") for row in self._call.client.containers()
        )

    def _failed(self, operation: str, verdict: TaskVerdict) -> Refused:
        lost = lost_components(self._report.stream)
        said, advice = verdict.said, "FluxOS' words above say why"
        if lost:
            said += f"; the data of {', '.join(lost)} were deleted and are not replaced"
            advice = "Remove the reason and restore again: an archive that could not be unpacked is kept"
        if self._report.changed:
            self._wait_for_start()
        return Refused(self._before.address, operation, said, self._with_start(advice))

    def _with_start(self, advice: str) -> str:
        """The same advice, and what to do about an app that was stopped and does not run."""
        down = self._down()
        return f"{advice}. The app was stopped for it, and {down} does not run: {_START_IT}" if down else advice

    # -- the app ----------------------------------------------------------------------------------------------------

    def _wait_for_start(self) -> str:
        """Names of what ran before and does not come back; empty when all of it runs."""

        def look() -> Look[str]:
            down = self._down()
            return Look(f"not running: {down}", None if down else down)

        try:
            return self._waiter(f"wait until {self._before.app} runs again", LAST_LOOKS).until(look)
        except WaitTimeout:
            down = self._down()
        if down and not (self._before.spec and self._before.spec.components):
            # Which of them are elected is encrypted, so that one may run elsewhere by now.
            self._call.warn(f"{self._before.address}: {down} ran before and does not run now; {_START_IT}")
            return ""
        return down

    def _down(self) -> str:
        now = self._now()
        ran = [part for part in self._before.parts if part.running and part.component.sync != "g"]
        return ", ".join(part.identifier for part in ran if not now.same(part).running)

    def _tell_of_standbys(self) -> None:
        now = self._now()
        for part in self._before.parts:
            if part.role == "primary" and not now.same(part).running:
                self._call.warn(
                    f"{self._before.address}: {part.identifier} ran here, was stopped, and waits for an election now"
                )

    def _now(self) -> Standing:
        return read_standing(self._call.client, self._before.app)

    def _left(self) -> float:
        return max(1.0, self._ends - time.monotonic())

    def _waiter(self, operation: str, longest: float | None = None) -> Waiter:
        left = max(self._ends - time.monotonic(), min(LAST_LOOKS, self._call.params["wait_timeout"]))
        return Waiter(
            node=self._before.address,
            operation=operation,
            timeout=left if longest is None else min(left, longest),
            interval=self._call.params["wait_interval"],
            progress=self._call.progress,
            advice="Look at the node: what FluxOS began goes on when nobody listens",
        )


def is_synced(standing: Standing) -> bool:
    """Whether a restore reaches the other instances; what is encrypted counts as synced."""
    spec = standing.spec
    return spec is None or not spec.components or any(part.sync for part in spec.components)
