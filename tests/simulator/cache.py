# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The response cache of FluxOS (package apicache 1.6.3) in simulated time, and the daemon's RPC cache behind it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.envelope import Reply, weak_etag

RPC_SECONDS = 20.0


@dataclass(slots=True)
class Entry:
    """A kept answer: ``until`` in simulated epoch seconds."""

    reply: Reply
    etag: str | None
    seconds: float
    until: float
    packed: bytes | None = field(default=None)

    def gzip(self) -> bytes:
        """The compressed body, made once."""
        if self.packed is None:
            packer = zlib.compressobj(6, zlib.DEFLATED, 31)
            self.packed = packer.compress(self.reply.body) + packer.flush()
        return self.packed


class ResponseCache:
    """Key = the URL as sent (path and query); neither method nor headers are part of it. Errors are kept as well."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def get(self, url: str, now: float) -> Entry | None:
        """A living entry."""
        entry = self._entries.get(url)
        if entry is None:
            return None
        if now >= entry.until:
            del self._entries[url]
            return None
        return entry

    def put(self, url: str, reply: Reply, seconds: float, now: float) -> None:
        """Keep an answer; it lives from the moment it was given."""
        etag = weak_etag(reply.body) if reply.etag else None
        self._entries[url] = Entry(reply, etag, seconds, now + seconds)

    def clear(self) -> None:
        """What a start of the process does."""
        self._entries.clear()


class RpcCache:
    """Results of daemon RPCs, 20 s by method and parameters (FluxOS: daemonServiceUtils.js executeCall).

    Nothing bypasses it; only truthy results are kept and failures are not.
    """

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, Any]] = {}

    def call(self, key: str, now: float, compute: Callable[[], Any]) -> Any:
        """The kept result, or a new one."""
        known = self._values.get(key)
        if known is not None and now < known[0]:
            return known[1]
        value = compute()
        if value:
            self._values[key] = (now + RPC_SECONDS, value)
        return value

    def clear(self) -> None:
        """What a start of the process does."""
        self._values.clear()
