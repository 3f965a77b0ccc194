# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where inventory hosts come from: gateways' lists of nodes, apps and their places, and the nodes' own word.

All requests of the inventory are here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.errors import BadAnswer, FluxOSError
from ansible_collections.fluxme.fluxos.plugins.module_utils.fleet import each
from ansible_collections.fluxme.fluxos.plugins.module_utils.network_results import Location, Specification
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Confirmation
from ansible_collections.fluxme.fluxos.plugins.module_utils.transport import Transport, TransportOptions
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_hosts import (
    Listing,
    NodeHost,
    from_addresses,
    from_rows,
    owned_by,
    put_confirmation,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_instances import (
    InstanceListing,
    from_locations,
    with_node_facts,
)
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_request import Request
from ansible_collections.fluxme.fluxos.plugins.plugin_utils.inventory_snapshot import Snapshot

SHOWN = 5
"""Of many nodes that did not tell, so many are named."""

FILTERED_OWNERS = 10
"""Up to so many owners are asked for one by one; beyond, the whole list (4 MB) is cheaper than that many requests."""

SINGLE_APPS = 20
"""Likewise for apps: each costs a request for its places and one for its specification, the whole lists 2.5 MB each."""

UNREACHABLE_KINDS = frozenset({"unreachable", "answer_lost"})
"""Kinds of errors that say that nobody was there, or went away while answering."""

T = TypeVar("T")
R = TypeVar("R")


class NoGatewayError(Exception):
    """No gateway gave what was asked for; the text is each one's own error, in the order asked."""

    def __init__(self, request: Request, errors: Sequence[FluxOSError]) -> None:
        super().__init__(" / ".join(str(error) for error in errors))
        self.lacking = "No gateway gave a node list" if request.lists_nodes else "No gateway said where the apps are"
        self.instead = "Without a gateway, your nodes can be given with the option 'nodes'."
        """What the user may do without a gateway, a sentence."""
        if request.wants_apps:
            self.instead = (
                "Without a gateway, instances can be hosts of any inventory that have the variables fluxos_node and "
                "fluxos_app."
            )


class Display(Protocol):
    """Ansible's display, as far as it is needed here."""

    def v(self, msg: str) -> None:
        """Say something to users who asked for more (``-v``)."""

    def warning(self, msg: str) -> None:
        """Warn."""


@dataclass
class _Said:
    """What one gateway said of the network, as far as it was asked."""

    gateway: str
    rows: list[Any] = field(default_factory=list)
    """Of the node list, the owners' where there are any."""
    apps: tuple[str, ...] = ()
    """Names of all apps that are looked for, in small letters."""
    places: list[Location] = field(default_factory=list)
    specs: list[Specification] = field(default_factory=list)
    unreadable: int = 0
    """Rows of the location list without a name or an address."""


def read(request: Request, options: Callable[[bool], TransportOptions], display: Display) -> Snapshot:
    """Ask the network what ``request`` wants to know, and tell the user what is missing.

    ``options`` gives those for gateways when it is called with true, else those for nodes.

    Raises:
        NoGatewayError: when no gateway gave what was asked of it.
        FluxOSError: when the options cannot work, whoever is asked.
    """
    nodes = Listing()
    instances = InstanceListing()
    gateway: str | None = None
    if request.asks_gateways:
        with Transport(options(True), read_only=True) as transport:
            said = _ask_gateways(request, transport, display)
        _tell_what_is_missing(request, said, display)
        gateway, nodes = said.gateway, from_rows(said.rows)
        instances = from_locations(said.places, said.specs)
        if said.unreadable:
            instances.skipped["without an address or a name"] += said.unreadable
    if request.scope == "nodes":
        nodes = from_addresses(request.nodes)
        if request.read_status:
            with Transport(options(False), read_only=True) as transport:
                _read_statuses(nodes, transport, display)
    return Snapshot(
        hosts=nodes.hosts,
        gateway=gateway,
        read_at=time.time(),
        skipped=nodes.skipped,
        instances=with_node_facts(instances.hosts, nodes.hosts),
        skipped_instances=Counter(instances.skipped),
    )


# -- gateways -------------------------------------------------------------------------------------------------------


def _ask_gateways(request: Request, transport: Transport, display: Display) -> _Said:
    """What the first gateway says that answers all questions.

    A gateway hands requests to nodes, and one that has just started tells an empty list of instances as a success:
    where no instance is known the next gateway is asked as well.
    """
    failed: list[FluxOSError] = []
    empty: _Said | None = None
    for gateway in request.gateways:
        try:
            said = _ask(request, GatewayClient(gateway, transport))
        except FluxOSError as error:
            failed.append(error)
            display.v(f"A gateway did not answer: {error}")
            continue
        if said.places or not request.wants_apps:
            return said
        empty = empty or said
    if empty is None:
        raise NoGatewayError(request, failed)
    return empty


def _ask(request: Request, client: GatewayClient) -> _Said:
    said = _Said(client.endpoint.address)
    if request.lists_nodes:
        said.rows = _rows_of(client, request.owners)
    if request.wants_apps:
        _put_apps(said, request, client)
    return said


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


def _put_apps(said: _Said, request: Request, client: GatewayClient) -> None:
    """Where the apps are, and their specifications; questions that do not depend on each other are asked at once."""
    owned = _all(request.app_owners, lambda owner: client.specifications(owner=owner))
    said.specs = [spec for specs in owned for spec in specs]
    names = {name.lower(): name for name in (*request.apps, *(spec.name for spec in said.specs))}
    said.apps = tuple(names)
    few = len(names) <= SINGLE_APPS
    answers = _all(tuple(names.values()), client.located) if few else [client.located()]
    for places, unreadable in answers:
        said.places += [place for place in places if place.name.lower() in names]
        # What cannot be read of the whole network's list may be of anybody's app.
        said.unreadable += unreadable if few else 0
    # A specification is found by the spelling of its name only, which the places tell.
    have = {spec.name.lower() for spec in said.specs}
    missing = sorted({place.name for place in said.places if place.name.lower() not in have})
    if not few and missing:
        said.specs += [spec for spec in client.specifications() if spec.name.lower() in names]
    else:
        said.specs += [
            spec for specs in _all(missing, lambda app: client.specifications(names=[app])) for spec in specs
        ]


def _all(things: Sequence[T], ask: Callable[[T], R]) -> list[R]:
    """All answers, in the order of ``things``. Raises the first error: half an answer is none."""
    return [outcome.value() for outcome in each(things, ask)]


def _tell_what_is_missing(request: Request, said: _Said, display: Display) -> None:
    for owner in request.owners:
        if not any(owned_by(row, frozenset((owner,))) for row in said.rows):
            display.warning(
                f"The node list of the network has no confirmed node of {owner}. Check the address; nodes that are "
                "not confirmed can be given with the option 'nodes'."
            )
    for owner in request.app_owners:
        if not any(spec.owner == owner for spec in said.specs):
            display.warning(f"The network has no app of {owner}. Check the Flux ID; letter case counts.")
    spread = {place.name.lower() for place in said.places}
    nowhere = [app for app in said.apps if app not in spread]
    if nowhere:
        shown = ", ".join(nowhere[:SHOWN]) + (f" and {len(nowhere) - SHOWN} more" if len(nowhere) > SHOWN else "")
        display.warning(
            f"The network knows no instance of {shown}. Check the name; an app that was just registered needs some "
            "minutes, and one whose containers all stopped is not listed."
        )


# -- nodes ----------------------------------------------------------------------------------------------------------


def _read_statuses(listing: Listing, transport: Transport, display: Display) -> None:
    """Add to each node given what it says of itself, all at once.

    A node that cannot be reached becomes ``unreachable``; one that answers something else than a status, for example
    because its daemon is down, ``unknown``. Neither is an error: an inventory with a sick node is still an inventory.
    """

    def ask(host: NodeHost) -> Confirmation:
        return NodeClient(Endpoint.parse(host["fluxos_node"]), transport, None).confirmation()

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
