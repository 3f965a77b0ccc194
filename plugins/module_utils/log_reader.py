# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting the log of one container together from the pages that a node answers, poll by poll.

A node whose pages have a cursor (since FluxOS 8.18) tells all lines once, and says when some were rotated away. A node
without one may leave lines out of a page. There every poll begins where the third one before it ended, so that each
line is asked for three times, and what is known is dropped.

Properties:

- No line is kept twice, and the lines are in docker's order.
- With a cursor the lines have no hole that :attr:`LogReader.gaps` does not name.
- Without a cursor a hole that shows is named: no line of the last poll is there any more.
- A container that was made anew, or a cursor that a node no longer knows, is picked up by the time of the last line.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Protocol

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import LogLine, LogPage

OVERLAP = 3
"""How many polls ask for each line where a page may lack some."""
SETTLING_POLLS = OVERLAP - 1
"""Further polls at the end, for the lines of the last one, where a page may lack some."""


class Poll(Protocol):
    """Asks the node for one page."""

    def __call__(self, *, lines: int | None = None, since: str | None = None, cursor: str | None = None) -> LogPage:
        """The last ``lines`` (``None``: all), of those since a time, or all behind a cursor."""


class LogReader:
    """Reads one log from a point on; a poll that fails may be repeated, and costs no line."""

    def __init__(self, poll: Poll, *, lines: int | None, since: float | None = None) -> None:
        """``lines``: how many of the lines that exist to begin with, ``None`` all, 0 only what comes from now on.
        ``since``: only lines from this time on, epoch seconds.
        """
        self._poll = poll
        self._wanted = lines
        self._since = None if since is None else int(since * 1000) * 1_000_000
        self.begun = False
        """The first page came."""
        self._cursor: str | None = None
        #: Lines up to this moment are not wanted.
        self._floor: int | None = None
        #: The newest moment known after each poll without a cursor.
        self._marks: list[int | None] = []
        self._last: int | None = None
        #: A line of the moment ``_last`` is known to be there.
        self._overlaps = False
        self.lines: list[LogLine] = []
        """All lines so far, oldest first."""
        self.gaps: list[str] = []
        """What is missing or may be missing, as sentences without a full stop."""

    @property
    def proved(self) -> bool:
        """Whether the node tells by itself when lines are missing."""
        return self._cursor is not None

    def read(self) -> list[LogLine]:
        """Poll once. Returns the lines that are new. Raises FluxOSError, after which the same may be tried again."""
        if not self.begun:
            return self._first()
        if self._cursor is not None:
            return self._behind(self._cursor)
        return self._overlapping()

    def settle(self) -> None:
        """Ask again for the lines at the end, where a page may lack some, and leave out those that came meanwhile."""
        if self._cursor is not None or not self.begun:
            return
        end = self._last
        for _unused in range(SETTLING_POLLS):
            self._overlapping()
        if end is not None:
            del self.lines[bisect_left(self.lines, LogLine(end + 1, "")) :]

    # -- polls ------------------------------------------------------------------------------------------------------

    def _first(self) -> list[LogLine]:
        # A node takes no 0: the line that is asked for instead tells where the log stands.
        page = self._poll(lines=None if self._wanted is None else max(1, self._wanted), since=_iso(self._since))
        self.begun = True
        self._cursor = page.cursor
        self._overlaps = bool(page.lines)
        new: list[LogLine] = []
        if self._wanted == 0:
            self._last = self._floor = page.lines[-1].at if page.lines else page.answered
        else:
            if self._wanted is not None and page.lines:
                self._floor = page.lines[0].at - 1
            new = self._add(page.lines)
        self._marks.append(self._last)
        return new

    def _behind(self, cursor: str) -> list[LogLine]:
        page = self._poll(cursor=cursor)
        if page.skipped:
            return self._by_time(page)
        if page.rolled_over:
            self._gap("lines were rotated away before they could be read")
        self._cursor = page.cursor
        self.lines.extend(page.lines)
        if page.lines:
            self._last, self._overlaps = page.lines[-1].at, True
        self._marks = [self._last]
        return list(page.lines)

    def _by_time(self, skipped: LogPage) -> list[LogLine]:
        """The node has moved the cursor to the end of a log that it may not have been made for."""
        page = self._poll(since=_iso(self._last if self._last is not None else self._since))
        if self._is_cut_off(page):
            self._gap("the container was made anew; what the old one wrote after the last poll is gone with it")
        self._cursor = page.cursor or skipped.cursor
        return self._add(page.lines)

    def _overlapping(self) -> list[LogLine]:
        start = self._marks[-OVERLAP] if len(self._marks) >= OVERLAP else self._floor
        page = self._poll(since=_iso(start if start is not None else self._since))
        if self._is_cut_off(page):
            self._gap("the log was rotated or its container made anew between two polls; lines may be missing there")
        # A node that was updated meanwhile has one now.
        self._cursor = page.cursor
        new = self._add(page.lines)
        self._marks = [*self._marks[1 - OVERLAP :], self._last]
        return new

    def _is_cut_off(self, page: LogPage) -> bool:
        """Whether a page that should begin with lines that are known begins behind them."""
        last = self._last
        return self._overlaps and last is not None and not any(line.at <= last for line in page.lines)

    # -- lines ------------------------------------------------------------------------------------------------------

    def _add(self, page: Iterable[LogLine]) -> list[LogLine]:
        """Keep what is not kept yet. Two equal lines of one moment are two lines, unless the page has only one."""
        wanted = [line for line in page if self._floor is None or line.at > self._floor]
        if not wanted:
            return []
        oldest = min(line.at for line in wanted)
        known = Counter(self.lines[bisect_left(self.lines, LogLine(oldest, "")) :])
        new: list[LogLine] = []
        for line in wanted:
            if known[line]:
                known[line] -= 1
            else:
                new.append(line)
        # Sorting by time alone, which keeps the order of docker within a moment.
        self.lines = sorted([*self.lines, *new], key=_moment)
        self._last, self._overlaps = self.lines[-1].at, True
        return new

    def _gap(self, sentence: str) -> None:
        if sentence not in self.gaps:
            self.gaps.append(sentence)


def newest(lines: Sequence[LogLine], count: int | None) -> list[LogLine]:
    """The last ``count`` lines, ``None`` for all."""
    return list(lines if count is None else lines[max(0, len(lines) - count) :])


def _moment(line: LogLine) -> int:
    return line.at


def stamp(at: int) -> str:
    """Epoch nanoseconds as docker writes them."""
    whole, rest = divmod(at, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _iso(at: int | None) -> str | None:
    """For ``since``, which FluxOS reads to the millisecond."""
    if at is None:
        return None
    whole, rest = divmod(at, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"
