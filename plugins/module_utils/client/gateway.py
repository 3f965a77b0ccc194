# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network as a whole, asked through a gateway or through any node."""

from __future__ import annotations

from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.app_results import AppLocation, AppSpec
from ansible_collections.fluxme.fluxos.plugins.module_utils.client import app_shapes, shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Client
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint, segment
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport


class GatewayClient(Client):
    """Reads that any node of the network can answer. Nothing here is about a certain node, and nothing needs a login.

    A gateway (``https://api.runonflux.io``) hands a request to one of its healthy nodes; which one is not ours to
    choose, and two answers may come from two nodes. Reads use the answering node's cache (``fresh`` is off): the list
    of all nodes has some megabytes, and its facts are minutes old anyway.
    """

    def __init__(self, endpoint: Endpoint, transport: Transport, *, fresh: bool = False) -> None:
        super().__init__(endpoint, transport, fresh=fresh)

    def node_list(self, filter: str | None = None) -> list[dict[str, Any]]:
        """All confirmed nodes, as rows of :func:`shapes.node_row`.

        ``filter`` is applied by the daemon: a part of an IP or payment address, a public key, or a collateral.
        ``GET /daemon/viewdeterministicfluxnodelist[/<filter>]``, public, cache 30 s, 4.2 MB for 6,700 nodes
        (FluxOS: daemonServiceFluxnodeRpcs.js viewDeterministicFluxNodeList).
        """
        path = "/daemon/viewdeterministicfluxnodelist" + (f"/{segment(filter)}" if filter else "")
        return [shapes.node_row(row) for row in self.field(path, "list the nodes").rows()]

    def node_count(self) -> dict[str, Any]:
        """Numbers of confirmed nodes: ``total``, ``cumulus-enabled``, ``nimbus-enabled``, ``stratus-enabled``, ...

        ``GET /daemon/getfluxnodecount``, public, cache 30 s.
        """
        return self.field("/daemon/getfluxnodecount", "count the nodes").mapping()

    def locations(self, app: str | None = None) -> tuple[list[AppLocation], int]:
        """Where the network holds an app, or all apps; and how many rows could not be read.

        ``GET /apps/location/<app>``, of which :meth:`app_locations` tells more, or ``GET /apps/locations``, public,
        cache 30 s, 2.4 MB for 8,300 instances (FluxOS: registryManager.js getAppsLocations).
        """
        if app is None:
            rows = self.field("/apps/locations", "locate the apps").rows()
        else:
            rows = self.field(f"/apps/location/{segment(app)}", f"locate {app}").rows()
        found = [app_shapes.app_location(row) for row in rows]
        known = [each for each in found if each is not None]
        own = [each for each in known if app is None or each.app.lower() == app.lower()]
        return own, len(found) - len(known)

    def app_specs(self, *, app: str | None = None, owner: str | None = None) -> tuple[AppSpec, ...]:
        """Registered specifications: of an app, of all apps of an owner, or all. Letter case counts.

        ``GET /apps/globalappsspecifications[?appname=<app>|?owner=<Flux ID>]``, public, cache 30 s, 2.5 MB for 1,900
        apps without a filter (FluxOS: registryManager.js getGlobalAppsSpecifications).
        """
        query = {name: value for name, value in (("owner", owner), ("appname", app)) if value is not None}
        whose = f" of {owner}" if owner else ""
        operation = f"read {app} as it is registered" if app else f"list the apps{whose}"
        specs = app_shapes.app_specs(self.field("/apps/globalappsspecifications", operation, query=query or None))
        return tuple(
            spec for spec in specs if (app is None or spec.name == app) and (owner is None or spec.owner == owner)
        )
