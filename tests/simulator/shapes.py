# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that a node shows of itself and that stats has collected of it, made of plain values.

Shapes as seen on live nodes, 2026-09-30.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.simulator.appinfo import AppInfo
from tests.simulator.places import DEFAULT
from tests.simulator.profiles import P17, Profile

if TYPE_CHECKING:
    from tests.simulator.node import NodeSpec

DAEMON_VERSION = 9010050
BENCHMARK_VERSION = "6.3.1"
NODE_JS = "24.4.1"
PUBLIC_KEY = "04" + "ab" * 64
HASHES_TOTAL, HASHES_PRESENT = 52000, 51990
# Collateral, cores, RAM and SSD in GB.
TIERS = {"CUMULUS": ("1000.00", 4, 8, 220), "NIMBUS": ("12500.00", 8, 32, 440), "STRATUS": ("40000.00", 16, 64, 880)}


def geolocation(spec: NodeSpec, profile: Profile, static_ip: bool) -> dict[str, Any] | None:
    """``/flux/geolocation``; None when the node does not know where it is."""
    if "no_geolocation" in spec.odd:
        return None
    place = spec.place or DEFAULT
    found: dict[str, Any] = {
        "ip": spec.seen_ip,
        "continent": place.continent,
        "continentCode": place.continent_code,
        "country": place.country,
        "countryCode": place.country_code,
        "region": place.region,
        "regionName": place.region_name,
        "lat": place.lat,
        "lon": place.lon,
        "org": place.org,
    }
    if "geolocation_without_ip" in spec.odd:
        del found["ip"]
    if profile.name != P17:
        asn = f"AS64500 {place.org}"
        found |= {"isp": place.org, "asn": asn, "mobile": False, "proxy": False, "hosting": True}
    return {**found, "static": static_ip, "dataCenter": True}


def daemon_info(height: int) -> dict[str, Any]:
    """``/daemon/getinfo`` (without a wallet's balance)."""
    return {
        "version": DAEMON_VERSION,
        "protocolversion": 170021,
        "walletversion": 60000,
        "blocks": height,
        "timeoffset": 0,
        "connections": 16,
        "proxy": "",
        "difficulty": 0.4224907993356665,
        "testnet": False,
        "keypoololdest": 1770431399,
        "keypoolsize": 101,
        "paytxfee": 0,
        "relayfee": 1e-06,
        "errors": "",
    }


def chain_row(spec: NodeSpec, txhash: str, payment_address: str, last_confirmed: int) -> dict[str, Any]:
    """What the node list and the node status have in common."""
    never_paid = "never_paid" in spec.odd
    return {
        "collateral": f"COutPoint({txhash}, 0)",
        "txhash": txhash,
        "outidx": "0",
        "ip": spec.chain_ip,
        "network": "ipv4" if spec.chain_ip else "",
        "added_height": spec.added_height,
        "confirmed_height": spec.added_height + 3,
        "last_confirmed_height": last_confirmed,
        "last_paid_height": 0 if never_paid else last_confirmed - 700,
        "tier": spec.tier,
        "payment_address": payment_address,
        "pubkey": spec.pubkey,
        "activesince": "1769275534",
        "lastpaid": "1516980000" if never_paid else "1790750104",
        "amount": TIERS[spec.tier][0],
    }


def benchmark_status(state: str, arcane: bool) -> dict[str, Any]:
    """``/benchmark/getstatus``; ``state``: the tier, ``running`` or ``failed``."""
    return {"status": "online", "benchmarking": state, "flux": "connected", "systemsecure": arcane}


def benchmarks(spec: NodeSpec, state: str, since: float) -> dict[str, Any]:
    """``/benchmark/getbenchmarks``; ``since``: epoch seconds."""
    _unused, cores, ram, ssd = TIERS[spec.tier]
    return {
        "ipaddress": spec.chain_ip,
        "architecture": "amd64",
        "armboard": "",
        "status": state,
        "time": int(since),
        "cores": cores,
        "ram": ram - 0.3,
        "ssd": ssd,
        "hdd": 0,
        "ddwrite": 282.25828125,
        "totalstorage": ssd,
        "disksinfo": [{"disk": "sda", "size": ssd, "writespeed": 282.25828125}],
        "eps": 302.44,
        "eps_singlethread": 75.61,
        "eps_multithread": 302.44,
        "ping": 33.822,
        "download_speed": 150.10605975,
        "upload_speed": 137.696292375,
        "bench_version": "1.0.20",
        "speed_version": "1.2.0",
        "systemsecure": spec.arcane,
        "error": "benchmark failed" if state == "failed" else "",
    }


def usage(tier: str, total: int, running: int) -> dict[str, Any]:
    """``/apps/fluxusage``: containers are subtracted from apps, so ``stoppedApps`` may be negative."""
    _unused, cores, ram, ssd = TIERS[tier]
    return {
        "totalApps": total,
        "runningApps": running,
        "stoppedApps": total - running,
        "nodeSpecs": {"cpuCores": cores, "ram": ram * 994.7, "ssdStorage": ssd},
    }


def resources(apps: Iterable[AppInfo]) -> dict[str, Any]:
    """``/apps/appsresources``: cores, MB, GB (with 12 GB a component)."""
    parts = [part for app in apps for part in app.all_parts()]
    return {
        "appsCpusLocked": round(sum(float(part.cpu) for part in parts), 4),
        "appsRamLocked": sum(part.ram for part in parts),
        "appsHddLocked": sum(part.hdd + 12 for part in parts),
    }


def flux(
    spec: NodeSpec,
    version: str,
    profile: Profile,
    *,
    owner: str,
    static_ip: bool,
    dos: tuple[float, str | None],
    height: int,
    peers: tuple[int, int],
) -> dict[str, Any]:
    """The part ``flux`` of ``/flux/info``; ``peers``: outgoing and incoming."""
    found: dict[str, Any] = {
        "version": version,
        "nodeJsVersion": NODE_JS,
        "syncthingVersion": "v2.0.15",
        "dockerVersion": "29.0.1",
        "mongoDbVersion": "8.0.4",
        "os": "Ubuntu",
        "osVersion": "24.04",
        "osPrettyName": "Ubuntu 24.04 LTS",
        "ip": f"{spec.seen_ip}:{spec.port}",
        "staticIp": static_ip,
        "upnp": spec.port != 16127,
        "maxNumberOfIpChanges": 0,
        "zelid": owner,
        "timezone": spec.timezone,
        "dos": {"dosState": dos[0], "dosMessage": dos[1]},
        "appsDos": {"dosState": 0, "dosMessage": None},
    }
    if profile.health:
        found["dosStaging"] = None
    if spec.arcane:
        found |= {"arcaneVersion": "0.9.4", "arcaneHumanVersion": "Arcane 0.9.4"}
    return found | {
        "development": False,
        "explorerScannedHeigth": {"generalScannedHeight": height},
        "numberOfConnectionsOut": peers[0],
        "numberOfConnectionsIn": peers[1],
    }
