# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging whether a FluxOS process was started after some point, without trusting any single clock."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.again import restarted_since
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Process

NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?")


class TimeError(ValueError):
    """A time that cannot be read."""


def from_plain(values: Mapping[str, Any] | None) -> Process | None:
    """A process as a task's result or a kept plan holds it. Raises :class:`TimeError` for what cannot be one."""
    if not values:
        return None
    if not isinstance(values, Mapping):
        raise TimeError(f"{values!r} is no process: a dictionary with uptime and node_time is expected")
    if values.get("uptime") is None:
        return None
    node_time = values.get("node_time")
    try:
        return Process(uptime=int(values["uptime"]), node_time=None if node_time is None else float(node_time))
    except (TypeError, ValueError) as error:
        raise TimeError(f"{dict(values)!r} is no process: uptime and node_time are numbers of seconds") from error


def epoch(text: str) -> float:
    """Epoch seconds from a number or from ISO 8601 with a time zone."""
    if NUMBER.fullmatch(text.strip()):
        return float(text)
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise TimeError(f"{text!r} is no time: give epoch seconds or ISO 8601 such as 2026-11-25T08:00:00Z") from error
    if moment.tzinfo is None:
        raise TimeError(f"{text!r} has no time zone: add Z for UTC, or an offset such as +01:00")
    return moment.astimezone(timezone.utc).timestamp()


def started_after(process: Process, *, not_after: str | None = None, before: Process | None = None) -> bool:
    """Whether the process is younger than the given time, or not the process that was seen before.

    The time is compared on the controller's clock (now less uptime) and on the node's own. One of them is enough: a
    node whose clock is wrong is then at worst left alone, never restarted twice.
    """
    if before is not None and restarted_since(before, process):
        return True
    if not_after is None:
        return False
    limit = epoch(not_after)
    by_controller = time.time() - process.uptime
    return by_controller > limit or (process.started is not None and process.started > limit)
