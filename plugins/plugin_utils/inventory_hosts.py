# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the network says of its nodes to inventory hosts. Pure functions, no input or output.

Steps: read rows or addresses into :class:`NodeHost`, one per node; select by tier and status; name; group.

Properties:

- no row of the network raises: one that cannot be used is counted with its reason, and the others are kept;
- a node is there once: of two rows for one address the one confirmed last is kept;
- equal input gives equal output, in the order of the input.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import DEFAULT_PORT, NODE_PORTS, Endpoint
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Confirmation

SCHEMA = 2
"""Version of hosts in caches: raise it with every change of the variables or of their meaning."""

TIERS = ("cumulus", "nimbus", "stratus")
STATUSES = ("confirmed", "started", "dos", "offline", "expired", "unreachable", "unknown")
"""What the daemon of a node says of itself (fluxd 9.1.0), and two words of ours: the node did not answer, or it did but
could not tell."""

_OUTPOINT = re.compile(r"COutPoint\(([0-9A-Fa-f]+), (\d+)\)")
_COLLATERAL = re.compile(r"[0-9A-Fa-f]{64}:\d{1,5}")


class NodeHost(TypedDict, total=False):
    """The variables of one host. Flat and few: since ansible-core 2.19 each costs 10 us a host.

    Only what is known is there: an address given by hand has the first three.
    """

    fluxos_node: str
    """The node as modules take it: ``203.0.113.7:16137``, always with the API port; a URL for https or a proxy."""
    fluxos_ip: str
    """``203.0.113.7``. Up to eight nodes share one; group ``fluxos_shared_ip`` holds those that do."""
    fluxos_port: int
    """``16137``, the port of the plain HTTP API."""
    fluxos_tier: str
    """``CUMULUS``, ``NIMBUS`` or ``STRATUS``."""
    fluxos_status: str
    """``CONFIRMED`` for every node of a node list; for addresses with O(read_status) also ``STARTED``, ``DOS``,
    ``OFFLINE``, ``expired``, and ``unreachable`` or ``unknown`` when the node did not say."""
    fluxos_payment_address: str
    """``t1ZJR468HBuSt1SW2tgWjoxLfYv2yPHgGge``, who is paid for the node."""
    fluxos_collateral: str
    """``b3c3b4a1...07b6f9:159``, transaction and output of the collateral."""
    fluxos_last_confirmed_height: int
    """``2996667``, the block of the last confirmation when the list was read."""


@dataclass
class Listing:
    """Hosts as read, before any selection, and what was left out."""

    hosts: list[NodeHost] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason, in words for a person, to number of rows."""


def skipped_sentence(skipped: Mapping[str, int], of: str = "node list") -> str:
    """For example ``Left out 3 entries of the node list: 2 without an address, 1 listed twice``; empty for none."""
    total = sum(skipped.values())
    if not total:
        return ""
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return f"Left out {total} {'entry' if total == 1 else 'entries'} of the {of}: {reasons}"


# -- reading --------------------------------------------------------------------------------------------------------


def host_at(endpoint: Endpoint) -> NodeHost:
    """The variables that an address alone gives.

    ``fluxos_node`` is a URL where an address would lose something: https, or a proxy's own port.
    """
    plain = endpoint.scheme == "http" and not endpoint.explicit_url
    return {
        "fluxos_node": endpoint.address if plain else endpoint.url("/").rstrip("/"),
        "fluxos_ip": endpoint.ip,
        "fluxos_port": endpoint.port,
    }


def from_addresses(texts: Iterable[str]) -> Listing:
    """One host per address given by the user, without asking anybody.

    Raises ``AddressError`` for a text that is no address: what a user wrote is worth an error, unlike a row of a list.
    """
    listing = Listing()
    seen: set[str] = set()
    for text in texts:
        endpoint = Endpoint.parse(text)
        if endpoint.address in seen:
            listing.skipped["given twice"] += 1
            continue
        seen.add(endpoint.address)
        listing.hosts.append(host_at(endpoint))
    return listing


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Listing:
    """One host per row of the network's node list, as ``GatewayClient.node_list`` gives them.

    The list holds confirmed nodes only and has no status; a few rows have no address; heights may be numbers or texts
    (seen on live nodes, 2026-09-30).
    """
    listing = Listing()
    places: dict[str, int] = {}
    for row in rows:
        host = _from_row(row)
        if host is None:
            listing.skipped["with a bad address" if row.get("address") else "without an address"] += 1
            continue
        known = places.setdefault(host["fluxos_node"], len(listing.hosts))
        if known == len(listing.hosts):
            listing.hosts.append(host)
            continue
        # A node that moved to another collateral is listed under both until the old one expires.
        listing.skipped["listed twice"] += 1
        if _height(host) > _height(listing.hosts[known]):
            listing.hosts[known] = host
    # The list is ordered by rank, which changes with every block; a plan that is made twice has to come out the same.
    listing.hosts.sort(key=position)
    return listing


def position(host: NodeHost) -> tuple[int, int, int]:
    """What hosts of the network's lists are ordered by."""
    address = ipaddress.ip_address(host["fluxos_ip"])
    return address.version, int(address), host["fluxos_port"]


def _from_row(row: Mapping[str, Any]) -> NodeHost | None:
    # Names and URLs are for users: a list that holds one would make the controller resolve or call what it says.
    if row["port"] not in NODE_PORTS or not is_ip(row["ip"]):
        return None
    host: NodeHost = {
        "fluxos_node": row["address"],
        "fluxos_ip": row["ip"],
        "fluxos_port": row["port"],
        "fluxos_status": "CONFIRMED",
    }
    _put_chain_facts(
        host,
        tier=row["tier"],
        payment_address=row["payment_address"],
        collateral=row["collateral"],
        last_confirmed_height=row["last_confirmed_height"],
    )
    return host


def put_confirmation(host: NodeHost, confirmation: Confirmation) -> None:
    """Add to a host what its node said of itself."""
    host["fluxos_status"] = confirmation.status
    _put_chain_facts(
        host,
        tier=confirmation.tier,
        payment_address=confirmation.payment_address,
        collateral=_OUTPOINT.sub(r"\1:\2", confirmation.collateral),
        last_confirmed_height=confirmation.last_confirmed_height,
    )


def _put_chain_facts(
    host: NodeHost, *, tier: Any, payment_address: Any, collateral: str, last_confirmed_height: Any
) -> None:
    if isinstance(tier, str) and tier:
        host["fluxos_tier"] = tier
    if isinstance(payment_address, str) and payment_address:
        host["fluxos_payment_address"] = payment_address
    if _COLLATERAL.fullmatch(collateral):
        host["fluxos_collateral"] = collateral
    height = as_int(last_confirmed_height)
    if height is not None:
        host["fluxos_last_confirmed_height"] = height


def as_int(value: Any) -> int | None:
    """A whole number that came as one or as text; ``None`` for anything else, ``true`` included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,18}\s*", value):
        return int(value)
    return None


def is_ip(text: str) -> bool:
    """Whether it is an IP address, which a list of the network may name; names and URLs are for users."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _height(host: NodeHost) -> int:
    return host.get("fluxos_last_confirmed_height", 0)


# -- selecting, naming, grouping --------------------------------------------------------------------------------------


def owned_by(row: Mapping[str, Any], owners: frozenset[str]) -> bool:
    """Whether a row belongs to one of the payment addresses or public keys.

    The daemon's own filter also answers rows of which the text is only a part.
    """
    return any(isinstance(row[key], str) and row[key] in owners for key in ("payment_address", "pubkey"))


def selected(host: NodeHost, tiers: frozenset[str], statuses: frozenset[str]) -> bool:
    """Whether a host is wanted; an empty set wants everything. Both sets are lower case."""
    if tiers and host.get("fluxos_tier", "").lower() not in tiers:
        return False
    return not statuses or host.get("fluxos_status", "").lower() in statuses


def host_name(host: NodeHost, form: str) -> str:
    """The inventory's name of a node.

    ``dashed`` is ``203-0-113-7-16127``, as FluxOS's own host names spell a node (1-2-3-4-16127.node.api.runonflux.io).
    ``ip`` is ``203.0.113.7``, and ``203.0.113.7-16137`` off the default port, as the network's lists print it, with a
    dash because a colon separates patterns in ``--limit``.
    """
    place, port = host["fluxos_ip"], host["fluxos_port"]
    if ":" in place:
        place = ipaddress.IPv6Address(place).exploded.replace(":", "-")
    if form == "ip":
        return place if port == DEFAULT_PORT else f"{place}-{port}"
    return f"{place.replace('.', '-')}-{port}"


def shared_ips(hosts: Iterable[NodeHost]) -> frozenset[str]:
    """The IP addresses with more than one node; several hosts may be on one node."""
    nodes = {(host["fluxos_ip"], host["fluxos_port"]) for host in hosts}
    return frozenset(ip for ip, count in Counter(ip for ip, _port in nodes).items() if count > 1)


def group_names(host: NodeHost, shared: frozenset[str]) -> Sequence[str]:
    """The groups of one host beside ``fluxos_nodes``.

    A group is named after a word only when we know the word: the network's text makes no names.
    """
    groups = []
    if "fluxos_tier" in host:
        groups.append(f"fluxos_tier_{_known(host['fluxos_tier'], TIERS)}")
    if "fluxos_status" in host:
        groups.append(f"fluxos_status_{_known(host['fluxos_status'], STATUSES)}")
    if host["fluxos_ip"] in shared:
        groups.append("fluxos_shared_ip")
    return groups


def _known(word: str, words: Sequence[str]) -> str:
    return word.lower() if word.lower() in words else "other"
