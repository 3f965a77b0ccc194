# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that several routes show; shapes as seen on live nodes, 2026-09-30."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulator import shapes
from tests.simulator.node import RpcError
from tests.simulator.routes import peers

if TYPE_CHECKING:
    from tests.simulator.node import Node


def geolocation(node: Node) -> dict[str, Any] | None:
    """``/flux/geolocation``."""
    return shapes.geolocation(node.spec, node.profile, node.static_ip)


def daemon_info(node: Node) -> dict[str, Any]:
    """``/daemon/getinfo`` (without a wallet's balance). Raises RpcError."""
    found: dict[str, Any] = node.rpc("getinfo", lambda: shapes.daemon_info(node.block_height))
    return found


def chain_row(node: Node) -> dict[str, Any]:
    """What the node list and the node status have in common."""
    return shapes.chain_row(node.spec, node.txhash, node.payment_address, node.confirmation.last_confirmed_height)


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
    return shapes.benchmark_status(node.benchmark_status(), node.spec.arcane)


def benchmarks(node: Node) -> dict[str, Any]:
    """``/benchmark/getbenchmarks``. Raises RpcError."""
    node.need_benchmark()
    figures = shapes.benchmarks(node.spec, node.benchmark_status(), node.process_started)
    for name in node.faults.option("benchmark", "without", ()):
        del figures[name]
    return figures


def usage(node: Node) -> dict[str, Any]:
    """``/apps/fluxusage``."""
    running = sum(container.running for container in node.apps.containers)
    return shapes.usage(node.spec.tier, len(node.apps.installed), running)


def resources(node: Node) -> dict[str, Any]:
    """``/apps/appsresources``."""
    return shapes.resources(node.apps.installed.values())


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
    flux = shapes.flux(
        node.spec,
        node.version,
        node.profile,
        owner=node.owner,
        static_ip=node.static_ip,
        dos=(node.dos_state, node.dos_message),
        height=node.block_height,
        peers=peers.numbers(node),
    )
    return {
        "daemon": {"info": daemon_info(node), "zmqEnabled": True},
        "node": {"status": node_status(node)},
        "benchmark": {
            "info": {"version": shapes.BENCHMARK_VERSION, "rpcport": 16224},
            "status": benchmark_status(node),
            "bench": benchmarks(node),
        },
        "flux": flux,
        "apps": {"fluxusage": usage(node), "runningapps": running_containers(node), "resources": resources(node)},
        "geolocation": geolocation(node),
        "appsHashesTotal": shapes.HASHES_TOTAL,
        "hashesPresent": shapes.HASHES_PRESENT,
    }
