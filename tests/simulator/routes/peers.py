# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers of a node: few after a start, enough when ``peers`` seconds have passed (FluxOS: fluxNetworkHelper.js)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulator.node import Node

OUT_NEEDED, IN_NEEDED = 8, 4
OUT_FULL, IN_FULL = 14, 12


def _counts(node: Node) -> tuple[int, int]:
    """Outgoing and incoming connections now; a fault ``peers`` says how many at most."""
    now = node.world.clock.now()
    span = max(0.001, node.boot.peers_at - node.boot.up_at)
    elapsed = now - node.boot.up_at
    if now >= node.boot.peers_at:
        out, into = OUT_FULL, IN_FULL
    else:
        # Eight are reached at the end of the span, so that the numbers in the texts rise on the way.
        out, into = int(OUT_NEEDED * elapsed / span), min(IN_FULL, int(2 * IN_NEEDED * elapsed / span))
    fault = node.faults.condition("peers")
    if fault is not None:
        out, into = min(out, int(fault.options.get("out", 2))), min(into, int(fault.options.get("in", 2)))
    return out, into


def missing(node: Node) -> str | None:
    """The text of ``/flux/checkcommunication``, or None when communication is established."""
    out, into = _counts(node)
    if out < OUT_NEEDED:
        return f"Not enough outgoing connections established to Flux network. Minimum required {OUT_NEEDED} found {out}"
    if into < IN_NEEDED:
        return f"Not enough incoming connections from Flux network. Minimum required {IN_NEEDED} found {into}"
    return None


def _rows(node: Node, count: int, start: int) -> list[dict[str, Any]]:
    others = node.world.specs()
    rows: list[dict[str, Any]] = []
    for at in range(count):
        other = others[(start + at) % len(others)]
        # A small fleet has too few nodes to be everybody's peers: the rest are strangers.
        stranger = other.address == node.address or len(others) <= count
        ip = f"198.51.100.{start % 100 + at}" if stranger else other.ip
        rows.append({"ip": ip, "port": str(other.port)})
    return rows


def outgoing(node: Node) -> list[dict[str, Any]]:
    """Rows of ``/flux/connectedpeersinfo``."""
    sent = int(node.now_ms()) // 1000 * 1000
    return [{**row, "latency": 12, "lastPingTime": sent} for row in _rows(node, _counts(node)[0], 3)]


def incoming(node: Node) -> list[dict[str, Any]]:
    """Rows of ``/flux/incomingconnectionsinfo``."""
    return _rows(node, _counts(node)[1], 40)


def both(node: Node) -> list[dict[str, Any]]:
    """Rows of ``/flux/peers``."""
    now = int(node.now_ms()) // 1000 * 1000
    connected = int(node.boot.up_at * 1000)
    common = {
        "missedPongs": 0,
        "lastPingTime": now,
        "lastPongTime": now,
        "connectedAt": connected,
        "uptime": max(0, now - connected),
        "isAlive": True,
        "badMessages": 0,
        "capabilities": [],
        "remoteClockOffsetMs": 0,
        "lastTransmissionDelay": 20,
        "messagesReceived": 1000,
        "messagesSent": 1000,
        "bytesReceived": 500_000,
        "bytesSent": 500_000,
        "remoteVersion": node.version,
        "reconnects": 0,
    }
    rows = []
    for direction, source, found in (
        ("outbound", "random", outgoing(node)),
        ("inbound", "incoming", incoming(node)),
    ):
        for row in found:
            place = {"ip": row["ip"], "port": row["port"], "direction": direction, "latency": row.get("latency")}
            rows.append({**place, "source": source, **common})
    return rows


def numbers(node: Node) -> tuple[int, int]:
    """For ``/flux/info``."""
    return _counts(node)
