# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network as a whole, asked through a gateway or through any node."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import network_shapes, shapes
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Client
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint, segment
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location, Specification
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

    # -- apps -------------------------------------------------------------------------------------------------------

    def app_locations(self, app: str) -> tuple[Location, ...]:
        """Where the network holds ``app``, in any case of its letters; empty for an unknown app."""
        return self.located(app)[0]

    def locations(self) -> tuple[Location, ...]:
        """Where the network holds every app, in no order: for more than a few apps cheaper than one by one."""
        return self.located()[0]

    def located(self, app: str | None = None) -> tuple[tuple[Location, ...], int]:
        """Where the network holds an app, or all apps; and how many rows could not be read.

        ``GET /apps/location/<app>`` or ``GET /apps/locations``, public, cache 30 s, 2.4 MB for 8,300 instances (FluxOS:
        registryManager.js getAppLocation, getAppsLocations). FluxOS takes the name as a regular expression: rows of
        other apps are left out here.
        """
        if app is None:
            return network_shapes.locations(self.field("/apps/locations", "locate all apps"))
        rows, unreadable = network_shapes.locations(self.field(f"/apps/location/{segment(app)}", f"locate {app}"))
        return tuple(row for row in rows if row.name.lower() == app.lower()), unreadable

    def specifications(
        self, *, owner: str | None = None, names: Collection[str] | None = None
    ) -> tuple[Specification, ...]:
        """Recorded specifications: all, those of an owner, those of these names, or both.

        ``GET /apps/globalappsspecifications``, public, cache 30 s, 2.5 MB for all 1,900 apps, encrypted ones included
        (FluxOS: registryManager.js getGlobalAppsSpecifications). FluxOS compares owner and name exactly, case
        included, and so it is done here. One request: of several names without an owner the whole list is read.
        """
        wanted = None if names is None else frozenset(names)
        if wanted is not None and not wanted:
            return ()
        query: dict[str, str] = {}
        what = "read all specifications"
        if owner is not None:
            query["owner"] = owner
            what = f"read the specifications of {owner}"
        elif wanted is not None and len(wanted) == 1:
            (query["appname"],) = wanted
            what = f"read the specification of {query['appname']}"
        field = self.field("/apps/globalappsspecifications", what, query=query)
        found = network_shapes.specifications(field)
        # A gateway's node may be of a generation that does not know the query: what it then answers is everything.
        return tuple(
            each for each in found if (owner is None or each.owner == owner) and (wanted is None or each.name in wanted)
        )
