# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers write, and what docker keeps of it (docker's json-file driver).

A container with a rate writes numbered lines while it runs, so that a reader can be judged: which of them it has, which
twice, which not. One file is kept up to 8.17 (20 MB, emptied when it is full), four of 5 MB since 8.18.
"""

from __future__ import annotations

import base64
import datetime
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

OLD_FILE, NEW_FILE, NEW_FILES = 20_000_000, 5_000_000, 4
ENTRY_OVERHEAD = 64


@dataclass(frozen=True, slots=True)
class Line:
    """``at``: simulated epoch nanoseconds; ``number`` counts all lines of this container from 0."""

    number: int
    at: int
    text: str
    stderr: bool = False

    @property
    def stamped(self) -> str:
        """With docker's timestamp in front."""
        return f"{nano(self.at)} {self.text}"


def nano(at: int) -> str:
    """RFC3339 with nine digits, as docker writes it."""
    whole, rest = divmod(at, 1_000_000_000)
    moment = datetime.datetime.fromtimestamp(whole, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


@dataclass
class ContainerLog:
    """The log of one container. ``name`` stands in its lines."""

    name: str
    rate: float = 0.0
    file_bytes: int = OLD_FILE
    files: int = 1
    kept: deque[Line] = field(default_factory=deque)
    written: list[Line] = field(default_factory=list)
    total: int = 0
    frozen: bool = False
    _writing_since: float | None = None
    _written: int = 0
    _last: int = 0
    _sizes: list[int] = field(default_factory=lambda: [0])
    _counts: list[int] = field(default_factory=lambda: [0])

    def begin(self, now: float) -> None:
        """The container runs from now on."""
        self._writing_since, self._written = now, 0

    def end(self, now: float) -> None:
        """It stops."""
        self.catch_up(now)
        self._writing_since = None

    def catch_up(self, now: float) -> None:
        """Write what was due by now."""
        if self._writing_since is None or self.rate <= 0:
            return
        since = self._writing_since
        due = int((now - since) * self.rate)
        while self._written < due:
            self._written += 1
            self.write(f"{self.name} wrote line {self.total}", since + self._written / self.rate)

    def write(self, text: str, now: float, *, stderr: bool = False) -> None:
        """One line, now. Two lines never have the same moment."""
        if self.frozen:
            return
        at = max(int(now * 1000) * 1_000_000, self._last + 1)
        self._last = at
        self._keep(Line(self.total, at, text, stderr))

    def put(self, text: str, at: int) -> None:
        """A line of a given moment (for the replay of a recording)."""
        self._keep(Line(self.total, at, text))

    def _keep(self, line: Line) -> None:
        self.total += 1
        self.written.append(line)
        size = len(line.text.encode()) + ENTRY_OVERHEAD
        if self._sizes[-1] + size > self.file_bytes and self._counts[-1]:
            self._rotate()
        self._sizes[-1] += size
        self._counts[-1] += 1
        self.kept.append(line)

    def _rotate(self) -> None:
        self._sizes.append(0)
        self._counts.append(0)
        while len(self._counts) > self.files:
            for _unused in range(self._counts.pop(0)):
                self.kept.popleft()
            self._sizes.pop(0)

    def clear(self) -> None:
        """Forget everything (for the replay of a recording)."""
        self.kept.clear()
        self.written.clear()
        self._sizes, self._counts = [0], [0]

    # -- reading ----------------------------------------------------------------------------------------------------

    def tail(self, count: int | None, now: float, since: int | None = None) -> list[Line]:
        """The last lines (None: all), of those from a moment on (epoch nanoseconds, inclusive)."""
        self.catch_up(now)
        lines = [line for line in self.kept if since is None or line.at >= since]
        if count is None:
            return lines
        return lines[-count:] if count > 0 else []

    def cursor(self, owner: str, number: int) -> str:
        """An opaque position behind a line."""
        return base64.urlsafe_b64encode(json.dumps([owner, number]).encode()).decode().rstrip("=")

    def after(self, owner: str, cursor: str, now: float, count: int | None) -> tuple[list[Line], bool, bool]:
        """Lines behind a position, the first ``count`` of them; whether some were rotated away; whether it was skipped.

        A position that is none of this container moves the reader to the end.
        """
        self.catch_up(now)
        try:
            read: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            whose, number = str(read[0]), int(read[1])
        except (ValueError, TypeError, IndexError, KeyError):
            return [], False, True
        if whose != owner or number > self.total:
            return [], False, True
        oldest = self.kept[0].number if self.kept else self.total
        lines = [line for line in self.kept if line.number >= number]
        return lines[: count if count is not None else None], oldest > number, False
