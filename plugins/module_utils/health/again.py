# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Healthy again: whether a node has come back from a restart.

Steps: compare a reading from before the restart with one from now and list what is missing. The caller asks again until
nothing was missing several times in a row (:class:`Streak`) or its deadline passed; the list says what it waits for.

Properties:

- Anything that was not read is missing.
- Each condition alone keeps a node from being healthy again.
- A restart is proved by the node's own clock or by an uptime that went down. A clock that is wrong by any constant
  changes nothing, and one that is stepped between the readings of one process that is old does not look like a restart.
- A streak counts good samples in a row: one bad sample starts it anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.fluxme.fluxos.plugins.module_utils.health import gates
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.reasons import told
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits, NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process

CLOCK_TOLERANCE = 2.0
"""Seconds. The Date header and the uptime are both cut to whole seconds: two readings of one process differ by less."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a node still lacks: what is waited for, and what was last seen."""

    what: str
    saw: str

    def __str__(self) -> str:
        return f"{self.what} (saw: {self.saw})"


class Streak:
    """Counts good samples in a row."""

    def __init__(self, needed: int) -> None:
        if needed < 1:
            raise ValueError(f"a streak of {needed} samples cannot be waited for: at least 1 is needed")
        self.needed = needed
        self.count = 0

    @property
    def complete(self) -> bool:
        return self.count >= self.needed

    def add(self, good: bool) -> bool:
        """Count a sample; return whether the streak is complete."""
        self.count = self.count + 1 if good else 0
        return self.complete


def restarted_since(before: Process, now: Process) -> bool | None:
    """Whether the process of ``now`` is another one than that of ``before``; ``None`` when that cannot be told.

    An uptime that went down proves it. One that did not proves nothing when the second reading came late, so then the
    start times are compared, both on the node's own clock: whatever that clock is wrong by cancels out. A start time
    that moved although the process is older than the time between the readings means that the clock was set.
    """
    if now.uptime < before.uptime:
        return True
    if before.node_time is None or now.node_time is None or before.started is None or now.started is None:
        return None
    elapsed = now.node_time - before.node_time
    if elapsed < -CLOCK_TOLERANCE:
        return None
    return now.started > before.started + CLOCK_TOLERANCE and now.uptime <= elapsed + CLOCK_TOLERANCE


def healthy_again(
    before: NodeReading | None,
    now: NodeReading,
    limits: Limits,
    *,
    located_apps: frozenset[str] | Unread,
) -> list[Missing]:
    """What ``now`` still lacks; an empty list means that the node is healthy again.

    ``before`` is the reading from right before the restart. Without it (a health check outside a run) only the present
    is judged: no restart is expected, no container known to have run. ``located_apps`` are the apps that the network
    lists on this node.
    """
    missing = [_missing(what, gate(now, limits)) for what, gate in _PRESENT]
    missing += [_communication(now), _apps_located(before, now, located_apps)]
    if before is not None:
        missing += [_restarted(before, now), _containers(before, now)]
    return [one for one in missing if one is not None]


_PRESENT: tuple[tuple[str, gates.Gate], ...] = (
    ("FluxOS to answer", gates.reachable),
    ("its own health check to be green", gates.health),
    ("its status to be CONFIRMED", gates.confirmed),
    ("its explorer to be synced", gates.explorer),
    ("its DOS state to be 0", gates.dos),
    ("its boot window to be over", gates.boot),
)


def _missing(what: str, verdict: gates.Verdict) -> Missing | None:
    return None if verdict.ok else Missing(what, verdict.sentence)


def _communication(now: NodeReading) -> Missing | None:
    what = "its communication with peers to be established"
    if isinstance(now.communication, Unread):
        return Missing(what, f"not read: {now.communication.why}")
    return None if now.communication.established else Missing(what, told(now.communication.said))


def _restarted(before: NodeReading, now: NodeReading) -> Missing | None:
    what = "its uptime to go down"
    if isinstance(before.process, Unread):
        return Missing(what, f"the uptime before the restart was not read: {before.process.why}")
    if isinstance(now.process, Unread):
        return Missing(what, f"not read: {now.process.why}")
    restarted = restarted_since(before.process, now.process)
    if restarted:
        return None
    saw = f"up for {now.process.uptime} s, before the restart {before.process.uptime} s"
    return Missing(
        what, saw if restarted is False else f"{saw}, and its clock does not tell whether that is one process"
    )


def _containers(before: NodeReading, now: NodeReading) -> Missing | None:
    what = "every app container that ran before to run again"
    if isinstance(before.containers, Unread):
        return Missing(what, f"which ones ran was not read: {before.containers.why}")
    if isinstance(now.containers, Unread):
        return Missing(what, f"not read: {now.containers.why}")
    states = {container.name: container.state for container in now.containers}
    lost = [
        f"{container.name} {states.get(container.name, 'gone')}"
        for container in before.containers
        if container.running and states.get(container.name) != "running"
    ]
    return Missing(what, ", ".join(lost)) if lost else None


def _apps_located(before: NodeReading | None, now: NodeReading, located: frozenset[str] | Unread) -> Missing | None:
    what = "its apps to be on the network's location list"
    hosted = now.apps if before is None else before.apps
    if isinstance(hosted, Unread):
        return Missing(what, f"which apps it hosts was not read: {hosted.why}")
    if not hosted:
        return None
    if isinstance(located, Unread):
        return Missing(what, f"the list was not read: {located.why}")
    absent = [app.name for app in hosted if app.name not in located]
    return Missing(what, f"not listed: {', '.join(absent)}") if absent else None
