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

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import with_explanation
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_control import AppControl, Watch, registered_app
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import BadAnswer, Busy, FluxOSError, Refused
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, Standing, read_standing
from ansible_collections.fluxme.fluxos.plugins.module_utils.object_stream import (
    Piece,
    Verdict,
    is_escalation,
    judge_redeploy,
    judge_removal,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import when_ready
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


@dataclass
class Report:
    """What an operation gave, for the result, also of one that failed."""

    outcome: str | None = None
    said: str | None = None
    stream: list[str] = field(default_factory=list)
    data_lost: bool = False
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


def needs_data_loss(installed: AppSpec, registered: AppSpec) -> bool:
    """Whether a soft redeploy to the registered specification deletes data: FluxOS makes it a hard one when names or
    number of components changed (advancedWorkflows.js, from specification version 8 on; earlier ones lose the old
    volumes as well).
    """
    before, after = ({part.name for part in spec.components} for spec in (installed, registered))
    return bool(before and after) and before != after


class Deployment:
    """One long operation on one app of one node."""

    def __init__(self, call: Call, standing: Standing, version: str) -> None:
        self._call = call
        self._control = AppControl(call.client)
        self._standing = standing
        self._version = version
        self._ends = time.monotonic() + call.params["wait_timeout"]
        self.report = Report()

    # -- redeploy ---------------------------------------------------------------------------------------------------

    def check_redeploy(self, *, hard: bool, accepted: bool) -> None:
        """Raises UsageError for a redeploy that deletes data which nobody gave up; reads only."""
        node, app, installed = self._standing.address, self._standing.app, self._standing.spec
        if accepted or installed is None:
            return
        if hard:
            raise UsageError(
                f"{node}: a hard redeploy deletes the data of {app} on this node: set data_loss to accepted, or leave "
                "hard out for a soft one, which keeps them"
            )
        registered = registered_app(self._call.client, app)
        if registered is None:
            raise UsageError(
                f"{node}: this node does not know the registered specification of {app}, so what a redeploy would do "
                "to its data cannot be told; ask again when the node has read the chain"
            )
        if needs_data_loss(installed, registered):
            raise UsageError(
                f"{node}: the components of {app} have changed since it was installed here ({_names(installed)}, now "
                f"{_names(registered)}). FluxOS makes every redeploy to that a hard one, which deletes its data on "
                "this node: set data_loss to accepted when they may go"
            )

    def redeploy(self, *, hard: bool) -> Standing:
        """Redeploy and prove it; the app as it is then.

        Raises:
            AppLost: when the app went with its data.
            Refused, Busy, WaitTimeout: when it failed and the app is there as before.
        """
        app = self._standing.app
        before = {part.identifier: self._container_id(part) for part in self._standing.parts}

        def send(watch: Watch, idle: float, deadline: float) -> None:
            self._control.redeploy(app, watch, hard=hard, idle=idle, deadline=deadline)

        verdict = self._run(f"redeploy {app}", send, judge_redeploy)
        if not self._call.params["wait"]:
            return self._now()
        standing = self._prove_redeploy(verdict, before)
        self.report.data_lost = self.report.data_lost or hard
        if not hard:
            self._clear_locks(standing)
        return self._now()

    def _prove_redeploy(self, verdict: Verdict, before: dict[str, str | None]) -> Standing:
        """The app with new containers, whatever the stream said."""

        def look() -> Look[Standing]:
            now = self._now()
            if not now.installed:
                return Look(f"{now.app} is not installed on the node")
            old = [part.identifier for part in now.parts if not self._is_new(part, before)]
            down = [part.identifier for part in now.parts if not part.running and part.role is None]
            saw = "; ".join(f"{part.identifier} {part.state}" for part in now.parts)
            return Look(saw + (f"; not made anew: {', '.join(old)}" if old else ""), None if old or down else now)

        operation = f"redeploy {self._standing.app}"
        if verdict.outcome in ("removed", "failed"):
            now = self._now()
            if not now.installed and verdict.outcome == "removed":
                raise self._lost(operation, verdict.said)
            raise Refused(
                self._standing.address,
                operation,
                verdict.said,
                "The app is still installed there, and its data are kept; FluxOS makes containers that are missing anew"
                if now.installed
                else "The app is not installed there at this moment: look again in some minutes",
            )
        try:
            return self._waiter(f"wait until {self._standing.app} is redeployed").until(look)
        except WaitTimeout as late:
            if not self._now().installed:
                raise self._lost(operation, f"{_unended(verdict)}, and the app is gone") from late
            raise WaitTimeout(late.node, operation, f"{_unended(verdict)}; {late.said}", late.advice) from late

    def _lost(self, operation: str, said: str) -> AppLost:
        self.report.data_lost = True
        return AppLost(
            self._standing.address,
            operation,
            f"the redeploy failed and the app is no longer on this node, its data there are gone: {said}",
            "Up to FluxOS 8.17 a failed redeploy removes the app. The network installs a missing instance on another "
            "node by itself; remove the reason before you redeploy other instances",
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
            if part.running or part.state == "missing" or part.role is not None:
                continue
            try:
                self._explained(partial(self._control.run, "start", part.identifier))
            except Refused as error:
                if not error.said.startswith(_ALREADY_STARTED):
                    raise
            self.report.locks_cleared.append(part.identifier)

    # -- removal ----------------------------------------------------------------------------------------------------

    def remove(self) -> Standing:
        """Take the app from the node and prove that it is gone.

        Raises:
            Refused, Busy, WaitTimeout: when it is still there.
        """
        app = self._standing.app

        def send(watch: Watch, idle: float, deadline: float) -> None:
            self._control.remove(app, watch, idle=idle, deadline=deadline)

        verdict = self._run(f"remove {app}", send, judge_removal)
        if not self._call.params["wait"]:
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
            if not error.maybe_done or (isinstance(error, BadAnswer) and not watch.pieces):
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


def _names(spec: AppSpec) -> str:
    return ", ".join(part.name or spec.name for part in spec.components)


def _unended(verdict: Verdict) -> str:
    if verdict.outcome == "done":
        return f"FluxOS said that it is done ({verdict.said})"
    return f"the stream came to no end ({verdict.said})"
