# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node."""

from __future__ import annotations


class ModuleDocFragment:
    """The node's address."""

    DOCUMENTATION = r"""
options:
  node:
    description:
      - Address of the node, such as V(203.0.113.7), V(203.0.113.7:16137) or V(https://203.0.113.7:16128).
        Without a port it is 16127.
      - The host variable C(fluxos_node), the environment variable E(FLUXOS_NODE) and the host's C(ansible_host) are
        asked in this order when it is not set.
    type: str
"""
