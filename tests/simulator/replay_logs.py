# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containers of a recorded node had written: the recording itself says it.

What a container writes is not FluxOS's, and part of it was caused by requests that are not in the recording. So a
container whose log a recorded poll shows gets just these lines, each at its moment. Of one of which only the text was
recorded, the lines before the first event are taken: the rest is written by the events themselves.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass, field

from tests.simulator.appinfo import container_name
from tests.simulator.containers import NodeApps
from tests.simulator.replay_recording import Recording

_POLL = re.compile(r"/apps/applogpolling/(?P<name>[^/?]+)", re.IGNORECASE)
_LOG = re.compile(r"/apps/applog/(?P<name>[^/?]+)(/all)?/?\Z", re.IGNORECASE)
_EVENTS = ("received SIGTERM, exiting", "started", "restarted")


def _nanoseconds(stamp: str) -> int:
    moment, _unused, rest = stamp.removesuffix("Z").partition(".")
    whole = datetime.datetime.fromisoformat(f"{moment}+00:00").timestamp()
    return int(whole) * 1_000_000_000 + int(rest.ljust(9, "0"))


@dataclass
class RecordedLogs:
    """Docker name -> lines (nanoseconds, text) of containers whose whole log is known; and beginnings without times."""

    lines: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    beginnings: dict[str, list[str]] = field(default_factory=dict)

    def learn(self, recording: Recording) -> None:
        """Take what a recording shows."""
        for _unused, exchange in recording.exchanges():
            target, response = exchange.request.target, exchange.response
            if not response.answered or not response.complete or '"status":"success"' not in response.body:
                continue
            polled, logged = _POLL.match(target), _LOG.match(target)
            if polled:
                answer = json.loads(response.body)
                self._polled(container_name(polled["name"]), answer)
            elif logged:
                texts = json.loads(response.body)["data"].split("\n")
                first = next((at for at, text in enumerate(texts) if text in _EVENTS), len(texts) - 1)
                self.beginnings.setdefault(container_name(logged["name"]), texts[:first])

    def _polled(self, name: str, answer: dict[str, object]) -> None:
        logs = answer["logs"]
        assert isinstance(logs, list)
        for line in logs:
            stamp, _unused, text = str(line).partition(" ")
            self.lines.setdefault(name, set()).add((_nanoseconds(stamp), text))
        if not answer["truncated"] and not answer["sinceTimestamp"]:
            self.whole.add(name)

    def begin(self, apps: NodeApps, now: float) -> None:
        """Give the containers their beginnings, and those that are known as a whole no lines of their own."""
        for container in apps.containers:
            container.log.frozen = container.name in self.whole
            if not container.log.frozen:
                for at, text in enumerate(self.beginnings.get(container.name, [])):
                    container.log.put(text, int(now * 1e9) + at)

    def until(self, apps: NodeApps, milliseconds: int) -> None:
        """Let the known logs reach a moment; the answer to a request shows what the request caused itself."""
        for container in apps.containers:
            if container.name in self.whole:
                container.log.clear()
                for at, text in sorted(self.lines[container.name]):
                    if at <= milliseconds * 1_000_000:
                        container.log.put(text, at)
