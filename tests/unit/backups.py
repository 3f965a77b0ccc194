# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps with data on nodes of every generation, for the tests of their backups."""

from __future__ import annotations

import re
from typing import Any

from tests.simulator.running import RunningSimulator
from tests.unit.instances import owner
from tests.unit.module_run import Ran, RunModule

VERSIONS = ("8.17.0", "8.18.0", "8.20.0")
BACKUP, RESTORE = "/apps/appendbackuptask", "/apps/appendrestoretask"
URL = "https://backups.example.org/web.tar.gz"
APPS: list[dict[str, Any]] = [
    {"name": "Tide", "version": 7, "components": ["web", "Cache"]},
    {"name": "Plain", "version": 3},
    {"name": "Reef", "version": 7, "components": ["web", {"name": "db", "data": "g:/data"}]},
]
SCENARIO: dict[str, Any] = {
    "apps": [{"owner": "@app owner", **app} for app in APPS],
    "nodes": [{"version": version, "apps": [app["name"] for app in APPS]} for version in VERSIONS],
}


class Backup:
    """The owner of the apps at work on one of the nodes."""

    def __init__(self, sim: RunningSimulator, run_module: RunModule, number: int) -> None:
        self.sim, self.node = sim, sim.addresses[number]
        self.slug = re.sub(r"\W", "-", self.node)
        self._run_module = run_module

    def run(self, state: str, **options: Any) -> Ran:
        component = options.pop("component", None)
        given = {
            "node": self.node,
            "app": "Tide",
            "private_key": owner().wif,
            "component": [component] if isinstance(component, str) else component,
            **options,
        }
        return self._run_module("app_backup", state=state, **given)

    def files(self, container: str = "fluxweb_Tide") -> dict[str, bytes]:
        """What is in a volume."""
        return self.sim.files(self.node, container) or {}

    def states(self, app: str = "Tide") -> dict[str, str]:
        """The containers as the simulator has them."""
        containers = self.sim.node(self.node)["instances"][app]["containers"]
        return {name: each["state"] for name, each in containers.items()}

    def spoil_data(self) -> None:
        """Other data than those of the archive."""
        self.sim.store(self.node, "fluxweb_Tide", "appdata/marker", b"spoilt\n")
        self.sim.store(self.node, "fluxweb_Tide", "appdata/more", b"spoilt\n")
