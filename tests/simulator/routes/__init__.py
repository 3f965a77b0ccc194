# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of FluxOS that the simulator knows, one module per group of paths."""

from __future__ import annotations

from tests.simulator.profiles import PROFILES
from tests.simulator.routes import (
    apps,
    backup,
    backup_tasks,
    benchmark,
    daemon,
    deployment,
    execute,
    explorer,
    flux,
    held,
    identity,
    inspect,
    logs,
    registry,
    verbs,
    volume,
)
from tests.simulator.routing import Registry, RouteTable

REGISTRY = Registry()
for _group in (
    identity,
    flux,
    daemon,
    benchmark,
    explorer,
    apps,
    verbs,
    deployment,
    inspect,
    logs,
    execute,
    volume,
    backup,
    backup_tasks,
    registry,
    held,
):
    REGISTRY.routes.extend(_group.ROUTES.routes)

TABLES: dict[str, RouteTable] = {name: REGISTRY.table(profile) for name, profile in PROFILES.items()}
