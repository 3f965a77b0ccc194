# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an inventory reaches the network."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the inventory that are not about what to list."""

    DOCUMENTATION = r"""
options:
  gateway:
    description:
      - URLs of gateways. They are asked in this order until one answers.
      - Not asked with O(nodes) alone.
    type: list
    elements: str
    default:
      - https://api.runonflux.io
      - https://api.runonflux.com
    env:
      - name: FLUXOS_GATEWAY
  timeout:
    description:
      - Seconds that a gateway or node may take to connect, and to go on answering.
    type: float
    default: 20.0
    env:
      - name: FLUXOS_TIMEOUT
  retries:
    description:
      - How many times a read is tried again on the same gateway or node.
    type: int
    default: 2
    env:
      - name: FLUXOS_RETRIES
  proxy:
    description:
      - URL of a proxy for all requests. The proxy variables of the environment are not used.
    type: str
    env:
      - name: FLUXOS_PROXY
  ca_file:
    description:
      - File with the certificate authorities that may vouch for a gateway, instead of the usual ones.
    type: path
    env:
      - name: FLUXOS_CA_FILE
  refresh:
    description:
      - Ask the network even when the cache holds an answer that is young enough, and keep the new answer.
    type: bool
    default: false
    env:
      - name: FLUXOS_REFRESH
requirements:
  - requests >= 2.31
"""
