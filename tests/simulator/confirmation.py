# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirmation of one node on the chain (fluxd 9.1.0, seen on live nodes 2026-09-30).

A node must be confirmed again within 640 blocks; a new confirmation comes at 500 to 520 blocks after the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulator.node import Node

EXPIRES_AT = 640
BLOCK_SECONDS = 30.0


class Confirmation:
    """``base_status`` is what the chain knows; a fault ``status`` overrides what the daemon says."""

    def __init__(self, node: Node, *, age: int, reconfirm_at: int, status: str = "CONFIRMED") -> None:
        self._node = node
        self.reconfirm_at = reconfirm_at
        self.base_status = status
        self.last_confirmed_height = node.world.height() - age
        if age >= EXPIRES_AT and status == "CONFIRMED":
            self.base_status = "expired"

    @property
    def status(self) -> str:
        """CONFIRMED, STARTED, DOS, OFFLINE or expired."""
        return str(self._node.faults.option("status", "value", self.base_status))

    @property
    def is_confirmed(self) -> bool:
        """FluxOS compares with exactly this text."""
        return self.status == "CONFIRMED"

    @property
    def age(self) -> int:
        """Blocks since the last confirmation."""
        return self._node.world.height() - self.last_confirmed_height

    def schedule(self) -> None:
        """Wait for the block at which the node confirms again."""
        if self.base_status == "CONFIRMED":
            world = self._node.world
            world.timeline.at(world.time_of_height(self.last_confirmed_height + self.reconfirm_at), self._try)

    def _try(self) -> None:
        node, world = self._node, self._node.world
        if self.base_status != "CONFIRMED" or self.age < self.reconfirm_at:
            return
        if self.age >= EXPIRES_AT:
            self.expire("not confirmed again within 640 blocks")
            return
        blocked = any(node.faults.condition(kind) for kind in ("no_confirmation", "status"))
        if node.is_up and node.daemon_is_fine and not blocked:
            self.confirm()
            return
        world.timeline.at(world.time_of_height(world.height() + 1), self._try)

    def confirm(self, why: str | None = None) -> None:
        """A confirmation in this block."""
        self.base_status = "CONFIRMED"
        self.last_confirmed_height = self._node.world.height()
        self._node.say("confirmed", why=why, height=self.last_confirmed_height)
        self.schedule()

    def expire(self, why: str) -> None:
        """The chain forgets the node."""
        self.base_status = "expired"
        self._node.say("expired", why=why)
        self._node.monitor.arm()
