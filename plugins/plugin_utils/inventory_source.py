# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where inventory hosts come from: gateways' node lists, and the nodes' own word. All its requests are here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer, FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Confirmation
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import (
    NodeHost,
    from_addresses,
    from_rows,
    owned_by,
    put_confirmation,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_request import Request
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_snapshot import Snapshot

SHOWN = 5
"""Of many nodes that did not tell, so many are named."""

FILTERED_OWNERS = 10
"""Up to so many owners are asked for one by one; beyond, the whole list (4 MB) is cheaper than that many requests."""

UNREACHABLE_KINDS = frozenset({"unreachable", "answer_lost"})
"""Kinds of errors that say that nobody was there, or went away while answering."""


class NoGatewayError(Exception):
    """No gateway gave a node list; the text is each one's own error, in the order asked."""

    def __init__(self, errors: Sequence[FluxOSError]) -> None:
        super().__init__(" / ".join(str(error) for error in errors))


class Display(Protocol):
    """Ansible's display, as far as it is needed here."""

    def v(self, msg: str) -> None:
        """Say something to users who asked for more (``-v``)."""

    def warning(self, msg: str) -> None:
        """Warn."""


def read(request: Request, options: TransportOptions, display: Display) -> Snapshot:
    """Ask the network what ``request`` wants to know, and tell the user what is missing.

    Raises:
        NoGatewayError: when no gateway gave a node list.
        FluxOSError: when the options cannot work, whoever is asked.
    """
    with Transport(options, read_only=True) as transport:
        if request.scope == "nodes":
            return _read_nodes(request, transport, display)
        return _read_network(request, transport, display)


def _read_network(request: Request, transport: Transport, display: Display) -> Snapshot:
    """All nodes, or the owners', from the first gateway that answers."""
    failed: list[FluxOSError] = []
    for gateway in request.gateways:
        try:
            rows = _rows_of(GatewayClient(gateway, transport), request.owners)
        except FluxOSError as error:
            failed.append(error)
            display.v(f"A gateway did not answer: {error}")
            continue
        for owner in request.owners:
            if not any(owned_by(row, frozenset((owner,))) for row in rows):
                display.warning(
                    f"The node list of the network has no confirmed node of {owner}. Check the address; nodes that are "
                    "not confirmed can be given with the option 'nodes'."
                )
        listing = from_rows(rows)
        return Snapshot(listing.hosts, gateway.address, time.time(), listing.skipped)
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


def _read_nodes(request: Request, transport: Transport, display: Display) -> Snapshot:
    """The nodes given, each asked for its own status, all at once.

    A node that cannot be reached becomes ``unreachable``; one that answers something else than a status, for example
    because its daemon is down, ``unknown``. Neither is an error: an inventory with a sick node is still an inventory.
    """

    def ask(host: NodeHost) -> Confirmation:
        return NodeClient(Endpoint.parse(host["fluxos_node"]), transport, None).confirmation()

    listing = from_addresses(request.nodes)
    errors: list[FluxOSError] = []
    for outcome in each(listing.hosts, ask):
        if outcome.error is not None:
            outcome.node["fluxos_status"] = "unreachable" if outcome.error.kind in UNREACHABLE_KINDS else "unknown"
            errors.append(outcome.error)
        elif outcome.result is not None:
            put_confirmation(outcome.node, outcome.result)
    if errors:
        shown = "; ".join(str(error) for error in errors[:SHOWN])
        more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        count = f"{len(errors)} of {len(listing.hosts)}"
        display.warning(f"{count} nodes did not tell their status. {shown}{more}")
    return Snapshot(listing.hosts, None, time.time(), listing.skipped)
