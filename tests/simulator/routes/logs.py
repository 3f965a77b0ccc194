# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of containers (FluxOS: appInspector.js appLog, appLogPolling; dockerService.js dockerContainerLogs)."""

from __future__ import annotations

import datetime
import re

from tests.simulator.call import Call
from tests.simulator.containers import Container
from tests.simulator.envelope import Reply, data, error, stringify
from tests.simulator.logs import Line
from tests.simulator.routes.owner import OWNER_VERBS, is_old, named, opened
from tests.simulator.routing import Registry

ROUTES = Registry()
DEFAULT_LINES = 100
DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")


def tail_of(text: str) -> int | None:
    """docker's ``tail``: what is no number is everything, and so is a negative one."""
    try:
        count = int(text)
    except ValueError:
        return None
    return None if count < 0 else count


def line_count(text: str) -> int | str:
    """The ``lineCount`` of a poll: ``all``, a number above 0, or 100."""
    if text in ("", "all"):
        return "all"
    return int(text) if re.fullmatch(r"\d+", text) and int(text) > 0 else DEFAULT_LINES


def since_of(text: str) -> int | None:
    """Epoch nanoseconds of a text, to the millisecond. Raises ValueError for what JavaScript takes for no date."""
    if not text:
        return None
    if not DATE.fullmatch(text) or text.isdigit():
        raise ValueError(text)
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return round(moment.timestamp() * 1000) * 1_000_000


@ROUTES.get("/apps/applog/:appname?/:lines?", privilege=OWNER_VERBS, checks="handler")
def log(call: Call) -> Reply:
    """One text without timestamps."""
    found = opened(call)
    if isinstance(found, Reply):
        return found
    lines = found.log.tail(tail_of(named(call, "lines") or "all"), call.world.clock.now())
    return data("".join(f"{line.text}\n" for line in lines))


@ROUTES.get("/apps/applogpolling/:appname?/:lines?/:since?", privilege=OWNER_VERBS, checks="handler")
def poll(call: Call) -> Reply:
    """Lines with docker's timestamps, not in an envelope; since 8.18 with a cursor."""
    found = opened(call, rejects=True)
    if isinstance(found, Reply):
        return found
    count = line_count(call.params.get("lines") or named(call, "lineCount"))
    since = named(call, "since")
    cursor = "" if is_old(call) else named(call, "cursor")
    try:
        moment = None if cursor else since_of(since)
    except ValueError:
        return error("Invalid time value", name="RangeError")
    now = call.world.clock.now()
    limit = count if isinstance(count, int) else None
    rolled = skipped = False
    if cursor:
        lines, rolled, skipped = found.log.after(found.docker_id, cursor, now, limit)
    else:
        lines = found.log.tail(limit, now, moment)
    position = _position(found, lines, cursor if not skipped else "")
    lines = [line for line in lines if line.text.strip()]
    kept = _lose(call, found, lines)
    answer = {
        "logs": [line.stamped for line in kept],
        "lineCount": count,
        "logCount": len(kept),
        "sinceTimestamp": since,
        "truncated": limit is not None and len(lines) >= limit,
        "status": "success",
    }
    if not is_old(call):
        answer |= {"cursor": position, "rolledOver": rolled, "skipped": skipped}
    # Up to 8.17 a following stream is read for a fixed time.
    delay = call.node.timings.log_window if is_old(call) else 0.0
    return Reply(stringify(answer), delay=delay)


def _position(container: Container, lines: list[Line], before: str) -> str:
    """The cursor behind the last line of an answer."""
    if lines:
        return container.log.cursor(container.docker_id, lines[-1].number + 1)
    return before or container.log.cursor(container.docker_id, container.log.total)


def _lose(call: Call, container: Container, lines: list[Line]) -> list[Line]:
    """Up to 8.17 an answer may lack lines that the node has (fault ``log_loss``: the last of every so many)."""
    fault = call.node.faults.condition("log_loss")
    if fault is None or not is_old(call):
        return lines
    every = int(fault.options.get("every", 10))
    fault.options["seen"] = int(fault.options.get("seen", 0)) + 1
    offset = int(fault.options["seen"])
    return [line for line in lines if (line.number + offset) % every]
