# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the components of an app on a node to run, to stop, or to a new start.

Steps: decide for each component what to send, from what is there; send it, one component after another (a whole-app
start ends at the first component that runs already, and a failure ends it without a word of the others); read the
state back before the next one.

Properties:

- A verb is sent once. When its answer is lost, the state tells what came of it.
- FluxOS' words decide nothing but what it promises: "will be started: REASON" is waited for, and a reason that names
  the election is the end of it for a standby.
- A node that is not ready (HTTP 503) has done nothing, and is asked again until the time is over.
- What cannot be seen is not counted: a standby or a crashed component is told again to stay as it is wanted, since the
  lock that keeps it so is invisible, and that is no change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import Inspection, Verb
from ansible_collections.fluxme.fluxos.plugins.module_utils.app_rights import with_explanation
from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.app_control import AppControl
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError, Refused
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.instance import Part, Standing, by_intent, read_standing
from ansible_collections.fluxme.fluxos.plugins.module_utils.operations import when_ready
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import epoch, started_after
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter, WaitTimeout

T = TypeVar("T")

RunState = Literal["started", "stopped", "restarted", "killed"]

#: In which order: what others depend on is started first and stopped last (FluxOS: appController.js).
_BACKWARDS = ("stopped", "killed")
_VERBS: dict[RunState, Verb] = {"started": "start", "stopped": "stop", "restarted": "restart", "killed": "kill"}
_DOWN = ("stopped", "killed")
#: Reasons that time does not remove.
_NEVER = (
    "it is not installed on this node",
    "its restart policy does not allow it to run",
    "its specification cannot be actuated",
)
_ANOTHER_WRITES = "the election has not made this node the writer"
#: What makes a component a standby, also of an enterprise app, whose specification does not tell which are elected.
_ELECTED = (_ANOTHER_WRITES, "waiting for the election")
_ALREADY_STARTED = "(HTTP code 304)"
#: How FluxOS up to 8.17 says that only the election may start a component (appController.js).
_SKIPPED = " uses g:syncthing mode and is not running - skipped "


def verb_for(state: RunState, part: Part, *, intent: bool) -> Verb | None:
    """What to send for a component, or nothing when it is as wanted. ``intent``: the node runs 8.18 or later."""
    if state in _DOWN:
        # Unless it is told to stay down, an election, a sync or a restart after a crash brings it up again.
        wanted = part.running or part.state == "paused" or part.comes_back or (part.state == "missing" and intent)
        return _VERBS[state] if wanted else None
    if part.role == "syncing" or (part.running and state == "started"):
        return None
    if part.state == "paused" and state == "started":
        return "restart" if intent else "unpause"
    return _VERBS[state]


def alters(state: RunState, part: Part, verb: Verb | None, *, elsewhere: bool) -> bool:
    """Whether sending it makes a difference that can be seen. ``elsewhere``: another node runs the component."""
    if verb is None:
        return False
    if state in _DOWN:
        return part.running or part.state == "paused"
    return not (part.role == "standby" and elsewhere)


@dataclass(frozen=True)
class Step:
    """What was done, or in check mode would be, with one component."""

    before: Part
    after: Part
    verb: Verb | None
    changed: bool
    said: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For results."""
        return {
            **self.after.as_dict(),
            "before": self.before.state,
            "verb": self.verb,
            "said": self.said,
            "changed": self.changed,
        }


class StepFailed(Exception):
    """One component could not be brought to what was wanted; ``done`` are the steps before it."""

    def __init__(self, error: FluxOSError, done: Sequence[Step]) -> None:
        super().__init__(str(error))
        self.error = error
        self.done = tuple(done)


class RunStateChange:
    """One wanted state of the components of one app on one node."""

    def __init__(self, call: Call, standing: Standing, version: str, state: RunState) -> None:
        self._call = call
        self._control = AppControl(call.client)
        self._standing = standing
        self._version = version
        self._intent = by_intent(version)
        self._state = state
        self._not_after: str | None = call.params["not_after"]

    # -- before anything is sent ------------------------------------------------------------------------------------

    def check(self, parts: Sequence[Part]) -> None:
        """Raises UsageError, TimeError or Refused for what cannot work, before the first component is touched."""
        node = self._standing.address
        if self._not_after is not None:
            epoch(self._not_after)
        if self._state == "killed" and not self._intent:
            raise UsageError(
                f"{node}: state killed needs FluxOS 8.18 or later, and this node runs {self._version}: use stopped"
            )
        missing = [part.identifier for part in parts if part.state == "missing"]
        if missing and not self._intent:
            raise self._no_container(missing)

    def _no_container(self, identifiers: Sequence[str]) -> Refused:
        return Refused(
            self._standing.address,
            f"find the containers of {self._standing.app}",
            f"there is none of {', '.join(identifiers)}",
            "FluxOS makes a missing container anew within an hour; a soft redeploy does it now and keeps the data",
        )

    # -- all components ---------------------------------------------------------------------------------------------

    def apply(self, parts: Sequence[Part]) -> list[Step]:
        """Bring the components to the wanted state, or in check mode say what would come of it.

        Raises:
            StepFailed: when one of them could not be; those after it are untouched.
        """
        steps: list[Step] = []
        for part in reversed(parts) if self._state in _BACKWARDS else parts:
            try:
                steps.append(self._one(part))
            except FluxOSError as error:
                raise StepFailed(error, steps) from error
        return list(reversed(steps)) if self._state in _BACKWARDS else steps

    def _one(self, part: Part) -> Step:
        verb = verb_for(self._state, part, intent=self._intent)
        inspected = self._inspected(part) if self._state == "restarted" and verb else None
        if inspected is not None and part.running and self._is_younger(inspected):
            verb = None
        standby = part.role == "standby" and self._state not in _DOWN
        elsewhere = self._runs_elsewhere(part) if standby and verb else False
        if verb is None or self._call.check_mode:
            return Step(part, part, verb, alters(self._state, part, verb, elsewhere=elsewhere))
        said, lost = self._send(verb, part)
        after = self._await(part, said, lost, inspected)
        changed = alters(self._state, part, verb, elsewhere=elsewhere)
        if self._call.params["wait"] and self._state not in _DOWN:
            changed = after.running or after.state != part.state
        return Step(part, after, verb, changed, said)

    # -- one component ----------------------------------------------------------------------------------------------

    def _inspected(self, part: Part) -> Inspection | None:
        return self._explained(lambda: self._control.inspect(part.identifier)) if part.container else None

    def _is_younger(self, inspected: Inspection) -> bool:
        """Whether the container started after the given time, by the controller's clock or by the node's own: a node
        whose clock is wrong is then at worst left alone, never restarted twice.
        """
        process = _process_of(inspected)
        return process is not None and started_after(process, not_after=self._not_after)

    def _send(self, verb: Verb, part: Part) -> tuple[str, FluxOSError | None]:
        """Send it once; what was said or promised, and the error when the answer was lost."""
        try:
            answer = when_ready(
                self._call,
                f"{verb} {part.identifier}",
                lambda: self._explained(lambda: self._control.run(verb, part.identifier)),
            )
        except Refused as error:
            if error.said.startswith(_ALREADY_STARTED):
                return error.said, None
            if error.name == "TypeError":
                # What FluxOS up to 8.17 says of a container that is not there (dockerService.js).
                raise self._no_container([part.identifier]) from error
            raise
        except FluxOSError as error:
            if not error.maybe_done:
                raise
            return "", error
        if answer.pending in _NEVER:
            raise Refused(
                self._standing.address,
                f"{verb} {part.identifier}",
                answer.said,
                "Waiting does not help; look at the specification of the app, and whether this node still holds it",
            )
        if answer.pending is not None:
            self._call.progress(f"{self._standing.address}: {answer.said}")
        return answer.said, None

    def _await(self, part: Part, said: str, lost: FluxOSError | None, before: Inspection | None) -> Part:
        """Look until the component is as wanted; without ``wait`` once."""
        if not self._call.params["wait"] and lost is None:
            return self._now(part)

        def look() -> Look[Part]:
            now = self._now(part)
            note = f"{part.identifier} {now.state}" + (f" ({now.container.status})" if now.container else "")
            return Look(note + (f", {said}" if said else ""), now if self._is_as_wanted(now, said, before) else None)

        waiter = Waiter(
            node=self._standing.address,
            operation=f"wait until {part.identifier} is {self._state}",
            timeout=self._call.params["wait_timeout"],
            interval=self._call.params["wait_interval"],
            progress=self._call.progress,
            advice="Look at the log of the component and at the node's state; FluxOS may still come to it",
        )
        try:
            return waiter.until(look)
        except WaitTimeout as late:
            if lost is None:
                raise
            note = f"{lost.said}, and then {late.said}"
            raise WaitTimeout(late.node, lost.operation, note, lost.advice) from late

    def _is_as_wanted(self, now: Part, said: str, before: Inspection | None) -> bool:
        if self._state in _DOWN:
            return not now.running and now.state != "paused"
        elected = said.endswith(_ELECTED) or _SKIPPED in said
        if now.role == "standby" or (not now.running and elected):
            return said.endswith(_ANOTHER_WRITES) or self._runs_elsewhere(now)
        if now.role == "syncing":
            return True
        if not now.running:
            return False
        if self._state == "started" or before is None or before.started is None:
            return True
        after = self._control.inspect(now.identifier)
        return (after.id, after.started) != (before.id, before.started)

    def _now(self, part: Part) -> Part:
        return read_standing(self._call.client, self._standing.app).same(part)

    def _runs_elsewhere(self, part: Part) -> bool:
        """Whether another node runs this component now. The network's rows only say who holds the app; a node that
        does not answer counts as one where it does not run.
        """
        own = self._standing.address
        places = {row.address for row in self._call.client.app_locations(self._standing.app)} - {own}
        names = {part.container.name} if part.container else {f"flux{part.identifier}"}
        clients = [self._call.client_of_other(address) for address in sorted(places)]
        outcomes = each(clients, lambda client: {row.name for row in client.containers() if row.running})
        return any(outcome.result is not None and names & outcome.result for outcome in outcomes)

    def _explained(self, send: Callable[[], T]) -> T:
        return with_explanation(self._call, self._standing.app, self._version, send)


def _process_of(inspected: Inspection) -> Process | None:
    """The container's process, in the form in which ages are judged; ``None`` when it never started."""
    if inspected.started is None:
        return None
    node_time = time.time() if inspected.node_time is None else inspected.node_time
    return Process(uptime=int(max(0.0, node_time - inspected.started)), node_time=node_time)
