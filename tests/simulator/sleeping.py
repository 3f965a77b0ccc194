# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that nobody has asked for yet: what it says follows from its specification and the time alone."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.simulator.containers import LOCATION_SECONDS, REFRESH_SECONDS, LocationRow
from tests.simulator.profiles import P17, profile_of

if TYPE_CHECKING:
    from tests.simulator.node import NodeSpec


# A host is 40 days older than its FluxOS.
HOST_OLDER = 40 * 86400.0
# Seconds of uptime below which a node may still be in its boot window, or short of peers.
RECENT = 600.0


@dataclass(frozen=True, slots=True)
class Sleeper:
    """Where a node stands on the roll, and its future as long as nothing happens to it.

    ``began`` and ``height``: moment and block of the start of the run, of which the ages of ``spec`` speak.
    """

    spec: NodeSpec
    position: int
    seed: int
    began: float
    height: int
    txhash: str = field(default="")

    @classmethod
    def of(cls, spec: NodeSpec, position: int, seed: int, began: float, height: int) -> Sleeper:
        """On the roll at a position."""
        return cls(spec, position, seed, began, height, collateral(spec.address))

    def _draw(self, what: str) -> int:
        return zlib.crc32(f"{self.seed} {self.position} {what}".encode())

    def last_confirmed(self, height: int) -> int:
        """The block of its last confirmation at a height: it confirms again and again at the same age."""
        first = self.height - self.spec.confirmation_age
        return first + (height - first) // self.spec.reconfirm_at * self.spec.reconfirm_at

    @property
    def is_restless(self) -> bool:
        """Whether something is the matter with it from the start: then it cannot sleep."""
        spec = self.spec
        wrong = spec.faults or spec.stopped or spec.outdated or spec.timings or spec.status != "CONFIRMED"
        return bool(wrong) or spec.uptime < RECENT or profile_of(spec.version).name == P17

    @property
    def process_started(self) -> float:
        """Epoch seconds."""
        return self.began - self.spec.uptime

    @property
    def first_refresh(self) -> float:
        """When its hourly broadcast comes for the first time in this run."""
        return self.began + 60 + self._draw("refresh") % 3540

    def next_refresh(self, now: float) -> float:
        """The next of them."""
        first = self.first_refresh
        passed = (now - first) // REFRESH_SECONDS + 1
        return first + max(0.0, passed) * REFRESH_SECONDS

    def row(self, now: float) -> LocationRow:
        """What the network believes about each of its instances."""
        first = self.first_refresh
        told = self.next_refresh(now) - REFRESH_SECONDS if now >= first else self.began - self._draw("told") % 3000
        return LocationRow(told, told + LOCATION_SECONDS, self.process_started)

    def as_of(self, now: float, height: int) -> NodeSpec:
        """The specification with the ages of a later moment, for waking."""
        if now == self.began and height == self.height:
            return self.spec
        age = height - self.last_confirmed(height)
        return replace(self.spec, uptime=self.spec.uptime + now - self.began, confirmation_age=age)


def collateral(address: str) -> str:
    """The transaction that holds a node's collateral."""
    return hashlib.sha256(f"collateral of {address}".encode()).hexdigest()
