# Copyright (c) 2026, the fluxme.fluxos contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks."""

from __future__ import annotations


class ModuleDocFragment:
    """The Flux ID and the ways to its key."""

    DOCUMENTATION = r"""
options:
  flux_id:
    description:
      - The Flux ID (an address such as C(1...) or C(0x...)) in whose name the request is made.
      - Without it the address of the key is taken.
      - The host variable C(fluxos_flux_id) and the environment variable E(FLUXOS_FLUX_ID) are asked when it is not set.
    type: str
  private_key:
    description:
      - The private key of O(flux_id), in wallet import format (WIF) or as 64 hexadecimal digits. Keep it in a vault.
      - The host variable C(fluxos_private_key) and the environment variable E(FLUXOS_PRIVATE_KEY) are asked
        when it is not set.
    type: str
  private_key_file:
    description:
      - A file on the controller that holds the private key and that nobody else may read.
      - The host variable C(fluxos_private_key_file) and the environment variable E(FLUXOS_PRIVATE_KEY_FILE) are asked
        when it is not set.
    type: path
  signer_command:
    description:
      - A program that reads a text from its input and prints the signature, so that no key need be on the controller.
        It is not run by a shell, and has 60 s. Its arguments can be seen in the process list, so put no secret there.
      - The host variable C(fluxos_signer_command) and the environment variable E(FLUXOS_SIGNER_COMMAND) are asked
        when it is not set.
    type: str
  session_cache:
    description:
      - Directory in which logins are kept for the next task, readable by its user alone.
      - The host variable C(fluxos_session_cache) and the environment variable E(FLUXOS_SESSION_CACHE) are asked
        when it is not set.
    type: path
    default: ~/.ansible/fluxos/sessions
requirements:
  - coincurve
  - pycryptodome
  - base58
notes:
  - Keys, login phrases and signatures are never part of a result, a difference, a log or an error.
  - FluxOS reports every authenticated request, with its login phrase, to an audit service of the Flux project.
"""
