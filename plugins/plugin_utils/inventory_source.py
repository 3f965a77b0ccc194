# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where inventory hosts come from: gateways' node lists, and the nodes' own word. All its requests are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.client import GatewayClient, NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer, FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Confirmation
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import NodeHost, owned_by, put_confirmation

FILTERED_OWNERS = 10
"""Up to so many owners are asked for one by one; beyond, the whole list (4 MB) is cheaper than that many requests."""


UNREACHABLE_KINDS = frozenset({"unreachable", "answer_lost"})
"""Kinds of errors that say that nobody was there, or went away while answering."""


class NoGatewayError(Exception):
    """No gateway gave a node list; ``errors`` has each one's own error, in the order asked."""

    def __init__(self, errors: Sequence[FluxOSError]) -> None:
        super().__init__(" / ".join(str(error) for error in errors))
        self.errors = tuple(errors)


@dataclass(frozen=True)
class NodeRows:
    """Rows of the first gateway that answered, and what the ones before it said."""

    gateway: str
    rows: list[Any]
    failed: tuple[FluxOSError, ...]


def read_network(gateways: Sequence[Endpoint], owners: Sequence[str], options: TransportOptions) -> NodeRows:
    """The rows of all nodes, or of the owners' nodes, from the first gateway that answers.

    ``owners`` are payment addresses or public keys. Raises :class:`NoGatewayError`.
    """
    failed: list[FluxOSError] = []
    with Transport(options, read_only=True) as transport:
        for gateway in gateways:
            try:
                rows = _rows_of(GatewayClient(gateway, transport), owners)
            except FluxOSError as error:
                failed.append(error)
                continue
            return NodeRows(gateway=gateway.address, rows=rows, failed=tuple(failed))
    raise NoGatewayError(failed)


def _rows_of(client: GatewayClient, owners: Sequence[str]) -> list[Any]:
    if not owners:
        rows = client.node_list()
        if not rows:
            raise BadAnswer(
                client.endpoint.address,
                "list the nodes",
                "a list without a single node",
                "The daemon behind this gateway is not synced yet; ask another gateway, or later",
            )
        return rows
    wanted = frozenset(owners)
    if len(owners) > FILTERED_OWNERS:
        rows = client.node_list()
    else:
        rows = [row for owner in owners for row in client.node_list(filter=owner)]
    return [row for row in rows if owned_by(row, wanted)]


def read_statuses(hosts: Sequence[NodeHost], options: TransportOptions) -> list[FluxOSError]:
    """Ask each node for its own status and put it into its host, all at once; returns what could not be read.

    A node that cannot be reached becomes ``unreachable``; one that answers something else than a status, for example
    because its daemon is down, ``unknown``. Neither is an error: an inventory with a sick node is still an inventory.
    """
    with Transport(options, read_only=True) as transport:

        def ask(host: NodeHost) -> Confirmation:
            return NodeClient(Endpoint.parse(host["fluxos_node"]), transport, None).confirmation()

        outcomes = each(hosts, ask)
    errors: list[FluxOSError] = []
    for outcome in outcomes:
        if outcome.error is not None:
            outcome.node["fluxos_status"] = "unreachable" if outcome.error.kind in UNREACHABLE_KINDS else "unknown"
            errors.append(outcome.error)
        elif outcome.result is not None:
            put_confirmation(outcome.node, outcome.result)
    return errors
