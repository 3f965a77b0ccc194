# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for nodes: one loop, with a deadline on a monotonic clock and words for what it waits for.

Predicates are small functions that look once and say whether they are satisfied and what they saw. While a node
restarts,
refused connections and half answers are part of what is seen, not errors; they become part of the message at the
deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.envelope import FluxOSError, Unauthorized

T = TypeVar("T")

#: Seconds between two lines that tell what is waited for.
PROGRESS_EVERY = 30.0


class WaitTimeout(FluxOSError):
    """The deadline passed. ``said`` holds what was seen last."""

    kind = "timeout"


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

    def until(self, look: Callable[[], Look[T]]) -> T:
        """Look again and again. Raises :class:`WaitTimeout` with the last thing seen."""
        begun = time.monotonic()
        told = begun
        while True:
            seen = self._look(look)
            if seen.value is not None:
                return seen.value
            now = time.monotonic()
            if now - begun + self.interval > self.timeout:
                raise WaitTimeout(
                    self.node, self.operation, f"not so after {self.timeout:.0f} s; last seen: {seen.saw}", self.advice
                )
            if now - told >= PROGRESS_EVERY:
                told = now
                self.progress(
                    f"{self.node}: {self.operation}: {now - begun:.0f} s of {self.timeout:.0f} s; saw {seen.saw}"
                )
            time.sleep(self.interval)

    @staticmethod
    def _look(look: Callable[[], Look[T]]) -> Look[T]:
        try:
            return look()
        except Unauthorized:
            raise
        except FluxOSError as error:
            return Look(f"{error.operation}: {error.said}")
