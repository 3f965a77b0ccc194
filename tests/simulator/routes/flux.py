# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/flux/*`` (FluxOS: fluxService.js, fluxNetworkHelper.js, fluxCommunication.js)."""

from __future__ import annotations

from tests.simulator import shapes
from tests.simulator.call import Call
from tests.simulator.envelope import UNDEFINED, Reply, data, drop, envelope, error, success
from tests.simulator.jsvalues import iso
from tests.simulator.profiles import ONLY_20, P17, P18, P20, version_key
from tests.simulator.routes import peers, views
from tests.simulator.routes.health import refusal, success_checks
from tests.simulator.routing import Registry

ROUTES = Registry()
DAY = 86400
MINIMUM_VERSION = (8, 13, 1)


@ROUTES.get("/flux/version", cache=30)
def version(call: Call) -> Reply:
    """The running code's version."""
    return data(call.node.version)


@ROUTES.get("/flux/uptime", cache=30)
def uptime(call: Call) -> Reply:
    """Seconds of the process."""
    return data(call.node.uptime)


@ROUTES.get("/flux/systemuptime", cache=30)
def system_uptime(call: Call) -> Reply:
    """Seconds of the host."""
    return data(int(call.world.clock.now() - call.node.host_started))


@ROUTES.get("/flux/nodejsversions", cache=30)
def node_js_versions(call: Call) -> Reply:
    """Node's process.versions, the part that anybody reads."""
    return data({"node": shapes.NODE_JS, "v8": "13.6.233.10-node.18", "openssl": "3.0.16"})


@ROUTES.get("/flux/ip", cache=30)
def ip(call: Call) -> Reply:
    """Always with the port."""
    return data(call.node.address)


@ROUTES.get("/flux/nodetier", cache=30)
def node_tier(call: Call) -> Reply:
    """By the collateral; all of today's have the new amounts."""
    call.node.need_daemon()
    return data(call.node.spec.tier.lower() + "_new")


@ROUTES.get("/flux/id", cache=30)
@ROUTES.get("/flux/zelid", cache=30)
def flux_id(call: Call) -> Reply:
    """The owner."""
    return data(call.node.owner)


@ROUTES.get("/flux/fluxids", cache=30)
def flux_ids(call: Call) -> Reply:
    """The identities of the Flux team."""
    world = call.world
    support: object = world.support_id if call.node.profile.name == P17 else [world.support_id]
    return data({"fluxTeamFluxID": world.team_id, "fluxSupportTeamFluxID": support})


@ROUTES.get("/flux/pgp", cache=30)
def pgp(call: Call) -> Reply:
    """No key."""
    return data("")


@ROUTES.get("/flux/kadena", cache=30)
def kadena(call: Call) -> Reply:
    """No account."""
    return data(None)


@ROUTES.get("/flux/geolocation", cache=30)
def geolocation(call: Call) -> Reply:
    """Where the node is."""
    return data(views.geolocation(call.node))


@ROUTES.get("/flux/staticip", cache=30)
def static_ip(call: Call) -> Reply:
    """Whether the address is static."""
    return data(call.node.static_ip)


@ROUTES.get("/flux/isarcaneos", cache=DAY)
def is_arcane(call: Call) -> Reply:
    """The benchmark's ``systemsecure``; false while the benchmark is down, and then kept for a day."""
    if call.node.faults.option("benchmark", "status", "") == "down":
        return data(False)
    return data(views.benchmarks(call.node).get("systemsecure", UNDEFINED))


@ROUTES.get("/flux/timezone")
def timezone(call: Call) -> Reply:
    """The host's zone."""
    return data("Etc/UTC")


@ROUTES.get("/flux/clockdrift", cache=30)
def clock_drift(call: Call) -> Reply:
    """A slow clock has a negative offset."""
    offset = float(call.node.faults.option("clock", "seconds", 0.0))
    return data({"source": "chrony", "offset": offset, "time": int(call.node.now())})


@ROUTES.get("/flux/apiport", cache=DAY)
def api_port(call: Call) -> Reply:
    """A number, since it is configured (without a configuration FluxOS answers the text ``16127``)."""
    return data(call.node.spec.port)


@ROUTES.get("/flux/routerip", cache=DAY)
def router_ip(call: Call) -> Reply:
    """Empty unless configured."""
    return data("")


@ROUTES.get("/flux/blockedports", cache=DAY, profiles=frozenset({P17, P18}))
@ROUTES.get("/flux/blockedrepositories", cache=DAY, profiles=frozenset({P17, P18}))
def blocked(call: Call) -> Reply:
    """Nothing is blocked; removed in 8.19."""
    return data([])


@ROUTES.get("/flux/marketplaceurl", cache=DAY)
def marketplace(call: Call) -> Reply:
    """Where the UI finds the marketplace."""
    return data("https://stats.runonflux.io/marketplace/listapps")


@ROUTES.get("/flux/dosstate", cache=30)
def dos_state(call: Call) -> Reply:
    """Score and message."""
    return data({"dosState": call.node.dos_state, "dosMessage": call.node.dos_message})


@ROUTES.post("/flux/dosstate", body="json")
def set_dos_state(call: Call) -> Reply:
    """For tests of FluxOS itself; not available in production."""
    return envelope("error", {"message": "Not available"}, http=404)


@ROUTES.get("/flux/eventstream")
def event_stream(call: Call) -> Reply:
    """Not enabled in production."""
    return envelope("error", {"message": "Event stream not enabled"}, http=404)


@ROUTES.get("/flux/health", cache=30, keeps_errors=False, profiles=ONLY_20)
def health(call: Call) -> Reply:
    """All checks, or the first failure; failures are not cached."""
    refused = refusal(call.node)
    return refused if refused is not None else data(success_checks(call.node))


@ROUTES.get("/flux/info", cache=60)
def info(call: Call) -> Reply:
    """The whole node in one answer; the first failing part makes all of it an error."""
    return data(views.info(call.node))


@ROUTES.get("/flux/connectedpeers", cache=30)
def connected_peers(call: Call) -> Reply:
    """Outgoing, addresses only."""
    return data([row["ip"] for row in peers.outgoing(call.node)])


@ROUTES.get("/flux/connectedpeersinfo", cache=30)
def connected_peers_info(call: Call) -> Reply:
    """Outgoing."""
    return data(peers.outgoing(call.node))


@ROUTES.get("/flux/incomingconnections", cache=30)
def incoming(call: Call) -> Reply:
    """Incoming, addresses only."""
    return data([row["ip"] for row in peers.incoming(call.node)])


@ROUTES.get("/flux/incomingconnectionsinfo", cache=30)
def incoming_info(call: Call) -> Reply:
    """Incoming."""
    return data(peers.incoming(call.node))


@ROUTES.get("/flux/peers/:filter?", cache=30)
def all_peers(call: Call) -> Reply:
    """``outbound``, ``inbound``, one ``ip:port``, or all; the filter is of the path only."""
    wanted = call.params.get("filter")
    rows = peers.both(call.node)
    if wanted in ("outbound", "inbound"):
        rows = [row for row in rows if row["direction"] == wanted]
    elif wanted:
        rows = [row for row in rows if f"{row['ip']}:{row['port']}" == wanted]
        if not rows:
            return error(f"Peer {wanted} not found")
    return data(rows)


@ROUTES.get("/flux/unstablenodes", cache=30)
def unstable(call: Call) -> Reply:
    """Nobody disconnected five times."""
    return data([])


@ROUTES.get("/flux/checkfluxavailability/:ip?/:port?", cache=30)
def check_availability(call: Call) -> Reply:
    """Whether this node reaches another one: listed, up, and not too old."""
    ip, port = call.param("ip"), call.param("port")
    if not ip:
        return error("No ip specified.")
    asked = call.world.find(f"{ip}:{port or 16127}")
    reached = asked is not None and asked.is_reachable and asked.confirmation.is_confirmed
    if asked is None or not reached or version_key(asked.version) < MINIMUM_VERSION:
        return envelope("error", {"message": "Asking Flux is not available"})
    return success("Asking Flux is available")


@ROUTES.get("/flux/checkcommunication")
def check_communication(call: Call) -> Reply:
    """Established, or which number is too small."""
    missing = peers.missing(call.node)
    if missing:
        return envelope("error", {"message": missing})
    return success("Communication to Flux network is properly established")


@ROUTES.get("/flux/peerhistory", cache={P17: 5}, privilege="adminandfluxteam")
def peer_history(call: Call) -> Reply:
    """Nothing happened."""
    return data([])


def _tail(level: str) -> None:
    def handler(call: Call) -> Reply:
        return success(f"{iso(call.node.process_started * 1000)}          FluxOS started\n")

    ROUTES.get(f"/flux/tail{level}log", privilege="adminandfluxteam")(handler)


for _level in ("error", "warn", "info", "debug"):
    _tail(_level)


@ROUTES.get(
    "/flux/restart",
    privilege={P17: "admin", P18: "admin", P20: "adminandfluxteam"},
    cache={P17: 30},
    write=True,
)
def restart(call: Call) -> Reply:
    """``pm2 restart flux``: kills the process that is answering. ArcaneOS has no pm2, so nothing restarts there."""
    node = call.node
    if node.spec.arcane:
        return error("spawn pm2 ENOENT", code="ENOENT")
    if node.faults.condition("restart_ignored"):
        complaint = node.faults.option("restart_ignored", "error", None)
        return error(complaint, code="ENOENT") if complaint else data("Restarting FluxOS")

    def go() -> None:
        node.boot.restart("restart over the API")

    if node.faults.option("restart_answer", "value", node.timings.restart_answer) == "answer":
        reply = data("Restarting FluxOS")
        reply.after = lambda: _soon(call, go)
        return reply
    return drop(go)


def _soon(call: Call, action: object) -> None:
    """After the answer is on its way."""
    assert callable(action)
    call.world.timeline.after(0.5, action)
