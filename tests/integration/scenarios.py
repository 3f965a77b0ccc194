# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets for the tests of ``restart_outdated``, each node with what a safe maintenance has to do with it.

The expectations are written down beside the nodes, not computed: they are what somebody who knows the rules would say
by looking at the fleet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DAY = 86400.0
LIMITED = "Flux communication is limited, other nodes on the network cannot reach yours through API calls"
OLD: dict[str, Any] = {"version": "8.18.0", "disk_version": "8.20.0"}
OLDEST: dict[str, Any] = {"version": "8.17.0", "disk_version": "8.20.0"}
#: Of the nodes that have to be quick, in simulated seconds.
SHORT = {"down": 2.0, "database": 1.0, "explorer": 5.0, "boot": 8.0, "peers": 15.0}


@dataclass
class Plot:
    """A scenario in the making: its nodes, what is expected of each, its apps."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """By position: ``restart``, or the reason for which the node is left alone."""
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)

    def add(self, expected: str, *, apps: tuple[str, ...] = (), **keys: Any) -> int:
        """Add a node; return its position."""
        position = len(self.nodes)
        age = 10 + (position * 17) % 50
        node = {"uptime": DAY * (2 + position % 12), "confirmation_age": age, **keys}
        if apps:
            node["apps"] = list(apps)
            for name in apps:
                self.app(name)
        self.nodes.append(node)
        self.expected.append(expected)
        return position

    def app(self, name: str, **keys: Any) -> str:
        """Register an app, three instances wide unless said otherwise."""
        self.apps.setdefault(name, {"name": name, "owner": "@app owner", "instances": 3}).update(keys)
        return name

    def host(self, position: int, *names: str) -> None:
        """Put apps on a node that is there already."""
        for name in names:
            self.nodes[position].setdefault("apps", []).append(self.app(name))

    def scenario(self) -> dict[str, Any]:
        return {"nodes": self.nodes, "apps": list(self.apps.values()), "timings": self.timings}

    def of(self, addresses: list[str], *expected: str) -> set[str]:
        """The addresses of the nodes of which one of these is expected."""
        return {address for address, one in zip(addresses, self.expected, strict=True) if one in expected}


def fleet_of_60() -> Plot:
    """60 nodes: 20 to restart, 13 held back for ten reasons, 27 with nothing to do."""
    plot = Plot()
    # Eight nodes behind one IP, three behind another, two behind a third.
    for _unused in range(8):
        plot.add("restart", host=1, **OLD)
    for at in range(3):
        plot.add("restart" if at else "not_outdated", host=2, **(OLD if at else {}))
    plot.add("restart", host=3, **OLDEST)
    plot.add("restart", host=3, **OLD)
    # Stragglers with an IP each.
    singles = [plot.add("restart", host=10 + at, **(OLDEST if at == 4 else OLD)) for at in range(6)]
    # ArcaneOS: two that the operator reaches over their hosts, three that he does not, and others that are up to date.
    commanded = [plot.add("restart", host=30 + at, arcane=True, host_connection=True, **OLD) for at in range(2)]
    for at in range(3):
        plot.add("no_restart_path", host=32 + at, arcane=True, **OLD)
    current = [plot.add("not_outdated", host=40 + at, arcane=at % 2 == 0, tier="STRATUS") for at in range(26)]
    # One obstacle each.
    plot.add("dos", host=70, dos={"state": 12, "message": LIMITED}, **OLD)
    plot.add("dos", host=71, dos={"state": 6.24, "message": None}, **OLD)
    plot.add("daemon_behind", host=72, faults=[{"kind": "daemon_syncing", "behind": 200}], **OLD)
    plot.add("benchmarking", host=73, benchmark="running", **OLD)
    plot.add("unreachable", host=74, faults=[{"kind": "unreachable"}], **OLD)
    plot.add("only_instance", host=75, apps=("LoneLight",), **OLD)
    plot.add("app_budget", host=76, apps=("ThinIce",), **OLD)
    plot.add("explorer_behind", host=77, faults=[{"kind": "explorer"}], **OLD)
    # Past 500 blocks; it confirms when the test says so.
    plot.add(
        "confirmation_due", host=78, confirmation_age=505, reconfirm_at=506, faults=[{"kind": "no_confirmation"}], **OLD
    )
    plot.add("daemon_unreachable", host=79, faults=[{"kind": "daemon_down"}], **OLD)
    # ThinIce has three instances, but one of them stands still: another may not go.
    plot.host(current[0], "ThinIce")
    plot.host(current[1], "ThinIce")
    plot.nodes[current[1]]["stopped"] = ["fluxweb_ThinIce"]
    # Apps on two or three nodes that are restarted each, so that budgets decide about waves.
    for at, name in enumerate(("TideBoard", "FarShore", "KelpForum", "PierShop")):
        plot.app(name, components=("web", "cache") if at % 2 else ("web",))
        plot.host(singles[at], name)
        plot.host(singles[(at + 3) % 6], name)
        plot.host(current[2 + at], name)
    plot.app("OldMill", version=3, components=("web",))
    for position in (11, commanded[0], current[7]):
        plot.host(position, "OldMill")
    plot.app("WideBay", instances=7)
    for position in (*singles[:4], commanded[1], current[8], current[9]):
        plot.host(position, "WideBay")
    return plot
