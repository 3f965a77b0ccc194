# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated time and what is due in it.

All durations of the simulator are simulated seconds; ``SimClock.factor`` says how many of them pass in a real second.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field


class SimClock:
    """Simulated epoch seconds, running ``factor`` times as fast as real time.

    A factor of 0 stands still and moves by ``skip`` and ``set`` only.
    """

    def __init__(self, factor: float = 1.0, start: float | None = None) -> None:
        if factor < 0:
            raise ValueError("the time factor must not be negative")
        self.factor = factor
        self._real_start = time.monotonic()
        self._sim_start = time.time() if start is None else start
        self._pinned: float | None = None

    def now(self) -> float:
        """Simulated epoch seconds; while a due action runs, the moment it was due."""
        if self._pinned is not None:
            return self._pinned
        return self._sim_start + (time.monotonic() - self._real_start) * self.factor

    def skip(self, seconds: float) -> None:
        """Move forward at once."""
        if seconds < 0:
            raise ValueError("simulated time does not go backwards")
        self._sim_start += seconds

    def set(self, moment: float) -> None:
        """Put the clock to a moment (for the replay of a recording, whose moments are given)."""
        self._real_start = time.monotonic()
        self._sim_start = moment

    def pin(self, moment: float | None) -> None:
        """Hold the clock at a moment, or let it go again."""
        self._pinned = moment

    def real_seconds(self, seconds: float) -> float | None:
        """How long a simulated duration takes on a real clock; None = for ever (the clock stands still)."""
        return seconds / self.factor if self.factor else None


@dataclass(order=True)
class Timer:
    """One action at one simulated moment."""

    when: float
    order: int
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Never run the action."""
        self.cancelled = True


class Timeline:
    """Runs actions in the order of their simulated moments, each with the clock held at its own moment.

    So a boot of 75 seconds takes exactly 75 simulated seconds at any factor, and a jump of an hour plays the hour.
    """

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self._heap: list[Timer] = []
        self._order = itertools.count()
        self._running = False
        self._changed = asyncio.Event()

    def at(self, when: float, action: Callable[[], None]) -> Timer:
        """Run ``action`` at the simulated moment ``when``."""
        timer = Timer(when, next(self._order), action)
        heapq.heappush(self._heap, timer)
        self._changed.set()
        return timer

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run ``action`` when ``seconds`` of simulated time have passed."""
        return self.at(self.clock.now() + seconds, action)

    def run_due(self) -> None:
        """Run what is due by now. Called before each request and each journal line, so that both see the present."""
        if self._running or not self._heap:
            return
        now = self.clock.now()
        if self._heap[0].when > now:
            return
        self._running = True
        try:
            while self._heap and self._heap[0].when <= now:
                timer = heapq.heappop(self._heap)
                if timer.cancelled:
                    continue
                self.clock.pin(timer.when)
                timer.action()
        finally:
            self.clock.pin(None)
            self._running = False

    def advance(self, seconds: float) -> None:
        """Jump forward and play what happens in between."""
        self.clock.skip(seconds)
        self._changed.set()
        self.run_due()

    async def run(self) -> None:
        """Run for ever; cancelled by the owner."""
        while True:
            self.run_due()
            self._changed.clear()
            wait: float | None = None
            if self._heap:
                wait = self.clock.real_seconds(max(0.0, self._heap[0].when - self.clock.now()))
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue
