# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps of every kind on nodes of both ways to run them, for the tests of what their owner does."""

from __future__ import annotations

from typing import Any

from tests.simulator.keys import Person
from tests.simulator.running import RunningSimulator
from tests.unit.module_run import Ran, RunModule

#: Without components (specification version 3), composed, with an elected component, with a synchronised one.
APPS: list[dict[str, Any]] = [
    {"name": "PlainTide", "version": 3},
    {"name": "TideBoard", "version": 8, "components": ["web", "cache"]},
    {"name": "ReefMail", "version": 8, "components": ["web", {"name": "db", "data": "g:/data"}]},
    {"name": "KelpForum", "version": 7, "components": ["web", {"name": "store", "data": "r:/data"}]},
]
NAMES = [str(app["name"]) for app in APPS]
#: The first node runs the elected component; the others are its standbys.
PRIMARY, NEW, OLD = range(3)
SCENARIO: dict[str, Any] = {
    "apps": [{"owner": "@app owner", **app} for app in APPS],
    "nodes": [{"version": version, "apps": NAMES} for version in ("8.20.0", "8.20.0", "8.17.0")],
}

VERBS = {"started": "start", "stopped": "stop", "restarted": "restart", "killed": "kill"}
#: Components in the order of the specification; the elected one, db, is a standby on the nodes of these tests.
PARTS = {
    "PlainTide": ["PlainTide"],
    "TideBoard": ["web_TideBoard", "cache_TideBoard"],
    "ReefMail": ["web_ReefMail", "db_ReefMail"],
    "KelpForum": ["web_KelpForum", "store_KelpForum"],
}
STANDBY = "db_ReefMail"


def owner() -> Person:
    """Who owns all of these apps."""
    return Person.named("app owner")


class Instance:
    """An app on one of the nodes, with its owner at work on it."""

    def __init__(self, sim: RunningSimulator, run_module: RunModule, app: str, number: int) -> None:
        self.sim, self.app, self.node = sim, app, sim.addresses[number]
        self._run_module = run_module

    def run(self, state: str, **options: Any) -> Ran:
        given = {"node": self.node, "app": self.app, "private_key": owner().wif, "timeout": 3, **options}
        return self._run_module("app_instance", state=state, **given)

    def expected_writes(self, state: str, *, again: bool = False) -> list[str]:
        """What is to be sent: components that may come up by themselves are told their state each time."""
        if state in ("redeployed", "absent"):
            path = {"redeployed": "redeploy", "absent": "appremove"}[state]
            return [] if again and state == "absent" else [f"/apps/{path}/{self.app}"]
        parts = PARTS[self.app]
        if again:
            parts = [part for part in parts if part == STANDBY]
        return [
            f"/apps/app{VERBS[state]}/{part}" for part in (reversed(parts) if state in ("stopped", "killed") else parts)
        ]

    def expected_states(self, state: str) -> dict[str, str]:
        if state == "absent":
            return {}
        up = state in ("started", "restarted", "redeployed")
        states: dict[str, str] = dict.fromkeys(PARTS[self.app], "running" if up else "exited")
        if STANDBY in states:
            states[STANDBY] = "created" if state == "redeployed" else "exited"
        return states

    def states(self) -> dict[str, str | None]:
        """The containers as the simulator has them."""
        containers = self.sim.node(self.node)["instances"].get(self.app, {"containers": {}})["containers"]
        return {name.removeprefix("flux"): each["state"] for name, each in containers.items()}

    def locks(self) -> dict[str, bool]:
        """Which components are kept from running, as only the simulator sees."""
        containers = self.sim.node(self.node)["instances"].get(self.app, {"containers": {}})["containers"]
        return {name.removeprefix("flux"): each["locked"] for name, each in containers.items()}

    def options(self, state: str) -> dict[str, Any]:
        """What makes a second run know that the first one was enough."""
        return {"not_after": str(self.sim.now() - 1)} if state == "restarted" else {}
