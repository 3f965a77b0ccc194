# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long operations of a node: their answers are written piece by piece while simulated time passes.

An operation is a generator: it yields ``bytes`` to write and numbers of seconds to wait, and changes the node between
them. It goes on when the client is gone, and dies with the FluxOS process.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.clock import Timer
    from tests.simulator.node import Node

Script = Generator[bytes | float, None, None]


def piece(status: str, content: Any = None) -> bytes:
    """One object of a stream: progress text, or an envelope when there is content."""
    value = {"status": status} if content is None else {"status": status, "data": content}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def message(status: str, text: str) -> bytes:
    """An envelope with a message in a stream; errors have a name."""
    content = {"name": "Error", "message": text} if status == "error" else {"message": text}
    return piece(status, content)


class Stream:
    """What one client reads. ``limit``: pieces after which nothing more comes, and no end (a fault)."""

    def __init__(self, limit: int | None = None) -> None:
        self._pieces: list[bytes] = []
        self._limit = limit
        self._written = 0
        self._ended = False
        self._news = asyncio.Event()

    @property
    def stalled(self) -> bool:
        """Whether the fault has begun."""
        return self._limit is not None and self._written >= self._limit

    def write(self, data: bytes) -> None:
        """Add a piece."""
        if self.stalled:
            return
        self._written += 1
        self._pieces.append(data)
        self._news.set()

    def end(self) -> None:
        """No more pieces."""
        if not self.stalled:
            self._ended = True
            self._news.set()

    async def read(self) -> bytes | None:
        """What has come since the last call; None at the end."""
        while not self._pieces:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


@dataclass(eq=False)
class Operation:
    """One running script. ``freezes``: it stops for ever where its stream stalls."""

    node: Node
    script: Script
    stream: Stream
    endless: bool = False
    freezes: bool = False
    finished: Callable[[], None] | None = None
    _timer: Timer | None = None

    def go_on(self) -> None:
        """Run until the next wait, or to the end."""
        self._timer = None
        for step in self.script:
            if isinstance(step, bytes):
                if step:
                    self.stream.write(step)
                if self.freezes and self.stream.stalled:
                    return
            elif step > 0 and not self.node.world.hurries:
                self._timer = self.node.world.timeline.after(step, self.go_on)
                return
        self.close()

    def close(self) -> None:
        """The script is at its end."""
        if not self.endless:
            self.stream.end()
        if self in self.node.operations.running:
            self.node.operations.running.remove(self)
        if self.finished is not None:
            self.finished()

    def abandon(self) -> None:
        """The process died: nothing after this point happens."""
        if self._timer is not None:
            self._timer.cancel()
        self.script.close()
        self.stream.end()


@dataclass
class Operations:
    """The flags of a node (memory only): what keeps it busy, and which apps are being backed up or restored."""

    node: Node
    flag: str | None = None
    backups: set[str] = field(default_factory=set)
    restores: set[str] = field(default_factory=set)
    running: list[Operation] = field(default_factory=list)

    @property
    def busy(self) -> str | None:
        """``removal``, ``installation``, ``soft redeploy`` or ``hard redeploy``."""
        forced = self.node.faults.condition("node_busy")
        return str(forced.options.get("what", "installation")) if forced else self.flag

    def keeps_off(self, app: str) -> bool:
        """Whether reconciler and election leave an app alone."""
        return self.busy is not None or app in self.backups or app in self.restores

    def begin(
        self, script: Script, *, endless: bool = False, freezes: bool = False, limit: int | None = None
    ) -> Stream:
        """Start a script; its stream is what the client reads."""
        operation = Operation(self.node, script, Stream(limit), endless, freezes)
        self.running.append(operation)
        operation.go_on()
        return operation.stream

    def die(self) -> None:
        """The process ended: flags and operations are gone."""
        for operation in list(self.running):
            operation.abandon()
        self.running.clear()
        self.flag = None
        self.backups.clear()
        self.restores.clear()
