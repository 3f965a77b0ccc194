# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume operations that take long (since 8.18): 202 and a job that is asked for until it is done.

One job per app and four per node; a finished job is remembered for an hour; its id is the only credential.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulator.envelope import Reply, envelope

if TYPE_CHECKING:
    from tests.simulator.clock import Timer
    from tests.simulator.node import Node

PER_NODE = 4
REMEMBERED = 3600.0
RETRY_AFTER = 2


@dataclass
class Job:
    """``status``: Running, Succeeded or Canceled."""

    job_id: str
    app: str
    status: str = "Running"
    lines: list[str] = field(default_factory=list)
    timer: Timer | None = None

    def data(self) -> dict[str, Any]:
        """As both answers show it."""
        return {"jobId": self.job_id, "statusUrl": f"/apps/operations/{self.job_id}", "status": self.status}


class Jobs:
    """The jobs of one node; a start of FluxOS forgets them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._jobs: dict[str, Job] = {}

    def is_full_for(self, app: str) -> bool:
        """Whether another job has to wait."""
        running = [job for job in self._jobs.values() if job.status == "Running"]
        return len(running) >= PER_NODE or any(job.app == app for job in running)

    def begin(self, app: str, seconds: float, act: Callable[[], None]) -> Reply:
        """Start a job; the 202 that tells where to ask."""
        job = Job(str(uuid.UUID(int=self._node.world.random.getrandbits(128), version=4)), app)
        self._jobs[job.job_id] = job

        def done() -> None:
            act()
            job.status = "Succeeded"
            job.lines.append("done")
            self._node.world.timeline.after(REMEMBERED, lambda: self._forget(job))

        job.timer = self._node.world.timeline.after(seconds, done)
        headers = (
            ("Location", f"/apps/operations/{job.job_id}"),
            ("Retry-After", str(RETRY_AFTER)),
            ("Operation-Id", job.job_id),
        )
        return envelope("success", job.data(), http=202, headers=headers)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.job_id, None)

    def show(self, job_id: str, since: int) -> Reply:
        """How far a job is: the end is in ``status``, never in the code."""
        job = self._jobs.get(job_id)
        if job is None:
            return _unknown()
        headers = (("Retry-After", str(RETRY_AFTER)),) if job.status == "Running" else ()
        lines = [{"seq": seq, "text": text} for seq, text in enumerate(job.lines, start=1) if seq > since]
        return envelope("success", {**job.data(), "lines": lines}, headers=headers)

    def cancel(self, job_id: str) -> Reply:
        """Stop at the next checkpoint."""
        job = self._jobs.get(job_id)
        if job is None:
            return _unknown()
        if job.status == "Running" and job.timer is not None:
            job.timer.cancel()
            job.status = "Canceled"
        return envelope("success", job.data())

    def die(self) -> None:
        """The process ended."""
        for job in self._jobs.values():
            if job.timer is not None:
                job.timer.cancel()
        self._jobs.clear()


def _unknown() -> Reply:
    content = {"code": 404, "name": "NotFound", "message": "Operation not found"}
    return envelope("error", content, http=404, outcome="http_404")
