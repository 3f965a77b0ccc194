# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redeploying an app on a node, and taking it away.

Steps of a redeploy: refuse what would delete data that nobody gave up; send it once, to a node that is not busy; read
its stream; judge the texts; prove by the node's state that the app is there with new containers, and when it is not say
so. Then clear the locks of containers that had been stopped, which would undo it within the hour.

Properties:

- The data of an app are deleted only when ``data_loss`` is accepted. A soft redeploy that FluxOS would turn into a hard
  one, because the components of the specification have changed, is a hard one here too.
- A success in the stream without the app on the node is a failure, and the words say that its data are gone.
- A stream without an end is bounded twice: in silence, and as a whole. What came of it is read back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import with_explanation
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_control import AppControl, Watch
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Busy, FluxOSError, Refused, Unauthorized
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import (
    Part,
    Standing,
    by_intent,
    read_standing,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.object_stream import (
    Piece,
    Verdict,
    is_escalation,
    judge_redeploy,
    judge_removal,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import when_ready
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import started_after
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter, WaitTimeout

T = TypeVar("T")

LONGEST_SILENCE = 300.0
"""Seconds without a byte after which a stream has no end: 30 s of silence belong to a redeploy, pulls and the making
of a volume may take longer."""
LAST_LOOKS = 60.0
"""Seconds for which the state is looked at, at least, after a stream that came to no end."""
_ALREADY_STARTED = "(HTTP code 304)"


class AppLost(FluxOSError):
    """The app is not on the node any more, and its data there are gone."""

    kind = "app_lost"
    maybe_done = True


class LockKept(FluxOSError):
    """A redeploy that is done and will be undone: a component that had been stopped may still be locked."""

    kind = "lock_kept"
    maybe_done = True


@dataclass
class Report:
    """What an operation gave, for the result, also of one that failed."""

    outcome: str | None = None
    said: str | None = None
    stream: list[str] = field(default_factory=list)
    data_lost: bool | None = False
    """``None`` after a hard redeploy that failed: it may have come to the data."""
    locks_cleared: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For results."""
        return {
            "outcome": self.outcome,
            "said": self.said,
            "stream": self.stream,
            "data_lost": self.data_lost,
            "locks_cleared": self.locks_cleared,
        }


class Deployment:
    """One long operation on one app of one node."""

    def __init__(self, call: Call, standing: Standing, version: str) -> None:
        self._call = call
        self._control = AppControl(call.client)
        self._standing = standing
        self._version = version
        self._ends = time.monotonic() + call.params["wait_timeout"]
        self.report = Report()
        self.found_gone = False

    # -- redeploy ---------------------------------------------------------------------------------------------------

    def redeploy(self, *, hard: bool) -> Standing:
        """Redeploy and prove it; the app as it is then.

        Raises:
            AppLost: when the app went with its data.
            Refused, Busy, WaitTimeout: when it failed and the app is there as before.
        """
        app = self._standing.app
        process = self._call.client.process()
        before = {part.identifier: self._container_id(part) for part in self._standing.parts}

        def send(watch: Watch, idle: float, deadline: float) -> None:
            self._control.redeploy(app, watch, hard=hard, idle=idle, deadline=deadline)

        try:
            verdict = self._run(f"redeploy {app}", send, judge_redeploy)
        except Unauthorized:
            raise
        except Refused as refused:
            if self._now().installed:
                raise
            raise self._lost(refused.operation, f"somebody removed it meanwhile ({refused.said})") from refused
        if not self._call.params["wait"]:
            self.report.data_lost = self.report.data_lost or hard
            return self._now()
        standing = self._prove_redeploy(verdict, before, process, hard=hard)
        self.report.data_lost = self.report.data_lost or hard
        if not self.report.data_lost:
            self._clear_locks(standing)
        return self._now()

    def _prove_redeploy(
        self, verdict: Verdict, before: dict[str, str | None], process: Process, *, hard: bool
    ) -> Standing:
        """The app with new containers, whatever the stream said."""
        operation = f"redeploy {self._standing.app}"
        if verdict.outcome == "removed":
            raise self._lost(operation, verdict.said)
        if verdict.outcome == "failed":
            raise self._failed(operation, verdict.said, hard=hard)

        def look() -> Look[Standing]:
            now = self._now()
            if not now.installed:
                return Look(f"{now.app} is not installed on the node")
            old = [part.identifier for part in now.parts if not self._is_new(part, before)]
            if now.encrypted:
                old += sorted(set(before) - {part.identifier for part in now.parts})
            down = [part.identifier for part in now.parts if not part.running and self._is_to_run(part, now, verdict)]
            saw = "; ".join(f"{part.identifier} {part.state}" for part in now.parts)
            return Look(saw + (f"; not made anew: {', '.join(old)}" if old else ""), None if old or down else now)

        try:
            return self._waiter(f"wait until {self._standing.app} is redeployed").until(look)
        except WaitTimeout as late:
            said, advice = f"{_unended(verdict)}; {late.said}", late.advice
            if not self._now().installed:
                if self._began_anew(process):
                    raise self._lost(operation, f"{_unended(verdict)}, and the app is gone") from late
                advice = (
                    f"FluxOS takes {self._standing.app} out of its list while it redeploys it, so it may be at it "
                    "still: look again in some minutes. Where it stays away its data there are gone"
                )
            elif not (self.report.stream or by_intent(self._version)):
                advice = "Up to FluxOS 8.17 a node that restores a backup of the app gives no answer at all"
            raise WaitTimeout(late.node, operation, said, advice) from late

    def _is_to_run(self, part: Part, now: Standing, verdict: Verdict) -> bool:
        """Whether a component has to run after a redeploy. Of an encrypted specification nobody sees which components
        are elected; FluxOS does not say of those that it started them (advancedWorkflows.js).
        """
        if part.role is not None:
            return False
        if not now.encrypted:
            return True
        if verdict.outcome == "done":
            return any(f"{part.identifier} successfully started" in text for text in self.report.stream)
        return self._standing.same(part).running

    def _began_anew(self, process: Process) -> bool:
        """Whether FluxOS is another process by now, so that the operation has ended. Who does not answer is none."""
        try:
            return started_after(self._call.client.process(), before=process)
        except FluxOSError:
            return False

    def _failed(self, operation: str, said: str, *, hard: bool) -> Refused:
        if not self._now().installed:
            advice = "The app is not installed there at this moment: look again in some minutes"
        elif hard or self.report.data_lost:
            advice = "The app is still installed there. Whether its data are kept is not known: it was a hard redeploy"
        else:
            advice = "The app is still installed there, and its data are kept"
        if hard or self.report.data_lost:
            self.report.data_lost = None
        return Refused(
            self._standing.address, operation, said, f"{advice}; FluxOS makes containers that are missing anew"
        )

    def _lost(self, operation: str, said: str) -> AppLost:
        self.report.data_lost = True
        old = "" if by_intent(self._version) else "Up to FluxOS 8.17 a failed redeploy removes the app. "
        return AppLost(
            self._standing.address,
            operation,
            f"the redeploy failed and the app is no longer on this node, its data there are gone: {said}",
            f"{old}The network installs a missing instance on another node by itself; remove the reason before you "
            "redeploy other instances",
        )

    def _is_new(self, part: Part, before: dict[str, str | None]) -> bool:
        """Whether the container is another one than before; one that cannot be told apart counts as new."""
        old = before.get(part.identifier)
        return part.container is not None and (old is None or self._container_id(part) != old)

    def _container_id(self, part: Part) -> str | None:
        if part.container is None:
            return None
        return self._explained(partial(self._control.inspect, part.identifier)).id

    def _clear_locks(self, standing: Standing) -> None:
        """Start what had been stopped: its lock outlives a soft redeploy, and FluxOS stops the container again within
        the hour (appReconciler.js). The container runs, so up to 8.17 docker refuses; the lock is gone by then.
        """
        for part in self._standing.parts:
            was_stopped = not part.running and part.state != "missing" and part.role is None
            if not (was_stopped and standing.same(part).running):
                continue
            try:
                self._explained(partial(self._control.run, "start", part.identifier))
            except FluxOSError as error:
                if not error.said.startswith(_ALREADY_STARTED):
                    raise LockKept(
                        error.node,
                        error.operation,
                        f"{error.said}, after the redeploy had been done",
                        f"{part.identifier} had been stopped, and where its lock is left FluxOS stops it again within "
                        "the hour: restart it (state restarted), which clears the lock",
                    ) from error
            self.report.locks_cleared.append(part.identifier)

    # -- removal ----------------------------------------------------------------------------------------------------

    def remove(self) -> Standing:
        """Take the app from the node and prove that it is gone.

        :attr:`found_gone` tells whether somebody else had done that meanwhile.

        Raises:
            Refused, Busy, WaitTimeout: when it is still there.
        """
        app = self._standing.app

        def send(watch: Watch, idle: float, deadline: float) -> None:
            self._control.remove(app, watch, idle=idle, deadline=deadline)

        try:
            verdict = self._run(f"remove {app}", send, judge_removal)
        except Unauthorized:
            raise
        except Refused:
            # Another removal was faster: what is wanted is there.
            now = self._now()
            if now.installed:
                raise
            self.found_gone = True
            return now
        if not self._call.params["wait"]:
            self.report.data_lost = True
            return self._now()

        def look() -> Look[Standing]:
            now = self._now()
            left = "installed" if now.installed else "not installed"
            saw = f"{app} {left}, {len(now.parts)} containers"
            return Look(saw, None if now.installed or now.parts else now)

        if verdict.outcome == "failed" and self._now().installed:
            raise Refused(
                self._standing.address, f"remove {app}", verdict.said, "The app is still there; look at the node's log"
            )
        gone = self._waiter(f"wait until {app} is removed").until(look)
        self.report.data_lost = True
        return gone

    # -- what both share --------------------------------------------------------------------------------------------

    def _run(
        self,
        operation: str,
        send: Callable[[Watch, float, float], None],
        judge: Callable[..., Verdict],
    ) -> Verdict:
        """Send it once, to a node that is ready and not busy, and judge its stream."""

        def attempt() -> Verdict:
            watch = Watch(self._tell, leave_when_begun=not self._call.params["wait"])
            verdict = self._attempt(watch, send, judge)
            if verdict.outcome == "busy":
                raise Busy(
                    self._standing.address,
                    operation,
                    verdict.said,
                    "Another operation runs on this node; ask again later",
                )
            return verdict

        verdict = when_ready(self._call, operation, attempt)
        self.report.outcome, self.report.said = verdict.outcome, verdict.said
        return verdict

    def _attempt(
        self, watch: Watch, send: Callable[[Watch, float, float], None], judge: Callable[..., Verdict]
    ) -> Verdict:
        left = max(1.0, self._ends - time.monotonic())
        try:
            self._explained(lambda: send(watch, min(LONGEST_SILENCE, left), left))
        except Refused:
            # One object alone looks like an ordinary answer: it was refused, or failed before anything was touched.
            raise
        except FluxOSError as error:
            if not error.maybe_done:
                raise
            verdict = judge(watch.pieces, ended=False)
            return (
                verdict if verdict.outcome != "unended" else Verdict("unended", f"{error.said}; last: {verdict.said}")
            )
        finally:
            self.report.stream = [piece.text for piece in watch.pieces if piece.status != "pull"]
            self.report.data_lost = self.report.data_lost or any(map(is_escalation, watch.pieces))
        return judge(watch.pieces, ended=watch.ended)

    def _tell(self, piece: Piece) -> None:
        # Docker reports the progress of each layer many times a second.
        if piece.status != "pull":
            self._call.progress(f"{self._standing.address}: {piece.text}")

    def _waiter(self, operation: str) -> Waiter:
        left = self._ends - time.monotonic()
        return Waiter(
            node=self._standing.address,
            operation=operation,
            timeout=max(left, min(LAST_LOOKS, self._call.params["wait_timeout"])),
            interval=self._call.params["wait_interval"],
            progress=self._call.progress,
            advice="Look at the node: what FluxOS began goes on when nobody listens",
        )

    def _now(self) -> Standing:
        return read_standing(self._call.client, self._standing.app)

    def _explained(self, send: Callable[[], T]) -> T:
        return with_explanation(self._call, self._standing.app, self._version, send)


def _unended(verdict: Verdict) -> str:
    if verdict.outcome == "done":
        return f"FluxOS said that it is done ({verdict.said})"
    return f"the stream came to no end ({verdict.said})"
