# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes of a fleet a maintenance run restarts: pure functions.

Steps for a node, the first that applies decides:

1. An interrupted run had begun to restart it, and it is another process now or does not answer: ``verify``, its
   recovery is waited for.
2. It does not tell version and uptime: ``hold``.
3. It is another process than the one this run saw first: ``skip``, it was restarted already.
4. It is named, runs longer than allowed or is older than the target: a candidate. Otherwise: ``skip``.
5. A candidate for its version alone that an earlier restart did not update: ``skip``.
6. A candidate is judged by the gates: ``restart`` or ``hold``.

Properties: every node gets exactly one decision with a reason; no node is a candidate twice for one process; what
cannot be compared (a version that is no version) holds a node, it never skips or restarts it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import UsageError
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.again import restarted_since
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.gates import Preflight
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.reasons import Reason
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import from_plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process
from ansible_collections.fluxme.fluxos.plugins.module_utils.versions import (
    VersionError,
    newest,
    outdated,
    parse_version,
)

#: Asks for the newest version that the fleet itself reports.
NEWEST = "newest"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdw]?)")


class SelectionError(UsageError):
    """The criteria cannot be used as given."""


def seconds(text: str) -> float:
    """``90``, ``90s``, ``15m``, ``12h``, ``7d`` or ``2w`` in seconds."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match:
        raise SelectionError(f"{text!r} is no duration: give seconds, or a number with s, m, h, d or w, such as 7d")
    return float(match[1]) * _UNITS[match[2] or "s"]


@dataclass(frozen=True)
class Criteria:
    """What makes a node a candidate. Without any criterion every node is one, as if it were named."""

    target_version: str | None = None
    max_uptime: float | None = None
    names: frozenset[str] | None = None

    @property
    def selects_all(self) -> bool:
        return self.target_version is None and self.max_uptime is None and self.names is None


@dataclass(frozen=True)
class Past:
    """What earlier runs, or the interrupted first part of this one, know of a node."""

    process: Process | None = None
    """The process when this run first saw the node."""
    in_flight: bool = False
    """A restart was begun and its outcome is not known."""
    after_restart: Mapping[str, Any] = field(default_factory=dict)
    """``{"version", "process"}`` right after the last restart by any run."""


@dataclass(frozen=True)
class Decision:
    """``decision`` is restart, verify, hold or skip; restart means a candidate until the gates have spoken."""

    decision: str
    reason: Reason
    sentence: str
    overridden: tuple[str, ...] = ()
    clears: bool = False


def checked_target(text: str | None) -> str | None:
    """The target as the user gave it; empty is none. Raises ``VersionError`` when it is neither newest nor a version.

    Found before a node is read: a typing error must not hold a whole fleet back, node by node.
    """
    if text and text != NEWEST:
        try:
            parse_version(text)
        except VersionError as error:
            raise VersionError(f"target_version: {error}") from error
    return text or None


def _decided(reason: Reason, decision: str | None = None, **facts: object) -> Decision:
    return Decision(decision or reason.effect.value, reason, reason.sentence(**facts), clears=reason.clears)


def resolve_target(target: str | None, readings: Sequence[NodeReading]) -> str | None:
    """The target version; ``newest`` is the newest that the fleet reports, and stays so while no node reports one.

    Without a target every node would be a candidate, so one that cannot be resolved is never dropped.
    """
    if target != NEWEST:
        return target
    try:
        return newest(reading.version for reading in readings)
    except VersionError:
        return NEWEST


def choose(reading: NodeReading, criteria: Criteria, past: Past) -> Decision:
    """Everything but the gates: whether the node is a candidate."""
    if isinstance(reading.version, Unread) or isinstance(reading.process, Unread):
        if past.in_flight:
            return _decided(Reason.INTERRUPTED, "verify")
        what, why = ("version", reading.version) if isinstance(reading.version, Unread) else ("uptime", reading.process)
        return _decided(Reason.UNREACHABLE, what=what, why=why.why if isinstance(why, Unread) else "")
    if past.process is not None and restarted_since(past.process, reading.process):
        if past.in_flight:
            return _decided(Reason.INTERRUPTED, "verify")
        return _decided(Reason.ALREADY_RESTARTED, uptime=reading.process.uptime)
    return _by_criteria(reading.name, reading.version, reading.process, criteria, past)


def _by_criteria(name: str, version: str, process: Process, criteria: Criteria, past: Past) -> Decision:
    if criteria.selects_all or (criteria.names is not None and name in criteria.names):
        return _decided(Reason.NAMED)
    if criteria.max_uptime is not None and process.uptime > criteria.max_uptime:
        return _decided(Reason.LONG_RUNNING, uptime=_days(process.uptime), allowed=_days(criteria.max_uptime))
    if criteria.target_version is None:
        why = "it is not named" if criteria.max_uptime is None else "it does not run longer than allowed"
        return _decided(Reason.NOT_SELECTED, why=why)
    target = criteria.target_version
    if target == NEWEST:
        why = "no node reports a version that can be compared: name the target version"
        return _decided(Reason.CANNOT_EVALUATE, what="whether it is outdated", why=why)
    try:
        behind = outdated(version, target)
    except VersionError as error:
        return _decided(Reason.CANNOT_EVALUATE, what="whether it is outdated", why=str(error))
    if not behind:
        return _decided(Reason.NOT_OUTDATED, version=version, target=target)
    then = from_plain(past.after_restart.get("process"))
    # The same process that our last restart gave, still with the old version: another restart would give the same.
    if then is not None and past.after_restart.get("version") == version and restarted_since(then, process) is False:
        return _decided(Reason.NOT_UPDATED_BY_RESTART, version=version, target=target)
    return _decided(Reason.OUTDATED, version=version, target=target)


def _days(span: float) -> str:
    """A duration in the unit that a person would take."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if span >= 2 * size:
            return f"{span / size:.0f} {unit}"
    return f"{span:.0f} s"


def judge(candidate: Decision, preflight: Preflight) -> Decision:
    """A candidate after the gates: restart for its own reason, or hold for the first gate that did not pass."""
    if preflight.ok:
        return Decision("restart", candidate.reason, candidate.sentence, preflight.overridden)
    reason = preflight.reason or Reason.CANNOT_EVALUATE
    return Decision("hold", reason, preflight.sentence, preflight.overridden, preflight.clears)


def worth_waiting(decisions: Collection[Decision]) -> bool:
    """Whether some node is held for reasons that pass by themselves, its own and not those of an app elsewhere."""
    return any(decision.clears and decision.reason is not Reason.APP_BUDGET for decision in decisions)
