# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for nodes: one loop, with a deadline on a monotonic clock and words for what it waits for.

Predicates are small functions that look once and say whether they are satisfied and what they saw. While a node
restarts, refused connections and half answers are part of what is seen, not errors; they become part of the message at
the deadline. A lost login ends a wait at once: time does not bring it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError, Unauthorized

T = TypeVar("T")

#: Seconds between two lines that tell what is waited for.
PROGRESS_EVERY = 30.0


class WaitTimeout(FluxOSError):
    """The deadline passed. ``said`` holds what was seen last, in words."""

    kind = "timeout"
    evidence: dict[str, Any] | None = None
    """The last whole reading, when there was one."""

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "evidence": self.evidence}


@dataclass(frozen=True)
class Look(Generic[T]):
    """What one look at a node gave: a value when the wait is over, and always what was seen."""

    saw: str
    value: T | None = None


@dataclass(frozen=True)
class Waiter:
    """Looks at a node until a look is satisfied or the deadline has passed."""

    node: str
    operation: str
    timeout: float
    interval: float
    progress: Callable[[str], None]
    advice: str
    looks: int | None = None
    """Look so many times whatever the clock says, instead of until the deadline: for those who will not wait."""

    def until(self, look: Callable[[], Look[T]]) -> T:
        """Look again and again. Raises :class:`WaitTimeout` with the last thing seen."""
        begun = time.monotonic()
        told = begun
        done = 0
        while True:
            seen = self._look(look)
            done += 1
            if seen.value is not None:
                return seen.value
            now = time.monotonic()
            if self.looks is None and now - begun + self.interval > self.timeout:
                self._give_up(f"{self.timeout:g} s", seen)
            if done == self.looks:
                self._give_up("1 look" if done == 1 else f"{done} looks", seen)
            if now - told >= PROGRESS_EVERY:
                told = now
                self.progress(
                    f"{self.node}: {self.operation}: {now - begun:.0f} s of {self.timeout:.0f} s; saw {seen.saw}"
                )
            time.sleep(self.interval)

    def _give_up(self, spent: str, seen: Look[T]) -> NoReturn:
        raise WaitTimeout(self.node, self.operation, f"not so after {spent}; last seen: {seen.saw}", self.advice)

    @staticmethod
    def _look(look: Callable[[], Look[T]]) -> Look[T]:
        try:
            return look()
        except Unauthorized:
            raise
        except FluxOSError as error:
            return Look(f"{error.operation}: {error.said}")
