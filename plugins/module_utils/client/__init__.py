# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FluxOS operations as methods with typed results: one node, or the network through a gateway."""

from __future__ import annotations

from ansible_collections.fluxme.fluxos.plugins.module_utils.client.base import Login, Privilege
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.gateway import GatewayClient
from ansible_collections.fluxme.fluxos.plugins.module_utils.client.operator import NodeClient

__all__ = ["GatewayClient", "Login", "NodeClient", "Privilege"]
