# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of confirmed nodes, as the daemon and the explorer give it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.simulator import shapes
from tests.simulator.routes import views

if TYPE_CHECKING:
    from tests.simulator.world import World

TIER_ORDER = ("CUMULUS", "NIMBUS", "STRATUS")


def node_rows(world: World, wanted: str = "") -> list[dict[str, Any]]:
    """The deterministic list: confirmed nodes in the order of payment, ``rank`` counted per tier.

    The filter is part of an IP or payment address, a public key, or a collateral.
    """
    ranks = dict.fromkeys(TIER_ORDER, 0)
    found = []
    for row in sorted(_rows(world), key=_txhash):
        row["rank"] = ranks[row["tier"]]
        ranks[row["tier"]] += 1
        fields = (row["ip"], row["payment_address"], row["pubkey"], row["collateral"])
        if not wanted or any(wanted in text for text in fields):
            found.append(row)
    return found


def _txhash(row: dict[str, Any]) -> str:
    return str(row["txhash"])


def _rows(world: World) -> Iterator[dict[str, Any]]:
    height = world.height()
    for sleeper in world.asleep():
        spec = sleeper.spec
        row = shapes.chain_row(spec, sleeper.txhash, spec.payment_address, sleeper.last_confirmed(height))
        yield row
        if "duplicate" in spec.odd:
            yield again(row)
    for node in world.nodes.values():
        if node.confirmation.is_confirmed and node.listed:
            row = views.chain_row(node)
            yield row
            if "duplicate" in node.spec.odd:
                yield again(row)


def again(row: dict[str, Any]) -> dict[str, Any]:
    """A second collateral that claims the same address."""
    txhash = hashlib.sha256(row["txhash"].encode()).hexdigest()
    return {**row, "txhash": txhash, "collateral": f"COutPoint({txhash}, 0)"}
