# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a node is healthy again after a restart, and judging a fleet between waves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.call import Call, CallError
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.again import Missing, Streak, healthy_again
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.sick import FleetVerdict, fleet_gate, sickness
from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import Limits, NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.plain import plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.process import from_plain
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import App, Container
from ansible_collections.fluxme.fluxos.plugins.module_utils.survey import (
    Survey,
    first_reading,
    with_recovery,
    with_rest,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.waiting import Look, Waiter, WaitTimeout


@dataclass(frozen=True)
class Recovered:
    """A node that is healthy, and how long that took in seconds."""

    reading: NodeReading
    seconds: float


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def reading_from_plain(address: str, values: Mapping[str, Any] | None) -> NodeReading | None:
    """The reading from before a restart, as a task's result or a kept plan holds it. Raises CallError for others."""
    if not values:
        return None
    process = from_plain(values.get("process"))
    containers, apps = values.get("containers"), values.get("apps")
    lost = Unread("it was not read before the restart")
    try:
        return NodeReading(
            name=address,
            address=address,
            ip=address.rpartition(":")[0],
            process=process or lost,
            containers=lost if containers is None else tuple(Container(**row) for row in containers),
            apps=lost
            if apps is None
            else tuple(App(**{key: _frozen(value) for key, value in row.items()}) for row in apps),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise CallError(
            "before: its containers or apps are not as node_preflight returns them under nodes[].before; pass that on "
            "unchanged"
        ) from error


def wait_until_healthy(call: Call, before: NodeReading | None, samples: int) -> Recovered:
    """Wait until the task's node is healthy several samples in a row. Raises WaitTimeout with what it still lacks."""
    if samples < 1:
        raise CallError(f"samples is {samples}: a node has to be seen healthy at least once")
    survey = Survey(call)
    member = survey.member(call.endpoint.address, call.endpoint.address)
    streak = Streak(samples)
    begun = time.monotonic()
    last: list[NodeReading] = []

    def look() -> Look[NodeReading]:
        first = first_reading(member)
        if isinstance(first.version, Unread):
            streak.add(False)
            return Look(first.version.why)
        now = with_recovery(member, first)
        last[:] = [now]
        missing: list[Missing] = healthy_again(before, now, Limits(), located_apps=survey.located(now))
        if streak.add(not missing):
            return Look("healthy", now)
        if missing:
            return Look("it still needs " + "; ".join(map(str, missing)))
        return Look(f"healthy {streak.count} of {samples} times in a row")

    waiter = Waiter(
        node=call.endpoint.address,
        operation="wait until the node is healthy",
        timeout=call.params["wait_timeout"],
        looks=None if call.params["wait"] else samples,
        interval=call.params["wait_interval"],
        progress=call.progress,
        advice="Look at this node before anything else is restarted; nothing is forced and nothing else was touched",
    )
    try:
        return Recovered(waiter.until(look), round(time.monotonic() - begun, 1))
    except WaitTimeout as timeout:
        if last:
            timeout.evidence = plain(with_rest(member, last[0], survey.network_height()))
        raise


def judge_fleet(call: Call, nodes: Mapping[str, str], limit: int | str, workers: int) -> FleetVerdict:
    """Whether few enough nodes of the fleet are sick."""
    survey = Survey(call, workers)
    members = [survey.member(name, address) for name, address in nodes.items()]
    readings = survey.vitals(members)
    return fleet_gate({reading.name: sickness(reading, Limits()) for reading in readings}, limit)
