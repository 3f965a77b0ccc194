# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that every maintenance rule is content with, for tests that spoil one thing of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.health.state import NodeReading, Unread
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import (
    App,
    Benchmark,
    Communication,
    Confirmation,
    Container,
    Dos,
    Health,
    Process,
)

HEIGHT = 2_400_000
UNREAD = Unread("203.0.113.7:16127 did not answer within 20 s")

_GREEN = dict.fromkeys(("db", "syncthing", "docker", "hardware", "dos", "appsDos"), "ok")

_HEALTHY = NodeReading(
    name="berlin",
    address="203.0.113.7:16127",
    ip="203.0.113.7",
    version="8.20.0",
    process=Process(uptime=86_400, node_time=1_790_000_000.0),
    arcane=False,
    block_height=HEIGHT,
    network_height=HEIGHT,
    confirmation=Confirmation("CONFIRMED", HEIGHT - 100),
    dos=Dos(0, None),
    health=Health(True, _GREEN),
    explorer_synced=True,
    benchmark=Benchmark("CUMULUS", "CUMULUS"),
    communication=Communication(True, "Communication to Flux network is properly established"),
    boot_settled=True,
    containers=(
        Container.from_docker("/fluxweb_shop", "running", "Up 3 hours"),
        Container.from_docker("/fluxdb_shop", "running", "Up 3 hours"),
        Container.from_docker("/fluxwiki", "exited", "Exited (0) 2 days ago"),
    ),
    apps=(App("shop", "1Owner", 3, ("web", "db"), 8), App("wiki", "1Owner", 3, (), 3)),
    elsewhere={"shop": 2, "wiki": 2},
)


def healthy(**spoilt: Any) -> NodeReading:
    """The healthy node with some values replaced."""
    return replace(_HEALTHY, **spoilt)


def confirmed_at_age(age: int) -> Confirmation:
    """The confirmation of a node whose daemon is at :data:`HEIGHT`."""
    return Confirmation("CONFIRMED", HEIGHT - age)
