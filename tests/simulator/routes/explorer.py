# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``/explorer/*`` (FluxOS: explorerService.js)."""

from __future__ import annotations

from tests.simulator.call import Call
from tests.simulator.envelope import Reply, data, error
from tests.simulator.routing import Registry

ROUTES = Registry()


@ROUTES.get("/explorer/issynced", cache=30)
def is_synced(call: Call) -> Reply:
    """False until the block processor reached the tip."""
    return data(call.node.explorer_synced)


@ROUTES.get("/explorer/scannedheight", cache=30)
def scanned_height(call: Call) -> Reply:
    """How far the block processor is."""
    node = call.node
    if not node.database_ready:
        return error("Scanning not initiated")
    height = node.block_height if node.explorer_synced else node.block_height - 20
    return data({"generalScannedHeight": height})
