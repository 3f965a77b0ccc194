# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network as a whole, asked through a gateway or through any node."""

from __future__ import annotations

from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import shapes
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
