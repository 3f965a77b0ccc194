# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ansible-playbook and counting what it costs, and the arithmetic of comparisons.

Machines differ and are noisy, so what is kept are ratios of things that were measured in turn within one run, each the
median of several rounds.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

#: Seconds after which a command hangs; it is ended with everything that it started.
HANGS_AFTER = 900.0


class BenchmarkError(RuntimeError):
    """A measured command did not do what was to be measured; the message ends with what it printed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: ``wall`` in seconds, ``cpu`` in seconds of user and system time, its children included."""

    wall: float
    cpu: float

    def beyond(self, other: Cost) -> Cost:
        """What this took more than ``other``. Raises :class:`BenchmarkError` when that is nothing."""
        more = Cost(self.wall - other.wall, self.cpu - other.cpu)
        if more.wall <= 0 or more.cpu <= 0:
            raise BenchmarkError(f"{self} is not more than {other}: the machine is too busy to measure anything")
        return more


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of ``bench.json``."""

    value: float
    unit: str
    better: Literal["lower", "higher"]
    what: str

    def as_dict(self) -> dict[str, Any]:
        """The form of the file, the value with as many digits as mean something."""
        return {**asdict(self), "value": float(f"{self.value:.3g}")}


def median(costs: Sequence[Cost]) -> Cost:
    """The medians of wall and CPU, each by itself."""
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def in_turn(works: Sequence[tuple[str, Callable[[], Cost]]], rounds: int) -> dict[str, Cost]:
    """Do all works ``rounds`` times, one after another, so that a busy minute hits all of them; their medians.

    What is short may come several times under its name: a busy second would count for more there.
    """
    costs: dict[str, list[Cost]] = {name: [] for name, _unused in works}
    for _unused in range(rounds):
        for name, work in works:
            costs[name].append(work())
    return {name: median(several) for name, several in costs.items()}


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end; it has to succeed.

    The CPU is that of the process and of all its descendants that were waited for, as the kernel counts it (wait4):
    Ansible waits for its workers, and they for what they start.

    Raises:
        BenchmarkError: when the command fails or hangs.
    """
    log = folder / "command.log"
    with log.open("wb") as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # The command leads a process group of its own and is not waited for yet, so its number is still its own.
        end = threading.Timer(HANGS_AFTER, os.killpg, (process.pid, signal.SIGKILL))
        end.start()
        try:
            _unused, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            end.cancel()
        wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}:\n{log.read_text()[-8000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)
