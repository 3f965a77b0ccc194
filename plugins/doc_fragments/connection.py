# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node or gateway is reached."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the connection; ``GATEWAY`` adds where the network as a whole is asked."""

    DOCUMENTATION = r"""
options:
  scheme:
    description:
      - V(http) is the node's ordinary port. V(https) is the port after it.
      - It is for addresses that are no URL, which has a scheme of its own.
      - When it is set nowhere, it is V(https) where O(tls_mode) asks for a certificate to be checked, else V(http).
      - The host variable C(fluxos_scheme) and the environment variable E(FLUXOS_SCHEME) are asked when it is not set.
    type: str
    choices: [http, https]
  tls_mode:
    description:
      - How the node's certificate is checked. FluxOS nodes have self-signed ones that name no address.
      - V(verify) checks chain and name, V(pin) compares O(tls_fingerprint). Both refuse to ask a node over plain http.
      - V(off) takes any certificate with O(scheme=https).
      - The host variable C(fluxos_tls_mode) and the environment variable E(FLUXOS_TLS_MODE) are asked when it is not
        set.
    type: str
    choices: ["off", verify, pin]
    default: "off"
  tls_fingerprint:
    description:
      - SHA-256 of the node's certificate in hexadecimal, colons allowed. Needed with O(tls_mode=pin).
      - The host variable C(fluxos_tls_fingerprint) and the environment variable E(FLUXOS_TLS_FINGERPRINT) are asked
        when it is not set.
    type: str
  ca_file:
    description:
      - A file of certificate authorities to trust instead of the system's, with O(tls_mode=verify) and for gateways.
      - The host variable C(fluxos_ca_file) and the environment variable E(FLUXOS_CA_FILE) are asked when it is not set.
    type: path
  timeout:
    description:
      - Seconds to wait for a connection and for an answer. FluxOS itself never gives up on a request.
      - The host variable C(fluxos_timeout) and the environment variable E(FLUXOS_TIMEOUT) are asked when it is not set.
    type: float
    default: 20.0
  retries:
    description:
      - How often a read is repeated when it failed in transit. A write is never repeated.
      - The host variable C(fluxos_retries) and the environment variable E(FLUXOS_RETRIES) are asked when it is not set.
    type: int
    default: 2
  proxy:
    description:
      - URL of a proxy to use. The proxy variables of the environment are not used.
      - The host variable C(fluxos_proxy) and the environment variable E(FLUXOS_PROXY) are asked when it is not set.
    type: str
  max_answer:
    description:
      - Bytes after which an answer is refused, as a guard for the controller's memory.
      - The host variable C(fluxos_max_answer) and the environment variable E(FLUXOS_MAX_ANSWER) are asked when it is
        not set.
    type: int
    default: 67108864
requirements:
  - requests
"""

    GATEWAY = r"""
options:
  gateway:
    description:
      - Where the network as a whole is asked. The first that answers counts. A node's address works too.
      - The certificate of an https gateway is always verified. The options of the node's certificate are not for it.
      - The host variable C(fluxos_gateway) and the environment variable E(FLUXOS_GATEWAY) are asked when it is not set.
    type: list
    elements: str
    default: ["https://api.runonflux.io"]
"""
