# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running FluxOS watches, and when it gives up its apps (FluxOS: nodeConfirmationService.js,
nodeStatusMonitor.js, daemonHealthMonitor.js)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulator.node import Node

POLL = 30.0
STALE = 7500.0
UNSYNCED = 7200.0
DOS_CYCLE = 1200.0
DAEMON_CYCLE = 900.0


class Monitor:
    """Polls every 30 s while something is wrong; a healthy node costs no timer."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._armed = False
        self._daemon_gone_since: float | None = None
        self._unsynced_since: float | None = None
        self._next_removal = 0.0
        self._giving_up = False

    def arm(self) -> None:
        """Something may have changed: look at the next poll."""
        if not self._armed and self._is_wrong():
            self._armed = True
            self._node.world.timeline.after(POLL, self._poll)

    def _is_wrong(self) -> bool:
        node = self._node
        return not node.daemon_is_fine or not node.confirmation.is_confirmed or node.dos_state >= 100

    def _poll(self) -> None:
        self._armed = False
        node = self._node
        now = node.world.clock.now()
        if node.daemon_answers:
            self._daemon_gone_since = None
        elif self._daemon_gone_since is None:
            self._daemon_gone_since = now
        if not node.faults.condition("daemon_syncing"):
            self._unsynced_since = None
            self._giving_up = False
        elif self._unsynced_since is None:
            self._unsynced_since = now
        if node.is_up and node.database_ready and node.boot.settled:
            self._judge(now)
        self.arm()

    def _judge(self, now: float) -> None:
        node = self._node
        uptime = now - node.process_started
        if node.daemon_answers and not node.confirmation.is_confirmed:
            self._remove_next(f"not CONFIRMED: {node.confirmation.status}", 60.0, now)
        elif self._daemon_gone_since is not None and now - max(self._daemon_gone_since, node.process_started) >= STALE:
            self._remove_next("daemon unreachable for 125 minutes", 60.0, now)
        elif self._unsynced_since is not None and now - self._unsynced_since >= UNSYNCED:
            # Decided at the 15 minute check, then carried out app by app.
            if self._giving_up or uptime % DAEMON_CYCLE < POLL:
                self._giving_up = True
                self._remove_next("daemon not synced for 2 hours", 180.0, now)
        elif node.dos_state >= 100 and uptime % DOS_CYCLE < POLL:
            node.apps.remove(node.apps.names, "in DOS")

    def _remove_next(self, why: str, apart: float, now: float) -> None:
        if now >= self._next_removal and self._node.apps.names:
            self._next_removal = now + apart
            self._node.apps.remove(self._node.apps.names[:1], why)
