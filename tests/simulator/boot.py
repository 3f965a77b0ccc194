# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop and start of FluxOS on one node (FluxOS: serviceManager.js, appStartupManager.js, appSyncOrchestrator.js)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator.containers import SIGTERM_LOCATION_SECONDS

if TYPE_CHECKING:
    from tests.simulator.clock import Timer
    from tests.simulator.node import Node

CLEAN_LIMIT = 420.0
ANY_LIMIT = 7500.0
DAEMON_LIMIT = 300.0
DATABASE_LIMIT = 300.0
DAEMON_POLL = 5.0
HEARTBEAT = 30.0


class Boot:
    """The process of a node: down, up, settled; ``explorer_at`` and ``peers_at`` are moments of this life."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._timers: list[Timer] = []
        self.settled = True
        self.count = 0
        self.up_at = node.process_started
        self.explorer_at = node.process_started + node.timings.explorer
        self.peers_at = node.process_started + node.timings.peers
        self._heartbeat_from: float | None = node.process_started
        self._last_heartbeat: float | None = None
        self._clean = False
        self._waiting: str | None = None
        self._deadline = 0.0

    def _later(self, seconds: float, action: object) -> None:
        assert callable(action)
        self._timers.append(self._node.world.timeline.after(seconds, action))

    def resume(self) -> None:
        """A scenario's node that started a moment ago is still in its boot window."""
        now = self._node.world.clock.now()
        if now < self.up_at + self._node.timings.boot:
            self.settled = False
            self._deadline = now + DATABASE_LIMIT
            self._wait_for_explorer()

    # -- down -------------------------------------------------------------------------------------------------------

    def restart(self, why: str, *, down_seconds: float | None = None, reboot: bool = False) -> None:
        """Kill the process and start it again; ``reboot`` = the whole host, with the marker and stopped containers."""
        node = self._node
        now = node.world.clock.now()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._waiting = None
        if self._heartbeat_from is not None:
            self._last_heartbeat = now - (now - self._heartbeat_from) % HEARTBEAT
        self._heartbeat_from = None
        self._clean = reboot
        node.is_up = False
        node.operations.die()
        node.jobs.die()
        node.say("down", why=why)
        self.count += 1
        self.settled = False
        if reboot:
            for container in node.apps.containers:
                node.apps.stop(container, "host reboot")
            for row in node.apps.rows.values():
                row.expires_at = min(row.expires_at, now + SIGTERM_LOCATION_SECONDS)
        self.show(False)
        self._later(node.timings.down if down_seconds is None else down_seconds, self.rise)

    def show(self, listening: bool) -> None:
        """Open or close the listeners (a fault ``unreachable`` keeps them closed)."""
        node = self._node
        if node.set_listening is not None:
            node.set_listening(listening and node.is_reachable)

    # -- up ---------------------------------------------------------------------------------------------------------

    def rise(self) -> None:
        """The process starts: it listens first and looks at everything else afterwards."""
        node = self._node
        if node.is_up or node.faults.condition("never_up"):
            return
        now = node.world.clock.now()
        timings = node.timings
        if node.disk_version != node.version:
            node.set_version(node.disk_version)
        node.is_up = True
        node.process_started = now
        node.database_ready = False
        node.responses.clear()
        node.rpc_results.clear()
        self.settled = False
        self.up_at = now
        self.explorer_at = now + timings.explorer
        self.peers_at = now + timings.peers
        node.say("up", version=node.version)
        if not node.faults.option("dos", "sticky", False) and (node.dos_state or node.dos_message):
            node.set_dos(0, None)
        self._afflict()
        self.show(True)
        # The database is there a moment before the sessions are dropped: a login in between is lost again.
        self._later(timings.database / 3, self._connect_database)
        self._later(timings.database, self._drop_sessions)

    def _afflict(self) -> None:
        """The faults that were ordered for the time after this start."""
        node = self._node
        ordered = node.faults.condition("unhealthy_after_restart")
        if ordered is None:
            return
        what = ordered.options.get("what", {"kind": "health", "check": "hardware"})
        node.faults.end(ordered)
        for fault in what if isinstance(what, list) else [what]:
            node.faults.add({"kind": fault} if isinstance(fault, str) else fault)

    def _connect_database(self) -> None:
        self._node.database_ready = True

    def _drop_sessions(self) -> None:
        """The start goes on: sessions go, and the time away decides about the apps."""
        node = self._node
        node.logins.drop()
        node.say("session_dropped", why="FluxOS start")
        now = node.world.clock.now()
        if self._last_heartbeat is not None:
            away = now - self._last_heartbeat
            if (self._clean and away > CLEAN_LIMIT) or away > ANY_LIMIT:
                self._lose_apps(f"away for {int(away)} s")
        self._deadline = now + DAEMON_LIMIT
        self._wait_for_daemon()

    def _wait_for_daemon(self) -> None:
        node = self._node
        now = node.world.clock.now()
        if node.daemon_answers:
            self._heartbeat_from = now
            self._clean = False
            self._check_status()
        elif now >= self._deadline:
            self._lose_apps("daemon not ready within 5 minutes of the start")
            self._waiting = "daemon"
        else:
            self._later(DAEMON_POLL, self._wait_for_daemon)

    def look_again(self) -> None:
        """A fault ended: a start that had given up on the daemon goes on."""
        if self._waiting == "daemon" and self._node.daemon_answers:
            self._waiting = None
            self._wait_for_daemon()

    def _check_status(self) -> None:
        node = self._node
        if not node.confirmation.is_confirmed:
            self._lose_apps(f"not CONFIRMED at the start: {node.confirmation.status}")
        elif node.dos_state >= 100:
            self._lose_apps("in DOS at the start")
        self._deadline = node.world.clock.now() + DATABASE_LIMIT
        self._wait_for_explorer()

    def _wait_for_explorer(self) -> None:
        node = self._node
        now = node.world.clock.now()
        ready = node.explorer_synced and node.confirmation.is_confirmed and not node.faults.condition("boot_stuck")
        if ready:
            self._later(max(0.0, self.up_at + node.timings.boot - now), self._settle)
        elif now >= self._deadline:
            if not node.faults.condition("boot_stuck"):
                self._lose_apps("app database not ready within 5 minutes of the start")
                self._settle()
        else:
            self._later(DAEMON_POLL, self._wait_for_explorer)

    def _settle(self) -> None:
        """Reconcile: stopped containers start again if the network still knows the instance here."""
        node = self._node
        rows = node.apps.live_rows(node.world.clock.now())
        lost = sorted(
            {
                c.app
                for c in node.apps.containers
                if not (c.running or c.held_down or c.flag == "g" or c.name in node.apps.locks or c.app in rows)
            }
        )
        node.apps.remove(lost, "no valid location record at the start")
        for container in node.apps.containers:
            if not container.held_down and container.flag != "g" and container.name not in node.apps.locks:
                node.apps.start(container)
        node.apps.sweep()
        self.settled = True
        node.say("boot_settled")
        node.apps.broadcast()
        node.monitor.arm()

    def _lose_apps(self, why: str) -> None:
        self._node.apps.remove(self._node.apps.names, why)
