# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios that come with the simulator; ``network`` has a file of its own."""

from __future__ import annotations

import random
from typing import Any

from tests.simulator.network import network
from tests.simulator.scenario import Builder, Scenario

DAY = 86400.0
LIMITED = "Flux communication is limited, other nodes on the network cannot reach yours through API calls"


def demo(_nodes: int, seed: int) -> Scenario:
    """40 nodes of one operator: 27 legacy and 13 on ArcaneOS, most on 8.20.0, 15 stragglers, 12 apps."""
    nodes: list[dict[str, Any]] = []
    # Nodes behind one IP: 4, 3, 2 and 2 of them; everybody else has an address of his own.
    hosts = [1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, *range(5, 34)]
    tiers = ["CUMULUS", "NIMBUS", "CUMULUS", "STRATUS"]
    for at, host in enumerate(hosts):
        nodes.append(
            {
                "host": host,
                "tier": tiers[at % 4],
                "uptime": DAY * (2 + (at * 7) % 26),
                "confirmation_age": 20 + (at * 41) % 340,
            }
        )
    stragglers = [0, 1, 4, 7, 9, 12, 14, 16, 18, 20, 22, 24]
    for at in stragglers:
        nodes[at] |= {"version": "8.18.0", "disk_version": "8.20.0"}
    nodes[24]["version"] = "8.17.0"
    for at in range(27, 40):
        nodes[at]["arcane"] = True
    for at in (30, 33, 36):
        nodes[at] |= {"version": "8.18.0", "disk_version": "8.20.0"}
    for at in (30, 33):
        nodes[at]["host_connection"] = True
    nodes[14]["dos"] = {"state": 12, "message": LIMITED}
    nodes[16] |= {"confirmation_age": 492, "reconfirm_at": 503}
    apps: list[dict[str, Any]] = []
    names = [
        "TideBoard", "PlainTide", "FarShore", "BuoyWatch", "KelpForum", "ReefMail",
        "SandClock", "GullRadio", "PierShop", "DuneWiki", "MistMaps",
    ]  # fmt: skip
    for at, name in enumerate(names):
        components = ("web", "cache") if at % 3 == 0 else ("web",)
        apps.append({"name": name, "owner": f"@app owner {at % 4}", "instances": 3, "components": components})
        for step in range(3):
            nodes[(at * 3 + step * 13) % 40].setdefault("apps", []).append(name)
    apps.append({"name": "LoneLight", "owner": "@app owner 0", "instances": 3, "components": ("lamp",)})
    nodes[18].setdefault("apps", []).append("LoneLight")
    return Scenario("demo", nodes, apps, seed=seed)


def fleet(count: int, seed: int) -> Scenario:
    """``count`` nodes like the network's: legacy and ArcaneOS, outdated and not, some with an obstacle."""
    source = random.Random(f"fleet {count} {seed}")
    nodes: list[dict[str, Any]] = []
    host = 0
    while len(nodes) < count:
        host += 1
        behind_one = source.choices((1, 2, 3, 5, 8), weights=(60, 20, 10, 6, 4))[0]
        for _unused in range(min(behind_one, count - len(nodes))):
            nodes.append(_node(source, host))
    apps: list[dict[str, Any]] = []
    for at in range(max(1, count * 2 // 5)):
        name = f"App{at:03d}"
        version = source.choices((3, 7, 8), weights=(1, 3, 6))[0]
        components = tuple(f"part{part}" for part in range(source.choices((1, 2, 3), weights=(7, 2, 1))[0]))
        apps.append(
            {
                "name": name,
                "owner": f"@app owner {at % 9}",
                "instances": 3,
                "components": components,
                "version": version,
            }
        )
        holders = source.sample(range(count), k=min(count, source.choices((1, 3, 4, 5), weights=(1, 12, 3, 2))[0]))
        for holder in holders:
            nodes[holder].setdefault("apps", []).append(name)
    return Scenario("fleet", nodes, apps, seed=seed)


def _node(source: random.Random, host: int) -> dict[str, Any]:
    arcane = source.random() < 0.4
    node: dict[str, Any] = {
        "host": host,
        "arcane": arcane,
        "tier": source.choices(("CUMULUS", "NIMBUS", "STRATUS"), weights=(50, 24, 26))[0],
        "uptime": DAY * source.uniform(1.5, 30),
        "confirmation_age": source.randrange(0, 430),
        "reconfirm_at": source.randrange(500, 521),
    }
    if source.random() < (0.1 if arcane else 0.6):
        old = source.choices(("8.18.0", "8.17.0"), weights=(9, 1))[0]
        node |= {"version": old, "disk_version": "8.20.0"}
    if source.random() < 0.08:
        node |= source.choice(
            (
                {"dos": {"state": 12, "message": LIMITED}},
                {"dos": {"state": 6.24, "message": None}},
                {"faults": [{"kind": "daemon_syncing", "behind": 200}]},
                {"faults": [{"kind": "health", "check": "hardware"}]},
                {"benchmark": "running"},
                {"confirmation_age": 490},
            )
        )
    return node


def single(_nodes: int, seed: int) -> Scenario:
    """One legacy node with one app, for looking at answers."""
    nodes = [{"tier": "STRATUS", "apps": ["TideBoard"]}]
    return Scenario(
        "single", nodes, [{"name": "TideBoard", "owner": "@app owner 0", "components": ("web",)}], seed=seed
    )


def instances(_nodes: int, seed: int) -> Scenario:
    """Four kinds of apps, all of them on each of nine nodes: three of 8.20, three of 8.18, three of 8.17."""
    apps: list[dict[str, Any]] = [
        {"name": "PlainTide", "version": 3, "log_rate": 0.5},
        {"name": "TideBoard", "version": 8, "components": ["web", "cache"], "log_rate": 0.5},
        {"name": "ReefMail", "version": 8, "components": ["web", {"name": "db", "data": "g:/data"}]},
        {"name": "KelpForum", "version": 7, "components": ["web", {"name": "store", "data": "r:/data"}]},
    ]
    names = [app["name"] for app in apps]
    nodes = [{"version": version, "apps": names} for version in ("8.20.0", "8.18.0", "8.17.0") for _copy in range(3)]
    return Scenario("instances", nodes, [{"owner": "@app owner", **app} for app in apps], seed=seed)


BUILTIN: dict[str, Builder] = {
    "demo": demo,
    "fleet": fleet,
    "network": network,
    "single": single,
    "instances": instances,
}
