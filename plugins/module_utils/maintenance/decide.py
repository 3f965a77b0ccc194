# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deciding about a fleet: the readings of the survey, the selection and the gates put together.

Steps: read version and process of every node; wait until restarts that an interrupted run had begun have settled;
choose the candidates; read the rest of the candidates and judge them by the gates; ask those again that are held for
reasons that pass by themselves, as long as the user has patience.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.gates import Preflight, preflight, restart_way
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits, NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.maintenance.selection import (
    Criteria,
    Decision,
    Past,
    SelectionError,
    choose,
    judge,
    resolve_target,
    worth_waiting,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import from_plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.survey import Member, Survey

#: Seconds after which a request that an interrupted run had sent has surely arrived, or never will.
SETTLED_AFTER = 20.0


@dataclass(frozen=True)
class Wanted:
    """One node of the fleet as the task names it."""

    member: Member
    limits: Limits
    past: Past = field(default_factory=Past)


@dataclass(frozen=True)
class Judged:
    """What was decided of one node, and from what."""

    reading: NodeReading
    decision: Decision
    preflight: Preflight | None
    limits: Limits

    def as_dict(self) -> dict[str, Any]:
        """For results and for the plan that is kept."""
        reading, way = self.reading, restart_way(self.reading, self.limits)
        return {
            "name": reading.name,
            "address": reading.address,
            "ip": reading.ip,
            "decision": self.decision.decision,
            "reason": self.decision.reason.value,
            "message": self.decision.sentence,
            "clears": self.decision.clears,
            "overridden": list(self.decision.overridden),
            "version": _read(reading.version),
            "process": plain(_read(reading.process)),
            "arcane": _read(reading.arcane),
            "method": None if isinstance(way, Unread) else way,
            "tier": None if isinstance(reading.confirmation, Unread) else reading.confirmation.tier,
            "apps": [app["name"] for app in plain(_read(reading.apps)) or []],
            "before": {
                name: plain(_read(getattr(reading, name))) for name in ("version", "process", "containers", "apps")
            },
            "gates": [
                {"gate": verdict.gate, "ok": verdict.ok, "message": verdict.sentence}
                for verdict in (self.preflight.verdicts if self.preflight else ())
            ],
        }


def _read(value: Any) -> Any:
    return None if isinstance(value, Unread) else value


class Decider:
    """Decides about nodes within one task."""

    def __init__(self, call: Call, criteria: Criteria, overrides: Collection[str], workers: int = 50) -> None:
        self._call = call
        self._survey = Survey(call, workers)
        self._criteria = criteria
        self._overrides = overrides

    @property
    def criteria(self) -> Criteria:
        """With the target version once it is known."""
        return self._criteria

    def wanted(self) -> list[Wanted]:
        """The nodes of the task, each with its limits and its past."""
        params = self._call.params
        if not params["nodes"]:
            address = self._call.endpoint.address
            limits = limits_for(params, restart_command=params["restart_command"])
            return [Wanted(self._survey.member(address, address), limits)]
        with_command, in_flight = set(params["restart_commands"]), set(params["in_flight"])
        limits_by_way = {way: limits_for(params, restart_command=way) for way in (True, False)}
        wanted = []
        for name, given in params["nodes"].items():
            member = self._survey.member(name, given)
            after_restart = params["restarts"].get(member.client.endpoint.address) or {}
            past = Past(from_plain(params["before"].get(name)), name in in_flight, after_restart)
            wanted.append(Wanted(member, limits_by_way[name in with_command], past))
        return wanted

    def decide(self, patience: float = 0.0, interval: float = 30.0) -> list[Judged]:
        """Decide about every node, in the order given."""
        nodes = self.wanted()
        deadline = time.monotonic() + patience
        judged = self._decide_once(nodes)
        while worth_waiting([one.decision for one in judged]) and time.monotonic() + interval < deadline:
            held = [one for one in judged if one.decision.clears]
            left = deadline - time.monotonic()
            self._call.progress(
                f"{len(held)} held back for now, asked again for up to {left:.0f} s more; "
                f"{held[0].reading.name}: {held[0].decision.sentence}"
            )
            time.sleep(interval)
            names = {one.reading.name for one in held}
            again = {
                one.reading.name: one
                for one in self._decide_once([node for node in nodes if node.member.name in names])
            }
            judged = [again.get(one.reading.name, one) for one in judged]
        return judged

    def _decide_once(self, nodes: Sequence[Wanted]) -> list[Judged]:
        readings = self._identify(nodes)
        if self._criteria.target_version is not None:
            self._criteria = replace(
                self._criteria, target_version=resolve_target(self._criteria.target_version, readings)
            )
        chosen = [choose(reading, self._criteria, node.past) for node, reading in zip(nodes, readings, strict=True)]
        candidates = [
            (node, reading)
            for node, reading, decision in zip(nodes, readings, chosen, strict=True)
            if decision.decision == "restart"
        ]
        examined = self._survey.examine(
            [node.member for node, _reading in candidates], [reading for _node, reading in candidates]
        )
        complete = {reading.name: reading for reading in self._survey.with_elsewhere(examined)}
        return [
            self._judged(node, complete.get(reading.name, reading), decision)
            for node, reading, decision in zip(nodes, readings, chosen, strict=True)
        ]

    def _judged(self, node: Wanted, reading: NodeReading, decision: Decision) -> Judged:
        if decision.decision != "restart":
            return Judged(reading, decision, None, node.limits)
        verdict = preflight(reading, node.limits, self._overrides)
        return Judged(reading, judge(decision, verdict), verdict, node.limits)

    def _identify(self, nodes: Sequence[Wanted]) -> list[NodeReading]:
        """Version and process of every node; restarts that were begun by an interrupted run are given time to show."""
        readings = self._survey.identify([node.member for node in nodes])
        settled_at = time.monotonic() + SETTLED_AFTER
        while True:
            open_ones = [
                index
                for index, (node, reading) in enumerate(zip(nodes, readings, strict=True))
                if node.past.in_flight and choose(reading, self._criteria, node.past).decision != "verify"
            ]
            if not open_ones or time.monotonic() > settled_at:
                return readings
            time.sleep(1.0)
            again = self._survey.identify([nodes[index].member for index in open_ones])
            for index, reading in zip(open_ones, again, strict=True):
                readings[index] = reading


def limits_for(params: Mapping[str, Any], *, restart_command: bool) -> Limits:
    """The limits of a task's options. Raises :class:`SelectionError` for limits that no node can meet."""
    try:
        return Limits(
            planned_minutes=params["planned_minutes"],
            restart_command=restart_command,
            budgets=params["app_budgets"] or {},
            default_budget=params["app_budget"],
        )
    except ValueError as error:
        raise SelectionError(str(error)) from error
