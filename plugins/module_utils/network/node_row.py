# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node of the network as one flat row, and what the stats service has to be asked for to fill it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class NodeRow:
    """What is known of one node. Heights are blocks, times epoch seconds, ``None`` is "not known".

    The first fields are facts of the chain, which node lists and stats both tell; the others only the node itself
    knows, so they come from stats and are 0 to about 45 minutes old (FluxOS' stats collector: one round walks all
    nodes and takes about 15 minutes).
    """

    address: str
    """``1.2.3.4:16127``, always with the API port."""
    ip: str
    """``1.2.3.4``. Up to eight nodes share one."""
    port: int
    """One of 16127, 16137, ... 16197."""
    tier: str | None = None
    """``CUMULUS``, ``NIMBUS`` or ``STRATUS``."""
    status: str | None = None
    """``CONFIRMED`` for every row of a node list; from stats the daemon's own word at that time: ``CONFIRMED``,
    ``STARTED``, ``DOS``, ``OFFLINE`` or ``expired``."""
    collateral: str | None = None
    """``<transaction>:<output>``, the node's primary key: addresses change, and one address may change hands."""
    payment_address: str | None = None
    public_key: str | None = None
    added_height: int | None = None
    confirmed_height: int | None = None
    """Block of the first confirmation."""
    last_confirmed_height: int | None = None
    """Block of the newest confirmation. A node has to be confirmed again within 640 blocks of 30 s."""
    last_paid_height: int | None = None
    """0 when it never was paid."""
    active_since: int | None = None

    reachable: bool | None = None
    """Whether the stats service could read the node in its round. A node list does not tell."""
    version: str | None = None
    """FluxOS' version, such as ``8.20.0``."""
    flux_id: str | None = None
    """Flux ID of the operator (``zelid``)."""
    arcane: bool | None = None
    """Whether the node runs ArcaneOS."""
    arcane_version: str | None = None
    """``1775071308``."""
    development: bool | None = None
    """Whether it runs a development build."""
    static_ip: bool | None = None
    dos_state: float | None = None
    """0 is well, 100 and more is out of service. Of an unreachable node not known."""
    dos_message: str | None = None
    connections_in: int | None = None
    connections_out: int | None = None
    daemon_version: int | None = None
    """``9010050`` is fluxd 9.1.0."""
    daemon_height: int | None = None
    """Best block of the node's daemon."""
    scanned_height: int | None = None
    """Block up to which FluxOS has processed the chain."""
    benchmark_version: str | None = None
    benchmark_status: str | None = None
    """``online`` when the benchmark daemon answers."""
    benchmark_tier: str | None = None
    """Result of the benchmark: a tier, ``running`` or ``failed``."""
    cores: int | None = None
    ram_gb: float | None = None
    ssd_gb: float | None = None
    continent: str | None = None
    """``Europe``."""
    continent_code: str | None = None
    """``EU``."""
    country: str | None = None
    """``Germany``."""
    country_code: str | None = None
    """``DE``."""
    region: str | None = None
    """``Saxony``."""
    organisation: str | None = None
    """Who the IP belongs to, such as ``Hetzner Online GmbH``."""
    latitude: float | None = None
    longitude: float | None = None
    apps: tuple[str, ...] | None = None
    """Apps with a container that ran, sorted, each once."""
    collected_at: float | None = None
    """When the stats service asked the node."""
    round_started: float | None = None
    """When that round of the stats service began."""
    listed: bool | None = None
    """Whether a node list has it: false only where a whole list was read, ``None`` where none was. See :mod:`merge`."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values; a list for ``apps``."""
        values = {name: getattr(self, name) for name in FIELDS}
        if self.apps is not None:
            values["apps"] = list(self.apps)
        return values


FIELDS: tuple[str, ...] = tuple(each.name for each in fields(NodeRow))

STATS_NAMES: Mapping[str, tuple[str, ...]] = {
    "tier": ("tier",),
    "status": ("node.status.status",),
    "collateral": ("collateralHash", "collateralIndex"),
    "payment_address": ("paymentAddress",),
    "public_key": ("node.status.pubkey",),
    "added_height": ("addedHeight",),
    "confirmed_height": ("confirmedHeight",),
    "last_confirmed_height": ("lastConfirmedHeight",),
    "last_paid_height": ("lastPaidHeight",),
    "active_since": ("activeSince",),
    "reachable": ("flux.version",),
    "version": ("flux.version",),
    "flux_id": ("flux.zelid",),
    "arcane": ("flux.arcaneVersion",),
    "arcane_version": ("flux.arcaneVersion",),
    "development": ("flux.development",),
    "static_ip": ("flux.staticIp",),
    "dos_state": ("flux.dos.dosState",),
    "dos_message": ("flux.dos.dosMessage",),
    "connections_in": ("flux.numberOfConnectionsIn",),
    "connections_out": ("flux.numberOfConnectionsOut",),
    "daemon_version": ("daemon.info.version",),
    "daemon_height": ("daemon.info.blocks",),
    "scanned_height": ("scannedHeight",),
    "benchmark_version": ("benchmark.info.version",),
    "benchmark_status": ("benchmark.status.status",),
    "benchmark_tier": ("benchmark.bench.status",),
    "cores": ("benchmark.bench.cores",),
    "ram_gb": ("benchmark.bench.ram",),
    "ssd_gb": ("benchmark.bench.ssd",),
    "continent": ("geolocation.continent",),
    "continent_code": ("geolocation.continentCode",),
    "country": ("geolocation.country",),
    "country_code": ("geolocation.countryCode",),
    "region": ("geolocation.regionName",),
    "organisation": ("geolocation.org",),
    "latitude": ("geolocation.lat",),
    "longitude": ("geolocation.lon",),
    "apps": ("apps.runningapps.Names",),
    "collected_at": ("dataCollectedAt",),
    "round_started": ("roundTime",),
}
"""Field of :class:`NodeRow` to the names of the stats service that it is made of."""

CHAIN_FIELDS: tuple[str, ...] = FIELDS[: FIELDS.index("reachable")]
"""Facts that a node list tells too, and newer than stats does."""

_ALWAYS = ("ip", "flux.version", "lastConfirmedHeight")


def projection_for(wanted: Iterable[str]) -> tuple[str, ...]:
    """The names to ask the stats service for, so that these fields of :class:`NodeRow` are known.

    With them always the version, without which a placeholder cannot be told from a fact, and the last confirmation,
    which decides between two rows of one address.

    Raises KeyError for a text that is no field that stats tell.
    """
    names = set(_ALWAYS)
    for name in wanted:
        if name not in ("address", "ip", "port"):
            names.update(STATS_NAMES[name])
    return tuple(sorted(names))
