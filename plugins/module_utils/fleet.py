# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking many nodes at once, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
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
    without an outcome by then have :class:`OutOfTime`, and what is under way ends by its own timeouts, unheard.
    """
    if not nodes:
        return []
    ends = None if deadline is None else time.monotonic() + deadline
    pool = ThreadPoolExecutor(max(1, min(workers, len(nodes), MAX_WORKERS)), thread_name_prefix="fluxos")
    try:
        futures = [pool.submit(work, node) for node in nodes]
        _await(futures, ends)
        outcomes = [_outcome(node, future, deadline) for node, future in zip(nodes, futures, strict=True)]
    except BaseException:
        # KeyboardInterrupt too: the user has waited long enough.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown(wait=False, cancel_futures=True)
    return outcomes


def _await(futures: Sequence[Future[R]], ends: float | None) -> None:
    """Wait until all are done, one has failed in a way that is a defect, or the time is over."""
    pending = set(futures)
    while pending:
        left = None if ends is None else ends - time.monotonic()
        if left is not None and left <= 0:
            return
        # In slices: on a lock without a timeout an interrupt from the keyboard would wait for the slowest node.
        slice_ = 0.5 if left is None else min(0.5, left)
        done, pending = wait(pending, timeout=slice_)
        for future in done:
            error = future.exception()
            if error is not None and not isinstance(error, FluxOSError):
                raise error


def _outcome(node: T, future: Future[R], deadline: float | None) -> Outcome[T, R]:
    if not future.done():
        future.cancel()
        return Outcome(
            node,
            error=OutOfTime(
                str(getattr(node, "address", node)),
                "ask the node",
                f"no outcome when the {deadline:g} s for all nodes were over" if deadline else "no outcome in time",
                "Allow more time, or more nodes at once",
            ),
        )
    error = future.exception()
    if isinstance(error, FluxOSError):
        return Outcome(node, error=error)
    return Outcome(node, result=future.result())
