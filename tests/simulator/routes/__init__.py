"""The routes of FluxOS that the simulator knows, one module per group of paths."""

from __future__ import annotations

from tests.simulator.profiles import PROFILES
from tests.simulator.routes import apps, benchmark, daemon, explorer, flux, identity
from tests.simulator.routing import Registry, RouteTable

REGISTRY = Registry()
for _group in (identity, flux, daemon, benchmark, explorer, apps):
    REGISTRY.routes.extend(_group.ROUTES.routes)

TABLES: dict[str, RouteTable] = {name: REGISTRY.table(profile) for name, profile in PROFILES.items()}
