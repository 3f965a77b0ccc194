# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stats has collected of the nodes: a snapshot of each, and the document that is made of it when somebody asks.

15,000 documents would fill 200 MB; what they are made of is small, and of a node that sleeps nothing is kept at all.
Shapes as stats.runonflux.io answered on 2026-09-30.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulator import shapes
from tests.simulator.containers import human_duration
from tests.simulator.profiles import profile_of
from tests.simulator.routes import peers, views

if TYPE_CHECKING:
    from tests.simulator.appinfo import AppInfo
    from tests.simulator.node import Node, NodeSpec
    from tests.simulator.sleeping import Sleeper
    from tests.simulator.world import World


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A node at the moment when stats asked it. ``answers``: it did; ``rows``: its running containers."""

    spec: NodeSpec
    txhash: str
    answers: bool
    confirmed: bool
    version: str
    owner: str
    payment_address: str
    static_ip: bool
    status: str
    last_confirmed: int
    started: float
    height: int
    dos: tuple[float, str | None]
    benchmark: str
    peers: tuple[int, int]
    apps: tuple[AppInfo, ...]
    rows: tuple[dict[str, Any], ...]

    @classmethod
    def of_node(cls, node: Node) -> Snapshot:
        """Of a node that is awake, now."""
        lame = node.faults.option("health", "check", "") == "syncthing"
        lame = lame or node.faults.option("benchmark", "status", "") == "down"
        return cls(
            node.spec,
            node.txhash,
            node.is_reachable and node.daemon_answers and not lame and not node.spec.hidden_ip,
            node.confirmation.is_confirmed and node.listed,
            node.version,
            node.owner,
            node.payment_address,
            node.static_ip,
            node.confirmation.status,
            node.confirmation.last_confirmed_height,
            node.process_started,
            node.block_height,
            (node.dos_state, node.dos_message),
            node.benchmark_status(),
            peers.numbers(node),
            tuple(node.apps.installed.values()),
            tuple(views.running_containers(node)),
        )

    @classmethod
    def of_sleeper(cls, world: World, sleeper: Sleeper, now: float, height: int, *, with_apps: bool = True) -> Snapshot:
        """Of a node that nobody had asked by then."""
        spec = sleeper.spec
        apps = tuple(world.apps[name.lower()] for name in spec.apps) if with_apps else ()
        status = f"Up {human_duration(now - sleeper.process_started)}"
        names = [name for app in apps for name in app.container_names()]
        return cls(
            spec,
            sleeper.txhash,
            True,
            True,
            spec.version,
            spec.owner,
            spec.payment_address,
            True,
            spec.status,
            sleeper.last_confirmed(height),
            sleeper.process_started,
            height,
            (0, None),
            spec.tier,
            (peers.OUT_FULL, peers.IN_FULL),
            apps,
            tuple({"Names": [f"/{name}"], "State": "running", "Status": status} for name in names),
        )


def document(found: Snapshot, *, round_ms: int, asked_ms: int, again: str | None, roots: set[str]) -> dict[str, Any]:
    """The parts of a node's document that are asked for (``roots``), in the order of the real ones.

    ``again``: the transaction of a second collateral with the same address.
    """
    made: dict[str, Any] = {}
    chain = shapes.chain_row(found.spec, again or found.txhash, found.payment_address, found.last_confirmed)
    for root, part in _PARTS.items():
        if root in roots and not (root == "apps" and "no_apps" in found.spec.odd):
            made[root] = part(found, chain) if found.answers else PLACEHOLDERS[root]
    made |= {
        "appsHashesTotal": shapes.HASHES_TOTAL if found.answers else 0,
        "hashesPresent": shapes.HASHES_PRESENT if found.answers else 0,
        "scannedHeight": found.height if found.answers else 0,
        "ip": chain["ip"],
        "addedHeight": chain["added_height"],
        "confirmedHeight": chain["confirmed_height"],
        "lastConfirmedHeight": chain["last_confirmed_height"],
        "lastPaidHeight": chain["last_paid_height"],
        "tier": chain["tier"],
        "paymentAddress": chain["payment_address"],
        "activeSince": chain["activesince"],
        "collateralHash": chain["txhash"],
        "collateralIndex": 0,
        "roundTime": round_ms,
        "dataCollectedAt": asked_ms,
    }
    if not found.answers:
        made["error"] = {}
    return made


def _daemon(found: Snapshot, _chain: dict[str, Any]) -> dict[str, Any]:
    return {"info": shapes.daemon_info(found.height), "zmqEnabled": True}


def _node(found: Snapshot, chain: dict[str, Any]) -> dict[str, Any]:
    row = {"status": found.status, **chain}
    if found.spec.port != 16127:
        row["network"] = ""
    return {"status": row}


def _benchmark(found: Snapshot, _chain: dict[str, Any]) -> dict[str, Any]:
    return {
        "info": {"version": shapes.BENCHMARK_VERSION, "rpcport": 16224},
        "status": shapes.benchmark_status(found.benchmark, found.spec.arcane),
        "bench": shapes.benchmarks(found.spec, found.benchmark, found.started),
    }


def _flux(found: Snapshot, _chain: dict[str, Any]) -> dict[str, Any]:
    part = shapes.flux(
        found.spec,
        found.version,
        profile_of(found.version),
        owner=found.owner,
        static_ip=found.static_ip,
        dos=found.dos,
        height=found.height,
        peers=found.peers,
    )
    # Stats keeps the height beside, under another name.
    del part["explorerScannedHeigth"]
    return part


def _apps(found: Snapshot, _chain: dict[str, Any]) -> dict[str, Any]:
    return {
        "fluxusage": shapes.usage(found.spec.tier, len(found.apps), len(found.rows)),
        "runningapps": list(found.rows),
        "resources": shapes.resources(found.apps),
    }


def _geolocation(found: Snapshot, _chain: dict[str, Any]) -> dict[str, Any] | None:
    return shapes.geolocation(found.spec, profile_of(found.version), found.static_ip)


_PARTS = {
    "daemon": _daemon,
    "node": _node,
    "benchmark": _benchmark,
    "flux": _flux,
    "apps": _apps,
    "geolocation": _geolocation,
}

# What stands for the parts of a node that did not answer.
PLACEHOLDERS: dict[str, Any] = {
    "daemon": {
        "info": {
            "version": 0,
            "protocolversion": 0,
            "walletversion": 0,
            "blocks": 0,
            "timeoffset": 0,
            "connections": 0,
            "proxy": "",
            "difficulty": 0,
            "testnet": False,
            "keypoololdest": 0,
            "keypoolsize": 0,
            "paytxfee": 0,
            "relayfee": 0,
            "errors": "",
        }
    },
    "node": {
        "status": {
            **dict.fromkeys(("status", "collateral", "txhash"), ""),
            "outidx": "0",
            **dict.fromkeys(("ip", "network"), ""),
            **dict.fromkeys(("added_height", "confirmed_height", "last_confirmed_height", "last_paid_height"), 0),
            **dict.fromkeys(("tier", "payment_address", "pubkey", "activesince", "lastpaid", "amount"), ""),
        }
    },
    "benchmark": {
        "info": {"version": "0", "rpcport": 0},
        "status": {"status": "", "benchmarking": "", "flux": ""},
        "bench": {
            **dict.fromkeys(("ipaddress", "architecture", "armboard"), ""),
            "status": "0",
            **dict.fromkeys(("time", "real_cores", "cores", "ram", "ssd", "hdd", "ddwrite", "totalstorage"), 0),
            "disksinfo": [{"disk": "sda", "size": 0, "writespeed": 0}],
            **dict.fromkeys(("eps", "ping", "download_speed", "upload_speed"), 0),
            **dict.fromkeys(("bench_version", "speed_version", "error"), ""),
        },
    },
    "flux": {
        "version": "",
        "ip": "",
        "zelid": "",
        "cruxid": None,
        "timezone": "",
        "dos": {"dosState": 0, "dosMessage": None},
        "numberOfConnectionsIn": 0,
        "numberOfConnectionsOut": 0,
    },
    "apps": {
        "fluxusage": "0",
        "runningapps": [],
        "resources": {"appsCpusLocked": 0, "appsRamLocked": 0, "appsHddLocked": 0},
    },
    "geolocation": {
        **dict.fromkeys(("ip", "continent", "continentCode", "country", "countryCode", "region", "regionName"), ""),
        "lat": 0,
        "lon": 0,
        "org": "",
    },
}
ROOTS = set(PLACEHOLDERS)
