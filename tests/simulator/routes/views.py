# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that several routes show; shapes as seen on live nodes, 2026-09-30."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulator.node import TIERS, RpcError
from tests.simulator.profiles import P17
from tests.simulator.routes import peers

if TYPE_CHECKING:
    from tests.simulator.node import Node

DAEMON_VERSION = 9010050
NODE_JS = "24.4.1"
PUBLIC_KEY = "04" + "ab" * 64


def geolocation(node: Node) -> dict[str, Any]:
    """``/flux/geolocation``."""
    place = {
        "ip": node.spec.ip,
        "continent": "Europe",
        "continentCode": "EU",
        "country": "Germany",
        "countryCode": "DE",
        "region": "SN",
        "regionName": "Saxony",
        "lat": 50.4777,
        "lon": 12.3649,
        "org": "Simulated Hosting",
    }
    if node.profile.name != P17:
        place |= {
            "isp": "Simulated Hosting",
            "asn": "AS64500 Simulated Hosting",
            "mobile": False,
            "proxy": False,
            "hosting": True,
        }
    return {**place, "static": node.static_ip, "dataCenter": True}


def daemon_info(node: Node) -> dict[str, Any]:
    """``/daemon/getinfo`` (without a wallet's balance). Raises RpcError."""

    def ask() -> dict[str, Any]:
        return {
            "version": DAEMON_VERSION,
            "protocolversion": 170021,
            "walletversion": 60000,
            "blocks": node.block_height,
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

    found: dict[str, Any] = node.rpc("getinfo", ask)
    return found


def chain_row(node: Node) -> dict[str, Any]:
    """What the node list and the node status have in common."""
    confirmation = node.confirmation
    last = confirmation.last_confirmed_height
    return {
        "collateral": f"COutPoint({node.txhash}, 0)",
        "txhash": node.txhash,
        "outidx": "0",
        "ip": node.chain_ip,
        "network": "ipv4" if node.chain_ip else "",
        "added_height": 2_500_000,
        "confirmed_height": 2_500_003,
        "last_confirmed_height": last,
        "last_paid_height": last - 700,
        "tier": node.spec.tier,
        "payment_address": node.payment_address,
        "pubkey": PUBLIC_KEY,
        "activesince": "1769275534",
        "lastpaid": "1790750104",
        "amount": node.tier_amount,
    }


def node_status(node: Node) -> dict[str, Any]:
    """``/daemon/getfluxnodestatus``: never cached in the RPC layer. Raises RpcError."""
    node.need_daemon()
    row = {"status": node.confirmation.status, **chain_row(node)}
    if node.spec.port != 16127:
        row["network"] = ""
    return row


def benchmark_status(node: Node) -> dict[str, Any]:
    """``/benchmark/getstatus``. Raises RpcError."""
    node.need_benchmark()
    return {
        "status": "online",
        "benchmarking": node.benchmark_status(),
        "flux": "connected",
        "systemsecure": node.spec.arcane,
    }


def benchmarks(node: Node) -> dict[str, Any]:
    """``/benchmark/getbenchmarks``. Raises RpcError."""
    node.need_benchmark()
    _unused, cores, ram, ssd = TIERS[node.spec.tier]
    state = node.benchmark_status()
    figures = {
        "ipaddress": node.chain_ip,
        "architecture": "amd64",
        "armboard": "",
        "status": state,
        "time": int(node.process_started),
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
        "systemsecure": node.spec.arcane,
        "error": "benchmark failed" if state == "failed" else "",
    }
    for name in node.faults.option("benchmark", "without", ()):
        del figures[name]
    return figures


def usage(node: Node) -> dict[str, Any]:
    """``/apps/fluxusage``: containers are subtracted from apps, so ``stoppedApps`` may be negative."""
    _unused, cores, ram, ssd = TIERS[node.spec.tier]
    running = sum(container.running for container in node.apps.containers)
    total = len(node.apps.installed)
    return {
        "totalApps": total,
        "runningApps": running,
        "stoppedApps": total - running,
        "nodeSpecs": {"cpuCores": cores, "ram": ram * 994.7, "ssdStorage": ssd},
    }


def resources(node: Node) -> dict[str, Any]:
    """``/apps/appsresources``: cores, MB, GB (with 12 GB a component)."""
    parts: list[dict[str, Any]] = []
    for app in node.apps.installed.values():
        spec = app.specification()
        parts += spec.get("compose") or [spec]
    return {
        "appsCpusLocked": round(sum(float(part["cpu"]) for part in parts), 4),
        "appsRamLocked": sum(part["ram"] for part in parts),
        "appsHddLocked": sum(part["hdd"] + 12 for part in parts),
    }


def running_containers(node: Node) -> list[dict[str, Any]]:
    """``/apps/listrunningapps``."""
    now = node.world.clock.now()
    # An app that is being backed up or restored is listed all the same.
    kept = node.operations.backups | node.operations.restores
    view = node.profile.container_view
    return [c.row(now, view) for c in node.apps.containers if c.running or c.app in kept]


def info(node: Node) -> dict[str, Any]:
    """``/flux/info``. Raises RpcError with the first part that fails."""
    if node.faults.option("health", "check", "") == "syncthing":
        raise RpcError("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:8384")
    out, into = peers.numbers(node)
    flux: dict[str, Any] = {
        "version": node.version,
        "nodeJsVersion": NODE_JS,
        "syncthingVersion": "v2.0.15",
        "dockerVersion": "29.0.1",
        "mongoDbVersion": "8.0.4",
        "os": "Ubuntu",
        "osVersion": "24.04",
        "osPrettyName": "Ubuntu 24.04 LTS",
        "ip": node.address,
        "staticIp": node.static_ip,
        "upnp": node.spec.port != 16127,
        "maxNumberOfIpChanges": 0,
        "zelid": node.owner,
        "timezone": "Etc/UTC",
        "dos": {"dosState": node.dos_state, "dosMessage": node.dos_message},
        "appsDos": {"dosState": 0, "dosMessage": None},
    }
    if node.profile.health:
        flux["dosStaging"] = None
    if node.spec.arcane:
        flux |= {"arcaneVersion": "0.9.4", "arcaneHumanVersion": "Arcane 0.9.4"}
    flux |= {
        "development": False,
        "explorerScannedHeigth": {"generalScannedHeight": node.block_height},
        "numberOfConnectionsOut": out,
        "numberOfConnectionsIn": into,
    }
    return {
        "daemon": {"info": daemon_info(node), "zmqEnabled": True},
        "node": {"status": node_status(node)},
        "benchmark": {
            "info": {"version": "6.3.1", "rpcport": 16224},
            "status": benchmark_status(node),
            "bench": benchmarks(node),
        },
        "flux": flux,
        "apps": {"fluxusage": usage(node), "runningapps": running_containers(node), "resources": resources(node)},
        "geolocation": geolocation(node),
        "appsHashesTotal": 52000,
        "hashesPresent": 51990,
    }
