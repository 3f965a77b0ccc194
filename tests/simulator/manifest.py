# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state file, the control API and the first line of the journal say of nodes and apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulator.profiles import profile_of

if TYPE_CHECKING:
    from tests.simulator.node import Node
    from tests.simulator.sleeping import Sleeper
    from tests.simulator.world import World


def manifest(world: World) -> dict[str, Any]:
    """``nodes`` and ``apps``."""
    nodes = []
    for address, sleeper in world.roll.items():
        node = world.nodes.get(address)
        nodes.append(_asleep(world, sleeper) if node is None else _awake(node))
    apps = [
        {"name": app.name, "owner": app.owner, "instances": app.instances, "components": app.component_names}
        for app in world.apps.values()
    ]
    return {"nodes": nodes, "apps": apps}


def _awake(node: Node) -> dict[str, Any]:
    return {
        "node": node.address,
        "ip": node.spec.ip,
        "profile": node.profile.name,
        "version": node.version,
        "disk_version": node.disk_version,
        "arcane": node.spec.arcane,
        "tier": node.spec.tier,
        "owner": node.owner,
        "payment_address": node.payment_address,
        "host_connection": node.spec.host_connection,
        "uptime": node.uptime,
        "confirmation_age": node.confirmation.age,
        "status": node.confirmation.status,
        "apps": node.apps.names,
    }


def _asleep(world: World, sleeper: Sleeper) -> dict[str, Any]:
    spec, height = sleeper.spec, world.height()
    return {
        "node": spec.address,
        "ip": spec.ip,
        "profile": profile_of(spec.version).name,
        "version": spec.version,
        "disk_version": spec.disk_version or spec.version,
        "arcane": spec.arcane,
        "tier": spec.tier,
        "owner": spec.owner,
        "payment_address": spec.payment_address,
        "host_connection": spec.host_connection,
        "uptime": int(world.clock.now() - sleeper.process_started),
        "confirmation_age": height - sleeper.last_confirmed(height),
        "status": spec.status,
        "apps": list(spec.apps),
    }
