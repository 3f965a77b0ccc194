# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking many nodes at once, in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import FluxOSError, OutOfTime

T = TypeVar("T")
R = TypeVar("R")

MAX_WORKERS = 200
"""More threads than this cost memory and gain nothing, whatever the latency."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T, R]):
    """What came of one node: a result, or the error that FluxOS or the network gave."""

    node: T
    result: R | None = None
    error: FluxOSError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    def value(self) -> R:
        """The result, for callers whose work does not fail; raises the error otherwise."""
        if self.error is not None:
            raise self.error
        return cast(R, self.result)


def each(
    nodes: Sequence[T],
    work: Callable[[T], R],
    *,
    workers: int = 50,
    deadline: float | None = None,
) -> list[Outcome[T, R]]:
    """Do ``work`` for every node, at most ``workers`` at a time; outcomes in the order of ``nodes``.

    ``work`` runs in threads. A :class:`FluxOSError` of one node is that node's outcome. Any other exception is a
    defect: no further node is begun and it is raised. After ``deadline`` seconds no further node is begun either; nodes
    without an outcome by then have :class:`OutOfTime`, and what is under way is not waited for.
    """
    if not nodes:
        return []
    crew = _Crew(nodes, work, None if deadline is None else time.monotonic() + deadline)
    try:
        crew.wait(max(1, min(workers, len(nodes), MAX_WORKERS)))
    finally:
        # After an interrupt from the keyboard too: the user has waited long enough.
        crew.stop()
    if crew.defect is not None:
        raise crew.defect
    return [
        _late(node, deadline) if outcome is None else outcome
        for node, outcome in zip(nodes, list(crew.outcomes), strict=True)
    ]


class _Crew(Generic[T, R]):
    """Threads that take one node after another. A future for each node would cost as much as a tenth of its request.

    They are daemons: a node that hangs must keep neither the caller beyond its deadline nor the process from ending.

    It begins with a few, and with more as long as they leave the processor idle, as they do when nodes let them wait.
    Threads that are all busy only take Python's lock from each other: 50 take a quarter more time than 8 then.
    """

    FEW = 8
    LOOKS = 0.01
    """Seconds between two looks at the processor."""

    def __init__(self, nodes: Sequence[T], work: Callable[[T], R], ends: float | None) -> None:
        self.outcomes: list[Outcome[T, R] | None] = [None] * len(nodes)
        self.defect: BaseException | None = None
        self._nodes = nodes
        self._work = work
        self._ends = ends
        self._lock = threading.Lock()
        self._next = 0
        self._left = len(nodes)
        self._over = threading.Event()

    def wait(self, workers: int) -> None:
        """Until all are done, one has failed in a way that is a defect, or the time is over."""
        begun = 0
        wall, busy = time.monotonic(), time.process_time()
        while not self._over.is_set():
            now, used = time.monotonic(), time.process_time()
            if begun < workers and (begun == 0 or used - busy < 0.5 * (now - wall)):
                more = min(begun or self.FEW, workers - begun)
                for _number in range(more):
                    threading.Thread(target=self._take, name="fluxos", daemon=True).start()
                begun += more
            wall, busy = now, used
            left = None if self._ends is None else self._ends - now
            if left is not None and left <= 0:
                return
            # In slices: without a timeout an interrupt from the keyboard might wait for the slowest node.
            pause = self.LOOKS if begun < workers else 0.5
            self._over.wait(pause if left is None else min(pause, left))

    def stop(self) -> None:
        """No further node is begun."""
        self._over.set()

    def _take(self) -> None:
        while not self._over.is_set() and (self._ends is None or time.monotonic() < self._ends):
            with self._lock:
                number = self._next
                self._next += 1
            if number >= len(self._nodes):
                return
            node = self._nodes[number]
            try:
                outcome = Outcome(node, self._work(node))
            except FluxOSError as error:
                outcome = Outcome(node, error=error)
            except BaseException as error:
                self.defect = error
                self._over.set()
                return
            self.outcomes[number] = outcome
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    self._over.set()


def _late(node: T, deadline: float | None) -> Outcome[T, R]:
    return Outcome(
        node,
        error=OutOfTime(
            str(getattr(node, "node", getattr(node, "address", node))),
            "ask the node",
            f"no outcome when the {deadline:g} s for all nodes were over" if deadline else "no outcome in time",
            "Allow more time, or more nodes at once",
        ),
    )
