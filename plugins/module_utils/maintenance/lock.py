# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One maintenance run per fleet at a time.

The lock is a file that names its holder, so that whoever is refused learns who works on the fleet. A holder is gone
when its process is (same machine), or when its time to live has passed without a sign of life (another machine that
shares the state directory). A killed run therefore blocks nobody on its own machine: the next run takes over at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.files import read_json, write_json


def process_start(pid: int) -> str | None:
    """When a process started, as the kernel counts it, or nothing when that process is gone or unknowable.

    The number tells a process from a later one that was given the same id. A process that ended and that nobody has
    waited for (usual in containers whose first process does not care) is gone too.
    """
    try:
        # A name may hold anything, the closing bracket and half a character included.
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X", "x") else fields[19]


def user_name() -> str:
    """Who runs this. Containers run under numbers that have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: a person, a run, a process on a machine."""

    owner: str
    run_id: str
    host: str
    pid: int
    pid_start: str | None
    taken: float
    seen: float
    """Epoch seconds of the last sign of life."""
    ttl: float
    """Seconds without a sign of life after which a holder on another machine counts as gone."""

    @classmethod
    def of_this_process(cls, run_id: str, pid: int, ttl: float) -> Holder:
        now = time.time()
        return cls(user_name(), run_id, socket.gethostname(), pid, process_start(pid), now, now, ttl)

    def is_alive(self, now: float) -> bool:
        if self.host != socket.gethostname():
            return now - self.seen < self.ttl
        if not Path("/proc/self").exists():
            return self._answers_signals() and now - self.seen < self.ttl
        return self.pid_start is not None and process_start(self.pid) == self.pid_start

    def _answers_signals(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def sentence(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.taken))
        return f"run {self.run_id} of {self.owner}@{self.host} (process {self.pid}), since {since}"


class FleetLock:
    """The lock of one fleet; every change of it happens under a guard that the kernel releases with the process."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock.json"
        self._guard = directory / "lock.guard"

    def holder(self) -> Holder | None:
        """Who holds the lock now, dead or alive."""
        content: dict[str, Any] | None = read_json(self._path)
        if content is None:
            return None
        try:
            return Holder(**content)
        except TypeError:
            return None

    def living_holder(self) -> Holder | None:
        holder = self.holder()
        return holder if holder and holder.is_alive(time.time()) else None

    def take(self, wanted: Holder) -> Holder | None:
        """Take the lock. Returns nothing on success, or the living holder who has it."""
        with self._guarded():
            current = self.living_holder()
            if current and (current.run_id, current.pid) != (wanted.run_id, wanted.pid):
                return current
            write_json(self._path, asdict(wanted))
            return None

    def refresh(self, run_id: str) -> None:
        """Give a sign of life."""
        with self._guarded():
            holder = self.holder()
            if holder and holder.run_id == run_id:
                write_json(self._path, {**asdict(holder), "seen": time.time()})

    def release(self, run_id: str) -> bool:
        """Give the lock back; a lock of another run is left alone."""
        with self._guarded():
            holder = self.holder()
            if holder is None or holder.run_id != run_id:
                return False
            self._path.unlink()
            return True

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        descriptor = os.open(self._guard, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
