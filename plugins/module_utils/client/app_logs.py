# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the log of a container of an app."""

from __future__ import annotations

import calendar
import functools
import re
import time

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import LogLine, LogPage
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.shapes import Field
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import segment
from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import Answer

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?")


def log_text(node: NodeClient, identifier: str, lines: int | None) -> str:
    """The last ``lines`` of a log, ``None`` for all that is kept, as one text without times.

    ``GET /apps/applog/<identifier>/<lines>``: app's owner, Flux team, up to 8.17 also the node's operator
    (appInspector.js appLog). stdout and stderr are not told apart.
    """
    path = f"/apps/applog/{segment(identifier)}/{'all' if lines is None else lines}"
    operation = f"read the log of {identifier} ({path})"

    def send(header: str) -> Answer:
        return node.transport.get(node.endpoint, path, operation=operation, auth=header)

    answer = node.authorised(send, operation, privilege="self")
    if isinstance(answer.data, str):
        return answer.data
    raise Field(node.node, operation, answer.data).wrong("a text")


def log_page(
    node: NodeClient,
    identifier: str,
    *,
    lines: int | None = None,
    since: str | None = None,
    cursor: str | None = None,
) -> LogPage:
    """Lines with docker's times: the last ``lines`` (``None``: all), of those since a time, or all behind a cursor.

    ``GET /apps/applogpolling/<identifier>``, rights as above (appInspector.js appLogPolling). ``since``: ISO 8601, to
    the millisecond, inclusive, by the node's clock; ignored with a cursor. Blank lines and a last line without an end
    are left out. Up to 8.17 there is no cursor, an answer takes 1.5 s and may lack lines that the node has, and a
    container that is missing ends FluxOS: never ask for one there.
    """
    path = f"/apps/applogpolling/{segment(identifier)}"
    operation = f"read the log of {identifier} ({path})"
    query = {"lineCount": "all" if lines is None else str(lines)}
    if cursor is not None:
        query["cursor"] = cursor
    elif since is not None:
        query["since"] = since

    def send(header: str) -> Answer:
        return node.transport.get(node.endpoint, path, operation=operation, query=query, auth=header)

    answer = node.authorised(send, operation, privilege="self")
    found, position = answer.extra.get("logs"), answer.extra.get("cursor")
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise Field(node.node, operation, found).wrong("a list of lines")
    return LogPage(
        lines=tuple(log_line(text) for text in found),
        cursor=position if isinstance(position, str) and position else None,
        rolled_over=answer.extra.get("rolledOver") is True,
        answered=None if answer.node_time is None else int(answer.node_time) * 1_000_000_000,
        skipped=answer.extra.get("skipped") is True,
    )


def log_line(text: str) -> LogLine:
    """Part docker's time from the line. A line without one, which docker never writes, gets the time 0."""
    found = _STAMP.match(text)
    if found is None:
        return LogLine(0, text)
    try:
        seconds = _seconds(found[1])
    except ValueError:
        return LogLine(0, text)
    return LogLine(seconds * 1_000_000_000 + int((found[2] or "").ljust(9, "0")), text[found.end() :])


# Lines of one second share its text, and reading it takes longer than all the rest.
@functools.lru_cache(maxsize=1024)
def _seconds(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
