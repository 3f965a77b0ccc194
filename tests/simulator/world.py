# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated network: chain, apps, who is where."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.simulator.appinfo import AppInfo, Part
from tests.simulator.appnames import matcher
from tests.simulator.clock import SimClock, Timeline
from tests.simulator.confirmation import BLOCK_SECONDS
from tests.simulator.elections import Elections
from tests.simulator.journal import Journal
from tests.simulator.jsvalues import iso
from tests.simulator.keys import Person
from tests.simulator.profiles import SUPPORT_ID, TEAM_ID
from tests.simulator.sleeping import HOST_OLDER

if TYPE_CHECKING:
    from tests.simulator.containers import LocationRow
    from tests.simulator.node import Node, NodeSpec
    from tests.simulator.sleeping import Sleeper


@dataclass
class Timings:
    """How long a restart takes, in simulated seconds; all but ``down`` count from the moment the node listens again.

    ``restart_answer``: what a legacy node does with ``/flux/restart``: ``drop`` the connection, or ``answer`` first.
    The others are of apps: stopping a container in a long operation, pulling an image, the pause within a redeploy,
    between two lines of a backup, of a restore, and what up to 8.17 a log is read for.
    """

    down: float = 8.0
    database: float = 3.0
    explorer: float = 40.0
    boot: float = 75.0
    peers: float = 150.0
    restart_answer: str = "drop"
    container_stop: float = 2.0
    pull: float = 5.0
    redeploy: float = 30.0
    task_step: float = 3.0
    task_pause: float = 5.0
    log_window: float = 1.5


class World:
    """Everything that nodes share.

    ``roll`` holds all nodes of the run in the scenario's order, ``nodes`` those that are awake: all of them, but in a
    large network, where a node is made when somebody asks it for the first time (``find``).
    """

    def __init__(
        self,
        clock: SimClock,
        timeline: Timeline,
        journal: Journal,
        *,
        operator: Person,
        seed: int = 1,
        height: int = 2_997_000,
        timings: Timings | None = None,
    ) -> None:
        self.clock = clock
        self.timeline = timeline
        self.journal = journal
        self.operator = operator
        self.random = random.Random(seed)
        self.timings = timings or Timings()
        self.nodes: dict[str, Node] = {}
        self.roll: dict[str, Sleeper] = {}
        self.holders: dict[str, list[str]] = {}
        self.wake: Callable[[Sleeper], Node] | None = None
        self.apps: dict[str, AppInfo] = {}
        self.images: dict[str, int] = {}
        self.remote: dict[str, bytes] = {}
        """What is behind URLs outside the network."""
        self.temporary_messages: list[dict[str, Any]] = []
        self.elections = Elections(self)
        # Waits within operations take no time: for a clock that only a recording moves.
        self.hurries = False
        self.team_id = TEAM_ID
        self.support_id = SUPPORT_ID
        self._chain_start = clock.now()
        self._height = height

    @property
    def team_ids(self) -> tuple[str, str]:
        """The identities of the Flux team and of its support."""
        return self.team_id, self.support_id

    def height(self) -> int:
        """The tip: one block in 30 s."""
        return self._height + int((self.clock.now() - self._chain_start) // BLOCK_SECONDS)

    def time_of_height(self, height: int) -> float:
        """When a block comes."""
        # A millisecond later, so that rounding cannot make the block look absent at its own moment.
        return self._chain_start + (height - self._height) * BLOCK_SECONDS + 0.001

    def set_height(self, height: int) -> None:
        """Put the tip to a height (for the replay of a recording)."""
        self._chain_start = self.clock.now()
        self._height = height

    def find(self, address: str) -> Node | None:
        """A node; one that slept is awake from now on."""
        node = self.nodes.get(address)
        if node is None and self.wake is not None and address in self.roll:
            node = self.wake(self.roll[address])
        return node

    def specs(self) -> list[NodeSpec]:
        """All nodes, asleep or not, in the scenario's order."""
        if self.roll:
            return [sleeper.spec for sleeper in self.roll.values()]
        return [node.spec for node in self.nodes.values()]

    def asleep(self) -> list[Sleeper]:
        """Who has not been asked for yet."""
        if len(self.roll) == len(self.nodes):
            return []
        return [sleeper for address, sleeper in self.roll.items() if address not in self.nodes]

    def find_app(self, name: str) -> AppInfo | None:
        """The app of a name, as FluxOS looks it up: an anchored regular expression, letter case does not count.

        Raises BadName.
        """
        app = self.apps.get(name.lower())
        if app is not None and name.isalnum():
            return app
        pattern = matcher(name)
        return next((app for app in self.apps.values() if pattern.match(app.name)), None)

    def app_owner(self, name: str) -> str | None:
        """The registered owner; None for an app that nobody registered. Raises BadName."""
        app = self.find_app(name)
        return app.owner if app else None

    def add_app(self, app: AppInfo) -> None:
        """Register an app."""
        self.apps[app.name.lower()] = app

    def update_app(self, name: str, changes: dict[str, Any]) -> AppInfo:
        """The owner registers a new specification: nodes have the old one until they redeploy. Raises KeyError."""
        app = self.apps[name.lower()]
        for address in self.holders.get(app.name, ()):
            # Who sleeps has the old specification: it must be awake to keep it.
            self.find(address)
        if "components" in changes:
            changes = {**changes, "components": tuple(changes["components"])}
        changed = replace(app, revision=app.revision + 1, height=self.height(), **changes)
        parts = app.all_parts()
        if app.is_composed:
            known = {part.name: part for part in parts}
            parts = tuple(known.get(name) or Part(name, changed.image) for name in changed.components)
        if "image" in changes:
            parts = tuple(replace(part, image=changes["image"]) for part in parts)
        self.add_app(replace(changed, parts=parts))
        return changed

    def image_digest(self, image: str) -> str:
        """The id of what a tag names now."""
        pushed = self.images.get(image, 0)
        return "sha256:" + hashlib.sha256(f"{image} {pushed}".encode() if pushed else image.encode()).hexdigest()

    def push_image(self, image: str) -> None:
        """A tag names something new from now on."""
        self.images[image] = self.images.get(image, 0) + 1

    def locations(self, app: str | None = None) -> list[dict[str, Any]]:
        """Location rows of an app (the name is an anchored regular expression), or all. Raises BadName."""
        now = self.clock.now()
        pattern = None if app is None else matcher(app)
        known = self.apps.get(app.lower()) if app is not None and app.isalnum() else None
        found = []
        for node in self.nodes.values():
            if known is not None and known.name not in node.apps.rows:
                continue
            if node.faults.condition("location_missing"):
                continue
            for name, row in node.apps.live_rows(now).items():
                if pattern is not None and not pattern.match(name):
                    continue
                digest = node.apps.installed[name].digest if name in node.apps.installed else ""
                os_uptime = round(now - node.host_started, 2)
                found.append(_location(name, digest, node.address, row, os_uptime, node.static_ip))
        if known is not None:
            return found + self._sleeping_locations([known.name], now)
        names = [name for name in self.holders if pattern is None or pattern.match(name)]
        return found + self._sleeping_locations(names, now)

    def _sleeping_locations(self, names: list[str], now: float) -> list[dict[str, Any]]:
        found = []
        told: dict[str, LocationRow] = {}
        for name in names:
            digest = self.apps[name.lower()].digest
            for address in self.holders.get(name, ()):
                if address in self.nodes:
                    continue
                sleeper = self.roll[address]
                row = told.get(address) or told.setdefault(address, sleeper.row(now))
                os_uptime = round(now - sleeper.process_started + HOST_OLDER, 2)
                found.append(_location(name, digest, address, row, os_uptime, True))
        return found


def _location(
    name: str, digest: str, address: str, row: LocationRow, os_uptime: float, static_ip: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "hash": digest,
        "ip": address,
        "broadcastedAt": iso(row.broadcast_at * 1000),
        "expireAt": iso(row.expires_at * 1000),
        "runningSince": iso(row.running_since * 1000),
        "osUptime": os_uptime,
        "staticIp": static_ip,
    }
