# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/daemon/*`` (FluxOS: daemonService/*.js; fluxd 9.1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data
from tests.simulator.node import RpcError
from tests.simulator.profiles import P17, P18
from tests.simulator.routes import views
from tests.simulator.routes.nodelist import TIER_ORDER, node_rows
from tests.simulator.routing import Registry

if TYPE_CHECKING:
    from tests.simulator.node import Node

ROUTES = Registry()


@ROUTES.get("/daemon/getfluxnodestatus", cache=60)
@ROUTES.get("/daemon/getzelnodestatus", cache=60)
def node_status(call: Call) -> Reply:
    """Confirmation of this node; not in the RPC cache."""
    return data(views.node_status(call.node))


@ROUTES.get("/daemon/getblockcount", cache=30)
def block_count(call: Call) -> Reply:
    """The daemon's tip."""
    return data(call.node.rpc("getblockcount", lambda: call.node.block_height))


@ROUTES.get("/daemon/getinfo", cache=30)
def info(call: Call) -> Reply:
    """The balance is for the operator only, and the wallet here is empty."""
    found = views.daemon_info(call.node)
    if call.headers.get("zelidauth") and call.authorize("admin"):
        return data({**found, "balance": 0})
    return data(found)


@ROUTES.get("/daemon/getblockchaininfo", cache=30)
def blockchain_info(call: Call) -> Reply:
    """Blocks and headers; they differ while the daemon syncs."""

    def ask() -> dict[str, Any]:
        node = call.node
        return {
            "chain": "main",
            "blocks": node.block_height,
            "headers": node.world.height(),
            "bestblockhash": f"{node.block_height:064x}",
            "difficulty": 0.4224907993356665,
            "verificationprogress": node.block_height / max(1, node.world.height()),
            "chainwork": "0" * 64,
        }

    return data(call.node.rpc("getblockchaininfo", ask))


@ROUTES.get("/daemon/getbestblockhash", cache=30)
def best_block_hash(call: Call) -> Reply:
    """A hash that stands for the height."""
    return data(call.node.rpc("getbestblockhash", lambda: f"{call.node.block_height:064x}"))


@ROUTES.get("/daemon/getconnectioncount", cache=30)
def connection_count(call: Call) -> Reply:
    """Peers of the daemon."""
    return data(call.node.rpc("getconnectioncount", lambda: 16))


@ROUTES.get("/daemon/viewdeterministicfluxnodelist/:filter?", cache=30)
@ROUTES.get("/daemon/viewdeterministiczelnodelist/:filter?", cache=30)
@ROUTES.get("/daemon/listfluxnodes/:filter?", cache=30)
@ROUTES.get("/daemon/listzelnodes/:filter?", cache=30)
def node_list(call: Call) -> Reply:
    """All confirmed nodes; ``limit`` slices after the call."""
    wanted = str(call.param("filter") or "")
    rows: list[dict[str, Any]] = call.node.rpc(f"listfluxnodes {wanted}", lambda: node_rows(call.world, wanted))
    limit = str(call.query.get("limit") or "")
    if limit.isdigit() and not limit.startswith("0") and len(limit) <= 7:
        rows = rows[: int(limit)]
    return data(rows)


@ROUTES.get("/daemon/getfluxnodecount", cache=30)
@ROUTES.get("/daemon/getzelnodecount", cache=30)
def node_count(call: Call) -> Reply:
    """``ipv4`` counts only rows without a port."""

    def ask() -> dict[str, int]:
        rows = node_rows(call.world)
        tiers = {tier: sum(row["tier"] == tier for row in rows) for tier in TIER_ORDER}
        return {
            "total": len(rows),
            "stable": len(rows),
            "basic-enabled": tiers["CUMULUS"],
            "super-enabled": tiers["NIMBUS"],
            "bamf-enabled": tiers["STRATUS"],
            "cumulus-enabled": tiers["CUMULUS"],
            "nimbus-enabled": tiers["NIMBUS"],
            "stratus-enabled": tiers["STRATUS"],
            "ipv4": sum(bool(row["ip"]) and ":" not in row["ip"] for row in rows),
            "ipv6": 0,
            "onion": 0,
        }

    return data(call.node.rpc("getfluxnodecount", ask))


def _short(node: Node) -> dict[str, Any]:
    row = views.chain_row(node)
    return {name: row[name] for name in ("collateral", "added_height", "payment_address", "amount")}


@ROUTES.get("/daemon/getstartlist", cache=30)
def start_list(call: Call) -> Reply:
    """Started nodes that have not confirmed yet."""

    def ask() -> list[dict[str, Any]]:
        nodes = [node for node in call.world.nodes.values() if node.confirmation.base_status == "STARTED"]
        return [{**_short(node), "expires_in": 240 - min(239, node.confirmation.age)} for node in nodes]

    return data(call.node.rpc("getstartlist", ask))


@ROUTES.get("/daemon/getdoslist", cache=30)
def dos_list(call: Call) -> Reply:
    """Nodes under a DOS ban of the chain."""

    def ask() -> list[dict[str, Any]]:
        nodes = [node for node in call.world.nodes.values() if node.confirmation.base_status == "DOS"]
        return [{**_short(node), "eligible_in": 720 - min(719, node.confirmation.age)} for node in nodes]

    return data(call.node.rpc("getdoslist", ask))


@ROUTES.get("/daemon/getbenchmarks", cache=30)
def benchmarks(call: Call) -> Reply:
    """A JSON text inside the envelope, as live nodes give it."""
    import json

    return data(call.node.rpc("getbenchmarks", lambda: json.dumps(views.benchmarks(call.node), indent=2) + "\n"))


@ROUTES.get("/daemon/getblockhash/:index?", cache=30)
def block_hash(call: Call) -> Reply:
    """The hash of a height."""
    text = str(call.param("index") or "")

    def ask() -> str:
        if not text.isdigit() or int(text) > call.node.block_height:
            raise RpcError(-8, "Block height out of range")
        return f"{int(text):064x}"

    return data(call.node.rpc(f"getblockhash {text}", ask))


@ROUTES.get("/daemon/getdifficulty", cache=30)
def difficulty(call: Call) -> Reply:
    """The difficulty of the chain."""
    return data(call.node.rpc("getdifficulty", lambda: views.daemon_info(call.node)["difficulty"]))


@ROUTES.get("/daemon/getmempoolinfo", cache=30)
def mempool(call: Call) -> Reply:
    """No transaction waits."""
    return data(call.node.rpc("getmempoolinfo", lambda: {"size": 0, "bytes": 0, "usage": 0}))


@ROUTES.get("/daemon/ping", privilege="adminandfluxteam")
def ping(call: Call) -> Reply:
    """Has the daemon ping its peers; it answers nothing."""
    return data(call.node.rpc("ping", lambda: None))


@ROUTES.get("/daemon/listaddressgroupings", privilege="admin", profiles=frozenset({P17, P18}))
def address_groupings(call: Call) -> Reply:
    """One of the wallet routes that went in 8.19; the wallet here is empty."""
    return data(call.node.rpc("listaddressgroupings", list))
