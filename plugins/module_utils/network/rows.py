# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node of the network as one flat row, whoever told of it. Pure functions, no input or output.

Steps: rows of a node list (gateway or explorer) or documents of the stats service; each becomes a :class:`NodeRow`.

Properties:

- no row raises, whatever it holds: one without a usable address is left out, counted and named; a value of another
  type than it should have is ``None``;
- ``None`` means "not known", never "no": what was not asked for, and every placeholder that the stats service writes
  for a node that did not answer it, is ``None``;
- texts of the network stay texts as they are: nothing here judges, shortens or evaluates them;
- equal input gives equal output, in the order of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fluxme.fluxos.plugins.module_utils.endpoint import address_of, listed_place
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.node_row import NodeRow
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.odd import Odd
from ansible_collections.fluxme.fluxos.plugins.module_utils.network.values import (
    mapping,
    milliseconds,
    number,
    outpoint,
    text,
    truth,
    whole,
)
from ansible_collections.fluxme.fluxos.plugins.module_utils.results import Container

WITHOUT_ADDRESS = "without an address"
BAD_ADDRESS = "with an address that is none"
NO_OBJECT = "that are no objects"


@dataclass
class Rows:
    """Nodes as read from one source, and what was left out of it."""

    rows: list[NodeRow] = field(default_factory=list)
    odd: Odd = field(default_factory=Odd)


# -- node lists -------------------------------------------------------------------------------------------------------


def from_node_list(listed: Iterable[Mapping[str, Any]]) -> Rows:
    """Rows of ``GatewayClient.node_list`` or ``ExplorerClient.node_list``, which hold confirmed nodes only."""
    result = Rows()
    for position, row in enumerate(listed):
        place = _place(row.get("address"))
        if place is None:
            _leave_out(result.odd, row.get("address"), outpoint(row.get("txhash"), row.get("outidx")), position)
            continue
        ip, port = place
        result.rows.append(
            NodeRow(
                address=address_of(ip, port),
                ip=ip,
                port=port,
                tier=text(row.get("tier")),
                status="CONFIRMED",
                collateral=outpoint(row.get("txhash"), row.get("outidx")),
                payment_address=text(row.get("payment_address")),
                public_key=text(row.get("pubkey")),
                added_height=whole(row.get("added_height")),
                confirmed_height=whole(row.get("confirmed_height")),
                last_confirmed_height=whole(row.get("last_confirmed_height")),
                last_paid_height=whole(row.get("last_paid_height")),
                active_since=whole(row.get("active_since")),
            )
        )
    return result


# -- stats ------------------------------------------------------------------------------------------------------------


def from_stats(documents: Iterable[Any], projection: Iterable[str] | None = None) -> Rows:
    """Documents of ``StatsClient.fluxinfo``. ``projection`` is what was asked for, ``None`` for whole documents.

    A node that did not answer the collector is in the list too, with an empty ``flux.version``, placeholders (empty
    texts, zeros) for everything that only the node knows, and mostly a key ``error``: it is unreachable, and nothing
    but its chain facts is taken over. Where ``flux.version`` was not asked for, ``reachable`` is not known.
    """
    asked = None if projection is None else frozenset(projection)
    tells_arcane = asked is None or not asked.isdisjoint(("flux", "flux.arcaneVersion"))
    apps = _AppNames()
    result = Rows()
    for position, document in enumerate(documents):
        if not isinstance(document, dict):
            result.odd.add(NO_OBJECT, f"row {position}")
            continue
        place = _place(document.get("ip"))
        if place is None:
            collateral = outpoint(document.get("collateralHash"), document.get("collateralIndex"))
            _leave_out(result.odd, document.get("ip"), collateral, position)
            continue
        result.rows.append(_from_document(document, place[0], place[1], tells_arcane, apps))
    return result


def _from_document(document: dict[str, Any], ip: str, port: int, tells_arcane: bool, apps: _AppNames) -> NodeRow:
    get = document.get
    tier = text(get("tier"))
    row = NodeRow(
        address=address_of(ip, port),
        ip=ip,
        port=port,
        tier=tier.upper() if tier else None,
        collateral=outpoint(get("collateralHash"), get("collateralIndex")),
        payment_address=text(get("paymentAddress")),
        added_height=whole(get("addedHeight")),
        confirmed_height=whole(get("confirmedHeight")),
        last_confirmed_height=whole(get("lastConfirmedHeight")),
        last_paid_height=whole(get("lastPaidHeight")),
        active_since=whole(get("activeSince")),
        collected_at=milliseconds(get("dataCollectedAt")),
        round_started=milliseconds(get("roundTime")),
    )
    flux = mapping(get("flux"))
    version = flux.get("version")
    if version == "" or ("error" in document and not isinstance(version, str)):
        row.reachable = False
        return row
    if isinstance(version, str):
        row.reachable = True
        row.version = version
    _put_flux(row, flux, tells_arcane)
    if "node" in document:
        status = mapping(mapping(document["node"]).get("status"))
        row.status = text(status.get("status"))
        row.public_key = text(status.get("pubkey"))
    if "daemon" in document:
        info = mapping(mapping(document["daemon"]).get("info"))
        row.daemon_version = whole(info.get("version"))
        row.daemon_height = whole(info.get("blocks"))
    if "benchmark" in document:
        _put_benchmark(row, mapping(document["benchmark"]))
    if "geolocation" in document:
        _put_place(row, mapping(document["geolocation"]))
    if "apps" in document:
        row.apps = apps.of(mapping(document["apps"]).get("runningapps"))
    row.scanned_height = whole(get("scannedHeight"))
    return row


def _put_flux(row: NodeRow, flux: dict[str, Any], tells_arcane: bool) -> None:
    get = flux.get
    row.flux_id = text(get("zelid"))
    row.arcane_version = text(get("arcaneVersion"))
    # Legacy nodes lack the key. Without a version it is not known whether the node answered at all.
    if row.arcane_version is not None:
        row.arcane = True
    elif tells_arcane and row.reachable:
        row.arcane = False
    row.development = truth(get("development"))
    row.static_ip = truth(get("staticIp"))
    dos = mapping(get("dos"))
    row.dos_state = number(dos.get("dosState"))
    row.dos_message = text(dos.get("dosMessage"))
    row.connections_in = whole(get("numberOfConnectionsIn"))
    row.connections_out = whole(get("numberOfConnectionsOut"))


def _put_benchmark(row: NodeRow, benchmark: dict[str, Any]) -> None:
    row.benchmark_version = text(mapping(benchmark.get("info")).get("version"))
    row.benchmark_status = text(mapping(benchmark.get("status")).get("status"))
    bench = mapping(benchmark.get("bench"))
    row.benchmark_tier = text(bench.get("status"))
    row.cores = whole(bench.get("cores"))
    row.ram_gb = number(bench.get("ram"))
    row.ssd_gb = number(bench.get("ssd"))


def _put_place(row: NodeRow, geolocation: dict[str, Any]) -> None:
    get = geolocation.get
    row.continent = text(get("continent"))
    row.continent_code = text(get("continentCode"))
    row.country = text(get("country"))
    row.country_code = text(get("countryCode"))
    row.region = text(get("regionName"))
    row.organisation = text(get("org"))
    # Where nothing is known of an IP the service writes 0 and 0, which is a place in the sea.
    if get("lat") or get("lon"):
        row.latitude = number(get("lat"))
        row.longitude = number(get("lon"))


class _AppNames:
    """Docker names to apps, each name worked out once: thousands of nodes run the same few apps."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, containers: Any) -> tuple[str, ...] | None:
        if not isinstance(containers, list):
            return None
        names: set[str] = set()
        for container in containers:
            aliases = mapping(container).get("Names")
            if isinstance(aliases, list) and aliases and isinstance(aliases[0], str):
                app = self._known.get(aliases[0])
                if app is None:
                    app = self._known[aliases[0]] = Container.from_docker(aliases[0], "", "").app
                names.add(app)
        names.discard("")
        return tuple(sorted(names))


def _place(listed: Any) -> tuple[str, int] | None:
    return listed_place(listed) if isinstance(listed, str) and listed else None


def _leave_out(odd: Odd, address: Any, collateral: str | None, position: int) -> None:
    name = collateral or f"row {position}"
    if address is None or address == "":
        odd.add(WITHOUT_ADDRESS, name)
    else:
        odd.add(BAD_ADDRESS, address if isinstance(address, str) else name)
